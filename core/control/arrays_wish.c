/* arrays_wish.c - what happens to elements, and what is wanted of their parent. */
#include "core/control/arrays.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500

/* ---- events ---- */

void
sk_arrays_event(struct sk_control *c, const char *id)
{
	const char *dot = strrchr(id, '.');
	struct sk_array *a;
	char parent[256];

	if (dot == NULL || (size_t)(dot - id) >= sizeof(parent) || c->arrays->by_id.n == 0)
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(dot - id), id);
	a = sk_array_find(c, parent);
	if (a == NULL)
		return;
	a->open--;
	if (a->open <= 0)
		sk_array_check_soon(a);
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
		sk_reads_fetch(c, r->id);
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

/* Where several controllers see to it that elements follow, not all of them write. */
static bool
follows_already(const struct following *f, const struct sk_record *element)
{
	return f->c->leader != NULL &&
		((f->kind == SK_LIFE_CANCEL && element->life.wanted == SK_WANT_CANCEL) ||
			(f->kind == SK_LIFE_PAUSE && element->life.wanted == SK_WANT_PAUSE));
}

static void
followed(struct sk_op *op)
{
	struct following *f = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < f->find.n; i++) {
		if (follows_already(f, f->find.records[i]))
			continue;
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
sk_arrays_follow(struct sk_control *c, const struct sk_record *parent)
{
	if (parent->life.wanted == SK_WANT_CANCEL)
		follow(c, parent->id, SK_LIFE_CANCEL, NOT_FINAL, NULL);
	else if (parent->life.wanted == SK_WANT_PAUSE)
		follow(c, parent->id, SK_LIFE_PAUSE, NOT_FINAL, NULL);
}

/* It is to be read again before anything is done with it. */
static void
look_again(struct sk_control *c, struct sk_array *a)
{
	sk_window_drop(c, a->id);
	a->counted = false;
	a->again = a->busy;
	sk_array_check_soon(a);
}

void
sk_arrays_told(struct sk_control *c, const char *id)
{
	struct sk_array *a = sk_control_leads(c) ? sk_array_find(c, id) : NULL;

	if (a != NULL)
		look_again(c, a);
}

/* The one who leads starts the elements: it must not go by what it knows. */
static void
tell_leader(struct sk_control *c, const struct sk_record *r)
{
	struct sk_record parent = *r;

	parent.life.executor[0] = '\0';
	sk_control_nudge(c, SK_TOPIC_CANCEL, &parent);
}

void
sk_arrays_changed(struct sk_control *c, const struct sk_record *r)
{
	if (r->array_size == 0)
		return;
	if (r->life.wanted == SK_WANT_CANCEL || r->life.wanted == SK_WANT_PAUSE)
		sk_arrays_follow(c, r);
	else if (r->life.phase == SK_CREATED && r->life.attempt > 0)
		follow(c, r->id, SK_LIFE_RETRY, 1u << SK_FAILED | 1u << SK_CANCELLED, NULL);
	else
		follow(c, r->id, SK_LIFE_RESUME, NOT_FINAL, NULL);
	if (sk_control_leads(c))
		look_again(c, sk_array_get(c, r->id));
	else if (c->leader != NULL)
		tell_leader(c, r);
}

static void
listed(struct sk_op *op)
{
	struct following *f = op->arg;

	for (size_t i = 0; op->code == SK_OK && i < f->find.n && sk_control_leads(f->c); i++) {
		struct sk_array *a = sk_array_get(f->c, f->find.records[i]->id);

		a->counted = false;
		sk_array_check_soon(a);
	}
	sk_arena_free(f->arena);
	free(f);
}

void
sk_arrays_all(struct sk_control *c)
{
	struct following *f;

	if (!sk_control_leads(c))
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
