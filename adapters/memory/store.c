#include "adapters/memory/store.h"
#include "core/base/map.h"
#include "core/control/parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	struct sk_attempt a;
	struct kept *next;
};

struct row {
	struct sk_arena *arena;
	struct sk_record *r; /* NULL = removed */
	struct kept *attempts;
	struct row *next; /* same hash of the id */
};

struct named {
	char *name, *value;
};

struct memory {
	struct sk_store store;
	struct sk_loop *loop;
	struct sk_timer timer;
	struct sk_op *head, *tail;
	struct row **rows; /* by seq - 1 */
	size_t n, cap;
	struct sk_map by_id;
	struct {
		struct sk_arena *arena;
		struct sk_skald *s;
	} * skalds;
	size_t n_skalds;
	struct named *settings;
	size_t n_settings;
	char lead_holder[256];
	uint64_t lead_term, lead_renewals;
};

static struct row *
find_row(struct memory *m, const char *id)
{
	struct row *w = sk_map_find(&m->by_id, sk_id_hash(id));

	while (w != NULL && (w->r == NULL || strcmp(w->r->id, id) != 0))
		w = w->next;
	return w;
}

/* ---- insert ---- */

static struct sk_record *
in_the_way(struct memory *m, const struct sk_record *r)
{
	struct row *w = find_row(m, r->id);

	if (w != NULL)
		return w->r;
	for (size_t i = 0; r->unique_key[0] != '\0' && i < m->n; i++)
		if (m->rows[i]->r != NULL && !sk_phase_final(m->rows[i]->r->life.phase) &&
			strcmp(m->rows[i]->r->unique_key, r->unique_key) == 0)
			return m->rows[i]->r;
	return NULL;
}

static uint64_t
add_row(struct memory *m, const struct sk_record *r)
{
	struct row *w = sk_xcalloc(1, sizeof(*w));

	w->arena = sk_arena_new();
	w->r = sk_record_copy(w->arena, r);
	if (m->n == m->cap) {
		m->cap = m->cap > 0 ? m->cap * 2 : 64;
		m->rows = sk_xreallocarray(m->rows, m->cap, sizeof(struct row *));
	}
	m->rows[m->n++] = w;
	w->r->seq = m->n;
	w->next = sk_map_find(&m->by_id, sk_id_hash(r->id));
	sk_map_put(&m->by_id, sk_id_hash(r->id), w);
	return w->r->seq;
}

static void
drop_row(struct memory *m, struct row *w)
{
	struct row *head = sk_map_find(&m->by_id, sk_id_hash(w->r->id)), **p = &head;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (head == NULL)
		sk_map_remove(&m->by_id, sk_id_hash(w->r->id));
	else
		sk_map_put(&m->by_id, sk_id_hash(w->r->id), head);
	sk_arena_free(w->arena);
	w->arena = NULL;
	w->r = NULL;
}

static enum sk_code
do_insert(struct memory *m, struct sk_op_insert *op)
{
	enum sk_code code = SK_OK;
	size_t i;

	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	op->found = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->found));
	op->seqs = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->seqs));
	for (i = 0; i < op->n && (op->each || code == SK_OK); i++) {
		const struct sk_record *other = in_the_way(m, op->records[i]);

		if (other == NULL) {
			op->seqs[i] = add_row(m, op->records[i]);
			continue;
		}
		op->found[i] = sk_record_copy(op->op.arena, other);
		op->codes[i] = SK_ECONFLICT;
		if (!op->each)
			code = sk_fail(&op->op.err, SK_ECONFLICT, "task %s is there already", other->id);
	}
	while (code != SK_OK && i-- > 0) /* all or none */
		if (op->seqs[i] != 0) {
			drop_row(m, m->rows[op->seqs[i] - 1]);
			op->seqs[i] = 0;
		}
	return code;
}

/* ---- read ---- */

static enum sk_code
do_get(struct memory *m, struct sk_op_get *op)
{
	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->records));
	for (size_t i = 0; i < op->n; i++) {
		struct row *w = find_row(m, op->ids[i]);

		op->records[i] = w != NULL ? sk_record_copy(op->op.arena, w->r) : NULL;
	}
	return SK_OK;
}

static int64_t
order_key(enum sk_order order, const struct sk_record *r)
{
	switch (order) {
	case SK_OLDEST_FIRST:
		return 0;
	case SK_NEWEST_FIRST:
		return -(int64_t)r->seq;
	case SK_BY_RANK:
		return r->rank_ms;
	case SK_BY_UPDATE:
		return -r->update_ms;
	case SK_BY_DUE:
		return r->due_ms;
	}
	return 0;
}

struct keyed {
	int64_t key;
	uint64_t seq;
	struct sk_record *r;
};

static int
by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static enum sk_code
do_find(struct memory *m, struct sk_op_find *op)
{
	struct keyed *all = sk_arena_alloc(op->op.arena, (m->n + 1) * sizeof(*all)), from = { 0 };
	long long key;
	unsigned long long seq;
	size_t n = 0;
	char rest;

	if (op->after != NULL) {
		if (sscanf(op->after, "m%lld.%llu%c", &key, &seq, &rest) != 2)
			return sk_fail(&op->op.err, SK_EINVAL, "this is no cursor");
		from = (struct keyed){ key, seq, NULL };
	}
	for (size_t i = 0; i < m->n; i++) {
		struct sk_record *r = m->rows[i]->r;
		struct keyed k;

		if (r == NULL || !sk_filter_match(&op->filter, r))
			continue;
		k = (struct keyed){ order_key(op->order, r), r->seq, r };
		if (op->after == NULL || by_key(&k, &from) > 0)
			all[n++] = k;
	}
	qsort(all, n, sizeof(*all), by_key);
	op->n = n < op->limit ? n : op->limit;
	op->records = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->records));
	for (size_t i = 0; i < op->n; i++)
		op->records[i] = sk_record_copy(op->op.arena, all[i].r);
	op->next = n > op->n
		? sk_arena_printf(op->op.arena, "m%lld.%llu", (long long)all[op->n - 1].key,
			  (unsigned long long)all[op->n - 1].seq)
		: NULL;
	return SK_OK;
}

static enum sk_code
do_count(struct memory *m, struct sk_op_count *op)
{
	memset(op->by_phase, 0, sizeof(op->by_phase));
	op->oldest_waiting_ms = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct sk_record *r = m->rows[i]->r;

		if (r == NULL || !sk_filter_match(&op->filter, r))
			continue;
		op->by_phase[r->life.phase]++;
		if (r->life.phase == SK_CREATED &&
			(op->oldest_waiting_ms == 0 || r->create_ms < op->oldest_waiting_ms))
			op->oldest_waiting_ms = r->create_ms;
	}
	return SK_OK;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum sk_code
do_classes(struct memory *m, struct sk_op_classes *op)
{
	op->names = sk_arena_alloc(op->op.arena, (m->n + 1) * sizeof(*op->names));
	op->n = 0;
	for (size_t i = 0; i < m->n; i++) {
		size_t k = 0;

		if (m->rows[i]->r == NULL)
			continue;
		while (k < op->n && strcmp(op->names[k], m->rows[i]->r->class_name) != 0)
			k++;
		if (k == op->n)
			op->names[op->n++] = sk_arena_strdup(op->op.arena, m->rows[i]->r->class_name);
	}
	qsort(op->names, op->n, sizeof(*op->names), by_text);
	return SK_OK;
}

/* ---- change ---- */

static void
keep_attempt(struct row *w, const struct sk_attempt *a)
{
	struct kept *k = sk_arena_alloc(w->arena, sizeof(*k)), **p = &w->attempts;

	k->a = *a;
	k->a.executor = sk_arena_strdup(w->arena, a->executor != NULL ? a->executor : "");
	k->a.exit.message = sk_arena_strdup(w->arena, a->exit.message != NULL ? a->exit.message : "");
	k->a.tail = a->tail != NULL ? sk_arena_strndup(w->arena, a->tail, a->tail_len) : NULL;
	while (*p != NULL)
		p = &(*p)->next;
	*p = k;
}

static void
do_one(struct memory *m, struct sk_move *v)
{
	struct row *w = find_row(m, v->id);
	struct sk_arena *arena;
	struct sk_record *r;
	struct kept *k;

	v->code = w == NULL ? SK_ENOENT
		: w->r->life.attempt != v->expect_attempt || w->r->life.phase != v->expect_phase ||
			(v->expect_wanted && w->r->life.wanted != v->wanted)
		? SK_ECONFLICT
		: SK_OK;
	if (v->code != SK_OK)
		return;
	sk_patch_apply(w->r, v->set, v->to);
	arena = sk_arena_new(); /* what it borrowed becomes its own */
	r = sk_record_copy(arena, w->r);
	k = w->attempts;
	w->attempts = NULL;
	struct row fresh = { .arena = arena, .r = r };

	for (; k != NULL; k = k->next)
		keep_attempt(&fresh, &k->a);
	if (v->ended != NULL)
		keep_attempt(&fresh, v->ended);
	sk_arena_free(w->arena);
	w->arena = arena;
	w->r = r;
	w->attempts = fresh.attempts;
}

static enum sk_code
do_move(struct memory *m, struct sk_op_move *op)
{
	for (size_t i = 0; i < op->n; i++)
		do_one(m, &op->moves[i]);
	return SK_OK;
}

static enum sk_code
do_remove(struct memory *m, struct sk_op_remove *op)
{
	op->codes = sk_arena_alloc(op->op.arena, (op->n + 1) * sizeof(*op->codes));
	for (size_t i = 0; i < op->n; i++) {
		struct row *w = find_row(m, op->ids[i]);

		op->codes[i] = w == NULL				? SK_ENOENT
			: !sk_phase_final(w->r->life.phase) ? SK_ECONFLICT
												: SK_OK;
		if (op->codes[i] != SK_OK)
			continue;
		for (size_t k = 0; w->r->array_size > 0 && k < m->n; k++)
			if (m->rows[k]->r != NULL && strcmp(m->rows[k]->r->array_parent, op->ids[i]) == 0)
				drop_row(m, m->rows[k]);
		drop_row(m, w);
	}
	return SK_OK;
}

static enum sk_code
do_attempts(struct memory *m, struct sk_op_attempts *op)
{
	struct row *w = find_row(m, op->id);
	size_t n = 0;

	if (w == NULL)
		return sk_fail(&op->op.err, SK_ENOENT, "there is no task %s", op->id);
	for (struct kept *k = w->attempts; k != NULL; k = k->next)
		n++;
	op->attempts = sk_arena_alloc(op->op.arena, (n + 1) * sizeof(*op->attempts));
	op->n = 0;
	for (struct kept *k = w->attempts; k != NULL; k = k->next) {
		struct sk_attempt *a = &op->attempts[op->n++];

		*a = k->a;
		a->executor = sk_arena_strdup(op->op.arena, k->a.executor);
		a->exit.message = sk_arena_strdup(op->op.arena, k->a.exit.message);
		if (k->a.tail != NULL)
			a->tail = sk_arena_strndup(op->op.arena, k->a.tail, k->a.tail_len);
	}
	return SK_OK;
}

/* ---- skalds, lead, settings ---- */

static struct sk_skald *
copy_skald(struct sk_arena *a, const struct sk_skald *s)
{
	struct sk_skald *c = sk_arena_alloc(a, sizeof(*c));
	struct sk_str text = SK_STR_INIT;
	const char **classes;
	struct sk_err err;
	size_t n = 0;

	*c = *s;
	c->id = sk_arena_strdup(a, s->id);
	c->version = sk_arena_strdup(a, s->version != NULL ? s->version : "");
	c->host = sk_arena_strdup(a, s->host != NULL ? s->host : "");
	while (s->classes != NULL && s->classes[n] != NULL)
		n++;
	classes = sk_arena_alloc(a, (n + 1) * sizeof(*classes));
	for (size_t i = 0; i < n; i++)
		classes[i] = sk_arena_strdup(a, s->classes[i]);
	c->classes = (const char *const *)classes;
	if (s->labels != NULL) {
		sk_value_encode(&text, s->labels);
		c->labels = sk_value_decode(a, text.p, text.len, &err);
		sk_str_release(&text);
	}
	return c;
}

static size_t
skald_at(const struct memory *m, const char *id)
{
	size_t i = 0;

	while (i < m->n_skalds && strcmp(m->skalds[i].s->id, id) < 0)
		i++;
	return i;
}

static enum sk_code
do_skald_put(struct memory *m, struct sk_op_skald_put *op)
{
	size_t i = skald_at(m, op->skald->id);
	bool there = i < m->n_skalds && strcmp(m->skalds[i].s->id, op->skald->id) == 0;
	bool draining = op->skald->draining;
	struct sk_arena *arena;

	if (there && m->skalds[i].s->incarnation != op->skald->incarnation && !op->take &&
		m->skalds[i].s->start_ms >= op->skald->start_ms)
		return sk_fail(&op->op.err, SK_ECONFLICT, "skald %s runs elsewhere", op->skald->id);
	if (there && op->keep_draining)
		draining = m->skalds[i].s->draining;
	if (!there) {
		m->skalds = sk_xreallocarray(m->skalds, m->n_skalds + 1, sizeof(*m->skalds));
		memmove(&m->skalds[i + 1], &m->skalds[i], (m->n_skalds++ - i) * sizeof(*m->skalds));
	} else
		sk_arena_free(m->skalds[i].arena);
	arena = sk_arena_new();
	m->skalds[i].arena = arena;
	m->skalds[i].s = copy_skald(arena, op->skald);
	m->skalds[i].s->draining = draining;
	return SK_OK;
}

static enum sk_code
do_skald_list(struct memory *m, struct sk_op_skald_list *op)
{
	op->skalds = sk_arena_alloc(op->op.arena, (m->n_skalds + 1) * sizeof(*op->skalds));
	op->n = m->n_skalds;
	for (size_t i = 0; i < op->n; i++)
		op->skalds[i] = copy_skald(op->op.arena, m->skalds[i].s);
	return SK_OK;
}

static enum sk_code
do_skald_remove(struct memory *m, struct sk_op_skald_remove *op)
{
	size_t i = skald_at(m, op->id);

	if (i == m->n_skalds || strcmp(m->skalds[i].s->id, op->id) != 0)
		return sk_fail(&op->op.err, SK_ENOENT, "there is no skald %s", op->id);
	sk_arena_free(m->skalds[i].arena);
	memmove(&m->skalds[i], &m->skalds[i + 1], (--m->n_skalds - i) * sizeof(*m->skalds));
	return SK_OK;
}

static enum sk_code
do_lead(struct memory *m, struct sk_op_lead *op)
{
	bool mine = strcmp(m->lead_holder, op->holder) == 0, good = op->term == m->lead_term;
	enum sk_code code = SK_OK;

	if (good && (mine || op->take)) {
		if (!mine)
			m->lead_term++;
		m->lead_renewals++;
		snprintf(m->lead_holder, sizeof(m->lead_holder), "%s", op->holder);
	} else
		code = sk_fail(&op->op.err, SK_ECONFLICT, "%s leads, term %llu", m->lead_holder,
			(unsigned long long)m->lead_term);
	op->now_holder = sk_arena_strdup(op->op.arena, m->lead_holder);
	op->now_term = m->lead_term;
	op->now_renewals = m->lead_renewals;
	return code;
}

static enum sk_code
do_setting(struct memory *m, struct sk_op_setting *op, bool put)
{
	size_t i = 0;

	while (i < m->n_settings && strcmp(m->settings[i].name, op->name) != 0)
		i++;
	if (put && i == m->n_settings) {
		m->settings = sk_xreallocarray(m->settings, m->n_settings + 1, sizeof(*m->settings));
		m->settings[m->n_settings++] = (struct named){ sk_xstrdup(op->name), NULL };
	}
	if (put) {
		free(m->settings[i].value);
		m->settings[i].value = sk_xstrdup(op->value);
	} else
		op->value = i < m->n_settings ? sk_arena_strdup(op->op.arena, m->settings[i].value) : "";
	return SK_OK;
}

/* ---- the queue ---- */

static enum sk_code
perform(struct memory *m, struct sk_op *op)
{
	switch (op->kind) {
	case SK_OP_INSERT:
		return do_insert(m, (struct sk_op_insert *)op);
	case SK_OP_GET:
		return do_get(m, (struct sk_op_get *)op);
	case SK_OP_FIND:
		return do_find(m, (struct sk_op_find *)op);
	case SK_OP_COUNT:
		return do_count(m, (struct sk_op_count *)op);
	case SK_OP_MOVE:
		return do_move(m, (struct sk_op_move *)op);
	case SK_OP_REMOVE:
		return do_remove(m, (struct sk_op_remove *)op);
	case SK_OP_ATTEMPTS:
		return do_attempts(m, (struct sk_op_attempts *)op);
	case SK_OP_CLASSES:
		return do_classes(m, (struct sk_op_classes *)op);
	case SK_OP_SKALD_PUT:
		return do_skald_put(m, (struct sk_op_skald_put *)op);
	case SK_OP_SKALD_LIST:
		return do_skald_list(m, (struct sk_op_skald_list *)op);
	case SK_OP_SKALD_REMOVE:
		return do_skald_remove(m, (struct sk_op_skald_remove *)op);
	case SK_OP_LEAD:
		return do_lead(m, (struct sk_op_lead *)op);
	case SK_OP_SETTING_GET:
	case SK_OP_SETTING_PUT:
		return do_setting(m, (struct sk_op_setting *)op, op->kind == SK_OP_SETTING_PUT);
	case SK_OP_BACKUP:
		return sk_fail(&op->err, SK_EINVAL, "a store in memory has no backup");
	case SK_OP_CHECK:
		((struct sk_op_check *)op)->problems = "";
		return SK_OK;
	}
	return SK_EINVAL;
}

static void
run_queue(void *arg)
{
	struct memory *m = arg;
	struct sk_op *op, *list = m->head;

	m->head = m->tail = NULL;
	while ((op = list) != NULL) {
		list = op->next;
		op->err = (struct sk_err){ SK_OK, "" };
		op->code = perform(m, op);
		op->done(op);
	}
}

static void
memory_submit(struct sk_store *s, struct sk_op *op)
{
	struct memory *m = (struct memory *)s;

	op->next = NULL;
	if (m->tail != NULL)
		m->tail->next = op;
	else
		m->head = op;
	m->tail = op;
	if (m->timer.pos == 0)
		sk_timer_set(m->loop, &m->timer, 0);
}

static void
memory_close(struct sk_store *s)
{
	struct memory *m = (struct memory *)s;

	while (m->head != NULL)
		run_queue(m);
	sk_timer_clear(m->loop, &m->timer);
	for (size_t i = 0; i < m->n; i++) {
		sk_arena_free(m->rows[i]->arena);
		free(m->rows[i]);
	}
	free(m->rows);
	for (size_t i = 0; i < m->n_skalds; i++)
		sk_arena_free(m->skalds[i].arena);
	free(m->skalds);
	for (size_t i = 0; i < m->n_settings; i++) {
		free(m->settings[i].name);
		free(m->settings[i].value);
	}
	free(m->settings);
	sk_map_release(&m->by_id);
	free(m);
}

struct sk_store *
sk_store_memory_open(struct sk_loop *loop)
{
	static const struct sk_store_ops ops = {
		.name = "memory", .submit = memory_submit, .close = memory_close
	};
	struct memory *m = sk_xcalloc(1, sizeof(*m));

	m->store.ops = &ops;
	m->loop = loop;
	m->timer = (struct sk_timer){ .fn = run_queue, .arg = m };
	return &m->store;
}
