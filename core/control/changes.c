#include "core/control/changes.h"
#include "core/control/active.h"
#include "core/control/mixed.h"
#include "core/control/parts.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TRIES 8
#define FINAL (1u << SK_FINISHED | 1u << SK_FAILED | 1u << SK_CANCELLED)
#define LIVE (1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED)

unsigned
sk_change_phases(enum sk_change kind, bool force)
{
	switch (kind) {
	case SK_CHANGE_CANCEL:
	case SK_CHANGE_PAUSE:
	case SK_CHANGE_RESUME:
		return 1u << SK_CREATED | LIVE;
	case SK_CHANGE_RETRY:
		return force ? FINAL | LIVE : FINAL;
	case SK_CHANGE_DELETE:
		break;
	}
	return FINAL;
}

/* One task of a page. */
struct item {
	struct sk_changed result;
	struct sk_record *record; /* read, then as it shall be */
	struct sk_life before;
	struct sk_attempt lost; /* of a forced retry */
	bool open; /* still to be tried */
};

/* A page under way. */
struct page {
	struct run *run;
	struct sk_arena *arena;
	struct item *items;
	size_t n, n_moves;
	int tries;
	struct sk_op_find find;
	struct sk_op_get get;
	struct sk_op_move move;
	struct sk_op_remove remove;
	struct item **moving; /* in the order of what was submitted */
};

struct run {
	struct sk_control *c;
	struct sk_changes in;
	size_t at; /* ids: how many are done */
	char *after; /* filter: the cursor */
};

static void next_page(struct run *run);

/* ---- one task ---- */

static void
refuse(struct page *p, struct item *i, enum sk_code code, const char *sentence)
{
	i->result.code = code;
	i->result.error = sk_arena_strdup(p->arena, sentence);
	i->open = false;
}

/* The attempt is given up: whoever has it is stale from now on. */
static enum sk_code
give_up(struct page *p, struct item *i, struct sk_err *err)
{
	struct sk_record *r = i->record;
	const struct sk_life_event expire = { .kind = SK_LIFE_EXPIRE, .attempt = r->life.attempt };
	enum sk_code code = sk_life_step(&r->life, &expire, err);

	if (code != SK_OK)
		return code;
	r->finish_ms = sk_control_wall_ms(p->run->c);
	r->exit = (struct sk_exit){
		.known = true, .reason = SK_REASON_LOST, .message = "given up by a forced retry"
	};
	i->lost = (struct sk_attempt){ .attempt = i->before.attempt,
		.executor = i->before.executor,
		.start_ms = r->start_ms,
		.finish_ms = r->finish_ms,
		.exit = r->exit };
	return SK_OK;
}

/* Begin anew: ready at once, a fresh budget, in the order of now. */
static enum sk_code
step_retry(struct page *p, struct item *i, unsigned *set, struct sk_err *err)
{
	struct sk_record *r = i->record;
	const struct sk_life_event again = { .kind = SK_LIFE_RETRY };
	enum sk_code code = SK_OK;

	if (p->run->in.force && sk_phase_live(r->life.phase) && r->life.executor[0] != '\0') {
		code = give_up(p, i, err);
		*set |= SK_SET_EXIT;
	}
	if (code == SK_OK && i->lost.attempt > 0 && r->life.phase == SK_CREATED) {
		r->life.failures = 0;
		r->life.backing_off = false;
		r->life.wanted = SK_WANT_RUN;
	} else if (code == SK_OK) {
		code = sk_life_step(&r->life, &again, err);
	}
	r->gate = SK_GATE_OPEN;
	r->due_ms = 0;
	r->create_ms = sk_control_wall_ms(p->run->c);
	r->rank_ms = r->create_ms - r->priority * SK_PRIORITY_MS;
	*set |= SK_SET_GATE | SK_SET_CREATED | SK_SET_RANK;
	return code;
}

static enum sk_code
step_intent(struct page *p, struct item *i, unsigned *set, struct sk_err *err)
{
	static const enum sk_life_kind kinds[] = { [SK_CHANGE_CANCEL] = SK_LIFE_CANCEL,
		[SK_CHANGE_PAUSE] = SK_LIFE_PAUSE,
		[SK_CHANGE_RESUME] = SK_LIFE_RESUME };
	struct sk_record *r = i->record;
	const struct sk_life_event event = { .kind = kinds[p->run->in.kind] };
	enum sk_code code = sk_life_step(&r->life, &event, err);

	if (code == SK_OK && event.kind != SK_LIFE_CANCEL && r->life.wanted == SK_WANT_CANCEL)
		return sk_fail(err, SK_EINVAL, "cannot %s a task that is being cancelled",
			sk_life_kind_name(event.kind));
	if (code == SK_OK && r->life.phase == SK_CANCELLED && i->before.phase != SK_CANCELLED) {
		r->finish_ms = sk_control_wall_ms(p->run->c);
		r->exit = (struct sk_exit){ .known = true, .reason = SK_REASON_CANCELLED, .message = "" };
		*set |= SK_SET_EXIT;
	}
	return code;
}

static bool
is_unchanged(const struct sk_life *a, const struct sk_life *b)
{
	return a->phase == b->phase && a->wanted == b->wanted && a->attempt == b->attempt;
}

/* ---- telling ---- */

/* With nobody as the one who accepted it, every dispatcher fetches it. */
static void
tell_created(struct sk_control *c, const struct sk_record *r)
{
	const struct sk_event e = { .kind = SK_EVENT_CREATED,
		.time_ms = sk_control_wall_ms(c),
		.task = r->id,
		.class_name = r->class_name,
		.attempt = r->life.attempt,
		.skald = "",
		.stage = "",
		.message = "to be tried again" };
	enum sk_code code = sk_bus_publish(c->cfg.bus, SK_TOPIC_EVENT, &e);

	(void)code; /* what is dropped here is found when the controller reconciles */
}

static void
tell(struct page *p, const struct item *i)
{
	struct sk_control *c = p->run->c;
	const struct sk_record *r = i->record;
	enum sk_change kind = p->run->in.kind;

	if (kind == SK_CHANGE_RETRY) {
		if (i->lost.attempt > 0) {
			struct sk_record was = *r;

			was.life = i->before;
			sk_control_nudge(c, SK_TOPIC_CANCEL, &was);
		}
		tell_created(c, r);
	} else if (sk_phase_live(r->life.phase)) {
		if (r->life.executor[0] != '\0')
			sk_control_nudge(c, SK_TOPIC_CANCEL, r);
	} else if (!is_unchanged(&r->life, &i->before)) {
		sk_control_tell(c,
			kind == SK_CHANGE_CANCEL	  ? SK_EVENT_CANCELLED
				: kind == SK_CHANGE_PAUSE ? SK_EVENT_PAUSED
										  : SK_EVENT_RESUMED,
			r, NULL);
	}
	sk_arrays_changed(c, r);
}

/* ---- a page ---- */

static void
page_free(struct page *p)
{
	sk_arena_free(p->arena);
	free(p);
}

static void
end_run(struct run *run, enum sk_code code, const struct sk_err *err)
{
	run->in.done(run->in.arg, code, err);
	free(run->after);
	free(run);
}

static void
page_failed(struct page *p, const struct sk_op *op)
{
	struct run *run = p->run;
	struct sk_err err = op->err;
	enum sk_code code = op->code;

	page_free(p);
	end_run(run, code, &err);
}

static void
page_done(struct page *p)
{
	struct run *run = p->run;
	struct sk_changed *results = sk_arena_alloc(p->arena, (p->n + 1) * sizeof(*results));
	size_t n = 0, n_ok = 0;
	bool last = run->in.ids != NULL ? run->at == run->in.n : run->after == NULL;

	for (size_t i = 0; i < p->n; i++) {
		struct sk_changed *result = &p->items[i].result;

		n_ok += result->code == SK_OK;
		if (result->code == SK_OK && run->in.ids == NULL)
			continue;
		result->record = p->items[i].record;
		results[n++] = *result;
	}
	run->in.page(run->in.arg, results, n, n_ok);
	page_free(p);
	if (last)
		end_run(run, SK_OK, NULL);
	else
		next_page(run);
}

static void read_page(struct page *p);

static void
moved(struct sk_op *op)
{
	struct page *p = op->arg;
	bool again = false;

	if (op->code != SK_OK) {
		page_failed(p, op);
		return;
	}
	p->tries++;
	for (size_t k = 0; k < p->n_moves; k++) {
		struct item *i = p->moving[k];
		enum sk_code code = p->move.moves[k].code;

		if (code == SK_OK) {
			i->open = false;
			tell(p, i);
		} else if (code == SK_ECONFLICT && p->tries < MAX_TRIES) {
			again = true;
		} else if (code == SK_ECONFLICT) {
			refuse(p, i, code,
				i->record->unique_key[0] != '\0'
					? "it is changed by others all the time, or its unique key is in use"
					: "it is changed by others all the time");
		} else {
			refuse(p, i, code, "there is no such task any more");
		}
	}
	if (again)
		read_page(p);
	else
		page_done(p);
}

/* What an edge runs nobody else starts or stops: a wish would wait for ever. One that waits for
 * nobody may still be cancelled. */
static bool
is_elsewhere(const struct sk_record *r, enum sk_change kind)
{
	return sk_record_active(r) &&
		(kind != SK_CHANGE_CANCEL || sk_phase_live(r->life.phase) || r->foreign);
}

/* The sentence why not, or NULL. */
static const char *
objection(const struct sk_changes *in, const struct sk_record *r)
{
	bool by_original =
		sk_phase_live(r->life.phase) && r->life.executor[0] != '\0' && sk_record_by_original(r);

	if (is_elsewhere(r, in->kind))
		return SK_ACTIVE_ELSEWHERE;
	if (in->disputed && !r->disputed)
		return "its status is no longer what others wrote";
	if (in->kind == SK_CHANGE_PAUSE && by_original)
		return "it is executed by a node of the original, which cannot pause a task";
	return NULL;
}

/* Apply the change to what was read; what is to be stored becomes a move. */
static void
plan_item(struct page *p, struct item *i)
{
	struct sk_record *r = i->record;
	struct sk_err err = { SK_OK, "" };
	unsigned set = SK_SET_LIFE;
	const char *why = objection(&p->run->in, r);
	enum sk_code code;

	i->before = r->life;
	i->lost = (struct sk_attempt){ .attempt = 0 };
	if (why != NULL) {
		refuse(p, i, SK_ECONFLICT, why);
		return;
	}
	code = p->run->in.kind == SK_CHANGE_RETRY ? step_retry(p, i, &set, &err)
											  : step_intent(p, i, &set, &err);
	if (code != SK_OK) {
		r->life = i->before;
		refuse(p, i, SK_ECONFLICT, err.msg);
		return;
	}
	if (is_unchanged(&r->life, &i->before) && i->lost.attempt == 0) {
		i->open = false;
		tell(p, i); /* whoever has it may not have heard */
		return;
	}
	r->update_ms = sk_control_wall_ms(p->run->c);
	if (p->run->in.kind == SK_CHANGE_RETRY && p->run->c->cfg.mixed)
		sk_beats_forget(p->run->c, r->id); /* before: it may run as soon as it is stored */
	p->moving[p->n_moves] = i;
	p->move.moves[p->n_moves++] = (struct sk_move){ .id = r->id,
		.seq = r->seq,
		.expect_attempt = i->before.attempt,
		.expect_phase = i->before.phase,
		.expect_wanted = true,
		.wanted = i->before.wanted,
		.set = set,
		.to = r,
		.ended = i->lost.attempt > 0 ? &i->lost : NULL };
}

static void
submit(struct page *p, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	op->kind = kind;
	op->done = done;
	op->arg = p;
	op->arena = p->arena;
	sk_store_submit(p->run->c->cfg.store, op);
}

static void
removed(struct sk_op *op)
{
	struct page *p = op->arg;

	if (op->code != SK_OK) {
		page_failed(p, op);
		return;
	}
	for (size_t k = 0; k < p->n_moves; k++) {
		struct item *i = p->moving[k];

		i->open = false;
		if (p->remove.codes[k] == SK_OK)
			sk_logs_remove(p->run->c->cfg.data_dir, i->record->id, i->record->array_size > 0);
		else
			refuse(p, i, p->remove.codes[k],
				p->remove.codes[k] == SK_ENOENT ? "there is no such task any more"
												: "it has not ended");
	}
	page_done(p);
}

static void
plan_remove(struct page *p)
{
	const char **ids = sk_arena_alloc(p->arena, (p->n + 1) * sizeof(*ids));

	for (size_t k = 0; k < p->n; k++) {
		struct item *i = &p->items[k];

		if (!i->open)
			continue;
		if (!sk_phase_final(i->record->life.phase)) {
			refuse(p, i, SK_ECONFLICT,
				sk_arena_printf(p->arena, "cannot delete a task that is %s",
					sk_phase_name(i->record->life.phase)));
			continue;
		}
		if (i->record->array_parent[0] != '\0') {
			refuse(p, i, SK_ECONFLICT,
				sk_arena_printf(p->arena, "it belongs to the array %s and goes with it",
					i->record->array_parent));
			continue;
		}
		p->moving[p->n_moves] = i;
		ids[p->n_moves++] = i->record->id;
	}
	p->remove = (struct sk_op_remove){ .ids = ids, .n = p->n_moves };
	if (p->n_moves > 0)
		submit(p, &p->remove.op, SK_OP_REMOVE, removed);
	else
		page_done(p);
}

/* Everything that is still open has been read. */
static void
plan_page(struct page *p)
{
	p->n_moves = 0;
	p->moving = sk_arena_alloc(p->arena, (p->n + 1) * sizeof(*p->moving));
	if (p->run->in.kind == SK_CHANGE_DELETE) {
		plan_remove(p);
		return;
	}
	p->move = (struct sk_op_move){ .moves = sk_arena_alloc(
									   p->arena, (p->n + 1) * sizeof(*p->move.moves)) };
	for (size_t k = 0; k < p->n; k++)
		if (p->items[k].open)
			plan_item(p, &p->items[k]);
	p->move.n = p->n_moves;
	if (p->n_moves > 0)
		submit(p, &p->move.op, SK_OP_MOVE, moved);
	else
		page_done(p);
}

static void
got(struct sk_op *op)
{
	struct page *p = op->arg;
	size_t k = 0;

	if (op->code != SK_OK) {
		page_failed(p, op);
		return;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (!p->items[i].open)
			continue;
		p->items[i].record = p->get.records[k++];
		if (p->items[i].record == NULL)
			refuse(p, &p->items[i], SK_ENOENT, "there is no such task");
		else if (p->run->in.still != NULL && !p->run->in.still(p->run->in.arg, p->items[i].record))
			refuse(p, &p->items[i], SK_ECONFLICT, "it has changed");
	}
	plan_page(p);
}

/* Read what is open by its ids. */
static void
read_page(struct page *p)
{
	const char **ids = sk_arena_alloc(p->arena, (p->n + 1) * sizeof(*ids));
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].open)
			ids[n++] = p->items[i].result.id;
	p->get = (struct sk_op_get){ .ids = ids, .n = n };
	submit(p, &p->get.op, SK_OP_GET, got);
}

static void
found(struct sk_op *op)
{
	struct page *p = op->arg;
	struct run *run = p->run;

	free(run->after);
	run->after = NULL;
	if (op->code != SK_OK) {
		page_failed(p, op);
		return;
	}
	if (p->find.next != NULL)
		run->after = sk_xstrdup(p->find.next);
	p->n = p->find.n;
	p->items = sk_arena_alloc(p->arena, (p->n + 1) * sizeof(*p->items));
	for (size_t i = 0; i < p->n; i++)
		p->items[i] = (struct item){ .result = { .id = p->find.records[i]->id, .error = "" },
			.record = p->find.records[i],
			.open = true };
	plan_page(p);
}

static void
find_page(struct page *p)
{
	p->find = (struct sk_op_find){
		.filter = p->run->in.filter,
		.order = SK_OLDEST_FIRST,
		.limit = SK_CHANGE_PAGE,
		.after = p->run->after != NULL ? sk_arena_strdup(p->arena, p->run->after) : NULL,
		.thin = true,
	};
	submit(p, &p->find.op, SK_OP_FIND, found);
}

static void
next_page(struct run *run)
{
	struct page *p = sk_xcalloc(1, sizeof(*p));
	size_t left = run->in.n - run->at;

	p->run = run;
	p->arena = sk_arena_new();
	if (run->in.ids == NULL) {
		find_page(p);
		return;
	}
	p->n = left < SK_CHANGE_PAGE ? left : SK_CHANGE_PAGE;
	p->items = sk_arena_alloc(p->arena, (p->n + 1) * sizeof(*p->items));
	for (size_t i = 0; i < p->n; i++)
		p->items[i] = (struct item){ .result = { .id = run->in.ids[run->at + i], .error = "" },
			.open = true };
	run->at += p->n;
	read_page(p);
}

void
sk_changes_run(struct sk_control *c, const struct sk_changes *changes)
{
	struct run *run = sk_xcalloc(1, sizeof(*run));
	unsigned phases = sk_change_phases(changes->kind, changes->force);
	int64_t now = sk_control_wall_ms(c);

	run->c = c;
	run->in = *changes;
	if (run->in.ids == NULL) {
		struct sk_filter *f = &run->in.filter;

		f->phases = f->phases == 0 ? phases : f->phases & phases;
		if (f->phases == 0) {
			end_run(run, SK_OK, NULL);
			return;
		}
		/* What is added while it goes on is not meant. */
		if (f->created_before == 0 || f->created_before > now)
			f->created_before = now + 1;
	} else if (run->in.n == 0) {
		end_run(run, SK_OK, NULL);
		return;
	}
	next_page(run);
}
