/* steps.c - one event in the life of one task, applied to what the store has. */
#include "core/control/parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TRIES 8

struct step {
	struct sk_control *c;
	struct sk_step in;
	struct sk_arena *own; /* the step's texts */
	struct sk_arena *try; /* of one try */
	struct sk_op_get get;
	struct sk_op_move op;
	struct sk_move move;
	struct sk_attempt ended;
	struct sk_life_event event; /* as chosen for this try */
	struct sk_exit exit;
	const char *ids[1];
	int tries;
};

static void try_step(struct step *s);

static void
finish(struct step *s, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	if (s->in.fn != NULL)
		s->in.fn(s->in.arg, code, r, err);
	sk_arena_free(s->try);
	sk_arena_free(s->own);
	free(s);
}

static void
moved(struct sk_op *op)
{
	struct step *s = op->arg;
	enum sk_code code = op->code != SK_OK ? op->code : s->move.code;

	if (code == SK_ECONFLICT && ++s->tries < MAX_TRIES) {
		sk_arena_free(s->try);
		try_step(s);
		return;
	}
	if (op->code == SK_OK && code != SK_OK)
		sk_fail(&op->err, code, "task %s is changed by others all the time", s->in.id);
	finish(s, code, code == SK_OK ? s->move.to : NULL, &op->err);
}

static unsigned
note_end(struct step *s, struct sk_record *r, const struct sk_life *before)
{
	int64_t now = sk_control_wall_ms(s->c);

	if (!s->exit.known)
		return 0;
	r->exit = s->exit;
	r->finish_ms = now;
	s->ended = (struct sk_attempt){ .attempt = before->attempt,
		.executor = before->executor,
		.start_ms = r->start_ms,
		.finish_ms = now,
		.exit = s->exit };
	if (before->attempt > 0)
		s->move.ended = &s->ended;
	return SK_SET_EXIT;
}

/* A failed attempt that will be tried again waits for its time. */
static unsigned
note_backoff(struct step *s, struct sk_record *r)
{
	struct sk_spec spec;
	struct sk_err err;
	int64_t wait = 1000;

	if (!r->life.backing_off)
		return 0;
	if (sk_spec_decode(r->spec, s->try, &spec, &err))
		wait = sk_spec_backoff_ms(&spec, r->life.failures, sk_control_random(s->c));
	r->gate = SK_GATE_TIME;
	r->due_ms = sk_control_wall_ms(s->c) + wait;
	return SK_SET_GATE;
}

static void
got(struct sk_op *op)
{
	struct step *s = op->arg;
	struct sk_record *r = op->code == SK_OK ? s->get.records[0] : NULL;
	struct sk_life *before;
	struct sk_err err = { SK_OK, "" };
	enum sk_code code;
	unsigned set = SK_SET_LIFE;

	if (r == NULL) {
		if (op->code == SK_OK)
			sk_fail(&op->err, SK_ENOENT, "there is no task %s", s->in.id);
		finish(s, op->code != SK_OK ? op->code : SK_ENOENT, NULL, &op->err);
		return;
	}
	before = sk_arena_alloc(s->try, sizeof(*before));
	*before = r->life;
	s->event = s->in.event;
	s->exit = s->in.exit;
	if (s->in.choose != NULL)
		s->in.choose(s->in.arg, r, &s->event, &s->exit);
	code = sk_life_step(&r->life, &s->event, &err);
	if (code != SK_OK) {
		finish(s, code, r, &err);
		return;
	}
	s->move = (struct sk_move){ .id = r->id,
		.seq = r->seq,
		.expect_attempt = before->attempt,
		.expect_phase = before->phase,
		.expect_wanted = true,
		.wanted = before->wanted,
		.to = r };
	set |= note_end(s, r, before) | note_backoff(s, r);
	if (s->in.before != NULL && !s->in.before(s->in.arg, r, &set)) {
		finish(s, SK_ECANCELED, r, &err);
		return;
	}
	r->update_ms = sk_control_wall_ms(s->c);
	s->move.set = set;
	s->op =
		(struct sk_op_move){ .op = { .kind = SK_OP_MOVE, .done = moved, .arg = s, .arena = s->try },
			.moves = &s->move,
			.n = 1 };
	if (s->in.lead)
		sk_control_lead_submit(s->c, &s->op.op);
	else
		sk_store_submit(s->c->cfg.store, &s->op.op);
}

static void
try_step(struct step *s)
{
	s->try = sk_arena_new();
	s->ids[0] = s->in.id;
	s->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = got, .arg = s, .arena = s->try }, .ids = s->ids, .n = 1
	};
	sk_store_submit(s->c->cfg.store, &s->get.op);
}

void
sk_control_step(struct sk_control *c, const struct sk_step *step)
{
	struct step *s = sk_xcalloc(1, sizeof(*s));

	s->c = c;
	s->own = sk_arena_new();
	s->in = *step;
	s->in.id = sk_arena_strdup(s->own, step->id);
	if (step->event.executor != NULL)
		s->in.event.executor = sk_arena_strdup(s->own, step->event.executor);
	s->in.exit.message =
		sk_arena_strdup(s->own, step->exit.message != NULL ? step->exit.message : "");
	try_step(s);
}

static void
tell_end(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	(void)err;
	if (code == SK_OK)
		sk_control_tell(arg, r->life.phase == SK_FAILED ? SK_EVENT_FAILED : SK_EVENT_CANCELLED, r,
			r->exit.message);
}

void
sk_control_skip(struct sk_control *c, const char *id, enum sk_life_kind kind, const char *why)
{
	const struct sk_step step = { .id = id,
		.event = { .kind = kind },
		.exit = { .known = true, .reason = SK_REASON_SKIPPED, .message = why },
		.lead = true,
		.fn = tell_end,
		.arg = c };

	sk_control_step(c, &step);
}

uint64_t
sk_id_hash(const char *id)
{
	uint64_t h = 14695981039346656037u;

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	h ^= h >> 29;
	return h == 0 || h == UINT64_MAX ? 1 : h;
}
