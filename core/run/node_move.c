/* node_move.c - writing down what became of tasks: one compare-and-set each, many in one operation,
 * and after the commit the settling with the supervisor and the events. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include "core/run/tail.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a move tells when it is stored. */
enum told { TOLD_STARTED = 1, TOLD_PAUSED = 2, TOLD_RESUMED = 4, TOLD_END = 8, TOLD_PROGRESS = 16 };

struct moving {
	struct sk_node *n;
	struct sk_arena *arena;
	struct sk_op_move op;
	struct entry {
		struct node_task *t;
		struct sk_record to;
		struct sk_attempt ended;
		unsigned told;
	} * entries;
};

/* A record that is only its changed columns. */
static const struct sk_value nothing = { .kind = SK_MAP };

/* ---- the end of an attempt as a step of its life ---- */

static enum sk_life_kind
end_kind(const struct node_task *t)
{
	switch (t->reason) {
	case SK_REASON_EXITED:
		return t->code == 0 ? SK_LIFE_FINISH : SK_LIFE_FAIL;
	case SK_REASON_CANCELLED:
		return t->life.wanted == SK_WANT_CANCEL ? SK_LIFE_GONE : SK_LIFE_INTERRUPT;
	case SK_REASON_INTERRUPTED:
		return SK_LIFE_INTERRUPT;
	case SK_REASON_LOST:
		return SK_LIFE_EXPIRE;
	case SK_REASON_SIGNALED:
	case SK_REASON_OOM:
	case SK_REASON_TIMEOUT:
	case SK_REASON_START_FAILED:
	case SK_REASON_SKIPPED:
		return SK_LIFE_FAIL;
	}
	return SK_LIFE_FAIL;
}

static bool
step(const struct sk_node *n, const struct node_task *t, struct sk_life *life,
	enum sk_life_kind kind)
{
	const struct sk_life_event ev = {
		.kind = kind, .attempt = t->attempt, .executor = n->cfg.id, .incarnation = n->incarnation
	};
	struct sk_err err = { SK_OK, "" };

	if (sk_life_step(life, &ev, &err) == SK_OK)
		return true;
	sk_log_task(SK_ERROR, n->cfg.component, t->id, t->attempt, "%s", err.msg);
	return false;
}

/* The end of what it printed, for whoever asks why it did not finish. */
static void
read_tail(const struct sk_node *n, const struct node_task *t, struct sk_arena *a,
	struct sk_attempt *ended)
{
	struct sk_str text = SK_STR_INIT;

	if (n->cfg.data_dir[0] == '\0' || !t->started)
		return;
	if (sk_tail_of_file(&text, n->cfg.data_dir, t->id, t->attempt, SK_TAIL_MAX, -1) < 0)
		sk_log_task(
			SK_WARNING, n->cfg.component, t->id, t->attempt, "its output: %s", strerror(errno));
	else if (text.len > 0) {
		ended->tail = sk_arena_strndup(a, text.p, text.len);
		ended->tail_len = text.len;
	}
	sk_str_release(&text);
}

static const char *
end_message(const struct node_task *t)
{
	if (t->reason == SK_REASON_TIMEOUT && t->deadline_ms > 0 && t->end_ms >= t->deadline_ms &&
		t->given)
		return SK_DEADLINE_PASSED " while it ran";
	return t->message != NULL ? t->message : "";
}

/* When the next try would come too late, there is none. */
static bool
back_off(struct sk_node *n, const struct node_task *t, struct sk_record *to, unsigned *set)
{
	const struct sk_spec pause = { .backoff_s = t->backoff_s, .max_backoff_s = t->max_backoff_s };

	to->due_ms = sk_wall_ms() + sk_spec_backoff_ms(&pause, to->life.failures, node_random(n));
	if (t->deadline_ms > 0 && to->due_ms >= t->deadline_ms)
		return step(n, t, &to->life, SK_LIFE_REFUSE);
	to->gate = SK_GATE_TIME;
	*set |= SK_SET_GATE;
	return true;
}

static bool
add_end(struct sk_node *n, struct entry *e, struct sk_move *m, struct sk_arena *a)
{
	struct node_task *t = e->t;
	struct sk_record *to = &e->to;

	if (!step(n, t, &to->life, end_kind(t)))
		return false;
	if (to->life.phase == SK_CREATED)
		node_presence_handed_back(n, t);
	node_tail_end(n, t);
	m->set |= SK_SET_LIFE | SK_SET_EXIT;
	if (to->life.backing_off && !back_off(n, t, to, &m->set))
		return false;
	to->finish_ms = t->end_ms;
	to->exit = (struct sk_exit){ .known = true,
		.reason = t->reason,
		.code = t->code,
		.signal = t->signal,
		.message = end_message(t) };
	if (t->result_len > 0) {
		to->result = t->result;
		to->result_len = t->result_len;
		m->set |= SK_SET_RESULT;
	}
	if (to->life.phase != SK_FINISHED || t->result_len > 0) {
		e->ended = (struct sk_attempt){ .attempt = t->attempt,
			.executor = n->cfg.id,
			.start_ms = t->started ? t->start_ms : 0,
			.finish_ms = t->end_ms,
			.exit = to->exit,
			.max_rss_kb = t->max_rss_kb,
			.cpu_ms = t->cpu_ms };
		if (to->life.phase != SK_FINISHED)
			read_tail(n, t, a, &e->ended);
		m->ended = &e->ended;
	}
	e->told |= TOLD_END;
	return true;
}

/* ---- one task's move ---- */

static bool
add_start(struct sk_node *n, struct entry *e, struct sk_move *m)
{
	if (!step(n, e->t, &e->to.life, SK_LIFE_START))
		return false;
	e->to.start_ms = e->t->start_ms;
	m->set |= SK_SET_LIFE | SK_SET_START;
	e->told |= TOLD_STARTED;
	return true;
}

static bool
add_pause(struct sk_node *n, struct entry *e, struct sk_move *m)
{
	enum sk_phase phase = e->to.life.phase;

	if (e->t->paused == (phase == SK_PAUSED) || (phase != SK_PAUSED && phase != SK_RUNNING))
		return true;
	if (!step(n, e->t, &e->to.life, e->t->paused ? SK_LIFE_PAUSED : SK_LIFE_RESUMED))
		return false;
	m->set |= SK_SET_LIFE;
	e->told |= e->t->paused ? TOLD_PAUSED : TOLD_RESUMED;
	return true;
}

static void
add_progress(struct entry *e, struct sk_move *m, struct sk_arena *a)
{
	if (!e->t->progress_dirty || e->to.life.phase == SK_ASSIGNING)
		return;
	e->t->progress_dirty = false;
	e->to.progress = e->t->progress;
	e->to.stage = sk_arena_strdup(a, e->t->stage);
	m->set |= SK_SET_PROGRESS;
	e->told |= TOLD_PROGRESS;
}

/* What is known here and not yet in the store. False: there is nothing, or it makes no sense. */
static bool
compose(struct sk_node *n, struct entry *e, struct sk_move *m, struct sk_arena *a)
{
	struct node_task *t = e->t;
	bool sound = true;

	e->to = (struct sk_record){ .seq = t->seq,
		.id = t->id,
		.class_name = t->class_name,
		.life = t->life,
		.update_ms = sk_wall_ms(),
		.stage = "",
		.exit = { .message = "" },
		.unique_key = "",
		.array_parent = "",
		.spec = &nothing };
	*m = (struct sk_move){ .id = t->id,
		.seq = t->seq,
		.expect_attempt = t->attempt,
		.expect_phase = t->life.phase,
		.expect_wanted = true,
		.wanted = t->life.wanted,
		.to = &e->to };
	if (t->started && t->life.phase == SK_ASSIGNING)
		sound = add_start(n, e, m);
	if (sound)
		sound = t->ended ? add_end(n, e, m, a) : add_pause(n, e, m);
	if (sound)
		add_progress(e, m, a);
	else
		node_fence(n, t, NULL); /* we believe something wrong of it: the next look begins anew */
	return sound && m->set != 0;
}

/* ---- stored ---- */

/* An event has no members for it: why an attempt failed is a sentence. */
void
node_failure_text(const struct node_task *t, struct sk_str *out)
{
	const char *message = end_message(t);
	bool has_words = t->reason == SK_REASON_EXITED || t->reason == SK_REASON_SIGNALED ||
		t->reason == SK_REASON_OOM || t->reason == SK_REASON_TIMEOUT;

	if (has_words) /* of others the message says all */
		sk_reason_text(out, t->reason, t->code, t->signal);
	if (message[0] != '\0')
		sk_str_addf(out, "%s%s", out->len > 0 ? ": " : "", message);
}

void
node_say_end(struct sk_node *n, const struct node_task *t)
{
	const char *message = end_message(t);
	struct sk_str why = SK_STR_INIT;
	enum sk_event_kind kind =
		end_kind(t) == SK_LIFE_INTERRUPT ? SK_EVENT_INTERRUPTED : SK_EVENT_RETRYING;

	if (t->reason == SK_REASON_LOST)
		node_publish(n, SK_EVENT_LOST, t, message);
	if (t->life.phase == SK_FINISHED)
		kind = SK_EVENT_FINISHED;
	else if (t->life.phase == SK_FAILED)
		kind = SK_EVENT_FAILED;
	else if (t->life.phase == SK_CANCELLED)
		kind = SK_EVENT_CANCELLED;
	if (kind == SK_EVENT_FAILED || kind == SK_EVENT_RETRYING) {
		node_failure_text(t, &why);
		message = sk_str_text(&why);
	}
	node_publish(n, kind, t, message);
	node_presence_stored(n, t);
	sk_str_release(&why);
}

static void
stored(struct sk_node *n, const struct entry *e)
{
	struct node_task *t = e->t;

	t->life = e->to.life;
	if ((e->told & TOLD_PROGRESS) != 0)
		t->progress_ms = sk_boot_ms();
	if ((e->told & TOLD_STARTED) != 0)
		node_publish(n, SK_EVENT_STARTED, t, NULL);
	if ((e->told & TOLD_PAUSED) != 0)
		node_publish(n, SK_EVENT_PAUSED, t, NULL);
	if ((e->told & TOLD_RESUMED) != 0)
		node_publish(n, SK_EVENT_RESUMED, t, NULL);
	if ((e->told & TOLD_END) != 0) {
		node_say_end(n, t);
		node_settle(n, t);
		return;
	}
	if (t->ended || t->paused != (t->life.phase == SK_PAUSED))
		node_mark(n, t); /* it went on meanwhile */
	if (t->reread)
		node_read(n, t->id);
	t->reread = false;
}

/* The store's answer to one move. */
static void
settle_one(struct sk_node *n, struct entry *e, const struct sk_op *op, enum sk_code code)
{
	struct node_task *t = e->t;

	t->moving = false;
	if (op->code == SK_OK && code == SK_OK) {
		stored(n, e);
		return;
	}
	t->progress_dirty = t->progress_dirty || (e->told & TOLD_PROGRESS) != 0;
	t->reread = false;
	if (op->code == SK_OK) /* somebody wants something of it, or it is not ours any more */
		node_read(n, t->id);
	else {
		t->unsure = t->unsure || op->code == SK_EUNAVAIL || op->code == SK_EIO;
		node_mark(n, t);
	}
}

static void
moved(struct sk_op *op)
{
	struct moving *m = op->arg;
	struct sk_node *n = m->n;

	n->n_moves--;
	if (op->code == SK_OK)
		node_unhold(n, op);
	else
		node_hold(n, op, "store what became of tasks");
	for (size_t i = 0; i < m->op.n; i++)
		settle_one(n, &m->entries[i], op, m->op.moves[i].code);
	sk_arena_free(m->arena);
	free(m);
}

static struct moving *
moving_new(struct sk_node *n)
{
	struct moving *m = sk_xcalloc(1, sizeof(*m));

	m->n = n;
	m->arena = sk_arena_new();
	return m;
}

/* How many of the dirty ones go into one operation. */
static size_t
count_dirty(const struct sk_node *n)
{
	size_t count = 0;

	for (const struct node_task *t = n->dirty.first; t != NULL && count < NODE_BATCH; t = t->next)
		count++;
	return count;
}

static void
send(struct sk_node *n)
{
	struct moving *m = moving_new(n);
	size_t max = count_dirty(n);

	m->entries = sk_arena_alloc(m->arena, max * sizeof(*m->entries));
	m->op.moves = sk_arena_alloc(m->arena, max * sizeof(*m->op.moves));
	for (size_t i = 0; i < max; i++) {
		struct node_task *t = n->dirty.first;
		struct entry *e = &m->entries[m->op.n];

		node_unmark(n, t);
		/* a move that is under way comes back and looks again */
		if (t->moving || t->fenced || !t->loaded)
			continue;
		*e = (struct entry){ .t = t };
		if (!compose(n, e, &m->op.moves[m->op.n], m->arena))
			continue;
		t->moving = true;
		t->changed = n->reads; /* what is read from now on has it */
		m->op.n++;
	}
	if (m->op.n == 0) {
		sk_arena_free(m->arena);
		free(m);
		return;
	}
	m->op.op = (struct sk_op){ .kind = SK_OP_MOVE, .done = moved, .arg = m, .arena = m->arena };
	n->n_moves++;
	sk_store_submit(n->cfg.store, &m->op.op);
}

void
node_move_flush(struct sk_node *n)
{
	while (!n->held && n->dirty.first != NULL && n->n_moves < NODE_IN_FLIGHT)
		send(n);
}
