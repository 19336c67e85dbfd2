/* window.c - ready tasks in memory: of each kind the first in order, never all of them. */
#include "core/control/parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIDY_LANES 256 /* beyond so many, empty ones are freed */

struct sk_window {
	struct sk_map by_id, by_lane;
	struct sk_lane *lanes;
	size_t n_lanes, n;
	/* The store has ready tasks of kinds that have no lane yet behind this place only. */
	struct sk_place known;
	bool all_known;
	/* the read that is under way */
	bool reading, reached;
	struct sk_lane *read_lane; /* NULL = of all */
	struct sk_place read_from;
	struct sk_map left; /* who left since it began */
};

struct sk_window *
sk_window_new(struct sk_control *c)
{
	struct sk_window *w = sk_xcalloc(1, sizeof(*w));

	(void)c;
	w->known = (struct sk_place){ INT64_MIN, 0 };
	return w;
}

static void
lane_free(struct sk_lane *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->heap[i]);
	free(l->heap);
	free(l->key);
	free(l->class_name);
	sk_arena_free(l->arena);
	free(l);
}

static void
clear(struct sk_window *w)
{
	struct sk_lane *next;

	for (struct sk_lane *l = w->lanes; l != NULL; l = next) {
		next = l->next;
		lane_free(l);
	}
	sk_map_release(&w->by_id);
	sk_map_release(&w->by_lane);
	sk_map_release(&w->left);
	*w = (struct sk_window){ .known = { INT64_MIN, 0 } };
}

void
sk_window_free(struct sk_window *w)
{
	if (w == NULL)
		return;
	clear(w);
	free(w);
}

void
sk_window_reset(struct sk_control *c)
{
	for (struct sk_lane *l = sk_window_lanes(c); l != NULL; l = l->next)
		sk_skalds_unreserve(c, l);
	clear(sk_dispatch_window(c));
}

/* ---- lanes ---- */

static bool
is_reusable(const struct sk_control *c, const char *class_name)
{
	for (const struct sk_worker *const *w = c->cfg.workers; *w != NULL; w++)
		if (strcmp((*w)->name, class_name) == 0)
			return (*w)->reusable;
	return false;
}

static bool
is_given(const struct sk_value *spec, const char *name)
{
	const struct sk_value *v = sk_map_get(spec, name);

	return v != NULL && v->kind != SK_NULL && !(v->kind == SK_STRING && v->u.str.len == 0) &&
		!(v->kind == SK_MAP && v->u.map.n == 0);
}

/* What the original's nodes do not know of. It matters only where there may be some. */
static bool
needs_ours(
	const struct sk_control *c, const struct sk_record *r, const struct sk_spec_resources *res)
{
	if (!c->cfg.mixed)
		return false;
	return res->cpus > 0 || res->memory_mb > 0 || res->gpus > 0 ||
		(res->labels != NULL && res->labels->kind == SK_MAP && res->labels->u.map.n > 0) ||
		r->array_size > 0 || r->array_parent[0] != '\0' || strcmp(r->class_name, "Exec") == 0 ||
		is_given(r->spec, "env") || is_given(r->spec, "user") || is_given(r->spec, "cwd") ||
		is_given(r->spec, "stdin");
}

static void
lane_key(struct sk_str *key, const char *class_name, const struct sk_spec_resources *r, bool ours)
{
	sk_str_adds(key, class_name);
	sk_str_adds(key, ours ? "\n!" : "\n");
	if (r->cpus > 0 || r->memory_mb > 0 || r->gpus > 0) /* seldom, and printing numbers is dear */
		sk_str_addf(key, "%g %lld %lld ", r->cpus, (long long)r->memory_mb, (long long)r->gpus);
	if (r->labels != NULL)
		sk_value_json(key, r->labels);
}

static void
tidy(struct sk_control *c, struct sk_window *w)
{
	struct sk_lane **p = &w->lanes;

	while (*p != NULL) {
		struct sk_lane *l = *p;

		if (l->n > 0 || l->more || l == w->read_lane) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		sk_map_remove(&w->by_lane, sk_id_hash(l->key));
		w->n_lanes--;
		sk_skalds_unreserve(c, l);
		lane_free(l);
	}
}

static struct sk_lane *
lane_new(struct sk_control *c, struct sk_window *w, const char *key, const struct sk_record *r,
	const struct sk_spec_resources *res, bool ours)
{
	struct sk_lane *l;
	struct sk_str labels = SK_STR_INIT;
	struct sk_err err;

	if (w->n_lanes >= TIDY_LANES)
		tidy(c, w);
	l = sk_xcalloc(1, sizeof(*l));
	l->key = sk_xstrdup(key);
	l->class_name = sk_xstrdup(r->class_name);
	l->more = !w->all_known;
	l->from = w->known;
	l->arena = sk_arena_new();
	l->need = (struct sk_need){ .class_name = l->class_name,
		.reusable = is_reusable(c, r->class_name),
		.cpus = res->cpus,
		.memory_mb = res->memory_mb,
		.gpus = res->gpus,
		.ours = ours };
	if (res->labels != NULL) {
		sk_value_encode(&labels, res->labels);
		l->need.labels = sk_value_decode(l->arena, labels.p, labels.len, &err);
		sk_str_release(&labels);
	}
	l->next = w->lanes;
	w->lanes = l;
	w->n_lanes++;
	sk_map_put(&w->by_lane, sk_id_hash(key), l);
	return l;
}

struct sk_lane *
sk_window_lane(struct sk_control *c, const struct sk_record *r)
{
	struct sk_window *w = sk_dispatch_window(c);
	struct sk_spec_resources res;
	struct sk_str key = SK_STR_INIT;
	struct sk_lane *l;
	bool ours;

	sk_spec_resources(r->spec, &res);
	ours = needs_ours(c, r, &res);
	lane_key(&key, r->class_name, &res, ours);
	l = sk_map_find(&w->by_lane, sk_id_hash(key.p));
	if (l == NULL || strcmp(l->key, key.p) != 0)
		l = lane_new(c, w, key.p, r, &res, ours);
	sk_str_release(&key);
	return l;
}

struct sk_lane *
sk_window_lanes(struct sk_control *c)
{
	return sk_dispatch_window(c)->lanes;
}

/* ---- the heap ---- */

bool
sk_place_before(const struct sk_place *a, const struct sk_place *b)
{
	return a->rank_ms != b->rank_ms ? a->rank_ms < b->rank_ms : a->seq < b->seq;
}

static bool
before(const struct sk_cand *a, const struct sk_cand *b)
{
	return sk_place_before(&a->place, &b->place);
}

static int
by_place(const void *a, const void *b)
{
	const struct sk_cand *const *x = a, *const *y = b;

	return before(*x, *y) ? -1 : before(*y, *x);
}

static void
sift_up(struct sk_lane *l, size_t i)
{
	while (i > 0 && before(l->heap[i], l->heap[(i - 1) / 2])) {
		struct sk_cand *t = l->heap[i];

		l->heap[i] = l->heap[(i - 1) / 2];
		l->heap[(i - 1) / 2] = t;
		i = (i - 1) / 2;
	}
}

static void
sift_down(struct sk_lane *l, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		for (size_t k = left; k <= left + 1 && k < l->n; k++)
			if (before(l->heap[k], l->heap[least]))
				least = k;
		if (least == i)
			return;
		struct sk_cand *t = l->heap[i];

		l->heap[i] = l->heap[least];
		l->heap[least] = t;
		i = least;
	}
}

static void
heap_remove(struct sk_lane *l, size_t i)
{
	l->heap[i] = l->heap[--l->n];
	if (i < l->n) {
		sift_down(l, i);
		sift_up(l, i);
	}
}

/* ---- tasks ---- */

struct sk_cand *
sk_window_find(struct sk_control *c, const char *id)
{
	struct sk_cand *k = sk_map_find(&sk_dispatch_window(c)->by_id, sk_id_hash(id));

	while (k != NULL && strcmp(k->id, id) != 0)
		k = k->next;
	return k;
}

static void
index_add(struct sk_window *w, struct sk_cand *k)
{
	uint64_t hash = sk_id_hash(k->id);

	k->next = sk_map_find(&w->by_id, hash);
	sk_map_put(&w->by_id, hash, k);
	w->n++;
}

static void
index_remove(struct sk_window *w, struct sk_cand *k)
{
	uint64_t hash = sk_id_hash(k->id);
	struct sk_cand *head = sk_map_find(&w->by_id, hash), **p = &head;

	while (*p != NULL && *p != k)
		p = &(*p)->next;
	if (*p == k)
		*p = k->next;
	if (head == NULL)
		sk_map_remove(&w->by_id, hash);
	else
		sk_map_put(&w->by_id, hash, head);
	w->n--;
	if (w->reading)
		sk_map_put(&w->left, hash, w);
}

bool
sk_window_left(struct sk_control *c, const char *id)
{
	return sk_map_find(&sk_dispatch_window(c)->left, sk_id_hash(id)) != NULL;
}

int64_t
sk_record_deadline(const struct sk_record *r)
{
	const struct sk_value *v = sk_map_get(r->spec, "deadlineDateTime");

	return v != NULL && v->kind == SK_INT ? v->u.i : 0;
}

/* The store does not tell of a parent that runs as ready: it cannot be left to it. */
static bool
may_be_left(enum sk_phase phase)
{
	return phase == SK_CREATED;
}

/* The last of the lane: what is behind it stays in the store. */
static struct sk_place
last_place(const struct sk_lane *l)
{
	struct sk_place last = { INT64_MIN, 0 };

	for (size_t i = l->n / 2; i < l->n; i++) /* the leaves of a heap */
		if (sk_place_before(&last, &l->heap[i]->place))
			last = l->heap[i]->place;
	return last;
}

static void
miss(const struct sk_window *w, struct sk_lane *l, const struct sk_place *at)
{
	if (!w->reading || (l->missed && sk_place_before(&l->missed_at, at)))
		return;
	l->missed = true;
	l->missed_at = *at;
}

/* A read of this lane that is under way may have begun before the task was stored, or end before
 * its place: which of both is known when it has come. Until then the task is let in. */
static bool
is_left(const struct sk_window *w, struct sk_lane *l, const struct sk_place *at)
{
	bool is_read = w->reading && !w->reached && (w->read_lane == NULL || w->read_lane == l);

	if (!l->more && l->n >= SK_LANE_MAX) {
		l->more = true;
		l->from = last_place(l);
	}
	if (!l->more || !sk_place_before(&l->from, at))
		return false;
	if (is_read && l->n < SK_LANE_MAX) {
		l->loose = true;
		return false;
	}
	miss(w, l, at);
	return true;
}

/* Of a lane what stands behind `end` is left to the store. */
static void
cut(struct sk_window *w, struct sk_lane *l, const struct sk_place *end)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct sk_cand *k = l->heap[i];

		if (!sk_place_before(end, &k->place) || !may_be_left(k->life.phase)) {
			l->heap[n++] = k;
			continue;
		}
		miss(w, l, &k->place);
		index_remove(w, k);
		free(k);
	}
	l->n = n;
	for (size_t i = n / 2; i-- > 0;)
		sift_down(l, i);
}

/* Where tasks come that go before all that are there, again and again, the last leave. */
static void
cut_long(struct sk_window *w, struct sk_lane *l)
{
	struct sk_place end;

	if (l->n < 2 * (size_t)SK_LANE_MAX)
		return;
	qsort(l->heap, l->n, sizeof(struct sk_cand *), by_place); /* is a heap too */
	end = l->heap[SK_LANE_MAX - 1]->place;
	cut(w, l, &end);
	if (!l->more || sk_place_before(&end, &l->from))
		l->from = end;
	l->more = true;
}

bool
sk_window_add(struct sk_control *c, struct sk_lane *l, const struct sk_record *r)
{
	struct sk_window *w = sk_dispatch_window(c);
	size_t n = strlen(r->id) + 1;
	const struct sk_place at = { r->rank_ms, r->seq };
	struct sk_cand *k;

	if (sk_window_find(c, r->id) != NULL || (may_be_left(r->life.phase) && is_left(w, l, &at)))
		return false;
	k = sk_xcalloc(1, sizeof(*k) + n);
	memcpy(k->id, r->id, n);
	k->life = r->life;
	k->place = at;
	k->create_ms = r->create_ms;
	k->deadline_ms = sk_record_deadline(r);
	k->array_size = r->array_size;
	k->lane = l;
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->heap = sk_xreallocarray(l->heap, l->cap, sizeof(struct sk_cand *));
	}
	l->heap[l->n++] = k;
	sift_up(l, l->n - 1);
	index_add(w, k);
	cut_long(w, l);
	return true;
}

struct sk_cand *
sk_window_pop(struct sk_control *c, struct sk_lane *l)
{
	struct sk_cand *k = l->n > 0 ? l->heap[0] : NULL;

	if (k == NULL)
		return NULL;
	heap_remove(l, 0);
	index_remove(sk_dispatch_window(c), k);
	return k;
}

void
sk_window_drop(struct sk_control *c, const char *id)
{
	struct sk_cand *k = sk_window_find(c, id);
	struct sk_lane *l;

	if (k == NULL)
		return;
	l = k->lane;
	for (size_t i = 0; i < l->n; i++)
		if (l->heap[i] == k) {
			heap_remove(l, i);
			break;
		}
	index_remove(sk_dispatch_window(c), k);
	free(k);
}

size_t
sk_window_count(const struct sk_control *c)
{
	return sk_dispatch_window((struct sk_control *)(uintptr_t)c)->n;
}

/* ---- reads ---- */

void
sk_window_read_begins(struct sk_control *c, struct sk_lane *lane, const struct sk_place *from)
{
	struct sk_window *w = sk_dispatch_window(c);

	w->reading = true;
	w->reached = false;
	w->read_lane = lane;
	w->read_from = *from;
	for (struct sk_lane *l = w->lanes; l != NULL; l = l->next)
		l->missed = l->loose = false;
}

/* Does a page from read_from to `end` go on where this place is? */
static bool
goes_on(const struct sk_window *w, const struct sk_place *at, const struct sk_place *end)
{
	return !sk_place_before(at, &w->read_from) && (end == NULL || sk_place_before(at, end));
}

static void
advance(struct sk_lane *l, const struct sk_place *end)
{
	if (l->missed && (end == NULL || !sk_place_before(end, &l->missed_at)))
		l->from = (struct sk_place){ l->missed_at.rank_ms, l->missed_at.seq - 1 };
	else if (end != NULL)
		l->from = *end;
	else
		l->more = false;
}

void
sk_window_read_reached(struct sk_control *c, const struct sk_place *end)
{
	struct sk_window *w = sk_dispatch_window(c);

	w->reached = true;
	if (w->read_lane != NULL) {
		advance(w->read_lane, end);
		return;
	}
	for (struct sk_lane *l = w->lanes; l != NULL; l = l->next)
		if (l->more && l->n < SK_LANE_MAX && goes_on(w, &l->from, end))
			advance(l, end);
	if (!goes_on(w, &w->known, end))
		return;
	w->all_known = w->all_known || end == NULL;
	if (end != NULL)
		w->known = *end;
}

void
sk_window_read_ends(struct sk_control *c)
{
	struct sk_window *w = sk_dispatch_window(c);

	w->reading = false;
	w->read_lane = NULL;
	sk_map_release(&w->left);
	for (struct sk_lane *l = w->lanes; l != NULL; l = l->next)
		if (l->loose && l->more)
			cut(w, l, &l->from);
}

bool
sk_window_all_known(const struct sk_control *c)
{
	return sk_dispatch_window((struct sk_control *)(uintptr_t)c)->all_known;
}
