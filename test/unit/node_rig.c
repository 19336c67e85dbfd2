#include "test/unit/node_rig.h"
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/memory/store.h"
#include "core/base/clock.h"
#include "core/model/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 3000

/* ---- the store in front ---- */

struct spoiled {
	struct sk_timer timer;
	struct sk_op *op;
	enum sk_code code;
};

static void
spoil(void *arg)
{
	struct spoiled *s = arg;
	struct sk_op *op = s->op;

	op->code = sk_fail(&op->err, s->code, "the test wants it so");
	free(s);
	op->done(op);
}

static void
fail_later(struct nr_store *st, struct sk_op *op, enum sk_code code)
{
	struct spoiled *s = sk_xcalloc(1, sizeof(*s));

	s->op = op;
	s->code = code;
	s->timer = (struct sk_timer){ .fn = spoil, .arg = s };
	sk_timer_set(st->loop, &s->timer, sk_boot_ms());
}

/* An operation whose answer is not passed on as it is. */
struct doubt {
	void (*done)(struct sk_op *op);
	void *arg;
	struct sk_op *op;
	struct nr_store *st;
	struct sk_timer timer;
	bool cut; /* it is done, and nobody knows */
};

static void
answer(void *arg)
{
	struct doubt *d = arg;
	struct sk_op *op = d->op;

	op->done = d->done;
	op->arg = d->arg;
	if (d->cut)
		op->code = sk_fail(&op->err, SK_EUNAVAIL, "the test cut the answer");
	free(d);
	op->done(op);
}

static void
performed(struct sk_op *op)
{
	struct doubt *d = op->arg;

	if (d->st->late_ms == 0) {
		answer(d);
		return;
	}
	d->st->dice = d->st->dice * 1103515245u + 12345u;
	d->timer = (struct sk_timer){ .fn = answer, .arg = d };
	sk_timer_set(d->st->loop, &d->timer, sk_boot_ms() + (d->st->dice >> 8) % d->st->late_ms);
}

static void
front_submit(struct sk_store *s, struct sk_op *op)
{
	struct nr_store *st = (struct nr_store *)(void *)s;
	bool read = op->kind == SK_OP_GET || op->kind == SK_OP_FIND;
	enum sk_code fail = read ? st->fail_reads : st->fail_writes;

	st->n_gets += op->kind == SK_OP_GET;
	st->n_moves += op->kind == SK_OP_MOVE;
	if (op->kind == SK_OP_MOVE)
		st->n_moved += ((struct sk_op_move *)(void *)op)->n;
	if (fail != SK_OK && !st->applied) {
		fail_later(st, op, fail);
		return;
	}
	if (fail != SK_OK || st->late_ms > 0) {
		struct doubt *d = sk_xcalloc(1, sizeof(*d));

		*d = (struct doubt){ op->done, op->arg, op, st, .cut = fail != SK_OK };
		op->done = performed;
		op->arg = d;
	}
	if (op->kind == SK_OP_MOVE && st->hold_moves) {
		op->next = NULL;
		*st->held_end = op;
		st->held_end = &op->next;
		return;
	}
	sk_store_submit(st->inner, op);
}

static void
front_close(struct sk_store *s)
{
	struct nr_store *st = (struct nr_store *)(void *)s;

	sk_store_close(st->inner);
}

static const struct sk_store_ops front_ops = { "front", front_submit, front_close };

void
nr_let_go(struct nr *r)
{
	struct sk_op *op = r->st.held, *next;

	r->st.hold_moves = false;
	r->st.held = NULL;
	r->st.held_end = &r->st.held;
	for (; op != NULL; op = next) {
		next = op->next;
		sk_store_submit(r->st.inner, op);
	}
}

/* ---- what the node says ---- */

static void
take_frame(struct nr *r, const struct sk_frame *f)
{
	struct sk_reader rd = sk_reader_of(f);
	struct nr_frame *to;

	if (r->n_frames == r->cap_frames) {
		r->cap_frames = r->cap_frames > 0 ? r->cap_frames * 2 : 64;
		r->frames = sk_xreallocarray(r->frames, r->cap_frames, sizeof(*r->frames));
	}
	to = &r->frames[r->n_frames++];
	*to = (struct nr_frame){ .type = f->type, .key = f->key, .attempt = f->attempt };
	if (f->type == SK_F_START)
		assert_true(sk_get_start(&rd, r->arena, &to->start));
	else if (f->type != SK_F_UPDATE && f->len >= 4)
		to->number = sk_get_u32(&rd);
	if (f->type == SK_F_STOP)
		to->grace_ms = sk_get_u64(&rd);
	if (f->type == SK_F_UPDATE)
		to->start.attachments =
			memcpy(sk_arena_alloc(r->arena, f->len), f->data, to->start.attachments_len = f->len);
}

static void
take_frames(struct nr *r)
{
	struct sk_frame f;
	struct sk_err err;

	while (sk_chan_fill(&r->chan, &err) == SK_OK)
		while (sk_chan_next(&r->chan, &f, &err) == SK_OK)
			take_frame(r, &f);
}

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct nr *r = arg;
	struct nr_event *to;

	(void)topic;
	if (r->n_events == r->cap_events) {
		r->cap_events = r->cap_events > 0 ? r->cap_events * 2 : 64;
		r->events = sk_xreallocarray(r->events, r->cap_events, sizeof(*r->events));
	}
	to = &r->events[r->n_events++];
	*to = (struct nr_event){ .kind = e->kind, .attempt = e->attempt };
	snprintf(to->task, sizeof(to->task), "%s", e->task);
	snprintf(to->message, sizeof(to->message), "%s", e->message);
}

void
nr_run(struct nr *r, int64_t ms)
{
	int64_t until = sk_boot_ms() + ms;

	do {
		if (r->node != NULL)
			sk_node_flush(r->node);
		if (r->chan.fd != -1) {
			assert_int_equal(sk_chan_flush(&r->chan, NULL), SK_OK);
			take_frames(r);
		}
		sk_loop_once(r->loop, 2);
	} while (sk_boot_ms() < until);
}

bool
nr_until(struct nr *r, bool (*fn)(struct nr *r, const void *arg), const void *arg)
{
	int64_t until = sk_boot_ms() + PATIENCE_MS;

	while (!fn(r, arg)) {
		if (sk_boot_ms() > until)
			return false;
		nr_run(r, 0);
	}
	return true;
}

struct wanted {
	enum sk_frame_type type;
	enum sk_event_kind kind;
	enum sk_phase phase;
	const char *id;
};

/* Which task a key is, by its START. */
static const char *
id_of(struct nr *r, uint64_t key)
{
	for (size_t i = r->n_frames; i > 0; i--)
		if (r->frames[i - 1].type == SK_F_START && r->frames[i - 1].key == key)
			return r->frames[i - 1].start.id;
	return "";
}

static struct nr_frame *
find_frame(struct nr *r, enum sk_frame_type type, const char *id)
{
	for (size_t i = 0; i < r->n_frames; i++)
		if (r->frames[i].type == type && !r->frames[i].taken &&
			(id == NULL || strcmp(id_of(r, r->frames[i].key), id) == 0))
			return &r->frames[i];
	return NULL;
}

static bool
has_frame(struct nr *r, const void *arg)
{
	const struct wanted *w = arg;

	return find_frame(r, w->type, w->id) != NULL;
}

const struct nr_frame *
nr_await(struct nr *r, enum sk_frame_type type, const char *id)
{
	const struct wanted w = { .type = type, .id = id };
	struct nr_frame *f, *copy;

	if (!nr_until(r, has_frame, &w))
		fail_msg("no frame %d of %s", type, id != NULL ? id : "anybody");
	f = find_frame(r, type, id);
	f->taken = true;
	copy = sk_arena_alloc(r->arena, sizeof(*copy)); /* the list may move */
	*copy = *f;
	return copy;
}

size_t
nr_count(struct nr *r, enum sk_frame_type type, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_frames; i++)
		n += r->frames[i].type == type &&
			(id == NULL || strcmp(id_of(r, r->frames[i].key), id) == 0);
	return n;
}

size_t
nr_count_events(struct nr *r, enum sk_event_kind kind, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_events; i++)
		n += r->events[i].kind == kind && strcmp(r->events[i].task, id) == 0;
	return n;
}

static bool
has_event(struct nr *r, const void *arg)
{
	const struct wanted *w = arg;

	return nr_count_events(r, w->kind, w->id) > 0;
}

void
nr_await_event(struct nr *r, enum sk_event_kind kind, const char *id)
{
	const struct wanted w = { .kind = kind, .id = id };

	if (!nr_until(r, has_event, &w))
		fail_msg("no event %s of %s", sk_event_name(kind), id);
}

/* ---- what the supervisor says ---- */

void
nr_say(struct nr *r, enum sk_frame_type type, uint64_t key, uint32_t attempt,
	const struct sk_str *payload)
{
	sk_chan_queue(&r->chan, type, key, attempt, payload);
}

void
nr_report(struct nr *r, enum sk_frame_type type, uint64_t key, uint32_t attempt,
	const struct sk_task_report *rep)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_report(&payload, rep);
	nr_say(r, type, key, attempt, &payload);
	sk_str_release(&payload);
}

void
nr_known(
	struct nr *r, uint64_t key, uint32_t attempt, uint32_t flags, const struct sk_task_report *rep)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, flags);
	sk_put_report(&payload, rep);
	nr_say(r, SK_F_TASK, key, attempt, &payload);
	sk_str_release(&payload);
}

static struct sk_task_report
report_of(const struct nr_frame *f)
{
	return (struct sk_task_report){ .id = f->start.id,
		.class_name = f->start.class_name,
		.state = SK_T_RUNNING,
		.spec_hash = f->start.spec_hash,
		.by_keys = f->start.by_keys,
		.failures = f->start.failures,
		.pid = 4711,
		.start_ms = sk_wall_ms(),
		.start_boot_ms = sk_boot_ms(),
		.message = "" };
}

void
nr_started(struct nr *r, const struct nr_frame *f)
{
	const struct sk_task_report rep = report_of(f);

	nr_report(r, SK_F_STARTED, f->key, f->attempt, &rep);
}

void
nr_exited(struct nr *r, const struct nr_frame *f, enum sk_reason reason, int code)
{
	struct sk_task_report rep = report_of(f);

	rep.state = SK_T_ENDED;
	rep.reason = reason;
	rep.code = code;
	rep.signal = reason == SK_REASON_SIGNALED ? code - 128 : 0;
	rep.end_ms = sk_wall_ms();
	rep.end_boot_ms = sk_boot_ms();
	rep.max_rss_kb = 1234;
	rep.cpu_ms = 56;
	nr_report(r, SK_F_EXITED, f->key, f->attempt, &rep);
}

/* ---- the store's contents ---- */

static void
submit(struct nr *r, struct sk_op *op)
{
	assert_int_equal(sk_store_wait(r->st.inner, r->loop, op), SK_OK);
}

const struct sk_record *
nr_get(struct nr *r, const char *id)
{
	const char *const ids[] = { id };
	struct sk_op_get get = { .op = { .kind = SK_OP_GET, .arena = r->arena }, .ids = ids, .n = 1 };

	submit(r, &get.op);
	return get.records[0];
}

const struct sk_op_attempts *
nr_attempts(struct nr *r, const char *id)
{
	struct sk_op_attempts *op = sk_arena_alloc(r->arena, sizeof(*op));

	*op = (struct sk_op_attempts){ .op = { .kind = SK_OP_ATTEMPTS, .arena = r->arena }, .id = id };
	submit(r, &op->op);
	return op;
}

static bool
has_phase(struct nr *r, const void *arg)
{
	const struct wanted *w = arg;
	const struct sk_record *rec = nr_get(r, w->id);

	return rec != NULL && rec->life.phase == w->phase;
}

const struct sk_record *
nr_phase(struct nr *r, const char *id, enum sk_phase phase)
{
	const struct wanted w = { .phase = phase, .id = id };

	if (!nr_until(r, has_phase, &w))
		fail_msg(
			"%s is %s, not %s", id, sk_phase_name(nr_get(r, id)->life.phase), sk_phase_name(phase));
	return nr_get(r, id);
}

uint64_t
nr_incarnation(const struct nr *r)
{
	char half[17];

	snprintf(half, sizeof(half), "%.16s", r->run_id);
	return strtoull(half, NULL, 16) & INT64_MAX;
}

void
nr_task_with(
	struct nr *r, const char *id, const char *spec_json, void (*change)(struct sk_record *rec))
{
	struct sk_problems p;
	struct sk_record rec;
	const struct sk_record *list[] = { &rec };
	struct sk_op_insert op = {
		.op = { .kind = SK_OP_INSERT, .arena = r->arena }, .records = list, .n = 1
	};

	sk_record_init(&rec, r->arena);
	rec.id = id;
	rec.class_name = "Job";
	rec.create_ms = rec.update_ms = sk_wall_ms();
	rec.life = (struct sk_life){ .phase = SK_ASSIGNING,
		.attempt = 1,
		.max_attempts = 3,
		.executor = "n1",
		.incarnation = nr_incarnation(r) };
	if (spec_json != NULL) {
		sk_problems_init(&p, r->arena, "spec");
		rec.spec = sk_json_parse(spec_json, strlen(spec_json), r->arena, &p);
		assert_non_null(rec.spec);
	}
	if (change != NULL)
		change(&rec);
	submit(r, &op.op);
}

void
nr_task(struct nr *r, const char *id, const char *spec_json)
{
	nr_task_with(r, id, spec_json, NULL);
}

static void
publish(struct nr *r, enum sk_topic topic, const char *id)
{
	const struct sk_event e = { .kind = SK_EVENT_ASSIGNED,
		.task = id,
		.class_name = "Job",
		.attempt = 1,
		.skald = r->deaf ? "nobody" : "n1",
		.stage = "",
		.message = "" };

	assert_int_equal(sk_bus_publish(r->bus, topic, &e), SK_OK);
}

void
nr_assign(struct nr *r, const char *id)
{
	publish(r, SK_TOPIC_ASSIGN, id);
}

void
nr_original_says(struct nr *r, enum sk_topic topic, const char *id)
{
	const struct sk_event e = {
		.task = id, .class_name = "", .skald = "", .stage = "", .message = ""
	};

	assert_int_equal(sk_bus_publish(r->bus, topic, &e), SK_OK);
}

void
nr_announce_update(struct nr *r, const char *id)
{
	publish(r, SK_TOPIC_UPDATE, id);
}

const struct nr_frame *
nr_given(struct nr *r, const char *id, const char *spec_json)
{
	nr_task(r, id, spec_json);
	nr_assign(r, id);
	return nr_await(r, SK_F_START, id);
}

void
nr_change(struct nr *r, const char *id, unsigned set, void (*change)(struct sk_record *rec))
{
	struct sk_record *rec = sk_record_copy(r->arena, nr_get(r, id));
	struct sk_move m = { .id = id,
		.seq = rec->seq,
		.expect_attempt = rec->life.attempt,
		.expect_phase = rec->life.phase,
		.set = set,
		.to = rec };
	struct sk_op_move op = { .op = { .kind = SK_OP_MOVE, .arena = r->arena }, .moves = &m, .n = 1 };

	change(rec);
	rec->update_ms = sk_wall_ms();
	submit(r, &op.op);
	assert_int_equal(m.code, SK_OK);
}

static enum sk_life_kind wish;
static uint64_t wisher;

static void
apply_wish(struct sk_record *rec)
{
	const struct sk_life_event ev = { .kind = wish, .executor = "n1", .incarnation = wisher };
	struct sk_err err;

	assert_int_equal(sk_life_step(&rec->life, &ev, &err), SK_OK);
}

void
nr_want(struct nr *r, const char *id, enum sk_life_kind kind)
{
	wish = kind;
	wisher = nr_incarnation(r);
	nr_change(r, id, SK_SET_LIFE, apply_wish);
	publish(r, SK_TOPIC_CANCEL, id);
}

static void
end_it(struct sk_record *rec)
{
	rec->life.phase = SK_CANCELLED;
}

void
nr_remove(struct nr *r, const char *id)
{
	const char *const ids[] = { id };
	struct sk_op_remove op = {
		.op = { .kind = SK_OP_REMOVE, .arena = r->arena }, .ids = ids, .n = 1
	};

	nr_change(r, id, SK_SET_LIFE, end_it);
	submit(r, &op.op);
	assert_int_equal(op.codes[0], SK_OK);
}

/* ---- the whole ---- */

static enum sk_code
job_update(struct sk_run *run, void *now, const void *old, struct sk_err *err)
{
	(void)run;
	(void)now;
	(void)old;
	(void)err;
	return SK_OK;
}

static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker job = { .name = "Job", .fields = no_fields, .update = job_update };
static const struct sk_worker plain = { .name = "Plain", .fields = no_fields, .reusable = true };
static const struct sk_worker *const workers[] = { &job, &plain, NULL };

static bool
describe(void *arg, const struct sk_record *rec, struct sk_arena *a, struct sk_start *st,
	struct sk_err *err)
{
	const struct sk_value *att = sk_map_get(rec->spec, "attachments");
	const char **env = sk_arena_alloc(a, 2 * sizeof(*env));

	(void)arg;
	if (sk_map_get(att, "bad") != NULL) {
		sk_fail(err, SK_EINVAL, "attachments.bad: unknown");
		return false;
	}
	env[0] = "OWN=1";
	st->env = env;
	if (sk_map_get(att, "huge") != NULL) {
		st->attachments_len = SK_FRAME_MAX;
		st->attachments = sk_arena_alloc(a, st->attachments_len);
	}
	return true;
}

static void
told_ready(void *arg)
{
	struct nr *r = arg;

	r->ready = true;
}

static void
told_signal(void *arg, int sig)
{
	struct nr *r = arg;

	r->signaled = sig;
}

static void
told_over(void *arg, int code)
{
	struct nr *r = arg;

	assert_int_equal(r->over, -2); /* once */
	r->over = code;
}

void
nr_open(struct nr *r)
{
	struct sk_bus_local_config b = { .loop = NULL };
	struct sk_err err;

	*r = (struct nr){ .signaled = -1, .over = -2, .fds = { -1, -1 } };
	r->arena = sk_arena_new();
	r->loop = sk_loop_new(&err);
	assert_non_null(r->loop);
	b.loop = r->loop;
	r->bus = sk_bus_local_open(&b);
	assert_int_equal(r->bus->ops->subscribe(r->bus, 1u << SK_TOPIC_EVENT, heard, r, &err), SK_OK);
	r->st = (struct nr_store){
		.store = { .ops = &front_ops }, .inner = sk_store_memory_open(r->loop), .loop = r->loop
	};
	cr_open(&r->cache, r->loop);
	r->st.dice = 4711;
	r->st.held_end = &r->st.held;
	snprintf(r->run_id, sizeof(r->run_id), "%08x%08x0123456789abcdef", (unsigned)getpid(), 77u);
	sk_chan_init(&r->chan, -1);
	r->cfg = (struct sk_node_config){ .loop = r->loop,
		.store = &r->st.store,
		.bus = r->bus,
		.cache = &r->cache.cache,
		.component = "node",
		.id = "n1",
		.version = "test",
		.host = "here",
		.slots = 4,
		.cpus = 2,
		.memory_mb = 1024,
		.gpus = 2,
		.workers = workers,
		.lease_ms = 10000,
		.reconcile_ms = 200,
		.data_dir = "",
		.describe = describe,
		.signaled = told_signal,
		.over = told_over,
		.ready = told_ready,
		.arg = r };
}

void
nr_hello(struct nr *r)
{
	struct sk_str payload = SK_STR_INIT;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, r->fds), 0);
	sk_chan_init(&r->chan, r->fds[0]);
	r->cfg.channel = r->fds[1];
	r->node = sk_node_new(&r->cfg);
	sk_put_u32(&payload, 0);
	sk_put_text(&payload, r->run_id);
	sk_put_u32(&payload, 0);
	sk_put_text(&payload, r->run_dir);
	sk_put_text(&payload, "");
	sk_put_text(&payload, "");
	nr_say(r, SK_F_HELLO, 0, 0, &payload);
	sk_str_release(&payload);
}

void
nr_told(struct nr *r)
{
	nr_say(r, SK_F_TASKS_END, 0, 0, NULL);
}

static bool
is_ready(struct nr *r, const void *arg)
{
	(void)arg;
	return r->ready;
}

void
nr_start(struct nr *r)
{
	nr_hello(r);
	nr_told(r);
	assert_true(nr_until(r, is_ready, NULL));
}

static void
end_node(struct nr *r)
{
	sk_node_free(r->node);
	r->node = NULL;
	sk_chan_release(&r->chan);
	if (r->fds[1] != -1)
		close(r->fds[1]);
	r->fds[1] = -1;
}

static bool
idle(struct nr *r, const void *arg)
{
	static int64_t since;
	static size_t moves;

	(void)arg;
	if (moves != r->st.n_moves + r->st.n_gets)
		since = sk_boot_ms();
	moves = r->st.n_moves + r->st.n_gets;
	return sk_boot_ms() - since > 20;
}

void
nr_reborn(struct nr *r)
{
	assert_true(nr_until(r, idle, NULL)); /* operations speak of the old one */
	end_node(r);
	r->n_frames = r->n_events = 0;
	r->ready = false;
}

void
nr_close(struct nr *r)
{
	nr_let_go(r);
	sk_store_close(&r->st.store);
	cr_close(&r->cache);
	end_node(r);
	r->bus->ops->unsubscribe(r->bus, heard, r);
	r->bus->ops->close(r->bus);
	sk_loop_free(r->loop);
	sk_arena_free(r->arena);
	free(r->frames);
	free(r->events);
}
