/* api_original_board_tasks.c - task_heartbeat, task_error and task_exception (skalds-protocol.md
 * 8.7). Events tell what changes; the store tells what there is, and now and then whether an event
 * was lost. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/api_original_board.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIVE 10000 /* that the store is asked for; REST shows no more either */
#define MAX_TASKS 20000
/* Told at once, so that a reader on a slow line can follow. A newcomer hears of those beyond with
 * their next heartbeat; of many tasks these come in turn. */
#define MAX_TOLD 1000
#define SYNC_MS 10000
#define AGAIN_MS 1000 /* the store did not answer */

#define LIVE (1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED)

struct sk_board_task {
	struct sk_board_task *next; /* same hash */
	enum sk_phase phase;
	int64_t beat;
	int64_t told_ms; /* boot clock; 0 = never */
	uint64_t error_key; /* of the text that was told; 0 = none */
	char *exception; /* NULL = none */
	bool asked; /* its record is being read, and no event has told of it since */
	bool over; /* nothing more will come: it goes when the store was asked after that */
	uint64_t mark; /* round: the last that it was seen in; over: the last that began before */
	char executor[64];
	char id[];
};

/* ---- which there are ---- */

static struct sk_board_task *
find(const struct sk_board *b, const char *id)
{
	struct sk_board_task *t = sk_map_find(&b->by_id, sk_map_key(id));

	while (t != NULL && strcmp(t->id, id) != 0)
		t = t->next;
	return t;
}

static struct sk_board_task *
get(struct sk_board *b, const char *id)
{
	struct sk_board_task *t = find(b, id);
	size_t n = strlen(id) + 1;

	if (t != NULL || b->n_tasks >= MAX_TASKS)
		return t;
	t = sk_xcalloc(1, sizeof(*t) + n);
	memcpy(t->id, id, n);
	t->next = sk_map_find(&b->by_id, sk_map_key(id));
	sk_map_put(&b->by_id, sk_map_key(id), t);
	b->n_tasks++;
	return t;
}

static void
task_free(struct sk_board_task *t)
{
	free(t->exception);
	free(t);
}

/* Of all with one hash, those that may go. */
static void
thin_out(struct sk_board *b, struct sk_board_task *head)
{
	uint64_t key = sk_map_key(head->id);
	struct sk_board_task *kept = NULL, *next;

	for (struct sk_board_task *t = head; t != NULL; t = next) {
		next = t->next;
		if (t->over && t->mark < b->round) {
			task_free(t);
			b->n_tasks--;
			continue;
		}
		t->next = kept;
		kept = t;
	}
	if (kept != NULL)
		sk_map_put(&b->by_id, key, kept);
	else
		sk_map_remove(&b->by_id, key);
}

/* ---- telling ---- */

static void
put_beat(struct sk_board *b, struct sk_sse *s, const char *id, enum sk_phase phase, int64_t beat)
{
	sk_board_begin(b, s, "task_heartbeat", "taskId", id);
	sk_json_kint(&s->text, "heartbeat", beat);
	sk_json_kstr(&s->text, "lifecycleStatus", sk_phase_name(phase));
	sk_board_end(b, s, id);
}

/* what: "error" or "exception". */
static void
put_text(struct sk_board *b, struct sk_sse *s, const char *id, enum sk_phase phase,
	const char *what, const char *text)
{
	sk_board_begin(b, s, what[1] == 'r' ? "task_error" : "task_exception", "taskId", id);
	sk_json_kstr(&s->text, what, text);
	sk_json_kstr(&s->text, "lifecycleStatus", sk_phase_name(phase));
	sk_board_end(b, s, id);
}

static const char *
error_of(struct sk_board *b, const struct sk_board_task *t)
{
	const char *error = NULL;
	int64_t beat;

	(void)sk_beats_shown(b->c, t->id, &beat, &error);
	return error;
}

static void
tell_beat(struct sk_board *b, struct sk_board_task *t)
{
	t->beat = sk_org_beat(b->c, t->id, t->phase, t->executor);
	t->told_ms = sk_boot_ms();
	put_beat(b, &b->tasks, t->id, t->phase, t->beat);
}

static void
tell_error(struct sk_board *b, struct sk_board_task *t)
{
	const char *error = error_of(b, t);
	uint64_t key = error != NULL ? sk_map_key(error) : 0;

	if (key != t->error_key && error != NULL)
		put_text(b, &b->tasks, t->id, t->phase, "error", error);
	t->error_key = key;
}

static void
tell_exception(struct sk_board *b, struct sk_board_task *t, const struct sk_record *r)
{
	struct sk_str text = SK_STR_INIT;

	if (sk_org_exception(r, &text) &&
		(t->exception == NULL || strcmp(t->exception, sk_str_text(&text)) != 0)) {
		free(t->exception);
		t->exception = sk_xstrdup(sk_str_text(&text));
		put_text(b, &b->tasks, t->id, t->phase, "exception", t->exception);
	}
	sk_str_release(&text);
}

/* A change of state is told at once, whatever the heartbeat. */
static void
set_phase(struct sk_board *b, struct sk_board_task *t, enum sk_phase phase, const char *executor)
{
	bool same = t->told_ms != 0 && t->phase == phase &&
		(phase == SK_CREATED || strcmp(t->executor, executor) == 0);

	t->phase = phase;
	t->asked = false;
	snprintf(t->executor, sizeof(t->executor), "%s", phase != SK_CREATED ? executor : "");
	t->over = !sk_phase_live(phase);
	t->mark = b->round;
	if (!same)
		tell_beat(b, t);
}

static void
want(struct sk_board *b, const char *id)
{
	if (b->n_wanted >= MAX_LIVE)
		return; /* the next asking finds it */
	sk_str_add(&b->wanted, id, strlen(id) + 1);
	b->n_wanted++;
}

/* ---- events ---- */

static bool
phase_of(enum sk_event_kind kind, enum sk_phase *phase)
{
	static const struct {
		enum sk_event_kind kind;
		enum sk_phase phase;
	} table[] = { { SK_EVENT_ASSIGNED, SK_ASSIGNING }, { SK_EVENT_STARTED, SK_RUNNING },
		{ SK_EVENT_PAUSED, SK_PAUSED }, { SK_EVENT_RESUMED, SK_RUNNING },
		{ SK_EVENT_RETRYING, SK_CREATED }, { SK_EVENT_INTERRUPTED, SK_CREATED },
		{ SK_EVENT_FINISHED, SK_FINISHED }, { SK_EVENT_FAILED, SK_FAILED },
		{ SK_EVENT_CANCELLED, SK_CANCELLED } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].kind == kind) {
			*phase = table[i].phase;
			return true;
		}
	return false;
}

static void
take_event(struct sk_board *b, const struct sk_event *e)
{
	enum sk_phase phase;
	struct sk_board_task *t;

	if (e->kind == SK_EVENT_CREATED && find(b, e->task) != NULL)
		phase = SK_CREATED; /* it is to run again */
	else if (!phase_of(e->kind, &phase))
		return;
	t = get(b, e->task);
	if (t == NULL)
		return;
	/* a task can be paused, and resumed, before anybody has it */
	if ((e->kind == SK_EVENT_PAUSED || e->kind == SK_EVENT_RESUMED) && e->skald[0] == '\0')
		phase = e->kind == SK_EVENT_PAUSED ? SK_PAUSED : SK_CREATED;
	set_phase(b, t, phase, e->skald);
	if (phase == SK_FAILED)
		want(b, t->id); /* the event's words are for people; the exception stands in the store */
}

static void
take_events(struct sk_board *b)
{
	struct sk_event_ring ring = sk_events_ring(b->c);

	if (b->next < ring.first) {
		b->next = ring.first;
		b->sync_ms = 0; /* some were missed */
	}
	for (; b->next <= ring.last; b->next++) {
		const struct sk_event e = sk_events_at(b->c, b->next);

		if (e.task[0] != '\0')
			take_event(b, &e);
	}
}

static void
take_beat(struct sk_board *b, struct sk_board_task *t, int64_t now)
{
	tell_error(b, t);
	if (now - t->told_ms >= SK_BOARD_BEAT_MS &&
		sk_org_beat(b->c, t->id, t->phase, t->executor) != t->beat)
		tell_beat(b, t);
}

static void
take_beats(struct sk_board *b)
{
	int64_t now = sk_boot_ms();
	size_t told = b->tasks.n;
	struct sk_board_task *t;

	while (b->tasks.n - told < MAX_TOLD) {
		t = sk_map_each(&b->by_id, &b->beats_at);
		if (t == NULL) {
			b->beats_at = 0; /* from the first one, the next time */
			return;
		}
		for (; t != NULL; t = t->next)
			if (!t->over)
				take_beat(b, t, now);
	}
}

void
sk_board_tasks(struct sk_board *b, bool beats)
{
	take_events(b);
	if (beats)
		take_beats(b);
}

void
sk_board_record(struct sk_board *b, const struct sk_record *r)
{
	struct sk_board_task *t = get(b, r->id);

	if (t == NULL)
		return;
	set_phase(b, t, r->life.phase, r->life.executor);
	tell_error(b, t);
	tell_exception(b, t, r);
}

void
sk_board_all_tasks(struct sk_board *b)
{
	struct sk_board_task *t;
	size_t i = 0;

	while (b->all.n < MAX_TOLD && (t = sk_map_each(&b->by_id, &i)) != NULL)
		for (; t != NULL; t = t->next) {
			put_beat(b, &b->all, t->id, t->phase, t->beat);
			if (error_of(b, t) != NULL)
				put_text(b, &b->all, t->id, t->phase, "error", error_of(b, t));
			if (t->exception != NULL)
				put_text(b, &b->all, t->id, t->phase, "exception", t->exception);
		}
}

void
sk_board_one(struct sk_board *b, const struct sk_record *r, struct sk_str *out)
{
	struct sk_sse sse = { .n = 0 };
	struct sk_str text = SK_STR_INIT;
	enum sk_phase phase = r->life.phase;

	put_beat(b, &sse, r->id, phase, sk_org_beat(b->c, r->id, phase, r->life.executor));
	if (sk_org_exception(r, &text))
		put_text(b, &sse, r->id, phase, "exception", sk_str_text(&text));
	sk_str_add(out, sse.text.p, sse.text.len);
	sk_str_release(&text);
	sk_sse_release(&sse);
}

/* ---- the store ---- */

static void
read_over(struct sk_board *b)
{
	sk_arena_free(b->arena);
	b->arena = NULL;
	b->reading = false;
	if (b->gone)
		sk_board_free(b);
	else
		sk_board_soon(b); /* not now: the store may be closing */
}

static void
submit(struct sk_board *b, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	op->kind = kind;
	op->done = done;
	op->arg = b;
	op->arena = b->arena;
	b->reading = true;
	sk_store_submit(b->c->cfg.store, op);
}

static void
got(struct sk_op *op)
{
	struct sk_board *b = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < b->op.get.n && !b->gone; i++) {
		struct sk_board_task *t = find(b, b->op.get.ids[i]);

		if (t == NULL || !t->asked)
			continue;
		if (b->op.get.records[i] != NULL)
			sk_board_record(b, b->op.get.records[i]);
		else
			t->over = true; /* deleted; the original tells nothing of that */
	}
	read_over(b);
}

/* The live ones, as they are. What an event has told since it was asked is newer; what is missing
 * has ended unheard. */
static void
take_found(struct sk_board *b)
{
	struct sk_board_task *t;
	size_t i = 0;

	for (size_t k = 0; k < b->op.find.n; k++) {
		const struct sk_record *r = b->op.find.records[k];

		t = find(b, r->id);
		if (t == NULL || (t->mark < b->round && !t->over))
			sk_board_record(b, r);
	}
	while ((t = sk_map_each(&b->by_id, &i)) != NULL)
		for (; t != NULL; t = t->next)
			if (!t->over && t->mark < b->round)
				want(b, t->id);
	i = 0;
	while ((t = sk_map_each(&b->by_id, &i)) != NULL)
		thin_out(b, t);
}

static void
found(struct sk_op *op)
{
	struct sk_board *b = op->arg;

	if (op->code != SK_OK) {
		sk_log(SK_DEBUG, "api", "the live tasks for streams: %s", op->err.msg);
		b->sync_ms = sk_boot_ms() + AGAIN_MS;
	} else if (!b->gone) {
		take_found(b);
		b->seeded = true;
	}
	read_over(b);
}

static void
ask_live(struct sk_board *b)
{
	b->sync_ms = sk_boot_ms() + SYNC_MS;
	b->round++;
	b->op.find = (struct sk_op_find){
		.filter = { .phases = LIVE }, .order = SK_OLDEST_FIRST, .limit = MAX_LIVE, .thin = true
	};
	submit(b, &b->op.find.op, SK_OP_FIND, found);
}

static void
ask_wanted(struct sk_board *b)
{
	const char **ids = sk_arena_alloc(b->arena, b->n_wanted * sizeof(*ids));
	const char *p = b->wanted.p;

	for (size_t i = 0; i < b->n_wanted; i++, p += strlen(p) + 1) {
		struct sk_board_task *t = find(b, p);

		ids[i] = sk_arena_strdup(b->arena, p);
		if (t != NULL)
			t->asked = true;
	}
	b->op.get = (struct sk_op_get){ .ids = ids, .n = b->n_wanted };
	sk_str_clear(&b->wanted);
	b->n_wanted = 0;
	submit(b, &b->op.get.op, SK_OP_GET, got);
}

void
sk_board_read(struct sk_board *b)
{
	if (b->reading || (b->n_wanted == 0 && sk_boot_ms() < b->sync_ms))
		return;
	b->arena = sk_arena_new();
	if (b->n_wanted > 0)
		ask_wanted(b);
	else
		ask_live(b);
}

void
sk_board_tasks_free(struct sk_board *b)
{
	struct sk_board_task *t, *next;
	size_t i = 0;

	while ((t = sk_map_each(&b->by_id, &i)) != NULL)
		for (; t != NULL; t = next) {
			next = t->next;
			task_free(t);
		}
	sk_map_release(&b->by_id);
	sk_str_release(&b->wanted);
}
