/* record_json.c - a stored task as JSON, with the names of the command line's contract. */
#include "core/model/record_spec.h"
#include "core/run/worker.h"
#include <string.h>

#define MASK "\"***\""

/* ---- attachments without secrets ---- */

static void masked_map(struct sk_str *out, const struct sk_field *f, const struct sk_value *v);

static const struct sk_field *
row_of(const struct sk_field *f, const char *key)
{
	for (; f != NULL && f->kind != SK_FIELD_END; f++)
		if (strcmp(f->name, key) == 0 || (f->key != NULL && strcmp(f->key, key) == 0))
			return f;
	return NULL;
}

static void
masked_list(struct sk_str *out, const struct sk_field *sub, const struct sk_value *v)
{
	sk_str_addc(out, '[');
	for (size_t i = 0; i < v->u.list.n; i++) {
		sk_json_next(out);
		masked_map(out, sub, v->u.list.items[i]);
	}
	sk_str_addc(out, ']');
}

static void
masked(struct sk_str *out, const struct sk_field *f, const struct sk_value *v)
{
	if (f != NULL && f->secret && v->kind != SK_NULL)
		sk_str_adds(out, MASK);
	else if (f != NULL && f->sub != NULL && v->kind == SK_LIST)
		masked_list(out, f->sub, v);
	else
		masked_map(out, f != NULL ? f->sub : NULL, v);
}

static void
masked_map(struct sk_str *out, const struct sk_field *fields, const struct sk_value *v)
{
	if (fields == NULL || v->kind != SK_MAP) {
		sk_value_json(out, v);
		return;
	}
	sk_str_addc(out, '{');
	for (size_t i = 0; i < v->u.map.n; i++) {
		const struct sk_pair *pair = &v->u.map.pairs[i];

		sk_json_key(out, pair->key);
		masked(out, row_of(fields, pair->key), pair->value);
	}
	sk_str_addc(out, '}');
}

static const struct sk_field *
fields_of(const char *class_name, const struct sk_worker *const *workers)
{
	for (; workers != NULL && *workers != NULL; workers++)
		if (strcmp((*workers)->name, class_name) == 0)
			return (*workers)->fields;
	return NULL;
}

/* ---- members ---- */

static void
put_null(struct sk_str *out, const char *key)
{
	sk_json_key(out, key);
	sk_str_adds(out, "null");
}

/* "" is null. */
static void
put_text(struct sk_str *out, const char *key, const char *text)
{
	sk_json_kstr(out, key, text[0] != '\0' ? text : NULL);
}

/* 0 is null. */
static void
put_time(struct sk_str *out, const char *key, int64_t ms)
{
	if (ms != 0)
		sk_json_kint(out, key, ms);
	else
		put_null(out, key);
}

/* What a member that is absent stands for, by the table. */
static void
put_default(struct sk_str *out, const char *key)
{
	const struct sk_field *f = row_of(sk_spec_fields, key);

	if (f == NULL || f->def == NULL)
		sk_str_adds(out, "null");
	else if (f->kind == SK_FIELD_STRING || f->kind == SK_FIELD_ENUM)
		sk_json_string(out, f->def);
	else
		sk_str_adds(out, f->def);
}

static void
put_spec(struct sk_str *out, const char *key, const struct sk_record *r)
{
	const struct sk_value *v = sk_map_get(r->spec, key);

	sk_json_key(out, key);
	if (v != NULL && v->kind != SK_NULL)
		sk_value_json(out, v);
	else
		put_default(out, key);
}

static void
put_specs(struct sk_str *out, const char *const *keys, const struct sk_record *r)
{
	for (; *keys != NULL; keys++)
		put_spec(out, *keys, r);
}

static void
put_attachments(
	struct sk_str *out, const struct sk_record *r, const struct sk_worker *const *workers)
{
	const struct sk_value *v = sk_map_get(r->spec, "attachments");

	sk_json_key(out, "attachments");
	if (v == NULL)
		sk_str_adds(out, "null");
	else
		masked_map(out, fields_of(r->class_name, workers), v);
}

void
sk_record_attachments_json(
	struct sk_str *out, const struct sk_record *r, const struct sk_worker *const *workers)
{
	const struct sk_value *v = sk_map_get(r->spec, "attachments");

	if (v != NULL && v->kind == SK_MAP)
		masked_map(out, fields_of(r->class_name, workers), v);
	else
		sk_str_adds(out, "{}");
}

static void
put_exit(struct sk_str *out, const struct sk_exit *e)
{
	if (!e->known) {
		put_null(out, "exit");
		return;
	}
	sk_json_key(out, "exit");
	sk_str_addc(out, '{');
	sk_json_kstr(out, "reason", sk_reason_name(e->reason));
	sk_json_kint(out, "code", e->code);
	sk_json_kint(out, "signal", e->signal);
	sk_json_kstr(out, "message", e->message);
	sk_str_addc(out, '}');
}

static void
put_progress(struct sk_str *out, const struct sk_record *r)
{
	if (r->start_ms == 0) {
		put_null(out, "progress");
		return;
	}
	sk_json_key(out, "progress");
	sk_str_addc(out, '{');
	sk_json_key(out, "value");
	sk_json_double(out, r->progress);
	sk_json_kstr(out, "stage", r->stage);
	sk_str_addc(out, '}');
}

static void
put_result(struct sk_str *out, const struct sk_record *r)
{
	sk_json_key(out, "result");
	if (r->result == NULL)
		sk_str_adds(out, "null");
	else
		sk_json_string_n(out, r->result, r->result_len);
}

/* ---- the three parts of a task ---- */

static void
put_original(struct sk_str *out, const struct sk_record *r, const struct sk_worker *const *workers)
{
	static const char *const about[] = { "name", "description", "source", "mode", NULL };

	sk_json_kstr(out, "id", r->id);
	sk_json_kstr(out, "className", r->class_name);
	put_specs(out, about, r);
	put_text(out, "executor", r->life.executor);
	put_spec(out, "isPersistent", r);
	sk_json_kstr(out, "lifecycleStatus", sk_phase_name(r->life.phase));
	sk_json_kint(out, "priority", r->priority);
	put_spec(out, "dependencies", r);
	sk_json_kint(out, "createDateTime", r->create_ms);
	sk_json_kint(out, "updateDateTime", r->update_ms);
	put_spec(out, "deadlineDateTime", r);
	put_attachments(out, r, workers);
}

static void
put_life(struct sk_str *out, const struct sk_record *r)
{
	int64_t due_ms = r->life.phase == SK_CREATED ? r->due_ms : 0;

	sk_json_kstr(out, "phase", sk_phase_name(r->life.phase));
	sk_json_kstr(out, "wanted", sk_wanted_name(r->life.wanted));
	sk_json_kint(out, "attempt", r->life.attempt);
	sk_json_kint(out, "failures", r->life.failures);
	sk_json_kint(out, "maxAttempts", r->life.max_attempts);
	put_spec(out, "backoffSeconds", r);
	put_spec(out, "maxBackoffSeconds", r);
	put_time(out, "nextRetry", r->life.attempt > 0 ? due_ms : 0);
	sk_json_key(out, "executorIncarnation");
	if (r->life.incarnation != 0)
		/* ours are below 2^63; of what others wrote a reader of JSON must be able to take it, too
		 * */
		sk_json_int(out, (int64_t)r->life.incarnation);
	else
		sk_str_adds(out, "null");
	put_time(out, "startDateTime", r->start_ms);
	put_time(out, "finishDateTime", r->finish_ms);
	put_spec(out, "timeoutSeconds", r);
	put_spec(out, "graceSeconds", r);
	put_time(out, "notBefore", r->life.attempt == 0 ? due_ms : 0);
}

static void
put_rest(struct sk_str *out, const struct sk_record *r)
{
	static const char *const how[] = { "labels", "resources", "onDisconnect", "user", "cwd", NULL };

	put_text(out, "uniqueKey", r->unique_key);
	put_specs(out, how, r);
	put_progress(out, r);
	put_result(out, r);
	put_exit(out, &r->exit);
	put_text(out, "arrayParent", r->array_parent);
	if (r->array_parent[0] != '\0')
		sk_json_kint(out, "arrayIndex", r->array_index);
	else
		put_null(out, "arrayIndex");
	put_spec(out, "yamlHash", r);
}

void
sk_record_json(
	struct sk_str *out, const struct sk_record *r, const struct sk_worker *const *workers)
{
	sk_str_addc(out, '{');
	put_original(out, r, workers);
	put_life(out, r);
	put_rest(out, r);
	sk_str_addc(out, '}');
}
