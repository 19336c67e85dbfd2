/* api_original_stream.c - the original's streams below /api/events (skalds-protocol.md 8.7): its
 * names and bodies, told when something happens and not by looking every 5 s. */
#include "core/base/clock.h"
#include "core/control/api_original_board.h"
#include <stdlib.h>
#include <string.h>

#define GAP_MS 50 /* between two looks: what happens within it goes out together */
#define BEATS_MS 500 /* between two looks at heartbeats, which nothing announces */
#define TEST_MS 5000

/* ---- frames ---- */

/* An id as of /v1/stream: from where on one could follow there. EventSource shows it to nobody. */
static void
put_id(struct sk_control *c, struct sk_str *out)
{
	sk_stream_id(c, out, sk_events_ring(c).last);
}

void
sk_board_begin(
	struct sk_board *b, struct sk_sse *s, const char *type, const char *key, const char *id)
{
	put_id(b->c, &s->text);
	sk_str_adds(&s->text, "data: {");
	sk_json_kstr(&s->text, "type", type);
	sk_json_kstr(&s->text, key, id);
	sk_json_key(&s->text, "data");
	sk_str_addc(&s->text, '{');
}

void
sk_board_end(struct sk_board *b, struct sk_sse *s, const char *id)
{
	sk_str_addc(&s->text, '}');
	sk_json_kint(&s->text, "timestamp", sk_control_wall_ms(b->c));
	sk_str_adds(&s->text, "}\n\n");
	sk_sse_frame(s, id, 0);
}

/* ---- the board ---- */

static void
send(struct sk_control *c, struct sk_stream *s, const struct sk_sse *sse)
{
	size_t n;
	const char *bytes = sk_sse_pick(sse, 0, &s->filter, &c->api->streams->scratch, &n);
	bool there = sk_stream_send(s, bytes, n);

	(void)there;
}

static void
send_new(struct sk_control *c, struct sk_stream *s, void *arg)
{
	if (!s->fresh)
		send(c, s, arg);
}

static void
send_all(struct sk_control *c, struct sk_stream *s, void *arg)
{
	if (!s->fresh)
		return;
	s->fresh = false;
	send(c, s, arg);
}

static bool
has_fresh(const struct sk_readers *r)
{
	const struct sk_stream *s = r->first; /* newcomers stand in front */

	return s != NULL && s->fresh;
}

static void
serve(struct sk_board *b, struct sk_readers *r, struct sk_sse *new, bool ready,
	void (*put_all)(struct sk_board *b))
{
	if (new->n > 0)
		sk_readers_each(r, send_new, new);
	sk_sse_clear(new);
	if (!ready || !has_fresh(r))
		return;
	put_all(b);
	sk_readers_each(r, send_all, &b->all);
	sk_sse_release(&b->all);
}

static void
rest(struct sk_board *b)
{
	sk_waiter_stop(&b->waiter);
	b->waiter.deadline_ms = b->beats_ms + BEATS_MS;
	sk_waiter_start(b->c, &b->waiter);
}

static void
look(struct sk_board *b)
{
	struct sk_streams *all = b->c->api->streams;
	bool beats = sk_boot_ms() >= b->beats_ms + BEATS_MS;

	if (all->skalds.n + all->tasks.n == 0) {
		all->board = NULL;
		sk_board_free(b);
		return;
	}
	if (beats)
		b->beats_ms = sk_boot_ms();
	b->due = false;
	if (all->skalds.n > 0)
		sk_board_skalds(b, beats);
	sk_board_tasks(b, beats);
	serve(b, &all->skalds, &b->skalds, true, sk_board_all_skalds);
	serve(b, &all->tasks, &b->tasks, b->seeded, sk_board_all_tasks);
	if (all->tasks.n > 0)
		sk_board_read(b);
	sk_waiter_stop(&b->waiter);
	sk_timer_set(b->c->cfg.loop, &b->pause, sk_boot_ms() + GAP_MS);
}

/* After a pause: go on when something has happened meanwhile, else wait for it. */
static void
pause_over(void *arg)
{
	struct sk_board *b = arg;

	if (b->due || sk_events_ring(b->c).last >= b->next)
		look(b);
	else
		rest(b);
}

static void
look_now(void *arg)
{
	look(arg);
}

void
sk_board_soon(struct sk_board *b)
{
	b->due = true;
	sk_waiter_stop(&b->waiter);
	if (b->pause.pos == 0)
		sk_timer_set(b->c->cfg.loop, &b->pause, sk_boot_ms());
}

static struct sk_board *
board_of(struct sk_control *c)
{
	struct sk_streams *all = c->api->streams;
	struct sk_board *b = all->board;

	if (b != NULL)
		return b;
	b = all->board = sk_xcalloc(1, sizeof(*b));
	b->c = c;
	b->next = sk_events_ring(c).last + 1;
	b->pause = (struct sk_timer){ .fn = pause_over, .arg = b };
	b->waiter.fn = look_now;
	b->waiter.arg = b;
	return b;
}

void
sk_board_free(struct sk_board *b)
{
	if (b == NULL)
		return;
	sk_waiter_stop(&b->waiter);
	sk_timer_clear(b->c->cfg.loop, &b->pause);
	b->gone = true;
	if (b->reading)
		return; /* the store has it */
	sk_board_skalds_free(b);
	sk_board_tasks_free(b);
	sk_sse_release(&b->skalds);
	sk_sse_release(&b->tasks);
	sk_sse_release(&b->all);
	free(b);
}

/* ---- the requests ---- */

static struct sk_stream *
stream_new(struct sk_call *call, const char *param)
{
	struct sk_stream *s = sk_arena_alloc(call->arena, sizeof(*s));

	s->call = call;
	s->fresh = true;
	s->filter.name = param != NULL ? sk_call_param(call, param) : "";
	s->filter.key = sk_map_key(s->filter.name);
	return s;
}

/* The first line has blanks where the others have none. */
static void
put_hello(struct sk_call *call, const char *what)
{
	sk_str_adds(&call->out, "retry: 1000\n");
	put_id(call->c, &call->out);
	sk_str_addf(&call->out,
		"data: {\"type\": \"connection\", \"message\": \"Connected to %s events\"}\n\n", what);
}

/* Whoever comes is told soon what there is; those who come together, in one go. */
static void
begin(struct sk_stream *s, struct sk_readers *of)
{
	struct sk_board *b = board_of(s->call->c);
	bool there = sk_stream_begin(s, of);

	(void)there; /* without readers it goes */
	sk_board_soon(b);
}

void
sk_org_event_skalds(struct sk_call *call)
{
	put_hello(call, "Skalds");
	begin(stream_new(call, "skald_id"), &call->c->api->streams->skalds);
}

/* Of one that lives the board will tell. */
static void
task_read(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	const struct sk_op_get *get = (const struct sk_op_get *)op;
	struct sk_streams *all = call->c->api->streams;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	put_hello(call, "Task");
	if (get->records[0] != NULL && !sk_phase_live(get->records[0]->life.phase))
		sk_board_one(board_of(call->c), get->records[0], &call->out);
	begin(stream_new(call, "task_id"), &all->tasks);
}

void
sk_org_event_tasks(struct sk_call *call)
{
	struct sk_op_get *get = sk_arena_alloc(call->arena, sizeof(*get));
	const char **ids = sk_arena_alloc(call->arena, sizeof(*ids));

	ids[0] = sk_call_param(call, "task_id");
	if (ids[0][0] != '\0') {
		get->ids = ids;
		get->n = 1;
		sk_call_submit(call, &get->op, SK_OP_GET, task_read);
		return;
	}
	put_hello(call, "Task");
	begin(stream_new(call, NULL), &call->c->api->streams->tasks);
}

/* ---- a stream that counts ---- */

static void
put_count(struct sk_stream *s, struct sk_str *out)
{
	struct sk_control *c = s->call->c;

	put_id(c, out);
	sk_str_addf(out,
		"data: {\"type\": \"test\", \"message\": \"Test message %lld\", \"timestamp\": "
		"%lld}\n\n",
		(long long)++s->count, (long long)sk_control_wall_ms(c));
}

static void
count_on(void *arg)
{
	struct sk_stream *s = arg;
	struct sk_control *c = s->call->c;
	struct sk_str *out = &c->api->streams->scratch;

	sk_str_clear(out);
	put_count(s, out);
	if (sk_stream_send(s, out->p, out->len))
		sk_timer_set(c->cfg.loop, &s->timer, sk_boot_ms() + TEST_MS);
}

void
sk_org_event_test(struct sk_call *call)
{
	struct sk_stream *s = stream_new(call, NULL);

	s->timer = (struct sk_timer){ .fn = count_on, .arg = s };
	put_count(s, &call->out);
	if (sk_stream_begin(s, &call->c->api->streams->tests))
		sk_timer_set(call->c->cfg.loop, &s->timer, sk_boot_ms() + TEST_MS);
}

/* Who went away is not counted (A8). */
void
sk_org_event_status(struct sk_call *call)
{
	struct sk_str *out = &call->out;

	sk_str_addc(out, '{');
	sk_json_kint(out, "connectedClients", (int64_t)sk_streams_count(call->c->api->streams));
	sk_json_kint(out, "timestamp", sk_control_wall_ms(call->c));
	sk_json_kstr(out, "status", "active");
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}
