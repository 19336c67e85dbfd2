/* submit.c - from a map to a record: the table, the parts of the spec, the comparison of two. */
#include "core/control/submit_priv.h"
#include "core/model/task.h"
#include <math.h>
#include <string.h>

const struct sk_field sk_submit_fields[] = {
	SK_FIELD(struct sk_submission, class_name, .key = "className", .required = true,
		.bounded = true, .min = 1, .max = 255, .doc = "the worker class that does the work"),
	SK_FIELD(struct sk_submission, id, .nullable = true,
		.pattern = "^[^\\-\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]{0,254}$",
		.doc = "an id of your own, so that sending twice makes one task"),
	SK_SPEC_ROWS,
	SK_FIELD(struct sk_submission, priority, .def = "0", .nullable = true, .bounded = true,
		.min = 0, .max = 10, .doc = "higher ones start first"),
	SK_FIELD(struct sk_submission, not_before_ms, .key = "notBefore", .def = "0", .nullable = true,
		.bounded = true, .min = 0, .max = SK_LAST_MS, .doc = "not started before this time (ms)"),
	SK_FIELD(struct sk_submission, delay_s, .key = "delaySeconds", .def = "0", .nullable = true,
		.bounded = true, .min = 0, .max = SK_TEN_YEARS_S,
		.doc = "not started before this long from now"),
	SK_FIELD(struct sk_submission, max_attempts, .key = "maxAttempts", .def = "3", .nullable = true,
		.bounded = true, .min = 1, .max = 1e6, .doc = "how often the task is started at most"),
	SK_FIELD(struct sk_submission, unique_key, .key = "uniqueKey", .nullable = true,
		.bounded = true, .min = 0, .max = 255,
		.doc = "refused while another task with this key has not ended"),
	SK_FIELD(struct sk_submission, array, .nullable = true,
		.pattern = "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$", .bounded = true, .min = 1,
		.max = 65536, .doc = "one task for each index: \"0-99\", \"1-10,20\""),
	SK_FIELDS_END
};

static const struct sk_field *
field_of(const struct sk_field *f, const char *key)
{
	for (; f->kind != SK_FIELD_END; f++)
		if ((f->key != NULL && strcmp(f->key, key) == 0) || strcmp(f->name, key) == 0)
			return f;
	return NULL;
}

const struct sk_value *
sk_submit_given(const struct sk_submit *s, const char *key)
{
	const struct sk_value *v = sk_field_get(field_of(sk_submit_fields, key), s->map);

	return v != NULL && v->kind != SK_NULL ? v : NULL;
}

/* ---- one spelling for each name ---- */

static const char *
documented(const struct sk_field *f)
{
	return f->key != NULL ? f->key : f->name;
}

static bool
is_documented(const struct sk_field *fields, const struct sk_value *v)
{
	for (size_t i = 0; i < v->u.map.n; i++) {
		const struct sk_pair *pair = &v->u.map.pairs[i];
		const struct sk_field *f = field_of(fields, pair->key);

		if (f == NULL)
			continue;
		if (strcmp(pair->key, documented(f)) != 0)
			return false;
		if (f->kind == SK_FIELD_OBJECT && pair->value->kind == SK_MAP &&
			!is_documented(f->sub, pair->value))
			return false;
	}
	return true;
}

/* The map with the names that the table documents, itself where it has them already. */
static struct sk_value *
with_documented(const struct sk_field *fields, struct sk_value *v, struct sk_arena *a)
{
	struct sk_value *out;

	if (v->kind != SK_MAP || is_documented(fields, v))
		return v;
	out = sk_value_new(a, SK_MAP);
	for (size_t i = 0; i < v->u.map.n; i++) {
		const struct sk_pair *pair = &v->u.map.pairs[i];
		const struct sk_field *f = field_of(fields, pair->key);
		struct sk_value *part = pair->value;

		if (f != NULL && f->kind == SK_FIELD_OBJECT)
			part = with_documented(f->sub, part, a);
		sk_map_add(a, out, f != NULL ? documented(f) : pair->key, part);
	}
	return out;
}

const struct sk_value *
sk_submit_documented(const struct sk_field *fields, const struct sk_value *v, struct sk_arena *a)
{
	struct sk_value *own = sk_arena_alloc(a, sizeof(*own));

	*own = *v;
	return with_documented(fields, own, a);
}

static const struct sk_value *
checked_attachments(const struct sk_worker *worker, struct sk_value *v, const char *path,
	struct sk_arena *a, struct sk_problems *p)
{
	if (v->kind != SK_MAP) {
		sk_problem(p, v->line, v->column, path, "expected map, got %s", sk_value_found(a, v));
		return NULL;
	}
	if (!sk_task_attachments(worker, v, path, false, a, p))
		return NULL;
	return with_documented(worker->fields, v, a);
}

const struct sk_value *
sk_submit_attachments(const struct sk_worker *worker, const struct sk_value *v, const char *path,
	struct sk_arena *a, struct sk_problems *p)
{
	struct sk_value *own = sk_arena_alloc(a, sizeof(*own));

	*own = v != NULL && v->kind != SK_NULL ? *v : (struct sk_value){ .kind = SK_MAP };
	return checked_attachments(worker, own, path, a, p);
}

/* ---- the record ---- */

/* What is handed on, in the order it was given. */
static struct sk_value *
build_spec(struct sk_submit *s, const struct sk_value *attachments)
{
	struct sk_value *spec = sk_value_new(s->arena, SK_MAP);

	for (size_t i = 0; i < s->map->u.map.n; i++) {
		const struct sk_pair *pair = &s->map->u.map.pairs[i];
		const struct sk_field *f = field_of(sk_spec_fields, pair->key);
		struct sk_value *part = pair->value;

		if (f == NULL || part->kind == SK_NULL || strcmp(f->name, "attachments") == 0)
			continue;
		if (f->kind == SK_FIELD_OBJECT)
			part = with_documented(f->sub, part, s->arena);
		sk_map_add(s->arena, spec, documented(f), part);
	}
	if (attachments->u.map.n > 0) {
		struct sk_value *copy = sk_arena_alloc(s->arena, sizeof(*copy));

		*copy = *attachments;
		sk_map_add(s->arena, spec, "attachments", copy);
	}
	if (s->in.spec.source[0] == '\0' && s->ctx->source != NULL)
		sk_map_set(s->arena, spec, "source",
			sk_value_string(s->arena, s->ctx->source, strlen(s->ctx->source)));
	return spec;
}

static int64_t
not_before(const struct sk_submit *s)
{
	if (s->in.delay_s > 0)
		return s->ctx->now_ms + (int64_t)ceil(s->in.delay_s * 1000);
	return s->in.not_before_ms > s->ctx->now_ms ? s->in.not_before_ms : 0;
}

static const char *
own_id(const struct sk_submit *s)
{
	char *id;

	if (s->in.id[0] != '\0')
		return s->in.id;
	if (s->ctx->ulid == NULL)
		return "";
	id = sk_arena_alloc(s->arena, SK_ULID_LEN);
	sk_ulid_make(s->ctx->ulid, s->ctx->now_ms, id);
	return id;
}

static void
fill(const struct sk_submit *s, const struct sk_value *spec, int64_t size, struct sk_record *r)
{
	int64_t now = s->ctx->now_ms;

	sk_record_init(r, s->arena);
	r->id = own_id(s);
	r->class_name = s->in.class_name;
	r->life.phase = SK_CREATED;
	r->life.wanted = SK_WANT_RUN;
	r->life.max_attempts = (uint32_t)s->in.max_attempts;
	r->priority = s->in.priority;
	r->rank_ms = now - s->in.priority * SK_PRIORITY_MS;
	r->create_ms = r->update_ms = now;
	r->due_ms = not_before(s);
	r->gate = s->in.spec.dependencies.n > 0 ? SK_GATE_DEPENDENCY
		: r->due_ms > 0						? SK_GATE_TIME
											: SK_GATE_OPEN;
	r->unique_key = s->in.unique_key;
	r->array = size > 0 ? s->in.array : NULL;
	r->array_size = size;
	r->spec = spec;
}

/* The class is looked up although other parts are wrong: all problems are reported in one go. */
static const struct sk_value *
check_class(struct sk_submit *s)
{
	const struct sk_value *name = sk_submit_given(s, "className"), *att;
	struct sk_value none = { .kind = SK_MAP, .line = s->map->line, .column = s->map->column };
	const struct sk_worker *worker;

	if (name == NULL || name->kind != SK_STRING || name->u.str.len == 0)
		return NULL;
	worker = sk_task_class(name->u.str.s, s->ctx->workers, name->line, name->column, "className",
		s->arena, s->problems);
	if (worker == NULL)
		return NULL;
	att = sk_submit_given(s, "attachments");
	return sk_submit_attachments(
		worker, att != NULL ? att : &none, "attachments", s->arena, s->problems);
}

bool
sk_submit_record(const struct sk_submit_context *ctx, const struct sk_value *v, struct sk_arena *a,
	struct sk_record *out, struct sk_problems *p)
{
	struct sk_submit s = { .ctx = ctx, .map = v, .arena = a, .problems = p };
	const struct sk_value *attachments;
	int64_t size = 0;
	bool ok;

	if (v->kind != SK_MAP) {
		sk_problem(
			p, v->line, v->column, "", "expected a task (a map), got %s", sk_value_found(a, v));
		return false;
	}
	ok = sk_fields_decode(sk_submit_fields, v, &s.in, sizeof(s.in), a, "", false, p);
	ok = sk_submit_check(&s, &size) && ok;
	attachments = check_class(&s);
	if (!ok || attachments == NULL)
		return false;
	fill(&s, build_spec(&s, attachments), size, out);
	return true;
}

/* ---- the same task? ---- */

/* Equal but for where the task came from. */
static bool
specs_equal(const struct sk_value *a, const struct sk_value *b)
{
	size_t n = 0, m = 0;

	for (size_t i = 0; i < a->u.map.n; i++) {
		const struct sk_pair *pair = &a->u.map.pairs[i];
		const struct sk_value *other;

		if (strcmp(pair->key, "source") == 0)
			continue;
		n++;
		other = sk_map_get(b, pair->key);
		if (other == NULL || !sk_value_equal(pair->value, other))
			return false;
	}
	for (size_t i = 0; i < b->u.map.n; i++)
		m += strcmp(b->u.map.pairs[i].key, "source") != 0;
	return n == m;
}

bool
sk_submit_same(const struct sk_record *stored, const struct sk_record *submitted)
{
	return strcmp(stored->id, submitted->id) == 0 &&
		strcmp(stored->class_name, submitted->class_name) == 0 &&
		stored->priority == submitted->priority &&
		stored->life.max_attempts == submitted->life.max_attempts &&
		strcmp(stored->unique_key, submitted->unique_key) == 0 && stored->array_parent[0] == '\0' &&
		stored->array_size == submitted->array_size &&
		(submitted->array == NULL ||
			sk_array_within(stored->array != NULL ? stored->array : "", submitted->array)) &&
		specs_equal(stored->spec, submitted->spec);
}
