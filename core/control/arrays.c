/* arrays.c - parents of arrays: what is known of them, and the start of their elements. */
#include "core/control/arrays.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/submit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 500
#define CHECK_MS 50

struct sk_arrays *
sk_arrays_new(struct sk_control *c)
{
	(void)c;
	return sk_xcalloc(1, sizeof(struct sk_arrays));
}

void
sk_arrays_free(struct sk_arrays *all)
{
	struct sk_array *a, *next;
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

struct sk_array *
sk_array_find(struct sk_control *c, const char *id)
{
	struct sk_array *a = sk_map_find(&c->arrays->by_id, sk_id_hash(id));

	while (a != NULL && strcmp(a->id, id) != 0)
		a = a->next;
	return a;
}

static void check_now(void *arg);

struct sk_array *
sk_array_get(struct sk_control *c, const char *id)
{
	struct sk_array *a = sk_array_find(c, id);
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

void
sk_array_forget(struct sk_array *a)
{
	struct sk_map *map = &a->all->by_id;
	struct sk_array *head = sk_map_find(map, sk_id_hash(a->id)), **p = &head;

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

void
sk_arrays_reset(struct sk_control *c)
{
	struct sk_array *a, *next;
	struct sk_str idle = SK_STR_INIT;
	size_t i = 0;

	while ((a = sk_map_each(&c->arrays->by_id, &i)) != NULL)
		for (; a != NULL; a = next) {
			next = a->next;
			a->counted = false;
			a->again = a->busy;
			if (!a->busy)
				sk_str_add(&idle, a->id, strlen(a->id) + 1);
		}
	for (const char *p = idle.p; p != NULL && p < idle.p + idle.len; p += strlen(p) + 1)
		sk_array_forget(sk_array_find(c, p));
	sk_str_release(&idle);
}

void
sk_array_check_soon(struct sk_array *a)
{
	if (a->check.pos == 0)
		sk_timer_set(a->c->cfg.loop, &a->check, sk_boot_ms() + CHECK_MS);
}

void
sk_array_set_record(struct sk_array *a, const struct sk_record *r)
{
	struct sk_arena *arena = sk_arena_new();

	a->r = sk_record_copy(arena, r);
	sk_arena_free(a->arena);
	a->arena = arena;
}

void
sk_array_not_busy(struct sk_array *a)
{
	a->busy = false;
	if (a->again) {
		a->again = false;
		sk_array_check_soon(a);
	}
}

void
sk_array_drop_record(struct sk_array *a)
{
	sk_arena_free(a->arena);
	a->arena = NULL;
	a->r = NULL;
}

static void
check_now(void *arg)
{
	struct sk_array *a = arg;

	if (!sk_control_leads(a->c))
		return;
	if (a->r != NULL && a->counted && a->open > 0 && a->r->life.wanted == SK_WANT_RUN) {
		sk_array_offer(a);
		return;
	}
	sk_array_read(a);
}

/* ---- starting elements ---- */

struct starting {
	struct sk_array *a;
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
void
sk_array_offer(struct sk_array *a)
{
	struct sk_control *c = a->c;

	if (!sk_control_leads(c) || a->r == NULL || a->busy || sk_phase_final(a->r->life.phase) ||
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
	struct sk_array *a = s->a;

	if (op->code == SK_OK && s->one.code == SK_OK) {
		bool first = a->r->life.phase == SK_CREATED;

		sk_array_set_record(a, &s->parent);
		if (first)
			sk_control_tell(a->c, SK_EVENT_STARTED, a->r, NULL);
	} else {
		sk_array_drop_record(a); /* somebody changed it: read it again */
	}
	sk_array_not_busy(a);
	if (a->r != NULL && a->r->array[0] != '\0')
		sk_array_offer(a);
	else
		sk_array_check_soon(a);
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
	struct sk_array *a = s->a;

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
	sk_control_lead_submit(a->c, &s->move.op);
}

static void
elements_stored(struct sk_op *op)
{
	struct starting *s = op->arg;
	struct sk_array *a = s->a;
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
	if (op->code != SK_ECANCELED)
		sk_log_task(SK_WARNING, "dispatcher", a->id, 0, "cannot start elements: %s", op->err.msg);
	a->counted = false;
	sk_array_not_busy(a);
	sk_array_check_soon(a);
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
fill(struct starting *s, const struct sk_lane *lane, int64_t deadline_ms, struct sk_str *rest)
{
	struct sk_control *c = s->a->c;
	const struct sk_need need = sk_dispatch_need(lane, deadline_ms);
	const struct sk_record **records = sk_arena_alloc(s->arena, BATCH * sizeof(*records));
	struct sk_agent *to[BATCH];
	int64_t idx[BATCH];
	size_t n = 0, taken;

	for (; n < BATCH; n++) {
		struct sk_agent *a = sk_skalds_pick(c, &need, lane);

		if (a == NULL)
			break;
		sk_agent_take(a, &need);
		to[n] = a;
	}
	for (size_t i = 0; i < n; i++)
		sk_agent_give(to[i], &need);
	taken = sk_array_take(s->a->r->array, n, idx, rest);
	for (size_t i = 0; i < taken && i < n; i++) {
		struct sk_record *r = element(s, idx[i], to[i]);

		if (r == NULL)
			continue;
		sk_live_add(c, r->id, &r->life, &lane->need);
		records[s->insert.n++] = r;
	}
	s->insert.records = records;
	return n;
}

bool
sk_arrays_start(struct sk_control *c, struct sk_cand *cand)
{
	struct sk_array *a = sk_array_get(c, cand->id);
	struct sk_str rest = SK_STR_INIT;
	struct starting *s;
	size_t room;

	if (a->r == NULL)
		sk_array_read(a);
	if (a->busy || a->r == NULL)
		return true;
	s = sk_xcalloc(1, sizeof(*s));
	s->a = a;
	s->arena = sk_arena_new();
	room = fill(s, cand->lane, cand->deadline_ms, &rest);
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
	sk_control_lead_submit(c, &s->insert.op);
	return true;
}
