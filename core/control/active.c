#include "core/control/active.h"
#include "core/ports.h"
#include <stdio.h>
#include <string.h>

static const char *
text_of(const struct sk_record *r, const char *key)
{
	const struct sk_value *v = sk_map_get(r->spec, key);

	return v != NULL && v->kind == SK_STRING ? v->u.str.s : "";
}

bool
sk_record_active(const struct sk_record *r)
{
	return strcmp(text_of(r, "mode"), "Active") == 0;
}

bool
sk_record_updatable(const struct sk_record *r)
{
	return text_of(r, "yamlHash")[0] != '\0';
}

/* ---- the hash of a file's entry ---- */

/* One text for all orders of members. */
static void
canonical(struct sk_str *out, const struct sk_value *v, struct sk_arena *a)
{
	const struct sk_pair **sorted;

	if (v->kind == SK_LIST) {
		sk_str_addc(out, '[');
		for (size_t i = 0; i < v->u.list.n; i++) {
			canonical(out, v->u.list.items[i], a);
			sk_str_addc(out, ',');
		}
		sk_str_addc(out, ']');
		return;
	}
	if (v->kind != SK_MAP) {
		sk_value_json(out, v);
		return;
	}
	sorted = sk_map_sorted(a, v);
	sk_str_addc(out, '{');
	for (size_t i = 0; i < v->u.map.n; i++) {
		sk_json_string(out, sorted[i]->key);
		sk_str_addc(out, ':');
		canonical(out, sorted[i]->value, a);
		sk_str_addc(out, ',');
	}
	sk_str_addc(out, '}');
}

void
sk_active_hash(
	const char *class_name, const struct sk_value *attachments, char out[SK_ACTIVE_HASH_LEN])
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str text = SK_STR_INIT;
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	sk_json_string(&text, class_name);
	if (attachments != NULL)
		canonical(&text, attachments, a);
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.p[i]) * 0x100000001b3u;
	snprintf(out, SK_ACTIVE_HASH_LEN, "%016llx", (unsigned long long)h);
	sk_str_release(&text);
	sk_arena_free(a);
}

/* ---- its spec ---- */

static void
set_text(struct sk_arena *arena, struct sk_value *spec, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		sk_map_set(arena, spec, key, sk_value_string(arena, text, strlen(text)));
}

static void
set_attachments(struct sk_arena *arena, struct sk_value *spec, const struct sk_value *attachments)
{
	struct sk_value *att;

	if (attachments == NULL || attachments->kind != SK_MAP)
		return;
	att = sk_arena_alloc(arena, sizeof(*att));
	*att = *attachments;
	sk_map_set(arena, spec, "attachments", att);
}

static struct sk_value *
spec_of(const struct sk_active *a, struct sk_arena *arena)
{
	struct sk_value *spec = sk_value_new(arena, SK_MAP);

	set_text(arena, spec, "mode", "Active");
	set_text(arena, spec, "name", a->name);
	set_text(arena, spec, "description", a->description);
	set_text(arena, spec, "source", a->source);
	set_text(arena, spec, "yamlHash", a->yaml_hash);
	if (a->once)
		sk_map_set(arena, spec, "isPersistent", sk_value_new(arena, SK_BOOL));
	set_attachments(arena, spec, a->attachments);
	return spec;
}

/* Only what is told changes: the rest is its maker's. */
static struct sk_value *
respec(const struct sk_record *r, const struct sk_active *a, struct sk_arena *arena)
{
	struct sk_value *spec = sk_value_new(arena, SK_MAP);

	for (size_t i = 0; i < r->spec->u.map.n; i++) {
		const struct sk_pair *pair = &r->spec->u.map.pairs[i];

		if (a->keep || strcmp(pair->key, "attachments") != 0)
			sk_map_set(arena, spec, pair->key, pair->value);
	}
	if (!a->keep)
		set_attachments(arena, spec, a->attachments);
	set_text(arena, spec, "yamlHash", a->yaml_hash);
	return spec;
}

/* ---- steps ---- */

/* The table decides; what it refuses leaves the task as it is. */
static bool
step(struct sk_record *r, const struct sk_active *a, enum sk_life_kind kind)
{
	const struct sk_life_event ev = { .kind = kind,
		.attempt = r->life.attempt,
		.executor = a->executor,
		.incarnation = (uint64_t)a->incarnation };
	struct sk_err err;

	return sk_life_step(&r->life, &ev, &err) == SK_OK;
}

static bool
is_of(const struct sk_record *r, const struct sk_active *a)
{
	return sk_phase_live(r->life.phase) && strcmp(r->life.executor, a->executor) == 0 &&
		r->life.incarnation == (uint64_t)a->incarnation;
}

/* A new attempt, whatever there was: an end that nobody told counts as lost. */
static unsigned
assign(struct sk_record *r, const struct sk_active *a, int64_t now_ms)
{
	unsigned set = SK_SET_LIFE;

	if (sk_phase_live(r->life.phase) && step(r, a, SK_LIFE_EXPIRE)) {
		r->exit = (struct sk_exit){
			.known = true, .reason = SK_REASON_LOST, .message = "nobody told how it ended"
		};
		r->finish_ms = now_ms;
		set |= SK_SET_EXIT;
	}
	if (sk_phase_final(r->life.phase))
		(void)step(r, a, SK_LIFE_RETRY);
	(void)step(r, a, SK_LIFE_ASSIGN);
	return set;
}

static unsigned
start(struct sk_record *r, const struct sk_active *a, int64_t now_ms)
{
	unsigned set = 0;

	if (is_of(r, a) && r->life.phase != SK_ASSIGNING && r->start_ms == a->start_ms)
		return 0;
	if (!is_of(r, a) || r->life.phase != SK_ASSIGNING)
		set = assign(r, a, now_ms);
	(void)step(r, a, SK_LIFE_START);
	r->start_ms = a->start_ms;
	return set | SK_SET_LIFE | SK_SET_START;
}

/* The end is stored already. What never ran has no time of its own. */
static bool
is_told(const struct sk_record *r, const struct sk_active *a)
{
	if (!sk_phase_final(r->life.phase) || r->start_ms != a->start_ms)
		return false;
	return a->start_ms != 0 ? r->finish_ms == a->finish_ms : r->exit.reason == a->exit.reason;
}

/* It ends without having run. */
static unsigned
skip(struct sk_record *r, const struct sk_active *a, int64_t now_ms)
{
	unsigned set = is_of(r, a) ? 0 : assign(r, a, now_ms);

	if (r->start_ms != 0)
		set |= SK_SET_START;
	r->start_ms = 0;
	return set;
}

static unsigned
end(struct sk_record *r, const struct sk_active *a, int64_t now_ms)
{
	unsigned set;

	if (is_told(r, a))
		return 0;
	set = a->start_ms != 0 ? start(r, a, now_ms) : skip(r, a, now_ms);
	if (a->state == SK_ACTIVE_FINISHED)
		(void)step(r, a, SK_LIFE_FINISH);
	else if (a->state == SK_ACTIVE_FAILED)
		(void)step(r, a, SK_LIFE_FAIL);
	else if (step(r, a, SK_LIFE_CANCEL))
		(void)step(r, a, SK_LIFE_GONE);
	r->finish_ms = a->finish_ms != 0 ? a->finish_ms : now_ms;
	r->exit = a->exit;
	return set | SK_SET_LIFE | SK_SET_EXIT;
}

static unsigned
bring(struct sk_record *r, const struct sk_active *a, int64_t now_ms)
{
	if (a->state == SK_ACTIVE_RUNNING)
		return start(r, a, now_ms);
	if (a->state != SK_ACTIVE_WAITING)
		return end(r, a, now_ms);
	return is_of(r, a) && r->life.phase == SK_ASSIGNING ? 0 : assign(r, a, now_ms);
}

/* ---- the whole ---- */

void
sk_active_record(struct sk_record *r, const char *id, const struct sk_active *a,
	struct sk_arena *arena, int64_t now_ms)
{
	sk_record_init(r, arena);
	r->id = id;
	r->class_name = a->class_name;
	r->life.max_attempts = 1; /* whether there is another one its file says */
	r->create_ms = r->update_ms = r->rank_ms = now_ms;
	r->spec = spec_of(a, arena);
	(void)bring(r, a, now_ms);
	r->progress = a->progress;
	r->stage = a->stage;
}

static bool
same_spec(const struct sk_record *r, const struct sk_active *a)
{
	const struct sk_value *has = sk_map_get(r->spec, "attachments");

	if (a->yaml_hash != NULL && strcmp(a->yaml_hash, text_of(r, "yamlHash")) != 0)
		return false;
	if (a->keep)
		return true;
	if (a->attachments == NULL || has == NULL)
		return a->attachments == NULL && has == NULL;
	return sk_value_equal(has, a->attachments);
}

bool
sk_active_apply(struct sk_record *r, const struct sk_active *a, struct sk_arena *arena,
	int64_t now_ms, unsigned *set, struct sk_err *err)
{
	*set = 0;
	if (!sk_record_active(r)) {
		sk_fail(err, SK_ECONFLICT, "the id belongs to a task that skalds dispatches");
		return false;
	}
	if (strcmp(r->class_name, a->class_name) != 0) {
		sk_fail(err, SK_ECONFLICT, "the id belongs to a task of class %s", r->class_name);
		return false;
	}
	r->life.max_attempts = 1; /* of one that the original made there are more: not for us */
	*set = bring(r, a, now_ms);
	if (!same_spec(r, a)) {
		r->spec = respec(r, a, arena);
		*set |= SK_SET_ATTACHMENTS;
	}
	if ((r->life.phase == SK_RUNNING || (*set & SK_SET_EXIT) != 0) &&
		(r->progress < a->progress || r->progress > a->progress ||
			strcmp(r->stage, a->stage) != 0)) {
		r->progress = a->progress;
		r->stage = a->stage;
		*set |= SK_SET_PROGRESS;
	}
	r->update_ms = now_ms;
	return true;
}

bool
sk_active_ended(
	const struct sk_record *r, const struct sk_active *a, unsigned set, struct sk_attempt *out)
{
	if (!sk_phase_final(r->life.phase) || r->life.phase == SK_FINISHED || (set & SK_SET_EXIT) == 0)
		return false;
	*out = (struct sk_attempt){ .attempt = r->life.attempt,
		.executor = a->executor,
		.start_ms = r->start_ms,
		.finish_ms = r->finish_ms,
		.exit = r->exit };
	return true;
}

size_t
sk_active_news(const struct sk_life *before, const struct sk_record *r, const struct sk_active *a,
	enum sk_event_kind out[SK_ACTIVE_NEWS])
{
	size_t n = 0;

	if (before != NULL && before->phase == r->life.phase && before->attempt == r->life.attempt)
		return 0;
	if (before == NULL)
		out[n++] = SK_EVENT_CREATED;
	if ((before == NULL || before->attempt != r->life.attempt || before->phase == SK_ASSIGNING) &&
		a->start_ms != 0)
		out[n++] = SK_EVENT_STARTED;
	if (sk_phase_final(r->life.phase))
		out[n++] = r->life.phase == SK_FINISHED ? SK_EVENT_FINISHED
			: r->life.phase == SK_FAILED		? SK_EVENT_FAILED
												: SK_EVENT_CANCELLED;
	return n;
}
