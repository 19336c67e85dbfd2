/* node_assign.c - from a stored assignment to a START. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANNOT_RUN 126

void
node_end_here(struct sk_node *n, struct node_task *t, enum sk_reason reason, const char *message)
{
	t->ended = true;
	t->end_ms = sk_wall_ms();
	t->reason = reason;
	t->code = reason == SK_REASON_START_FAILED ? CANNOT_RUN : 0;
	free(t->message);
	t->message = sk_xstrdup(message);
	if (t->waiting)
		n->n_waiting--;
	t->waiting = false;
	if (t->foreign)
		node_foreign_over(n, t);
	else
		node_mark(n, t);
}

uint64_t
node_att_hash(const struct sk_value *attachments)
{
	struct sk_str text = SK_STR_INIT;
	uint64_t h = 14695981039346656037u;

	if (attachments != NULL)
		sk_value_encode(&text, attachments);
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.p[i]) * 1099511628211u;
	sk_str_release(&text);
	return h == 0 ? 1 : h; /* 0 is nothing known */
}

static const struct sk_worker *
find_worker(const struct sk_node *n, const char *class_name)
{
	for (const struct sk_worker *const *w = n->cfg.workers; *w != NULL; w++)
		if (strcmp((*w)->name, class_name) == 0)
			return *w;
	return NULL;
}

void
node_know_class(struct sk_node *n, struct node_task *t, const char *class_name)
{
	bool whole;

	t->worker = find_worker(n, class_name);
	whole = t->worker != NULL && !t->worker->reusable;
	if (whole && !t->whole)
		n->n_whole++;
	t->whole = t->whole || whole;
}

/* Most specs say nothing that matters here: those are not decoded, which is half of what a short
 * task costs us. */
static bool
is_plain(const struct sk_value *spec)
{
	static const char *const others[] = { "attachments", "source", "mode", "name", "description",
		"isPersistent", "labels", "dependencies", "dependencyPolicy", "yamlHash" };
	size_t n = sizeof(others) / sizeof(others[0]);

	for (size_t i = 0; i < spec->u.map.n; i++) {
		const struct sk_pair *p = &spec->u.map.pairs[i];
		size_t k = 0;

		while (k < n && strcmp(others[k], p->key) != 0)
			k++;
		if (k == n || (k == 0 && p->value->kind != SK_MAP))
			return false;
	}
	return true;
}

bool
node_load(struct sk_node *n, struct node_task *t, const struct sk_record *r, struct sk_arena *a,
	struct sk_spec *spec, struct sk_err *err)
{
	t->life = r->life;
	t->seq = r->seq;
	t->start_ms = t->start_ms != 0 ? t->start_ms : r->start_ms;
	node_know_class(n, t, r->class_name);
	t->loaded = true;
	t->backoff_s = 1;
	if (is_plain(r->spec))
		*spec = n->plain;
	else if (!sk_spec_decode(r->spec, a, spec, err))
		return false;
	t->backoff_s = spec->backoff_s;
	t->max_backoff_s = spec->max_backoff_s;
	t->deadline_ms = spec->deadline_ms;
	/* nobody who judges a foreign one knows of our lease */
	t->keep = t->foreign || spec->on_disconnect == SK_DISCONNECT_CONTINUE;
	return true;
}

/* ---- START ---- */

/* The environment of the task in order: later ones win over earlier ones of the same name. */
static const char **
build_env(const struct node_task *t, const struct sk_record *r, const struct sk_spec *spec,
	const char **own, struct sk_arena *a)
{
	size_t n_spec = spec->env != NULL ? spec->env->u.map.n : 0, n_own = 0, n = 0;
	const char **env;
	struct sk_str cards = SK_STR_INIT;

	while (own != NULL && own[n_own] != NULL)
		n_own++;
	env = sk_arena_alloc(a, (n_spec + n_own + 3) * sizeof(*env));
	for (size_t i = 0; i < n_spec; i++)
		env[n++] = sk_arena_printf(
			a, "%s=%s", spec->env->u.map.pairs[i].key, spec->env->u.map.pairs[i].value->u.str.s);
	for (size_t i = 0; i < n_own; i++)
		env[n++] = own[i];
	if (r->array_parent[0] != '\0')
		env[n++] = sk_arena_printf(a, "SKALDS_TASK_INDEX=%lld", (long long)r->array_index);
	for (int i = 0; i < SK_NODE_GPUS; i++)
		if ((t->gpus & 1u << i) != 0)
			sk_str_addf(&cards, "%s%d", cards.len > 0 ? "," : "", i);
	if (t->gpus != 0)
		env[n++] = sk_arena_printf(a, "CUDA_VISIBLE_DEVICES=%s", cards.p);
	sk_str_release(&cards);
	return env;
}

/* The limit of its time: its own or what is left until its deadline. */
static int64_t
time_limit(const struct node_task *t, const struct sk_spec *spec)
{
	int64_t own = (int64_t)(spec->timeout_s * 1000), left = spec->deadline_ms - sk_wall_ms();

	if (t->foreign || spec->deadline_ms == 0 || (own > 0 && own < left))
		return own;
	return left > 0 ? left : 1;
}

static bool
describe(struct sk_node *n, struct node_task *t, const struct sk_record *r,
	const struct sk_spec *spec, struct sk_arena *a, struct sk_start *st, struct sk_err *err)
{
	*st = (struct sk_start){ .id = r->id, .class_name = r->class_name };
	if (t->worker == NULL) {
		sk_fail(err, SK_ENOENT, "this build has no worker class %s", r->class_name);
		return false;
	}
	if (!n->cfg.describe(n->cfg.arg, r, a, st, err))
		return false;
	st->timeout_ms = time_limit(t, spec);
	st->grace_ms = (int64_t)(spec->grace_s * 1000);
	st->memory_mb = spec->resources.memory_mb;
	st->failures = t->gpus; /* kept for us: who has which card */
	st->spec_hash = t->att_hash = node_att_hash(sk_map_get(r->spec, "attachments"));
	st->env = build_env(t, r, spec, st->env, a);
	if (st->cwd == NULL || st->cwd[0] == '\0')
		st->cwd = spec->cwd;
	st->user = spec->user;
	st->reusable = t->worker->reusable;
	st->by_keys = t->foreign;
	/* a foreign one could be handed back to nobody */
	st->returnable = !t->foreign && t->whole && n->cfg.slots > 0 && n->n_whole > n->cfg.slots;
	return true;
}

static void
give(struct sk_node *n, struct node_task *t, const struct sk_start *st)
{
	struct sk_str payload = SK_STR_INIT;
	char text[160];

	sk_put_start(&payload, st);
	if (payload.len <= SK_FRAME_MAX) {
		node_tell(n, SK_F_START, t, &payload);
		t->given = true;
	} else {
		snprintf(text, sizeof(text), "the attachments are too large: %zu bytes, at most %zu",
			payload.len, SK_FRAME_MAX);
		node_end_here(n, t, SK_REASON_START_FAILED, text);
	}
	sk_str_release(&payload);
}

/* Not now: its turn comes when others give their cards back. */
static void
wait_for_gpus(struct sk_node *n, struct node_task *t)
{
	if (!t->waiting)
		n->n_waiting++;
	t->waiting = true;
}

static void
start(struct sk_node *n, struct node_task *t, const struct sk_record *r, const struct sk_spec *spec,
	struct sk_arena *a)
{
	struct sk_start st;
	struct sk_err err = { SK_OK, "" };

	node_presence_begin(n, t);
	if (spec->resources.gpus > n->cfg.gpus) {
		node_end_here(n, t, SK_REASON_START_FAILED, "this skald has not so many gpus");
		return;
	}
	if (!node_gpus_take(n, t, spec->resources.gpus)) {
		wait_for_gpus(n, t);
		return;
	}
	if (t->waiting)
		n->n_waiting--;
	t->waiting = false;
	if (describe(n, t, r, spec, a, &st, &err))
		give(n, t, &st);
	else
		node_end_here(n, t, SK_REASON_START_FAILED, err.msg);
}

/* It is ours and was not started: what becomes of it? */
static void
begin(struct sk_node *n, struct node_task *t, const struct sk_record *r, struct sk_arena *a)
{
	struct sk_spec spec;
	struct sk_err err = { SK_OK, "" };

	if (!node_load(n, t, r, a, &spec, &err))
		node_end_here(n, t, SK_REASON_START_FAILED, err.msg);
	else if (r->life.phase != SK_ASSIGNING &&
		!t->foreign) /* nobody has it any more: it died unseen */
		node_end_here(n, t, SK_REASON_LOST, "its process is gone");
	else if (r->life.wanted == SK_WANT_CANCEL)
		node_end_here(n, t, SK_REASON_CANCELLED, "");
	else if (n->draining || n->peer_gone)
		node_end_here(n, t, SK_REASON_INTERRUPTED, "the skald stops");
	else if (r->life.wanted == SK_WANT_PAUSE && !t->foreign)
		node_end_here(n, t, SK_REASON_INTERRUPTED, "paused before it started");
	else if (n->cut_off && !t->keep)
		node_end_here(n, t, SK_REASON_INTERRUPTED, "the skald's lease has run out");
	else if (!t->foreign && spec.deadline_ms > 0 && spec.deadline_ms <= sk_wall_ms())
		node_end_here(n, t, SK_REASON_TIMEOUT, SK_DEADLINE_PASSED " before it could start");
	else
		start(n, t, r, &spec, a);
}

void
node_begin(struct sk_node *n, const struct sk_record *r)
{
	struct sk_arena *a = sk_arena_new();

	begin(n, node_add(n, 0, r->id, r->class_name, r->life.attempt), r, a);
	sk_arena_free(a);
}

void
node_try_again(
	struct sk_node *n, struct node_task *t, const struct sk_record *r, struct sk_arena *a)
{
	begin(n, t, r, a);
}

void
node_start_waiting(struct sk_node *n)
{
	struct node_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&n->tasks, &i)) != NULL)
		if (t->waiting)
			node_read(n, t->id);
}
