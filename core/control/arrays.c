/* arrays.c - parents of arrays: elements get rows when they can start, and the parent ends with
 * the last of them.
 *
 * A parent is Created until its first element starts, then Running with no executor, then final.
 * Elements are inserted before the parent's list is shortened: what crashes in between finds them
 * there already and goes on. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/parts.h"
#include "core/control/submit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 500
#define PAGE 500
#define CHECK_MS 50

struct array {
	struct sk_arrays *all;
	struct sk_control *c;
	struct array *next; /* same hash */
	struct sk_arena *arena; /* of r */
	struct sk_record *r; /* NULL = to be read */
	int64_t open; /* elements that have rows and are not final, as far as we know */
	bool counted; /* open was counted, and followed since */
	bool busy, again; /* operations are under way; look again after them */
	struct sk_timer check;
	char id[];
};

struct sk_arrays {
	struct sk_map by_id;
};

struct sk_arrays *
sk_arrays_new(struct sk_control *c)
{
	(void)c;
	return sk_xcalloc(1, sizeof(struct sk_arrays));
}

void
sk_arrays_free(struct sk_arrays *all)
{
	struct array *a, *next;
	size_t i = 0;

	if (all == NULL)
		return;
	while ((a = sk_map_each(&all->by_id, &i)) != NULL)
		for (; a != NULL; a = next) {
			next = a->next;
			sk_timer_clear(a->c->cfg.loop, &a->check);
			sk_arena_free(a->arena);
			free(a);
		}
	sk_map_release(&all->by_id);
	free(all);
}

static struct array *
find(struct sk_control *c, const char *id)
{
	struct array *a = sk_map_find(&c->arrays->by_id, sk_id_hash(id));

	while (a != NULL && strcmp(a->id, id) != 0)
		a = a->next;
	return a;
}

static void check_now(void *arg);

static struct array *
get(struct sk_control *c, const char *id)
{
	struct array *a = find(c, id);
	size_t n = strlen(id) + 1;

	if (a != NULL)
		return a;
	a = sk_xcalloc(1, sizeof(*a) + n);
	memcpy(a->id, id, n);
	a->c = c;
	a->all = c->arrays;
	a->check = (struct sk_timer){ .fn = check_now, .arg = a };
	a->next = sk_map_find(&c->arrays->by_id, sk_id_hash(id));
	sk_map_put(&c->arrays->by_id, sk_id_hash(id), a);
	return a;
}

static void
forget(struct array *a)
{
	struct sk_map *map = &a->all->by_id;
	struct array *head = sk_map_find(map, sk_id_hash(a->id)), **p = &head;

	while (*p != NULL && *p != a)
		p = &(*p)->next;
	if (*p == a)
		*p = a->next;
	if (head == NULL)
		sk_map_remove(map, sk_id_hash(a->id));
	else
		sk_map_put(map, sk_id_hash(a->id), head);
	sk_timer_clear(a->c->cfg.loop, &a->check);
	sk_window_drop(a->c, a->id);
	sk_arena_free(a->arena);
	free(a);
}

static void
check_soon(struct array *a)
{
	if (a->check.pos == 0)
		sk_timer_set(a->c->cfg.loop, &a->check, sk_boot_ms() + CHECK_MS);
}

static void
set_record(struct array *a, const struct sk_record *r)
{
	struct sk_arena *arena = sk_arena_new();

	a->r = sk_record_copy(arena, r);
	sk_arena_free(a->arena);
	a->arena = arena;
}

static void
not_busy(struct array *a)
{
	a->busy = false;
	if (a->again) {
		a->again = false;
		check_soon(a);
	}
}

/* ---- starting elements ---- */

struct starting {
	struct array *a;
	struct sk_arena *arena;
	struct sk_op_insert insert;
	struct sk_op_move move;
	struct sk_move one;
	struct sk_record parent;
};

static void
starting_free(struct starting *s)
{
	sk_arena_free(s->arena);
	free(s);
}

/* Back into the window when there are elements left to start. */
static void
offer_again(struct array *a)
{
	struct sk_control *c = a->c;

	if (a->r == NULL || a->busy || sk_phase_final(a->r->life.phase) ||
		a->r->life.wanted != SK_WANT_RUN || a->r->gate != SK_GATE_OPEN ||
		(a->r->array[0] == '\0' && a->r->life.phase != SK_CREATED))
		return;
	sk_window_add(c, sk_window_lane(c, a->r), a->r);
	sk_dispatch_wake(c);
}

static void
parent_moved(struct sk_op *op)
{
	struct starting *s = op->arg;
	struct array *a = s->a;

	if (op->code == SK_OK && s->one.code == SK_OK) {
		bool first = a->r->life.phase == SK_CREATED;

		set_record(a, &s->parent);
		if (first)
			sk_control_tell(a->c, SK_EVENT_STARTED, a->r, NULL);
	} else {
		sk_arena_free(a->arena); /* somebody changed it: read it again */
		a->arena = NULL;
		a->r = NULL;
	}
	not_busy(a);
	if (a->r != NULL && a->r->array[0] != '\0')
		offer_again(a);
	else
		check_soon(a);
	starting_free(s);
}

/* Running, however it was before. */
static bool
step_running(struct sk_life *life)
{
	const struct sk_life_event assign = { .kind = SK_LIFE_ASSIGN, .executor = "" };
	struct sk_life_event start = { .kind = SK_LIFE_START, .executor = "" };
	struct sk_err err;

	if (life->phase == SK_RUNNING)
		return true;
	if (sk_life_step(life, &assign, &err) != SK_OK)
		return false;
	start.attempt = life->attempt;
	return sk_life_step(life, &start, &err) == SK_OK;
}

static void
move_parent(struct starting *s)
{
	struct array *a = s->a;

	s->one = (struct sk_move){ .id = a->id,
		.seq = a->r->seq,
		.expect_attempt = a->r->life.attempt,
		.expect_phase = a->r->life.phase,
		.expect_wanted = true,
		.wanted = a->r->life.wanted,
		.set = SK_SET_ARRAY | SK_SET_LIFE | (a->r->life.phase == SK_CREATED ? SK_SET_START : 0),
		.to = &s->parent };
	s->move = (struct sk_op_move){
		.op = { .kind = SK_OP_MOVE, .done = parent_moved, .arg = s, .arena = s->arena },
		.moves = &s->one,
		.n = 1
	};
	sk_store_submit(a->c->cfg.store, &s->move.op);
}

static void
elements_stored(struct sk_op *op)
{
	struct starting *s = op->arg;
	struct array *a = s->a;
	struct sk_control *c = a->c;

	for (size_t i = 0; i < s->insert.n; i++) {
		const struct sk_record *r = s->insert.records[i];

		if (s->insert.seqs != NULL && s->insert.seqs[i] != 0) {
			sk_control_nudge(c, SK_TOPIC_ASSIGN, r);
			sk_control_tell(c, SK_EVENT_ASSIGNED, r, NULL);
		} else { /* it is there from before, or nothing was stored */
			sk_live_end(c, r->id, r->life.attempt);
			a->open--;
		}
	}
	if (op->code == SK_OK) {
		move_parent(s);
		return;
	}
	sk_log_task(SK_WARNING, "dispatcher", a->id, 0, "cannot start elements: %s", op->err.msg);
	a->counted = false;
	not_busy(a);
	check_soon(a);
	starting_free(s);
}

static struct sk_record *
element(struct starting *s, int64_t index, const struct sk_agent *to)
{
	const struct sk_record *p = s->a->r;
	struct sk_record *r = sk_arena_alloc(s->arena, sizeof(*r));
	const struct sk_life_event ev = {
		.kind = SK_LIFE_ASSIGN, .executor = to->row->id, .incarnation = to->row->incarnation
	};
	struct sk_err err;

	*r = *p;
	r->seq = 0;
	r->id = sk_arena_printf(s->arena, "%s.%lld", p->id, (long long)index);
	r->life = (struct sk_life){ .max_attempts = p->life.max_attempts };
	if (sk_life_step(&r->life, &ev, &err) != SK_OK)
		return NULL; /* a new task can always be assigned */
	r->create_ms = r->update_ms = sk_control_wall_ms(s->a->c);
	r->start_ms = r->finish_ms = 0;
	r->exit = (struct sk_exit){ .message = "" };
	r->unique_key = "";
	r->array = NULL;
	r->array_size = 0;
	r->array_parent = p->id;
	r->array_index = index;
	return r;
}

/* As many elements as there is room for. */
static size_t
fill(struct starting *s, const struct sk_lane *lane, struct sk_str *rest)
{
	struct sk_control *c = s->a->c;
	const struct sk_record **records = sk_arena_alloc(s->arena, BATCH * sizeof(*records));
	struct sk_agent *to[BATCH];
	int64_t idx[BATCH];
	size_t n = 0, taken;

	while (n < BATCH && (to[n] = sk_skalds_pick(c, &lane->need, lane)) != NULL)
		sk_agent_take(to[n++], &lane->need);
	for (size_t i = 0; i < n; i++)
		sk_agent_give(to[i], &lane->need);
	taken = sk_array_take(s->a->r->array, n, idx, rest);
	for (size_t i = 0; i < taken; i++) {
		struct sk_record *r = element(s, idx[i], to[i]);

		if (r == NULL)
			continue;
		sk_live_add(c, r->id, &r->life, &lane->need);
		records[s->insert.n++] = r;
	}
	s->insert.records = records;
	return n;
}

static void read_parent(struct array *a);

bool
sk_arrays_start(struct sk_control *c, struct sk_cand *cand)
{
	struct array *a = get(c, cand->id);
	struct sk_str rest = SK_STR_INIT;
	struct starting *s;
	size_t room;

	if (a->r == NULL)
		read_parent(a);
	if (a->busy || a->r == NULL)
		return true;
	s = sk_xcalloc(1, sizeof(*s));
	s->a = a;
	s->arena = sk_arena_new();
	room = fill(s, cand->lane, &rest);
	if (room == 0 && a->r->array[0] != '\0') {
		starting_free(s);
		sk_str_release(&rest);
		return false;
	}
	s->parent = *a->r;
	s->parent.array = sk_arena_strdup(s->arena, sk_str_text(&rest));
	s->parent.update_ms = sk_control_wall_ms(c);
	if (a->r->life.phase == SK_CREATED)
		s->parent.start_ms = s->parent.update_ms;
	sk_str_release(&rest);
	if (!step_running(&s->parent.life)) {
		starting_free(s);
		return true;
	}
	a->busy = true;
	a->open += (int64_t)s->insert.n;
	if (s->insert.n == 0) {
		move_parent(s);
		return true;
	}
	s->insert.op = (struct sk_op){
		.kind = SK_OP_INSERT, .done = elements_stored, .arg = s, .arena = s->arena
	};
	s->insert.each = true;
	sk_store_submit(c->cfg.store, &s->insert.op);
	return true;
}

/* ---- the end of a parent ---- */

struct ending {
	struct array *a;
	struct sk_arena *arena;
	struct sk_op_get get;
	struct sk_op_count count;
	struct sk_op_find find;
	const char *ids[1];
};

static void
ending_free(struct ending *e)
{
	sk_arena_free(e->arena);
	free(e);
}

static void
parent_ended(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct array *a = arg;

	not_busy(a);
	if (code != SK_OK) {
		sk_log_task(SK_WARNING, "dispatcher", a->id, 0, "array: %s", err->msg);
		sk_arena_free(a->arena);
		a->arena = NULL;
		a->r = NULL;
		return; /* the next look tries again */
	}
	sk_control_tell(a->c,
		r->life.phase == SK_FINISHED	 ? SK_EVENT_FINISHED
			: r->life.phase == SK_FAILED ? SK_EVENT_FAILED
										 : SK_EVENT_CANCELLED,
		r, NULL);
	forget(a);
}

/* An array is not tried again as a whole: its failure is final whatever its elements may do. */
static bool
spend_budget(void *arg, struct sk_record *r, unsigned *set)
{
	(void)arg;
	(void)set;
	if (r->life.phase == SK_CREATED) {
		r->life.phase = SK_FAILED;
		r->life.backing_off = false;
		*set &= ~(unsigned)SK_SET_GATE;
	}
	return true;
}

static void
end_parent(struct ending *e)
{
	struct array *a = e->a;
	const int64_t *n = e->count.by_phase;
	const struct sk_record *bad = e->find.n > 0 ? e->find.records[0] : NULL;
	struct sk_step step = { .id = a->id,
		.event = { .attempt = a->r->life.attempt, .executor = "" },
		.exit = { .known = true, .reason = SK_REASON_EXITED },
		.fn = parent_ended,
		.arg = a };

	if (a->r->life.wanted == SK_WANT_CANCEL) {
		step.event.kind = SK_LIFE_GONE;
		step.exit.reason = SK_REASON_CANCELLED;
	} else if (n[SK_FAILED] + n[SK_CANCELLED] == 0)
		step.event.kind = SK_LIFE_FINISH;
	else {
		step.event.kind = SK_LIFE_FAIL;
		step.before = spend_budget;
		if (bad != NULL)
			step.exit = bad->exit;
		step.exit.known = true;
		step.exit.message = sk_arena_printf(e->arena, "%lld of %lld elements did not finish",
			(long long)(n[SK_FAILED] + n[SK_CANCELLED]), (long long)a->r->array_size);
	}
	sk_control_step(a->c, &step);
}

static void
bad_found(struct sk_op *op)
{
	struct ending *e = op->arg;

	end_parent(e);
	ending_free(e);
}

static void
find_bad(struct ending *e)
{
	e->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = bad_found, .arg = e, .arena = e->arena },
		.filter = { .parent = e->a->id, .phases = 1u << SK_FAILED },
		.order = SK_OLDEST_FIRST,
		.limit = 1,
	};
	sk_store_submit(e->a->c->cfg.store, &e->find.op);
}

static void
counted(struct sk_op *op)
{
	struct ending *e = op->arg;
	struct array *a = e->a;
	const int64_t *n = e->count.by_phase;
	bool none_left;

	if (op->code == SK_OK) {
		a->open = n[SK_CREATED] + n[SK_ASSIGNING] + n[SK_RUNNING] + n[SK_PAUSED];
		a->counted = true;
	}
	none_left = a->r->array[0] == '\0' || a->r->life.wanted == SK_WANT_CANCEL;
	if (op->code == SK_OK && a->open == 0 && none_left && a->r->life.phase == SK_RUNNING) {
		find_bad(e);
		return;
	}
	not_busy(a);
	offer_again(a);
	ending_free(e);
}

static void
count(struct ending *e)
{
	e->count = (struct sk_op_count){
		.op = { .kind = SK_OP_COUNT, .done = counted, .arg = e, .arena = e->arena },
		.filter = { .parent = e->a->id },
	};
	sk_store_submit(e->a->c->cfg.store, &e->count.op);
}

static void
parent_read(struct sk_op *op)
{
	struct ending *e = op->arg;
	struct array *a = e->a;
	const struct sk_record *r = op->code == SK_OK ? e->get.records[0] : NULL;

	if (r == NULL || r->array_size == 0 || sk_phase_final(r->life.phase)) {
		a->busy = false;
		if (op->code == SK_OK)
			forget(a); /* removed, or it ended */
		ending_free(e);
		return;
	}
	set_record(a, r);
	count(e);
}

static void
read_parent(struct array *a)
{
	struct ending *e = sk_xcalloc(1, sizeof(*e));

	if (a->busy) {
		free(e);
		a->again = true;
		return;
	}
	a->busy = true;
	e->a = a;
	e->arena = sk_arena_new();
	e->ids[0] = a->id;
	e->get = (struct sk_op_get){
		.op = { .kind = SK_OP_GET, .done = parent_read, .arg = e, .arena = e->arena },
		.ids = e->ids,
		.n = 1
	};
	sk_store_submit(a->c->cfg.store, &e->get.op);
}

static void
check_now(void *arg)
{
	struct array *a = arg;

	if (a->c->stopped)
		return;
	if (a->r != NULL && a->counted && a->open > 0 && a->r->life.wanted == SK_WANT_RUN) {
		offer_again(a);
		return;
	}
	read_parent(a);
}

/* ---- events ---- */

void
sk_arrays_event(struct sk_control *c, const char *id)
{
	const char *dot = strrchr(id, '.');
	struct array *a;
	char parent[256];

	if (dot == NULL || (size_t)(dot - id) >= sizeof(parent) || c->arrays->by_id.n == 0)
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(dot - id), id);
	a = find(c, parent);
	if (a == NULL)
		return;
	a->open--;
	if (a->open <= 0)
		check_soon(a);
}

/* ---- intents ---- */

/* A page of elements that follow their parent's intent. */
struct following {
	struct sk_control *c;
	struct sk_arena *arena;
	struct sk_op_find find;
	enum sk_life_kind kind;
	char parent[256];
};

static void follow(struct sk_control *c, const char *parent, enum sk_life_kind kind,
	unsigned phases, const char *after);

static void
element_changed(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct sk_control *c = arg;

	(void)err;
	if (code != SK_OK)
		return; /* it ended meanwhile */
	if (sk_phase_live(r->life.phase))
		sk_control_nudge(c, SK_TOPIC_CANCEL, r);
	else if (r->life.phase == SK_CANCELLED)
		sk_control_tell(c, SK_EVENT_CANCELLED, r, NULL);
	else
		sk_dispatch_fetch(c, r->id);
}

static bool
begin_anew(void *arg, struct sk_record *r, unsigned *set)
{
	(void)arg;
	r->gate = SK_GATE_OPEN;
	r->due_ms = 0;
	*set |= SK_SET_GATE;
	return true;
}

static void
followed(struct sk_op *op)
{
	struct following *f = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < f->find.n; i++) {
		const struct sk_step step = { .id = f->find.records[i]->id,
			.event = { .kind = f->kind },
			.before = f->kind == SK_LIFE_RETRY ? begin_anew : NULL,
			.fn = element_changed,
			.arg = f->c };

		sk_control_step(f->c, &step);
	}
	if (op->code == SK_OK && f->find.next != NULL)
		follow(f->c, f->parent, f->kind, f->find.filter.phases, f->find.next);
	sk_arena_free(f->arena);
	free(f);
}

static void
follow(struct sk_control *c, const char *parent, enum sk_life_kind kind, unsigned phases,
	const char *after)
{
	struct following *f = sk_xcalloc(1, sizeof(*f));

	f->c = c;
	f->kind = kind;
	f->arena = sk_arena_new();
	snprintf(f->parent, sizeof(f->parent), "%s", parent);
	f->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = followed, .arg = f, .arena = f->arena },
		.filter = { .parent = f->parent, .phases = phases },
		.order = SK_OLDEST_FIRST,
		.limit = PAGE,
		.after = after != NULL ? sk_arena_strdup(f->arena, after) : NULL,
		.thin = true,
	};
	sk_store_submit(c->cfg.store, &f->find.op);
}

#define NOT_FINAL (1u << SK_CREATED | 1u << SK_ASSIGNING | 1u << SK_RUNNING | 1u << SK_PAUSED)

void
sk_arrays_changed(struct sk_control *c, const struct sk_record *r)
{
	struct array *a;

	if (r->array_size == 0)
		return;
	if (r->life.wanted == SK_WANT_CANCEL)
		follow(c, r->id, SK_LIFE_CANCEL, NOT_FINAL, NULL);
	else if (r->life.wanted == SK_WANT_PAUSE)
		follow(c, r->id, SK_LIFE_PAUSE, NOT_FINAL, NULL);
	else if (r->life.phase == SK_CREATED && r->life.attempt > 0)
		follow(c, r->id, SK_LIFE_RETRY, 1u << SK_FAILED | 1u << SK_CANCELLED, NULL);
	else
		follow(c, r->id, SK_LIFE_RESUME, NOT_FINAL, NULL);
	if (!c->cfg.dispatch)
		return;
	sk_window_drop(c, r->id);
	a = get(c, r->id);
	a->counted = false;
	a->again = a->busy;
	check_soon(a);
}

static void
listed(struct sk_op *op)
{
	struct following *f = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < f->find.n; i++) {
		struct array *a = get(f->c, f->find.records[i]->id);

		a->counted = false;
		check_soon(a);
	}
	sk_arena_free(f->arena);
	free(f);
}

void
sk_arrays_all(struct sk_control *c)
{
	struct following *f;

	if (!c->cfg.dispatch || c->stopped)
		return;
	f = sk_xcalloc(1, sizeof(*f));
	f->c = c;
	f->arena = sk_arena_new();
	f->find = (struct sk_op_find){
		.op = { .kind = SK_OP_FIND, .done = listed, .arg = f, .arena = f->arena },
		.filter = { .arrays = true, .phases = NOT_FINAL },
		.order = SK_OLDEST_FIRST,
		.limit = 10000,
		.thin = true,
	};
	sk_store_submit(c->cfg.store, &f->find.op);
}
