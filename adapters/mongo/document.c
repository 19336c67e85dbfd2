/* document.c - a task of ours as a document. */
#include "adapters/mongo/document.h"
#include "core/model/record_spec.h"
#include <string.h>

const char *const sk_mg_spec_names[] = { "name", "description", "source", "mode", "isPersistent",
	"dependencies", "dependencyPolicy", "deadlineDateTime", "attachments", "backoffSeconds",
	"maxBackoffSeconds", "timeoutSeconds", "graceSeconds", "labels", "resources", "onDisconnect",
	"user", "cwd", "env", "stdin", "yamlHash", NULL };

bool
sk_mg_reserved(const char *name)
{
	static const char *const ours[] = { "_id", "id", "className", "executor", "createDateTime",
		"updateDateTime", "lifecycleStatus", "priority", "phase", "wanted", "attempt", "failures",
		"maxAttempts", "executorIncarnation", "startDateTime", "finishDateTime", "progress",
		"result", "exit", "uniqueKey", "arrayParent", "arrayIndex", "seq", "rank", "gate", "due",
		"array", "arraySize", "adopted", "specMembers", "odd", "labelIndex", "needs", "move",
		"ended", "keyClaim", "batch", "batchPart", "stagedPhase", "stagedAt", NULL };

	for (const char *const *n = ours; *n != NULL; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return name[0] == '\0' || name[0] == '$' || strchr(name, '.') != NULL ||
		sk_utf8_bad(name, strlen(name)) != strlen(name);
}

/* ---- the spec ---- */

/* What the original refuses in its members is put aside. */
static bool
right_kind(const char *name, const struct sk_value *v)
{
	static const char *const texts[] = { "name", "description", "source", "mode" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i]) == 0)
			return v->kind == SK_STRING;
	if (strcmp(name, "isPersistent") == 0)
		return v->kind == SK_BOOL;
	if (strcmp(name, "deadlineDateTime") == 0)
		return v->kind == SK_INT;
	if (strcmp(name, "attachments") == 0)
		return v->kind == SK_MAP;
	if (strcmp(name, "dependencies") != 0)
		return true;
	for (size_t i = 0; v->kind == SK_LIST && i < v->u.list.n; i++)
		if (v->u.list.items[i]->kind != SK_STRING)
			return false;
	return v->kind == SK_LIST;
}

static bool
is_odd(const struct sk_pair *p)
{
	return !right_kind(p->key, p->value) || !sk_mg_plain_keys(p->value);
}

static void
put_member(bson_t *b, const struct sk_pair *p)
{
	if (strcmp(p->key, "deadlineDateTime") == 0)
		sk_mg_put_i64(b, p->key, p->value->u.i);
	else
		sk_mg_put_value(b, p->key, p->value);
}

static bool
has_plain(const struct sk_value *spec, const char *name)
{
	for (size_t i = 0; i < spec->u.map.n; i++)
		if (strcmp(spec->u.map.pairs[i].key, name) == 0)
			return !is_odd(&spec->u.map.pairs[i]);
	return false;
}

/* For the original's readers, which refuse null or need the member. */
static void
put_fillers(bson_t *b, const struct sk_value *spec)
{
	static const struct sk_value empty = { .kind = SK_MAP };

	if (!has_plain(spec, "source"))
		sk_mg_put_text(b, "source", "");
	if (!has_plain(spec, "mode"))
		sk_mg_put_text(b, "mode", "Passive");
	if (!has_plain(spec, "isPersistent"))
		sk_mg_put_bool(b, "isPersistent", true);
	if (!has_plain(spec, "deadlineDateTime"))
		sk_mg_put_i64(b, "deadlineDateTime", 0);
	if (!has_plain(spec, "attachments"))
		sk_mg_put_value(b, "attachments", &empty);
	if (!has_plain(spec, "dependencies"))
		sk_mg_put_null(b, "dependencies");
}

static void
put_names(bson_t *b, const struct sk_value *spec)
{
	bson_t child;
	struct sk_mg_list l = { .b = &child };

	bson_append_array_begin(b, "specMembers", -1, &child);
	for (size_t i = 0; i < spec->u.map.n; i++)
		if (!sk_mg_reserved(spec->u.map.pairs[i].key))
			sk_mg_put_text(&child, sk_mg_next_key(&l), spec->u.map.pairs[i].key);
	bson_append_array_end(b, &child);
}

static void
put_odd(bson_t *b, const struct sk_value *spec)
{
	struct sk_str bytes = SK_STR_INIT;
	bson_t child;

	bson_append_document_begin(b, "odd", -1, &child);
	for (size_t i = 0; i < spec->u.map.n; i++) {
		const struct sk_pair *p = &spec->u.map.pairs[i];

		if (sk_mg_reserved(p->key) || !is_odd(p))
			continue;
		sk_str_clear(&bytes);
		sk_value_encode(&bytes, p->value);
		sk_mg_put_binary(&child, p->key, bytes.p, bytes.len);
	}
	bson_append_document_end(b, &child);
	sk_str_release(&bytes);
}

/* "k" and, when its value is a string, "k=v". A key with '=' is never asked for. */
static void
put_label_index(bson_t *b, const struct sk_value *labels)
{
	struct sk_str entry = SK_STR_INIT;
	bson_t child;
	struct sk_mg_list l = { .b = &child };

	bson_append_array_begin(b, "labelIndex", -1, &child);
	for (size_t i = 0; labels != NULL && labels->kind == SK_MAP && i < labels->u.map.n; i++) {
		const struct sk_pair *p = &labels->u.map.pairs[i];

		if (strchr(p->key, '=') != NULL)
			continue;
		sk_mg_put_text(&child, sk_mg_next_key(&l), p->key);
		if (p->value->kind != SK_STRING)
			continue;
		sk_str_clear(&entry);
		sk_str_addf(&entry, "%s=%s", p->key, p->value->u.str.s);
		sk_mg_put_text(&child, sk_mg_next_key(&l), entry.p);
	}
	bson_append_array_end(b, &child);
	sk_str_release(&entry);
}

static void
put_needs(bson_t *b, const struct sk_value *ids)
{
	bson_t child;
	struct sk_mg_list l = { .b = &child };

	bson_append_array_begin(b, "needs", -1, &child);
	for (size_t i = 0; ids != NULL && ids->kind == SK_LIST && i < ids->u.list.n; i++)
		if (ids->u.list.items[i]->kind == SK_STRING)
			sk_mg_put_text(&child, sk_mg_next_key(&l), ids->u.list.items[i]->u.str.s);
	bson_append_array_end(b, &child);
}

/* Everything of it that is not there is left out or null; an index entry only where one is
 * needed. all: also what is empty, to replace what stood there. */
static void
put_spec(bson_t *b, const struct sk_value *spec, bool all)
{
	const struct sk_value *labels = sk_map_get(spec, "labels");
	const struct sk_value *needs = sk_map_get(spec, "dependencies");
	bool odd = false;

	for (size_t i = 0; i < spec->u.map.n; i++) {
		const struct sk_pair *p = &spec->u.map.pairs[i];

		if (sk_mg_reserved(p->key))
			continue;
		if (is_odd(p))
			odd = true;
		else
			put_member(b, p);
	}
	put_names(b, spec);
	if (odd || all)
		put_odd(b, spec);
	if (labels != NULL || all)
		put_label_index(b, labels);
	if (needs != NULL || all)
		put_needs(b, needs);
}

/* ---- parts ---- */

static const char *
status_of(const struct sk_life *l)
{
	return sk_phase_name(l->phase);
}

static void
put_life(bson_t *b, const struct sk_life *l)
{
	sk_mg_put_text(b, "wanted", sk_wanted_name(l->wanted));
	sk_mg_put_i64(b, "attempt", l->attempt);
	sk_mg_put_i64(b, "failures", l->failures);
	sk_mg_put_u64(b, "executorIncarnation", l->incarnation);
}

static void
put_time(bson_t *b, const char *key, int64_t ms)
{
	if (ms != 0)
		sk_mg_put_i64(b, key, ms);
	else
		sk_mg_put_null(b, key);
}

static void
put_progress(bson_t *b, double value, const char *stage)
{
	bson_t child;

	bson_append_document_begin(b, "progress", -1, &child);
	sk_mg_put_double(&child, "value", value);
	sk_mg_put_text_or_null(&child, "stage", stage);
	bson_append_document_end(b, &child);
}

/* The numbers are kept where nothing is known, too: they come back as they were. */
static void
put_exit(bson_t *b, const struct sk_exit *e)
{
	bson_t child;

	bson_append_document_begin(b, "exit", -1, &child);
	if (e->known)
		sk_mg_put_text(&child, "reason", sk_reason_name(e->reason));
	else
		sk_mg_put_null(&child, "reason");
	sk_mg_put_i64(&child, "code", e->code);
	sk_mg_put_i64(&child, "signal", e->signal);
	sk_mg_put_text_or_null(&child, "message", e->message);
	bson_append_document_end(b, &child);
}

static void
put_result(bson_t *b, const struct sk_record *r)
{
	if (r->result != NULL)
		sk_mg_put_bytes(b, "result", r->result, r->result_len);
	else
		sk_mg_put_null(b, "result");
}

static void
put_array(bson_t *b, const struct sk_record *r)
{
	if (r->array != NULL)
		sk_mg_put_text(b, "array", r->array);
	if (r->array_size != 0)
		sk_mg_put_i64(b, "arraySize", r->array_size);
	if (r->array_parent[0] != '\0')
		sk_mg_put_text(b, "arrayParent", r->array_parent);
	if (r->array_index != 0 || r->array_parent[0] != '\0')
		sk_mg_put_i64(b, "arrayIndex", r->array_index);
}

/* ---- a new task ---- */

/* The original's members, those of the spec apart. */
static void
put_core(bson_t *b, const struct sk_record *r, const struct sk_mg_stamp *stamp)
{
	sk_mg_put_text(b, "id", r->id);
	sk_mg_put_text(b, "className", r->class_name);
	sk_mg_put_text_or_null(b, "executor", r->life.executor);
	sk_mg_put_i64(b, "createDateTime", r->create_ms);
	sk_mg_put_i64(b, "updateDateTime", r->update_ms);
	sk_mg_put_text(
		b, "lifecycleStatus", stamp->batch != NULL ? SK_MG_STAGED_STATUS : status_of(&r->life));
	bson_append_int32(b, "priority", -1, (int32_t)r->priority);
}

static void
put_stage(bson_t *b, const struct sk_record *r, const struct sk_mg_stamp *stamp)
{
	if (stamp->batch == NULL) {
		sk_mg_put_text(b, "phase", status_of(&r->life));
		return;
	}
	sk_mg_put_text(b, "phase", SK_MG_STAGED);
	sk_mg_put_text(b, "stagedPhase", status_of(&r->life));
	sk_mg_put_text(b, "batch", stamp->batch);
	sk_mg_put_i64(b, "batchPart", stamp->part);
	sk_mg_put_i64(b, "stagedAt", stamp->now_ms);
}

static void
put_course(bson_t *b, const struct sk_record *r)
{
	if (r->start_ms != 0)
		sk_mg_put_i64(b, "startDateTime", r->start_ms);
	if (r->finish_ms != 0)
		sk_mg_put_i64(b, "finishDateTime", r->finish_ms);
	if (r->start_ms != 0 || r->progress > 0 || r->progress < 0 || r->stage[0] != '\0')
		put_progress(b, r->progress, r->stage);
	if (r->exit.known || r->exit.code != 0 || r->exit.signal != 0 || r->exit.message[0] != '\0')
		put_exit(b, &r->exit);
	if (r->result != NULL)
		put_result(b, r);
}

void
sk_mg_put_record(bson_t *b, const struct sk_record *r, const struct sk_mg_stamp *stamp)
{
	put_core(b, r, stamp);
	put_fillers(b, r->spec);
	put_stage(b, r, stamp);
	put_life(b, &r->life);
	sk_mg_put_i64(b, "maxAttempts", r->life.max_attempts);
	sk_mg_put_u64(b, "seq", stamp->seq);
	sk_mg_put_i64(b, "rank", r->rank_ms);
	sk_mg_put_text(b, "gate", sk_gate_name(r->gate));
	sk_mg_put_i64(b, "due", r->due_ms);
	put_course(b, r);
	if (r->unique_key[0] != '\0')
		sk_mg_put_text(b, "uniqueKey", r->unique_key);
	if (stamp->claim != 0)
		sk_mg_put_i64(b, "keyClaim", stamp->claim);
	put_array(b, r);
	put_spec(b, r->spec, false);
}

/* ---- a change ---- */

/* What the new spec has no more. What the original must find stays as it was, and what adopted
 * tasks have of their maker (deadline, dependencies) is not ours to remove. */
static void
put_removed(bson_t *unset, const struct sk_value *spec)
{
	static const char *const kept[] = { "source", "mode", "isPersistent", "attachments",
		"dependencies", "deadlineDateTime" };

	for (const char *const *n = sk_mg_spec_names; *n != NULL; n++) {
		bool keep = has_plain(spec, *n);

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			keep = keep || strcmp(kept[i], *n) == 0;
		if (!keep)
			sk_mg_put_text(unset, *n, "");
	}
}

static void
put_new_spec(bson_t *set, bson_t *unset, const struct sk_value *spec)
{
	static const struct sk_value empty = { .kind = SK_MAP };

	put_spec(set, spec, true);
	if (!has_plain(spec, "attachments"))
		sk_mg_put_value(set, "attachments", &empty);
	put_removed(unset, spec);
}

static void
put_new_state(bson_t *set, unsigned bits, const struct sk_record *to)
{
	if (bits & SK_SET_LIFE) {
		sk_mg_put_text(set, "phase", status_of(&to->life));
		sk_mg_put_text(set, "lifecycleStatus", status_of(&to->life));
		sk_mg_put_text_or_null(set, "executor", to->life.executor);
		put_life(set, &to->life);
	}
	if (bits & SK_SET_GATE) {
		sk_mg_put_text(set, "gate", sk_gate_name(to->gate));
		sk_mg_put_i64(set, "due", to->due_ms);
	}
	if (bits & SK_SET_RANK) {
		bson_append_int32(set, "priority", -1, (int32_t)to->priority);
		sk_mg_put_i64(set, "rank", to->rank_ms);
	}
	if (bits & SK_SET_CREATED)
		sk_mg_put_i64(set, "createDateTime", to->create_ms);
}

static void
put_new_course(bson_t *set, unsigned bits, const struct sk_record *to)
{
	if (bits & SK_SET_START)
		put_time(set, "startDateTime", to->start_ms);
	if (bits & SK_SET_PROGRESS)
		put_progress(set, to->progress, to->stage);
	else if (bits & SK_SET_START)
		put_progress(set, 0, "");
	if (bits & SK_SET_EXIT) {
		put_time(set, "finishDateTime", to->finish_ms);
		put_exit(set, &to->exit);
	}
	if (bits & SK_SET_RESULT)
		put_result(set, to);
}

void
sk_mg_put_patch(bson_t *set, bson_t *unset, unsigned bits, const struct sk_record *to)
{
	sk_mg_put_i64(set, "updateDateTime", to->update_ms);
	if (bits & SK_SET_STATUS) {
		sk_mg_put_text(set, "lifecycleStatus", sk_phase_name(to->status));
		return;
	}
	put_new_state(set, bits, to);
	put_new_course(set, bits, to);
	if (bits & SK_SET_ATTACHMENTS)
		put_new_spec(set, unset, to->spec);
	if ((bits & SK_SET_ARRAY) && to->array != NULL)
		sk_mg_put_text(set, "array", to->array);
	else if (bits & SK_SET_ARRAY)
		sk_mg_put_text(unset, "array", "");
}

void
sk_mg_put_adoption(bson_t *set, unsigned bits, enum sk_phase phase)
{
	const struct sk_life life = { .phase = phase };

	sk_mg_put_bool(set, "adopted", true);
	sk_mg_put_i64(set, "maxAttempts", 3);
	if (!(bits & SK_SET_LIFE)) {
		sk_mg_put_text(set, "phase", sk_phase_name(phase));
		sk_mg_put_text(set, "lifecycleStatus", sk_phase_name(phase));
		put_life(set, &life);
	}
	if (!(bits & SK_SET_GATE)) {
		sk_mg_put_text(set, "gate", sk_gate_name(SK_GATE_OPEN));
		sk_mg_put_i64(set, "due", 0);
	}
}

/* ---- attempts ---- */

void
sk_mg_put_attempt(bson_t *b, const struct sk_attempt *a)
{
	sk_mg_put_i64(b, "attempt", a->attempt);
	sk_mg_put_text_or_null(b, "executor", a->executor);
	sk_mg_put_i64(b, "startDateTime", a->start_ms);
	sk_mg_put_i64(b, "finishDateTime", a->finish_ms);
	put_exit(b, &a->exit);
	sk_mg_put_i64(b, "maxRssKb", a->max_rss_kb);
	sk_mg_put_i64(b, "cpuMs", a->cpu_ms);
	if (a->tail != NULL)
		sk_mg_put_binary(b, "tail", a->tail, a->tail_len);
}
