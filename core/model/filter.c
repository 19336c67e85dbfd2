/* filter.c - does a record pass a filter, what does a patch change: the plain meaning of both, for
 * adapters without a query language and for the tests of those that have one (declared in
 * core/ports.h). */
#include "core/ports.h"
#include <string.h>

static bool
given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static unsigned char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 'a' - 'A') : (unsigned char)c;
}

static bool
begins(const char *text, const char *part)
{
	while (*part != '\0' && lower(*text) == lower(*part))
		text++, part++;
	return *part == '\0';
}

/* ASCII case ignored, whatever the locale. */
static bool
has_part(const char *text, const char *part)
{
	for (; *text != '\0'; text++)
		if (begins(text, part))
			return true;
	return false;
}

static bool
has_label(const struct sk_value *spec, const char *label)
{
	const struct sk_value *labels = sk_map_get(spec, "labels");
	const char *eq = strchr(label, '=');
	size_t n = eq != NULL ? (size_t)(eq - label) : strlen(label);

	if (labels == NULL || labels->kind != SK_MAP)
		return false;
	for (size_t i = 0; i < labels->u.map.n; i++) {
		const struct sk_pair *pair = &labels->u.map.pairs[i];

		if (strlen(pair->key) != n || memcmp(pair->key, label, n) != 0)
			continue;
		if (eq == NULL ||
			(pair->value->kind == SK_STRING && strcmp(pair->value->u.str.s, eq + 1) == 0))
			return true;
	}
	return false;
}

static bool
depends_on(const struct sk_value *spec, const char *id)
{
	const struct sk_value *list = sk_map_get(spec, "dependencies");

	if (list == NULL || list->kind != SK_LIST)
		return false;
	for (size_t i = 0; i < list->u.list.n; i++)
		if (list->u.list.items[i]->kind == SK_STRING &&
			strcmp(list->u.list.items[i]->u.str.s, id) == 0)
			return true;
	return false;
}

static bool
state_matches(const struct sk_filter *f, const struct sk_record *r)
{
	return (f->phases == 0 || (f->phases >> r->life.phase & 1u) != 0) &&
		(f->gates == 0 || (f->gates >> r->gate & 1u) != 0) &&
		(!f->wanted_run || r->life.wanted == SK_WANT_RUN);
}

static bool
names_match(const struct sk_filter *f, const struct sk_record *r)
{
	return (!given(f->class_name) || strcmp(r->class_name, f->class_name) == 0) &&
		(!given(f->executor) || strcmp(r->life.executor, f->executor) == 0) &&
		(!given(f->id_part) || has_part(r->id, f->id_part)) &&
		(!given(f->class_part) || has_part(r->class_name, f->class_part)) &&
		(!given(f->label) || has_label(r->spec, f->label)) &&
		(!given(f->depends_on) || depends_on(r->spec, f->depends_on));
}

static bool
array_matches(const struct sk_filter *f, const struct sk_record *r)
{
	return (!given(f->parent) || strcmp(r->array_parent, f->parent) == 0) &&
		(!f->no_elements || r->array_parent[0] == '\0') && (!f->arrays || r->array_size > 0);
}

static bool
times_match(const struct sk_filter *f, const struct sk_record *r)
{
	return (f->created_after == 0 || r->create_ms > f->created_after) &&
		(f->created_before == 0 || r->create_ms < f->created_before) &&
		(f->updated_after == 0 || r->update_ms >= f->updated_after) &&
		(f->due_before == 0 || r->due_ms <= f->due_before) &&
		(f->finished_before == 0 || (r->finish_ms != 0 && r->finish_ms < f->finished_before));
}

static bool
is_active(const struct sk_record *r)
{
	const struct sk_value *mode = sk_map_get(r->spec, "mode");

	return mode != NULL && mode->kind == SK_STRING && strcmp(mode->u.str.s, "Active") == 0;
}

static bool
makers_match(const struct sk_filter *f, const struct sk_record *r)
{
	return (!f->foreign || r->foreign) && (!f->disputed || r->disputed) &&
		(!f->foreign_active || (r->foreign && is_active(r)));
}

bool
sk_filter_match(const struct sk_filter *f, const struct sk_record *r)
{
	return state_matches(f, r) && names_match(f, r) && array_matches(f, r) && times_match(f, r) &&
		makers_match(f, r);
}

static bool
same_text(const char *a, const char *b)
{
	return given(a) ? given(b) && strcmp(a, b) == 0 : !given(b);
}

static bool
same_texts(const struct sk_filter *a, const struct sk_filter *b)
{
	return same_text(a->class_name, b->class_name) && same_text(a->executor, b->executor) &&
		same_text(a->label, b->label) && same_text(a->id_part, b->id_part) &&
		same_text(a->class_part, b->class_part) && same_text(a->parent, b->parent) &&
		same_text(a->depends_on, b->depends_on);
}

bool
sk_filter_same(const struct sk_filter *a, const struct sk_filter *b)
{
	return a->phases == b->phases && a->gates == b->gates && a->wanted_run == b->wanted_run &&
		a->no_elements == b->no_elements && a->arrays == b->arrays && a->foreign == b->foreign &&
		a->foreign_active == b->foreign_active && a->disputed == b->disputed &&
		a->created_after == b->created_after && a->created_before == b->created_before &&
		a->updated_after == b->updated_after && a->due_before == b->due_before &&
		a->finished_before == b->finished_before && same_texts(a, b);
}

/* ---- patches ---- */

static void
apply_life(struct sk_life *life, const struct sk_life *to)
{
	life->phase = to->phase;
	life->wanted = to->wanted;
	life->attempt = to->attempt;
	life->failures = to->failures;
	life->incarnation = to->incarnation;
	memcpy(life->executor, to->executor, sizeof(life->executor));
}

static void
apply_course(struct sk_record *r, unsigned set, const struct sk_record *to)
{
	if (set & SK_SET_START) {
		r->start_ms = to->start_ms;
		r->progress = 0;
		r->stage = "";
	}
	if (set & SK_SET_PROGRESS) {
		r->progress = to->progress;
		r->stage = to->stage;
	}
	if (set & SK_SET_EXIT) {
		r->exit = to->exit;
		r->finish_ms = to->finish_ms;
	}
	if (set & SK_SET_RESULT) {
		r->result = to->result;
		r->result_len = to->result_len;
	}
}

void
sk_patch_apply(struct sk_record *r, unsigned set, const struct sk_record *to)
{
	r->update_ms = to->update_ms;
	if (set & SK_SET_LIFE) { /* the status is written with the phase */
		apply_life(&r->life, &to->life);
		r->disputed = false;
	}
	if (r->foreign && (set & SK_SET_STATUS) != 0)
		r->life.phase = to->status; /* it has no other phase */
	else
		r->foreign = false; /* adopted */
	if (set & SK_SET_GATE) {
		r->gate = to->gate;
		r->due_ms = to->due_ms;
	}
	apply_course(r, set, to);
	if (set & SK_SET_ATTACHMENTS)
		r->spec = to->spec;
	if (set & SK_SET_ARRAY)
		r->array = to->array;
	if (set & SK_SET_RANK) {
		r->priority = to->priority;
		r->rank_ms = to->rank_ms;
	}
	if (set & SK_SET_CREATED)
		r->create_ms = to->create_ms;
}
