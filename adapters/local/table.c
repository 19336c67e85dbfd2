#include "adapters/local/table.h"
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

/* A key as it is looked up: "key" or "key\0field". */
struct name {
	const char *key, *field; /* field NULL = none */
	size_t key_len, len; /* len: of both */
	uint64_t hash;
};

static uint64_t
hash_more(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	return h;
}

static struct name
make_name(const char *key, const char *field)
{
	struct name m = { .key = key, .field = field, .key_len = strlen(key) };
	uint64_t h = hash_more(0xcbf29ce484222325u, key, m.key_len);

	m.len = m.key_len;
	if (field != NULL) {
		size_t n = strlen(field);

		m.len += 1 + n;
		h = hash_more(h * 31, field, n);
	}
	m.hash = h ^ h >> 32;
	return m;
}

static bool
is_named(const struct sk_entry *e, const struct name *m)
{
	if (e->hash != m->hash || e->key_len != m->len || (m->field != NULL) != (e->parent != NULL))
		return false;
	return memcmp(e->key, m->key, m->key_len) == 0 &&
		(m->field == NULL || strcmp(sk_entry_field(e), m->field) == 0);
}

const char *
sk_entry_field(const struct sk_entry *e)
{
	return e->key + strlen(e->key) + 1;
}

void
sk_table_init(struct sk_table *t, size_t max_bytes)
{
	*t = (struct sk_table){ .max_bytes = max_bytes, .n_buckets = FIRST_BUCKETS };
	t->buckets = sk_xcalloc(t->n_buckets, sizeof(struct sk_entry *));
}

void
sk_table_release(struct sk_table *t)
{
	for (size_t i = 0; i < t->n_buckets; i++)
		while (t->buckets[i] != NULL) {
			struct sk_entry *e = t->buckets[i];

			t->buckets[i] = e->chain;
			free(e);
		}
	free(t->buckets);
	*t = (struct sk_table){ 0 };
}

static struct sk_entry **
bucket_of(struct sk_table *t, uint64_t hash)
{
	return &t->buckets[hash & (t->n_buckets - 1)];
}

static void
grow(struct sk_table *t)
{
	struct sk_entry **old = t->buckets;
	const size_t n_old = t->n_buckets;

	t->n_buckets *= 2;
	t->buckets = sk_xcalloc(t->n_buckets, sizeof(struct sk_entry *));
	for (size_t i = 0; i < n_old; i++)
		while (old[i] != NULL) {
			struct sk_entry *e = old[i], **b = bucket_of(t, e->hash);

			old[i] = e->chain;
			e->chain = *b;
			*b = e;
		}
	free(old);
}

static void
unlink_entry(struct sk_table *t, struct sk_entry *e)
{
	struct sk_entry **at = bucket_of(t, e->hash);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	t->n--;
	t->bytes -= e->cost;
	t->n_mortal -= e->due_ms != 0;
	free(e);
}

static void
leave_hash(struct sk_entry *field)
{
	struct sk_entry *h = field->parent;

	*(field->prev != NULL ? &field->prev->next : &h->fields) = field->next;
	*(field->next != NULL ? &field->next->prev : &h->last) = field->prev;
}

void
sk_table_remove(struct sk_table *t, struct sk_entry *e)
{
	struct sk_entry *parent = e->parent, *next;

	for (struct sk_entry *field = e->fields; field != NULL; field = next) {
		next = field->next;
		unlink_entry(t, field);
	}
	if (parent != NULL)
		leave_hash(e);
	unlink_entry(t, e);
	if (parent != NULL && parent->fields == NULL)
		unlink_entry(t, parent);
}

static struct sk_entry *
find_named(struct sk_table *t, const struct name *m)
{
	struct sk_entry *e = *bucket_of(t, m->hash);

	while (e != NULL && !is_named(e, m))
		e = e->chain;
	return e;
}

static bool
is_over(const struct sk_entry *e, int64_t now_ms)
{
	return e->due_ms != 0 && e->due_ms <= now_ms;
}

struct sk_entry *
sk_table_find(struct sk_table *t, const char *key, const char *field, int64_t now_ms)
{
	struct name m = make_name(key, field);
	struct sk_entry *e = find_named(t, &m);

	if (e == NULL || !is_over(e, now_ms))
		return e;
	sk_table_remove(t, e);
	return NULL;
}

/* The whole table is looked through only when it is full. */
static bool
make_room(struct sk_table *t, size_t cost, int64_t now_ms)
{
	if (t->max_bytes - t->bytes >= cost)
		return true;
	sk_table_sweep(t, t->n_buckets, now_ms);
	return t->max_bytes - t->bytes >= cost;
}

static struct sk_entry *
add(struct sk_table *t, const struct name *m, enum sk_entry_kind kind, size_t n_data)
{
	const size_t align = alignof(max_align_t);
	size_t head = (sizeof(struct sk_entry) + m->len + 1 + align - 1) & ~(align - 1);
	struct sk_entry *e = sk_xmalloc(head + n_data), **b;

	memset(e, 0, sizeof(*e));
	e->hash = m->hash;
	e->kind = kind;
	e->cost = head + n_data;
	e->n = n_data;
	e->data = (char *)e + head;
	e->key_len = m->len;
	memcpy(e->key, m->key, m->key_len + 1);
	if (m->field != NULL)
		memcpy(e->key + m->key_len + 1, m->field, m->len - m->key_len);
	if (t->n >= t->n_buckets)
		grow(t);
	b = bucket_of(t, e->hash);
	e->chain = *b;
	*b = e;
	t->n++;
	t->bytes += e->cost;
	return e;
}

static struct sk_entry *
hash_of(struct sk_table *t, const char *key)
{
	struct name m = make_name(key, NULL);
	struct sk_entry *h = find_named(t, &m);

	if (h != NULL && h->kind != SK_ENTRY_HASH) {
		sk_table_remove(t, h);
		h = NULL;
	}
	return h != NULL ? h : add(t, &m, SK_ENTRY_HASH, 0);
}

static void
join_hash(struct sk_entry *h, struct sk_entry *field)
{
	field->parent = h;
	field->prev = h->last;
	*(h->last != NULL ? &h->last->next : &h->fields) = field;
	h->last = field;
}

struct sk_entry *
sk_table_put(struct sk_table *t, const char *key, const char *field, enum sk_entry_kind kind,
	size_t n_data, int64_t due_ms, int64_t now_ms)
{
	struct name m = make_name(key, field);
	struct sk_entry *e = find_named(t, &m);
	/* twice the key: a first field brings its hash */
	const size_t cost = 2 * (sizeof(*e) + m.len + 2 * alignof(max_align_t)) + n_data;

	if (e != NULL)
		sk_table_remove(t, e);
	if (n_data > t->max_bytes || cost > t->max_bytes || !make_room(t, cost, now_ms))
		return NULL;
	if (field != NULL) {
		struct sk_entry *h = hash_of(t, key);

		e = add(t, &m, kind, n_data);
		join_hash(h, e);
	} else {
		e = add(t, &m, kind, n_data);
	}
	e->due_ms = due_ms;
	t->n_mortal += due_ms != 0;
	return e;
}

/* Removing one may take others of the same bucket along: begin again. */
static void
sweep_bucket(struct sk_table *t, size_t i, int64_t now_ms)
{
	struct sk_entry *e = t->buckets[i];

	while (e != NULL)
		if (is_over(e, now_ms)) {
			sk_table_remove(t, e);
			e = t->buckets[i];
		} else {
			e = e->chain;
		}
}

void
sk_table_sweep(struct sk_table *t, size_t n_buckets, int64_t now_ms)
{
	for (size_t i = 0; i < n_buckets && i < t->n_buckets; i++) {
		t->sweep = t->sweep + 1 < t->n_buckets ? t->sweep + 1 : 0;
		sweep_bucket(t, t->sweep, now_ms);
	}
}
