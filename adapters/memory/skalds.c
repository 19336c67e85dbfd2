/* skalds.c - rows of skalds, the leader's row, settings. */
#include "adapters/memory/memory.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- skalds ---- */

/* Where it is, or belongs. */
static size_t
place_of(const struct sk_memory *m, const char *id, bool *there)
{
	size_t i = 0;

	while (i < m->n_skalds && strcmp(m->skalds[i].s->id, id) < 0)
		i++;
	*there = i < m->n_skalds && strcmp(m->skalds[i].s->id, id) == 0;
	return i;
}

static void
make_room(struct sk_memory *m, size_t i)
{
	m->skalds = sk_xreallocarray(m->skalds, m->n_skalds + 1, sizeof(*m->skalds));
	memmove(&m->skalds[i + 1], &m->skalds[i], (m->n_skalds++ - i) * sizeof(*m->skalds));
	m->skalds[i] = (struct sk_memory_skald){ NULL, NULL };
}

enum sk_code
sk_memory_skald_put(struct sk_memory *m, struct sk_op_skald_put *op)
{
	const struct sk_skald *s = op->skald;
	struct sk_arena *arena;
	struct sk_skald *to;
	bool there;
	size_t i = place_of(m, s->id, &there);
	const struct sk_skald *old = there ? m->skalds[i].s : NULL;

	if (old != NULL && !op->take && old->incarnation != s->incarnation &&
		old->start_ms >= s->start_ms)
		return sk_fail(&op->op.err, SK_ECONFLICT, "another skald %s is running", s->id);
	arena = sk_arena_new();
	to = sk_skald_copy(arena, s);
	if (old != NULL && op->keep_draining)
		to->draining = old->draining;
	if (old == NULL)
		make_room(m, i);
	sk_arena_free(m->skalds[i].arena);
	m->skalds[i] = (struct sk_memory_skald){ arena, to };
	return SK_OK;
}

enum sk_code
sk_memory_skald_list(struct sk_memory *m, struct sk_op_skald_list *op)
{
	op->skalds = sk_arena_alloc(op->op.arena, (m->n_skalds + 1) * sizeof(*op->skalds));
	op->n = m->n_skalds;
	for (size_t i = 0; i < op->n; i++)
		op->skalds[i] = sk_skald_copy(op->op.arena, m->skalds[i].s);
	return SK_OK;
}

enum sk_code
sk_memory_skald_remove(struct sk_memory *m, struct sk_op_skald_remove *op)
{
	bool there;
	size_t i = place_of(m, op->id, &there);

	if (!there)
		return sk_fail(&op->op.err, SK_ENOENT, "there is no skald %s", op->id);
	sk_arena_free(m->skalds[i].arena);
	memmove(&m->skalds[i], &m->skalds[i + 1], (--m->n_skalds - i) * sizeof(*m->skalds));
	return SK_OK;
}

/* ---- the leader ---- */

enum sk_code
sk_memory_lead(struct sk_memory *m, struct sk_op_lead *op)
{
	bool mine = m->lead_holder != NULL && strcmp(m->lead_holder, op->holder) == 0;
	enum sk_code code = SK_OK;

	if (op->term != m->lead_term || (!mine && (!op->take || op->renewals != m->lead_renewals)))
		code = sk_fail(&op->op.err, SK_ECONFLICT, "the leader is %s, term %" PRIu64,
			m->lead_holder != NULL ? m->lead_holder : "nobody", m->lead_term);
	else {
		m->lead_term += mine ? 0 : 1;
		m->lead_renewals++;
		free(m->lead_holder);
		m->lead_holder = sk_xstrdup(op->holder);
	}
	op->now_holder = sk_arena_strdup(op->op.arena, m->lead_holder != NULL ? m->lead_holder : "");
	op->now_term = m->lead_term;
	op->now_renewals = m->lead_renewals;
	return code;
}

/* ---- settings ---- */

static struct sk_memory_setting *
setting(struct sk_memory *m, const char *name)
{
	for (size_t i = 0; i < m->n_settings; i++)
		if (strcmp(m->settings[i].name, name) == 0)
			return &m->settings[i];
	return NULL;
}

static struct sk_memory_setting *
new_setting(struct sk_memory *m, const char *name)
{
	m->settings = sk_xreallocarray(m->settings, m->n_settings + 1, sizeof(*m->settings));
	m->settings[m->n_settings] = (struct sk_memory_setting){ sk_xstrdup(name), NULL };
	return &m->settings[m->n_settings++];
}

enum sk_code
sk_memory_setting(struct sk_memory *m, struct sk_op_setting *op)
{
	struct sk_memory_setting *s = setting(m, op->name);

	if (op->op.kind == SK_OP_SETTING_GET) {
		op->value = s != NULL ? sk_arena_strdup(op->op.arena, s->value) : "";
		return SK_OK;
	}
	if (s == NULL)
		s = new_setting(m, op->name);
	free(s->value);
	s->value = sk_xstrdup(op->value);
	return SK_OK;
}

void
sk_memory_release_skalds(struct sk_memory *m)
{
	for (size_t i = 0; i < m->n_skalds; i++)
		sk_arena_free(m->skalds[i].arena);
	free(m->skalds);
	for (size_t i = 0; i < m->n_settings; i++) {
		free(m->settings[i].name);
		free(m->settings[i].value);
	}
	free(m->settings);
	free(m->lead_holder);
}
