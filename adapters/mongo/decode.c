/* decode.c - a document as a task. Whoever wrote it: any bytes are met with an answer. */
#include "adapters/mongo/document.h"
#include "core/model/record_spec.h"
#include <stdlib.h>
#include <string.h>

/* A document while it is read. */
struct taking {
	struct sk_record *r;
	struct sk_arena *a;
	bool thin;
	bool has_phase, has_status, adopted, staged;
	bool passive; /* mode, as the original takes it */
	enum sk_phase status;
	const bson_t *doc;
	const char *why; /* NULL = good so far */
};

static void
wrong(struct taking *t, const char *member, const char *what)
{
	if (t->why == NULL)
		t->why = sk_arena_printf(t->a, "%s: %s", member, what);
}

/* ---- members ---- */

typedef void take_fn(struct taking *t, const bson_iter_t *it, void *to);

static void
take_text(struct taking *t, const bson_iter_t *it, void *to)
{
	if (!sk_mg_is_null(it) && !sk_mg_take_text(it, t->a, to))
		wrong(t, bson_iter_key(it), "expected a text");
}

static void
take_int(struct taking *t, const bson_iter_t *it, void *to)
{
	if (!sk_mg_is_null(it) && !sk_mg_take_i64(it, to))
		wrong(t, bson_iter_key(it), "expected an integer");
}

static void
take_bits(struct taking *t, const bson_iter_t *it, void *to)
{
	int64_t v = 0;

	take_int(t, it, &v);
	*(uint64_t *)to = (uint64_t)v;
}

static int64_t
bounded(struct taking *t, const bson_iter_t *it, int64_t min, int64_t max)
{
	int64_t v = 0;

	take_int(t, it, &v);
	if (v < min || v > max)
		wrong(t, bson_iter_key(it), "out of range");
	return v;
}

static void
take_u32(struct taking *t, const bson_iter_t *it, void *to)
{
	*(uint32_t *)to = (uint32_t)bounded(t, it, 0, UINT32_MAX);
}

static void
take_attempts(struct taking *t, const bson_iter_t *it, void *to)
{
	uint32_t n = (uint32_t)bounded(t, it, 0, UINT32_MAX);

	if (n > 0)
		*(uint32_t *)to = n;
}

static void
take_executor(struct taking *t, const bson_iter_t *it, void *to)
{
	const char *text = "";
	size_t n;

	take_text(t, it, &text);
	n = strlen(text);
	if (n >= sizeof(t->r->life.executor))
		wrong(t, "executor", "longer than 63 bytes");
	else
		memcpy(to, text, n + 1);
}

static const char *
word(struct taking *t, const bson_iter_t *it)
{
	const char *text = "";

	take_text(t, it, &text);
	return text;
}

static void
take_phase(struct taking *t, const bson_iter_t *it, void *to)
{
	const char *text = word(t, it);

	if (text[0] == '\0')
		return;
	t->has_phase = true;
	t->staged = strcmp(text, SK_MG_STAGED) == 0;
	if (!t->staged && !sk_phase_parse(text, to))
		wrong(t, "phase", "unknown");
}

/* Of ours the phase counts, whatever stands here. */
static void
take_status(struct taking *t, const bson_iter_t *it, void *to)
{
	const char *text = "";

	(void)to;
	if (sk_mg_take_text(it, t->a, &text) && sk_phase_parse(text, &t->status))
		t->has_status = true;
	else if (!sk_mg_is_null(it) && !bson_has_field(t->doc, "phase"))
		wrong(t, "lifecycleStatus", "unknown");
}

static void
take_wanted(struct taking *t, const bson_iter_t *it, void *to)
{
	const char *text = word(t, it);
	enum sk_wanted *wanted = to;

	for (int w = SK_WANT_RUN; w <= SK_WANT_CANCEL; w++)
		if (strcmp(text, sk_wanted_name((enum sk_wanted)w)) == 0) {
			*wanted = (enum sk_wanted)w;
			return;
		}
	if (text[0] != '\0')
		wrong(t, "wanted", "unknown");
}

static void
take_gate(struct taking *t, const bson_iter_t *it, void *to)
{
	const char *text = word(t, it);
	enum sk_gate *gate = to;

	for (int g = SK_GATE_OPEN; g < SK_N_GATE; g++)
		if (strcmp(text, sk_gate_name((enum sk_gate)g)) == 0) {
			*gate = (enum sk_gate)g;
			return;
		}
	if (text[0] != '\0')
		wrong(t, "gate", "unknown");
}

static void
take_adopted(struct taking *t, const bson_iter_t *it, void *to)
{
	(void)to;
	t->adopted = bson_iter_type(it) == BSON_TYPE_BOOL && bson_iter_bool(it);
}

static void
take_mode(struct taking *t, const bson_iter_t *it, void *to)
{
	const char *text;

	(void)to;
	if (!sk_mg_is_null(it))
		t->passive = sk_mg_take_text(it, t->a, &text) && strcmp(text, "Passive") == 0;
}

static void
take_result(struct taking *t, const bson_iter_t *it, void *to)
{
	(void)to;
	if (!t->thin && !sk_mg_is_null(it) &&
		!sk_mg_take_bytes(it, t->a, &t->r->result, &t->r->result_len))
		wrong(t, "result", "expected a text or bytes");
}

/* ---- members of members ---- */

static void
take_progress(struct taking *t, const bson_iter_t *it, void *to)
{
	bson_iter_t child;

	(void)to;
	if (sk_mg_is_null(it))
		return;
	if (bson_iter_type(it) != BSON_TYPE_DOCUMENT || !bson_iter_recurse(it, &child)) {
		wrong(t, "progress", "expected a document");
		return;
	}
	while (bson_iter_next(&child)) {
		if (strcmp(bson_iter_key(&child), "value") == 0 && !sk_mg_is_null(&child) &&
			!sk_mg_take_double(&child, &t->r->progress))
			wrong(t, "progress.value", "expected a number");
		if (strcmp(bson_iter_key(&child), "stage") == 0)
			take_text(t, &child, &t->r->stage);
	}
	if (child.err_off != 0)
		wrong(t, "progress", "is damaged");
}

static bool
reason_of(const char *text, enum sk_reason *reason)
{
	for (int i = SK_REASON_EXITED; i <= SK_REASON_SKIPPED; i++)
		if (strcmp(text, sk_reason_name((enum sk_reason)i)) == 0) {
			*reason = (enum sk_reason)i;
			return true;
		}
	return false;
}

static void
take_exit_member(struct taking *t, const bson_iter_t *it, struct sk_exit *e)
{
	const char *key = bson_iter_key(it);

	if (strcmp(key, "reason") == 0) {
		const char *text = word(t, it);

		e->known = text[0] != '\0';
		if (e->known && !reason_of(text, &e->reason))
			wrong(t, "exit.reason", "unknown");
	} else if (strcmp(key, "code") == 0)
		e->code = (int32_t)bounded(t, it, INT32_MIN, INT32_MAX);
	else if (strcmp(key, "signal") == 0)
		e->signal = (int32_t)bounded(t, it, INT32_MIN, INT32_MAX);
	else if (strcmp(key, "message") == 0 && !t->thin)
		take_text(t, it, &e->message);
}

static void
take_exit(struct taking *t, const bson_iter_t *it, void *to)
{
	bson_iter_t child;

	if (sk_mg_is_null(it))
		return;
	if (bson_iter_type(it) != BSON_TYPE_DOCUMENT || !bson_iter_recurse(it, &child)) {
		wrong(t, "exit", "expected a document");
		return;
	}
	while (bson_iter_next(&child))
		take_exit_member(t, &child, to);
	if (child.err_off != 0)
		wrong(t, "exit", "is damaged");
}

/* ---- the table ---- */

#define AT(member) offsetof(struct sk_record, member)
static const struct member {
	const char *name;
	take_fn *take;
	size_t at;
} members[] = {
	{ "id", take_text, AT(id) },
	{ "className", take_text, AT(class_name) },
	{ "executor", take_executor, AT(life.executor) },
	{ "createDateTime", take_int, AT(create_ms) },
	{ "updateDateTime", take_int, AT(update_ms) },
	{ "lifecycleStatus", take_status, 0 },
	{ "priority", take_int, AT(priority) },
	{ "mode", take_mode, 0 },
	{ "phase", take_phase, AT(life.phase) },
	{ "wanted", take_wanted, AT(life.wanted) },
	{ "attempt", take_u32, AT(life.attempt) },
	{ "failures", take_u32, AT(life.failures) },
	{ "maxAttempts", take_attempts, AT(life.max_attempts) },
	{ "executorIncarnation", take_bits, AT(life.incarnation) },
	{ "seq", take_bits, AT(seq) },
	{ "rank", take_int, AT(rank_ms) },
	{ "gate", take_gate, AT(gate) },
	{ "due", take_int, AT(due_ms) },
	{ "startDateTime", take_int, AT(start_ms) },
	{ "finishDateTime", take_int, AT(finish_ms) },
	{ "progress", take_progress, 0 },
	{ "exit", take_exit, AT(exit) },
	{ "result", take_result, 0 },
	{ "uniqueKey", take_text, AT(unique_key) },
	{ "array", take_text, AT(array) },
	{ "arraySize", take_int, AT(array_size) },
	{ "arrayParent", take_text, AT(array_parent) },
	{ "arrayIndex", take_int, AT(array_index) },
	{ "adopted", take_adopted, 0 },
};

static void
take_members(struct taking *t)
{
	bson_iter_t it;

	if (!bson_iter_init(&it, t->doc)) {
		wrong(t, "the document", "is damaged");
		return;
	}
	while (t->why == NULL && bson_iter_next(&it))
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
			if (strcmp(members[i].name, bson_iter_key(&it)) == 0) {
				members[i].take(t, &it, (char *)t->r + members[i].at);
				break;
			}
	if (it.err_off != 0)
		wrong(t, "the document", "is damaged");
}

/* ---- the spec ---- */

static struct sk_value *
odd_value(struct taking *t, const char *name)
{
	bson_iter_t it, child;
	const uint8_t *p;
	uint32_t n;
	struct sk_err err;

	if (!bson_iter_init_find(&it, t->doc, "odd") || bson_iter_type(&it) != BSON_TYPE_DOCUMENT ||
		!bson_iter_recurse(&it, &child) || !bson_iter_find(&child, name) ||
		bson_iter_type(&child) != BSON_TYPE_BINARY)
		return NULL;
	bson_iter_binary(&child, NULL, &n, &p);
	return n > 0 ? sk_value_decode(t->a, p, n, &err) : NULL;
}

static bool
is_empty(const bson_iter_t *it)
{
	bson_iter_t child;

	return bson_iter_type(it) != BSON_TYPE_DOCUMENT || !bson_iter_recurse(it, &child) ||
		!bson_iter_next(&child);
}

/* Attachments that stand there although we put them aside: the original has replaced them. */
static void
add_member(struct taking *t, struct sk_value *spec, const char *name)
{
	bson_iter_t it;
	bool there = bson_iter_init_find(&it, t->doc, name);
	struct sk_value *v = odd_value(t, name);

	if (v == NULL || (there && strcmp(name, "attachments") == 0 && !is_empty(&it))) {
		if (!there)
			return;
		v = sk_mg_take_value(&it, t->a);
	}
	if (v == NULL)
		wrong(t, name, "not a value of ours");
	else
		sk_map_set(t->a, spec, name, v);
}

/* What adopted tasks have of them is not enforced. */
static bool
is_makers(const struct taking *t, const char *name)
{
	return (t->adopted || !t->has_phase) &&
		(strcmp(name, "deadlineDateTime") == 0 || strcmp(name, "dependencies") == 0);
}

static void
add_named(struct taking *t, struct sk_value *spec, const bson_iter_t *list)
{
	bson_iter_t child;
	const char *name;

	if (!bson_iter_recurse(list, &child))
		return;
	while (t->why == NULL && bson_iter_next(&child))
		if (!sk_mg_take_text(&child, t->a, &name))
			wrong(t, "specMembers", "expected texts");
		else if (!sk_mg_reserved(name) && !is_makers(t, name))
			add_member(t, spec, name);
}

static void
add_known(struct taking *t, struct sk_value *spec)
{
	bson_iter_t it;

	for (const char *const *n = sk_mg_spec_names; *n != NULL && t->why == NULL; n++)
		if (!is_makers(t, *n) && bson_iter_init_find(&it, t->doc, *n) && !sk_mg_is_null(&it))
			add_member(t, spec, *n);
}

/* Of ours specMembers says what there is; attachments that came later are the original's. */
static void
take_spec(struct taking *t)
{
	struct sk_value *spec = sk_value_new(t->a, SK_MAP);
	bson_iter_t it;
	struct sk_spec decoded;
	struct sk_err err;

	t->r->spec = spec;
	if (t->thin)
		return;
	if (t->has_phase && bson_iter_init_find(&it, t->doc, "specMembers") &&
		bson_iter_type(&it) == BSON_TYPE_ARRAY) {
		add_named(t, spec, &it);
		if (sk_map_get(spec, "attachments") == NULL &&
			bson_iter_init_find(&it, t->doc, "attachments") && !is_empty(&it))
			add_member(t, spec, "attachments");
		return;
	}
	add_known(t, spec);
	if (t->why == NULL && !sk_spec_decode(spec, t->a, &decoded, &err))
		wrong(t, "its members", err.msg);
}

/* ---- the whole ---- */

/* Never assigned by us; the executor counts as assigned when somebody named it before. */
static void
make_foreign(struct taking *t)
{
	struct sk_life *l = &t->r->life;

	t->r->foreign = true;
	l->phase = t->has_status ? t->status : SK_CREATED;
	if (l->phase == SK_CREATED && t->passive && l->executor[0] != '\0')
		l->phase = SK_ASSIGNING;
	l->wanted = SK_WANT_RUN;
	l->attempt = l->failures = 0;
	l->incarnation = 0;
	l->max_attempts = 3;
	t->r->gate = SK_GATE_OPEN;
	t->r->due_ms = 0;
	t->r->unique_key = t->r->array_parent = "";
	t->r->array = NULL;
	t->r->array_size = t->r->array_index = 0;
}

static void
check(struct taking *t)
{
	if (t->r->id[0] == '\0')
		wrong(t, "id", "is missing");
	else if (strlen(t->r->id) > 255)
		wrong(t, "id", "longer than 255 bytes");
	else if (t->r->class_name[0] == '\0')
		wrong(t, "className", "is missing");
	else if (t->has_phase && !t->adopted && t->r->seq == 0)
		wrong(t, "seq", "is missing");
}

struct sk_record *
sk_mg_take_record(const bson_t *doc, enum sk_mg_width width, struct sk_arena *a, const char **why)
{
	struct taking t = { .r = sk_arena_alloc(a, sizeof(*t.r)), .a = a, .doc = doc, .passive = true };

	t.thin = width == SK_MG_THIN;
	sk_record_init(t.r, a);
	t.r->life.max_attempts = 3;
	if (doc->len > SK_MG_DOCUMENT_MAX)
		wrong(&t, "the document", "is too large");
	if (t.why == NULL)
		take_members(&t);
	if (t.why == NULL && t.staged) {
		*why = "";
		return NULL;
	}
	if (t.why == NULL)
		check(&t);
	if (t.why == NULL)
		take_spec(&t);
	*why = t.why;
	if (t.why != NULL)
		return NULL;
	if (!t.has_phase)
		make_foreign(&t);
	else if (t.has_status && t.status != t.r->life.phase) {
		t.r->disputed = true;
		t.r->status = t.status;
	}
	return t.r;
}

/* ---- attempts ---- */

static void
take_attempt_member(struct taking *t, const bson_iter_t *it, struct sk_attempt *k)
{
	const char *key = bson_iter_key(it);

	if (strcmp(key, "attempt") == 0)
		take_u32(t, it, &k->attempt);
	else if (strcmp(key, "executor") == 0)
		take_text(t, it, &k->executor);
	else if (strcmp(key, "startDateTime") == 0)
		take_int(t, it, &k->start_ms);
	else if (strcmp(key, "finishDateTime") == 0)
		take_int(t, it, &k->finish_ms);
	else if (strcmp(key, "exit") == 0)
		take_exit(t, it, &k->exit);
	else if (strcmp(key, "maxRssKb") == 0)
		take_int(t, it, &k->max_rss_kb);
	else if (strcmp(key, "cpuMs") == 0)
		take_int(t, it, &k->cpu_ms);
	else if (strcmp(key, "tail") == 0 && !sk_mg_is_null(it) &&
		!sk_mg_take_bytes(it, t->a, &k->tail, &k->tail_len))
		wrong(t, "tail", "expected bytes");
}

struct sk_attempt *
sk_mg_take_attempt(const bson_t *doc, struct sk_arena *a)
{
	struct sk_attempt *k = sk_arena_alloc(a, sizeof(*k));
	struct taking t = { .a = a, .doc = doc };
	bson_iter_t it;

	k->executor = k->exit.message = "";
	if (!bson_iter_init(&it, doc))
		return NULL;
	while (t.why == NULL && bson_iter_next(&it))
		take_attempt_member(&t, &it, k);
	return t.why == NULL && it.err_off == 0 ? k : NULL;
}
