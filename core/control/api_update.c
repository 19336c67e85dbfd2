/* api_update.c - new attachments for a task: ours merges members, the original replaces all. */
#include "core/control/active.h"
#include "core/control/api_priv.h"
#include "core/control/submit.h"
#include "core/model/task.h"
#include <string.h>

#define MAX_TRIES 8

struct body {
	const struct sk_value *attachments;
};
const struct sk_field sk_api_update_fields[] = { SK_FIELD(struct body, attachments,
													 .item = SK_FIELD_ANY, .required = true,
													 .doc = "the new parameters"),
	SK_FIELDS_END };

struct sk_update {
	struct sk_call *call;
	struct sk_update *next; /* of the updates that are under way */
	struct sk_update *behind; /* waits until this one is done: of the same task */
	const struct sk_value *given;
	bool replace;
	int tries;
	struct sk_record *to;
	struct sk_op_move op;
	struct sk_move move;
};

static void begin(struct sk_update *u);

/* Two updates of one task at a time would lose members of the first: they queue up. */
static bool
wait_in_line(struct sk_update *u)
{
	struct sk_update *other = u->call->c->api->updates;

	while (other != NULL && strcmp(other->call->id, u->call->id) != 0)
		other = other->next;
	if (other == NULL) {
		u->next = u->call->c->api->updates;
		u->call->c->api->updates = u;
		return false;
	}
	while (other->behind != NULL)
		other = other->behind;
	other->behind = u;
	return true;
}

/* It was not its turn yet. */
static void
leave_behind(struct sk_update *u)
{
	for (struct sk_update *f = u->call->c->api->updates; f != NULL; f = f->next)
		for (struct sk_update *at = f; at->behind != NULL; at = at->behind)
			if (at->behind == u) {
				at->behind = u->behind;
				return;
			}
}

/* The next in line takes its place; called before the call is answered. */
static void
leave_line(struct sk_call *call)
{
	struct sk_update *u = call->state, **p = &call->c->api->updates;

	while (*p != NULL && *p != u)
		p = &(*p)->next;
	if (*p == NULL) {
		leave_behind(u);
		return;
	}
	*p = u->next;
	if (u->behind != NULL) {
		u->behind->next = call->c->api->updates;
		call->c->api->updates = u->behind;
		begin(u->behind);
	}
}

/* ---- the new spec ---- */

static struct sk_value *
member(const struct sk_value *map, const char *key)
{
	for (size_t i = 0; map != NULL && map->kind == SK_MAP && i < map->u.map.n; i++)
		if (strcmp(map->u.map.pairs[i].key, key) == 0)
			return map->u.map.pairs[i].value;
	return NULL;
}

static struct sk_value *
merged(struct sk_arena *a, const struct sk_value *old, const struct sk_value *given)
{
	struct sk_value *v = sk_value_new(a, SK_MAP);

	for (size_t i = 0; old != NULL && old->kind == SK_MAP && i < old->u.map.n; i++)
		sk_map_set(a, v, old->u.map.pairs[i].key, old->u.map.pairs[i].value);
	for (size_t i = 0; i < given->u.map.n; i++)
		sk_map_set(a, v, given->u.map.pairs[i].key, given->u.map.pairs[i].value);
	return v;
}

static bool
is_mask(const struct sk_value *v)
{
	return v->kind == SK_STRING && strcmp(v->u.str.s, "***") == 0;
}

static const struct sk_field *
row_of(const struct sk_field *f, const char *key)
{
	while (f->kind != SK_FIELD_END && strcmp(f->key != NULL ? f->key : f->name, key) != 0)
		f++;
	return f->kind != SK_FIELD_END ? f : NULL;
}

/* A secret is shown as "***": whoever sends that back means the one that is stored. */
static struct sk_value *
unmasked(struct sk_arena *a, const struct sk_field *fields, const struct sk_value *given,
	const struct sk_value *old)
{
	struct sk_value *v = sk_value_new(a, SK_MAP);

	for (size_t i = 0; i < given->u.map.n; i++) {
		const struct sk_pair *pair = &given->u.map.pairs[i];
		const struct sk_field *f = row_of(fields, pair->key);
		struct sk_value *part = pair->value, *was = member(old, pair->key);

		if (f != NULL && f->secret && is_mask(part) && was != NULL)
			part = was;
		else if (f != NULL && f->kind == SK_FIELD_OBJECT && part->kind == SK_MAP)
			part = unmasked(a, f->sub, part, was);
		sk_map_set(a, v, pair->key, part);
	}
	return v;
}

static const struct sk_worker *
class_of(const struct sk_call *call, const struct sk_record *r)
{
	const struct sk_worker *const *w = call->c->cfg.workers;

	while (*w != NULL && strcmp((*w)->name, r->class_name) != 0)
		w++;
	return *w;
}

/* A class that is not compiled in belongs to others: its attachments are taken as they are. */
static const struct sk_value *
new_attachments(struct sk_update *u, const struct sk_record *r, struct sk_problems *p)
{
	struct sk_arena *a = u->call->arena;
	const struct sk_worker *worker = class_of(u->call, r);
	const struct sk_value *old = sk_map_get(r->spec, "attachments"), *given = u->given;

	if (worker != NULL) {
		given = sk_submit_documented(worker->fields, given, a);
		given = unmasked(a, worker->fields, given, old);
	}
	if (!u->replace)
		given = merged(a, old, given);
	if (sk_submit_size(given) > SK_SUBMIT_MAX_BYTES) {
		sk_problem(p, 0, 0, "attachments", "%zu bytes, at most %zu are possible",
			sk_submit_size(given), SK_SUBMIT_MAX_BYTES);
		return NULL;
	}
	return worker != NULL ? sk_submit_attachments(worker, given, "attachments", a, p) : given;
}

static const struct sk_value *
new_spec(struct sk_arena *a, const struct sk_value *old, const struct sk_value *attachments)
{
	struct sk_value *spec = sk_value_new(a, SK_MAP), *copy = sk_arena_alloc(a, sizeof(*copy));

	*copy = *attachments;
	for (size_t i = 0; i < old->u.map.n; i++)
		sk_map_set(a, spec, old->u.map.pairs[i].key, old->u.map.pairs[i].value);
	sk_map_set(a, spec, "attachments", copy);
	return spec;
}

/* ---- storing ---- */

static void
answer(struct sk_update *u)
{
	struct sk_call *call = u->call;
	struct sk_control *c = call->c;

	if (sk_phase_live(u->to->life.phase) && u->to->life.executor[0] != '\0')
		sk_control_nudge(c, SK_TOPIC_UPDATE, u->to);
	sk_control_tell(c, SK_EVENT_UPDATED, u->to, "stored");
	if (u->to->array_size > 0)
		sk_arrays_changed(c, u->to); /* it has a copy of the attachments */
	sk_call_release(call);
	if (call->original)
		sk_org_updated(call, u->to);
	else
		sk_call_answer_task(call, u->to);
}

static void
moved(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct sk_update *u = call->state;

	if (op->code != SK_OK)
		sk_call_failed(call, op->code, &op->err);
	else if (u->move.code == SK_OK)
		answer(u);
	else if (u->move.code == SK_ECONFLICT && ++u->tries < MAX_TRIES)
		begin(u);
	else if (u->move.code == SK_ECONFLICT)
		sk_call_error(call, 409, "the task is changed by others all the time");
	else
		sk_call_error(call, 404, "there is no task %s", sk_quote(call->arena, call->id));
}

static void
store(struct sk_call *call, struct sk_record *r, const struct sk_value *attachments)
{
	struct sk_update *u = call->state;

	u->to = r;
	r->spec = new_spec(call->arena, r->spec, attachments);
	r->update_ms = sk_control_wall_ms(call->c);
	u->move = (struct sk_move){ .id = r->id,
		.seq = r->seq,
		.expect_attempt = r->life.attempt,
		.expect_phase = r->life.phase,
		.set = SK_SET_ATTACHMENTS,
		.to = r };
	u->op = (struct sk_op_move){ .moves = &u->move, .n = 1 };
	sk_call_submit(call, &u->op.op, SK_OP_MOVE, moved);
}

static void
got(struct sk_call *call, struct sk_record *r)
{
	struct sk_update *u = call->state;
	const struct sk_value *attachments;
	struct sk_problems p;

	if (!sk_call_matches(call, r)) {
		sk_call_changed(call);
		return;
	}
	if (r->array_size > 0 && r->life.attempt > 0) {
		sk_call_error(call, 409, "elements of the array have started: its attachments stay");
		return;
	}
	if (sk_record_active(r) && !sk_record_updatable(r)) {
		sk_call_error(call, 409, SK_ACTIVE_ELSEWHERE);
		return;
	}
	sk_problems_init(&p, call->arena, "");
	attachments = new_attachments(u, r, &p);
	if (attachments != NULL) {
		store(call, r, attachments);
		return;
	}
	for (size_t i = 0; i < p.n; i++)
		p.list[i].line = 0;
	sk_call_invalid(call, &p);
}

static void
begin(struct sk_update *u)
{
	sk_call_get(u->call, got);
}

void
sk_call_update(struct sk_call *call, bool replace)
{
	struct sk_update *u = sk_arena_alloc(call->arena, sizeof(*u));
	struct body b;

	if (!sk_call_decode(call, sk_api_update_fields, &b, sizeof(b)))
		return;
	if (b.attachments->kind != SK_MAP) {
		sk_call_wrong(call, "attachments",
			sk_arena_printf(
				call->arena, "expected map, got %s", sk_value_found(call->arena, b.attachments)));
		return;
	}
	u->call = call;
	u->given = b.attachments;
	u->replace = replace;
	call->state = u;
	call->release = leave_line;
	if (!wait_in_line(u))
		begin(u);
}

void
sk_api_update(struct sk_call *call)
{
	sk_call_update(call, false);
}
