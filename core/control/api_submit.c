/* api_submit.c - POST /v1/tasks: one task, a list, or JSON Lines; all or none, each once. */
#include "core/control/api_priv.h"
#include "core/control/batch.h"
#include <string.h>

#define MAX_TASKS 100000
#define MAX_TRIES 4

enum form { ONE, LIST, LINES };

struct submission {
	struct sk_batch b;
	enum form form;
	bool dry_run;
	bool part; /* of one input: what these depend on may come in another part */
	int tries;
	struct sk_op_get get; /* what the batch depends on; what is stored under its ids */
	struct sk_op_insert insert;
	struct sk_batch_item **going; /* in the order of insert.records, or of get.ids */
	size_t n_existing;
};

/* ---- reading ---- */

static void
read_task(struct sk_call *call, const struct sk_value *v, size_t place)
{
	struct submission *s = call->state;
	struct sk_batch_item *item = &s->b.items[s->b.n];
	struct sk_submit_context ctx = { .workers = call->c->cfg.workers,
		.now_ms = sk_control_wall_ms(call->c),
		.ulid = call->key[0] != '\0' ? NULL : &call->c->ulid,
		.source = "API" };
	const struct sk_value *id = sk_map_get(v, "id");
	const char *given = id != NULL && id->kind == SK_STRING ? id->u.str.s : NULL;

	item->bad = !sk_submit_record(&ctx, v, call->arena, &item->r, &s->b.problems);
	item->own_id = given != NULL;
	if (item->bad) {
		sk_record_init(&item->r, call->arena);
		item->r.id = given != NULL ? given : "";
	}
	if (item->bad || item->r.id[0] != '\0')
		return;
	item->r.id = sk_batch_id(call->arena, call->key, place);
	item->derived = true;
}

/* The problems since `before` are of this line. */
static void
name_line(struct submission *s, size_t before, int line)
{
	for (size_t i = before; i < s->b.problems.n; i++) {
		s->b.problems.list[i].line = line;
		s->b.problems.list[i].column = 0;
	}
	s->b.items[s->b.n++].line = line;
}

static void
read_line(struct sk_call *call, const char *p, size_t n, int line)
{
	struct submission *s = call->state;
	struct sk_problems *problems = &s->b.problems;
	size_t before = problems->n;
	const struct sk_value *v = call->c->cfg.parse_json(p, n, call->arena, problems);

	if (v != NULL) {
		read_task(call, v, s->b.n);
	} else {
		s->b.items[s->b.n].bad = true;
		sk_record_init(&s->b.items[s->b.n].r, call->arena);
	}
	if (v == NULL && problems->n > before)
		problems->list[before].text = sk_arena_printf(call->arena, "%s (column %d)",
			problems->list[before].text, problems->list[before].column);
	name_line(s, before, line);
}

static bool
is_blank(const char *p, size_t n)
{
	while (n > 0 && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++, n--;
	return n == 0;
}

/* How many lines there are is known before memory is taken for them. */
static size_t
count_lines(const char *p, size_t n)
{
	const char *end = p + n, *nl;
	size_t lines = n > 0 && p[n - 1] != '\n';

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p = nl + 1;
	}
	return lines;
}

static bool
make_room(struct sk_call *call, size_t n)
{
	struct submission *s = call->state;

	if (n > MAX_TASKS) {
		sk_call_error(call, 413, "more than %d tasks at once: send them in parts", MAX_TASKS);
		return false;
	}
	s->b.items = sk_arena_alloc(call->arena, n * sizeof(*s->b.items));
	return true;
}

static bool
read_lines(struct sk_call *call)
{
	const char *p = call->body, *end = p + call->len;
	int line = 0;

	if (!make_room(call, count_lines(p, call->len)))
		return false;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl != NULL ? nl : end) - p);

		line++;
		if (!is_blank(p, n))
			read_line(call, p, n, line);
		p += n + 1;
	}
	return true;
}

static bool
read_json(struct sk_call *call)
{
	struct submission *s = call->state;
	const struct sk_value *v = sk_call_body(call);
	size_t n = v != NULL && v->kind == SK_LIST ? v->u.list.n : 1;

	if (v == NULL || !make_room(call, n))
		return false;
	s->form = v->kind == SK_LIST ? LIST : ONE;
	call->listed = s->form == LIST;
	for (size_t i = 0; i < n; i++) {
		size_t before = s->b.problems.n;

		read_task(call, s->form == LIST ? v->u.list.items[i] : v, i);
		name_line(s, before, s->form == LIST ? (int)i + 1 : 0);
	}
	return true;
}

static bool
is_lines(const char *type)
{
	size_t n = strcspn(type, "; ");

	return n == 20 && strncasecmp(type, "application/x-ndjson", n) == 0;
}

static bool
read_body(struct sk_call *call)
{
	struct submission *s = call->state;

	if (!is_lines(call->content_type))
		return read_json(call);
	s->form = LINES;
	if (call->len <= SK_API_MAX_BODY)
		return read_lines(call);
	sk_call_error(call, 413, "the body has more than 4 MiB");
	return false;
}

/* ---- answering ---- */

static void
put_problems(struct sk_call *call)
{
	struct submission *s = call->state;

	if (!s->b.skip_invalid)
		return;
	sk_problems_sort(&s->b.problems);
	sk_json_key(&call->out, "problems");
	sk_problem_list(&call->out, &s->b.problems, call->listed);
}

static void
answer_dry(struct sk_call *call)
{
	const struct submission *s = call->state;
	int64_t valid = 0;

	for (size_t i = 0; i < s->b.n; i++)
		valid += !s->b.items[i].bad;
	sk_str_addc(&call->out, '{');
	sk_json_kbool(&call->out, "dryRun", true);
	sk_json_kint(&call->out, "valid", valid);
	put_problems(call);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 200);
}

static void
put_items(struct sk_str *out, const struct submission *s)
{
	sk_str_adds(out, "{\"items\":[");
	for (size_t i = 0; i < s->b.n; i++) {
		if (s->b.items[i].bad)
			continue;
		sk_json_next(out);
		sk_str_addc(out, '{');
		sk_json_kstr(out, "id", s->b.items[i].r.id);
		sk_json_kbool(out, "created", !s->b.items[i].exists);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, ']');
}

static void
put_ids(struct sk_str *out, const struct submission *s)
{
	int64_t n = 0;

	sk_str_adds(out, "{\"ids\":[");
	for (size_t i = 0; i < s->b.n; i++)
		if (!s->b.items[i].bad) {
			sk_json_next(out);
			sk_json_string(out, s->b.items[i].r.id);
			n++;
		}
	sk_str_addc(out, ']');
	sk_json_kint(out, "created", n - (int64_t)s->n_existing);
	sk_json_kint(out, "existing", (int64_t)s->n_existing);
}

static void
answer(struct sk_call *call)
{
	struct submission *s = call->state;

	sk_str_clear(&call->out);
	if (s->form == LINES)
		put_ids(&call->out, s);
	else
		put_items(&call->out, s);
	put_problems(call);
	sk_str_addc(&call->out, '}');
	sk_call_json(call, 201);
}

/* True when problems ended it. */
static bool
refused(struct sk_call *call)
{
	struct submission *s = call->state;

	if (s->b.problems.n_errors == 0 || s->b.skip_invalid)
		return false;
	sk_problems_sort(&s->b.problems);
	if (s->b.conflict)
		sk_call_conflict(call, &s->b.problems);
	else
		sk_call_invalid(call, &s->b.problems);
	return true;
}

/* ---- what is stored already ---- */

static void insert(struct sk_call *call);

/* A record under the id of an item. */
static void
meet(struct submission *s, struct sk_batch_item *item, const struct sk_record *stored)
{
	if (sk_submit_same(stored, &item->r)) {
		item->exists = true;
		s->n_existing++;
	} else if (item->derived) {
		sk_batch_wrong(&s->b, item, "", "this Idempotency-Key was used for another task");
	} else {
		s->b.conflict = true;
		sk_batch_wrong(&s->b, item, "id", "there is a task %s with other content",
			sk_quote(s->b.arena, item->r.id));
	}
}

/* What the store named as standing in the way: a unique key in use. */
static void
meet_keys(struct submission *s)
{
	for (size_t i = 0; i < s->insert.n && s->insert.found != NULL; i++) {
		struct sk_batch_item *item = s->going[i];
		const struct sk_record *other = s->insert.found[i];

		if (other == NULL || item->bad || item->exists || strcmp(other->id, item->r.id) == 0)
			continue;
		s->b.conflict = true;
		sk_batch_wrong(&s->b, item, "uniqueKey", "%s is in use by task %s",
			sk_quote(s->b.arena, item->r.unique_key), other->id);
	}
}

static void
met(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct submission *s = call->state;
	size_t known = s->n_existing;
	size_t wrong = s->b.problems.n_errors;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	for (size_t i = 0; i < s->get.n; i++)
		if (s->get.records[i] != NULL)
			meet(s, s->going[i], s->get.records[i]);
	meet_keys(s);
	if (refused(call))
		return;
	if (known == s->n_existing && wrong == s->b.problems.n_errors && ++s->tries == MAX_TRIES)
		sk_call_error(call, 409, "others store tasks with these ids or unique keys all the time");
	else
		insert(call);
}

static void
look_for_ids(struct sk_call *call)
{
	struct submission *s = call->state;
	const char **ids = sk_arena_alloc(call->arena, (s->insert.n + 1) * sizeof(*ids));

	for (size_t i = 0; i < s->insert.n; i++)
		ids[i] = s->going[i]->r.id;
	s->get = (struct sk_op_get){ .ids = ids, .n = s->insert.n };
	sk_call_submit(call, &s->get.op, SK_OP_GET, met);
}

/* ---- storing ---- */

static void
inserted(struct sk_op *op)
{
	struct sk_call *call = op->arg;

	if (op->code == SK_OK)
		answer(call);
	else if (op->code == SK_ECONFLICT)
		look_for_ids(call);
	else
		sk_call_failed(call, op->code, &op->err);
}

/* As it was before an insert that did not happen gave it to a skald. */
static void
not_assigned(struct sk_record *r)
{
	r->life = (struct sk_life){
		.phase = SK_CREATED, .wanted = SK_WANT_RUN, .max_attempts = r->life.max_attempts
	};
}

/* Those that are right and not there yet. */
static void
choose(struct sk_call *call)
{
	struct submission *s = call->state;
	const struct sk_record **records = sk_arena_alloc(call->arena, (s->b.n + 1) * sizeof(*records));
	size_t n = 0;

	for (size_t i = 0; i < s->b.n; i++) {
		struct sk_batch_item *item = &s->b.items[i];

		if (item->bad || item->exists)
			continue;
		not_assigned(&item->r);
		s->going[n] = item;
		records[n++] = &item->r;
	}
	s->insert = (struct sk_op_insert){ .records = records, .n = n };
}

static void
insert(struct sk_call *call)
{
	struct submission *s = call->state;

	choose(call);
	if (s->insert.n == 0) {
		answer(call);
		return;
	}
	sk_call_op(call, &s->insert.op, SK_OP_INSERT, inserted);
	sk_control_insert(call->c, &s->insert);
}

/* ---- a dry run ---- */

static void
looked(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct submission *s = call->state;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	for (size_t i = 0; i < s->insert.n; i++) {
		const struct sk_record *other = s->insert.found[i];

		if (other != NULL && strcmp(other->id, s->going[i]->r.id) == 0)
			meet(s, s->going[i], other);
	}
	meet_keys(s);
	if (!refused(call))
		answer_dry(call);
}

static void
look(struct sk_call *call)
{
	struct submission *s = call->state;

	choose(call);
	s->insert.dry = true;
	sk_call_submit(call, &s->insert.op, SK_OP_INSERT, looked);
}

/* ---- what it depends on ---- */

static void
go(struct sk_call *call)
{
	struct submission *s = call->state;

	if (refused(call))
		return;
	s->going = sk_arena_alloc(call->arena, (s->b.n + 1) * sizeof(struct sk_batch_item *));
	if (s->dry_run)
		look(call);
	else
		insert(call);
}

static void
needs_read(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct submission *s = call->state;
	size_t k = 0;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	for (size_t i = 0; i < s->b.n_needs; i++) {
		const struct sk_batch_need *need = &s->b.needs[i];

		if (i > 0 && strcmp(need->id, s->b.needs[i - 1].id) != 0)
			k++;
		if (s->get.records[k] == NULL)
			sk_batch_wrong(&s->b, &s->b.items[need->item], "dependencies", "there is no task %s",
				sk_quote(call->arena, need->id));
	}
	/* Who depends on what is wrong now is wrong as well. */
	s->b.n_needs = 0;
	sk_batch_check(&s->b);
	go(call);
}

/* Each id once; they are sorted. */
static void
look_for_needs(struct sk_call *call)
{
	struct submission *s = call->state;
	const char **ids = sk_arena_alloc(call->arena, s->b.n_needs * sizeof(*ids));
	size_t n = 0;

	for (size_t i = 0; i < s->b.n_needs; i++)
		if (n == 0 || strcmp(ids[n - 1], s->b.needs[i].id) != 0)
			ids[n++] = s->b.needs[i].id;
	s->get = (struct sk_op_get){ .ids = ids, .n = n };
	sk_call_submit(call, &s->get.op, SK_OP_GET, needs_read);
}

void
sk_api_submit(struct sk_call *call)
{
	struct submission *s = sk_arena_alloc(call->arena, sizeof(*s));

	s->b.arena = call->arena;
	sk_problems_init(&s->b.problems, call->arena, "");
	call->state = s;
	if (!sk_call_bool(call, "skip_invalid", &s->b.skip_invalid) ||
		!sk_call_bool(call, "dry_run", &s->dry_run) || !sk_call_bool(call, "part", &s->part))
		return;
	if (s->part && !s->dry_run) {
		sk_call_error(call, 400, "part: only with dry_run");
		return;
	}
	if (!read_body(call))
		return;
	sk_batch_check(&s->b);
	if (s->b.n_needs > 0 && !s->part)
		look_for_needs(call);
	else
		go(call);
}
