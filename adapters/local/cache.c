#include "adapters/local/cache.h"
#include "adapters/local/table.h"
#include "core/base/clock.h"
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)
#define SWEEP_MS 5000
#define SWEEP_PARTS 8 /* so many sweeps see the whole table */

enum question { VALUE, FIELDS, LIST };

/* What was asked for, with a copy of what was there when it was asked. */
struct answer {
	struct answer *next;
	enum question what;
	struct sk_arena *arena;
	bool found;
	size_t n; /* bytes, fields or items */
	const void *value;
	const char **names; /* FIELDS; LIST: the items */
	const void **values;
	size_t *sizes;
	union {
		void (*value)(void *arg, enum sk_code code, bool found, const void *value, size_t n);
		void (*field)(void *arg, enum sk_code code, const char *field, const void *value, size_t n);
		void (*list)(void *arg, enum sk_code code, const char *const *items, size_t n);
	} fn;
	void *arg;
};

struct local_cache {
	struct sk_cache cache;
	struct sk_loop *loop;
	struct sk_timer deliver, sweep;
	struct sk_table table;
	struct answer *first, **last;
	uint64_t n_dropped;
	int64_t (*boot_ms)(void *arg);
	void *clock_arg;
};

static struct local_cache *
upcast(struct sk_cache *c)
{
	return (struct local_cache *)c;
}

static int64_t
now_ms(const struct local_cache *c)
{
	return c->boot_ms != NULL ? c->boot_ms(c->clock_arg) : sk_boot_ms();
}

/* ---- writing ---- */

/* 0 is for ever; a lifetime below it is over already. */
static int64_t
due_at(int64_t now, int64_t ttl_ms)
{
	if (ttl_ms == 0)
		return 0;
	if (ttl_ms < 0)
		return 1;
	return ttl_ms < INT64_MAX - now ? now + ttl_ms : INT64_MAX;
}

static struct sk_entry *
put(struct local_cache *c, const char *key, const char *field, enum sk_entry_kind kind, size_t n,
	int64_t ttl_ms)
{
	const int64_t now = now_ms(c);
	const int64_t due = due_at(now, ttl_ms);
	struct sk_entry *e = sk_table_put(&c->table, key, field, kind, n, due, now);

	c->n_dropped += e == NULL;
	if (e != NULL && due != 0 && c->sweep.pos == 0)
		sk_timer_set(c->loop, &c->sweep, sk_boot_ms() + SWEEP_MS);
	return e;
}

static void
cache_put_field(struct sk_cache *cache, const char *key, const char *field, const void *value,
	size_t n, int64_t ttl_ms)
{
	struct sk_entry *e = put(upcast(cache), key, field, SK_ENTRY_FIELD, n, ttl_ms);

	if (e != NULL && n > 0)
		memcpy(e->data, value, n);
}

static void
drop_whole(struct local_cache *c, const char *key)
{
	struct sk_entry *e = sk_table_find(&c->table, key, NULL, now_ms(c));

	if (e != NULL)
		sk_table_remove(&c->table, e);
}

static void
cache_put(struct sk_cache *cache, const char *key, const void *value, size_t n, int64_t ttl_ms)
{
	struct sk_entry *e = put(upcast(cache), key, NULL, SK_ENTRY_VALUE, n, ttl_ms);

	if (e != NULL && n > 0)
		memcpy(e->data, value, n);
}

static void
cache_put_list(
	struct sk_cache *cache, const char *key, const char *const *items, size_t n, int64_t ttl_ms)
{
	size_t size = n * sizeof(char *);
	struct sk_entry *e;
	char **list, *at;

	for (size_t i = 0; i < n; i++)
		size += strlen(items[i]) + 1;
	e = put(upcast(cache), key, NULL, SK_ENTRY_LIST, size, ttl_ms);
	if (e == NULL)
		return;
	e->n = n;
	list = e->data;
	at = (char *)(list + n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(items[i]) + 1;

		list[i] = memcpy(at, items[i], len);
		at += len;
	}
}

static void
cache_remove(struct sk_cache *cache, const char *key)
{
	drop_whole(upcast(cache), key);
}

static void
cache_remove_field(struct sk_cache *cache, const char *key, const char *field)
{
	struct local_cache *c = upcast(cache);
	struct sk_entry *e = sk_table_find(&c->table, key, field, now_ms(c));

	if (e != NULL)
		sk_table_remove(&c->table, e);
}

static void
sweep(void *arg)
{
	struct local_cache *c = arg;

	sk_table_sweep(&c->table, c->table.n_buckets / SWEEP_PARTS, now_ms(c));
	if (c->table.n_mortal > 0)
		sk_timer_set(c->loop, &c->sweep, sk_boot_ms() + SWEEP_MS);
}

/* ---- reading ---- */

static struct answer *
answer_new(struct local_cache *c, enum question what, void *arg)
{
	struct sk_arena *arena = sk_arena_new();
	struct answer *a = sk_arena_alloc(arena, sizeof(*a));

	a->what = what;
	a->arena = arena;
	a->arg = arg;
	*c->last = a;
	c->last = &a->next;
	if (c->deliver.pos == 0)
		sk_timer_set(c->loop, &c->deliver, 0);
	return a;
}

/* With a NUL behind it, which n does not count. */
static const void *
copy(struct sk_arena *arena, const void *data, size_t n)
{
	char *p = sk_arena_alloc(arena, n + 1);

	if (n > 0)
		memcpy(p, data, n);
	return p;
}

static void
cache_get(struct sk_cache *cache, const char *key,
	void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n), void *arg)
{
	struct local_cache *c = upcast(cache);
	struct answer *a = answer_new(c, VALUE, arg);
	const struct sk_entry *e = sk_table_find(&c->table, key, NULL, now_ms(c));

	a->fn.value = fn;
	if (e == NULL || e->kind != SK_ENTRY_VALUE)
		return;
	a->found = true;
	a->n = e->n;
	a->value = copy(a->arena, e->data, e->n);
}

static size_t
count_fields(const struct sk_entry *hash)
{
	size_t n = 0;

	for (const struct sk_entry *f = hash->fields; f != NULL; f = f->next)
		n++;
	return n;
}

static void
cache_get_fields(struct sk_cache *cache, const char *key,
	void (*fn)(void *arg, enum sk_code code, const char *field, const void *value, size_t n),
	void *arg)
{
	struct local_cache *c = upcast(cache);
	struct answer *a = answer_new(c, FIELDS, arg);
	const int64_t now = now_ms(c);
	const struct sk_entry *h = sk_table_find(&c->table, key, NULL, now);
	size_t n;

	a->fn.field = fn;
	if (h == NULL || h->kind != SK_ENTRY_HASH)
		return;
	n = count_fields(h);
	a->names = sk_arena_alloc(a->arena, n * sizeof(char *));
	a->values = sk_arena_alloc(a->arena, n * sizeof(void *));
	a->sizes = sk_arena_alloc(a->arena, n * sizeof(size_t));
	for (const struct sk_entry *f = h->fields; f != NULL; f = f->next) {
		if (f->due_ms != 0 && f->due_ms <= now)
			continue;
		a->names[a->n] = sk_arena_strdup(a->arena, sk_entry_field(f));
		a->values[a->n] = copy(a->arena, f->data, f->n);
		a->sizes[a->n++] = f->n;
	}
}

static void
cache_get_list(struct sk_cache *cache, const char *key,
	void (*fn)(void *arg, enum sk_code code, const char *const *items, size_t n), void *arg)
{
	struct local_cache *c = upcast(cache);
	struct answer *a = answer_new(c, LIST, arg);
	const struct sk_entry *e = sk_table_find(&c->table, key, NULL, now_ms(c));

	a->fn.list = fn;
	if (e == NULL || e->kind != SK_ENTRY_LIST)
		return;
	a->n = e->n;
	a->names = sk_arena_alloc(a->arena, e->n * sizeof(char *));
	for (size_t i = 0; i < e->n; i++)
		a->names[i] = sk_arena_strdup(a->arena, ((char **)e->data)[i]);
}

static void
give(const struct answer *a)
{
	switch (a->what) {
	case VALUE:
		a->fn.value(a->arg, SK_OK, a->found, a->value, a->n);
		break;
	case FIELDS:
		for (size_t i = 0; i < a->n; i++)
			a->fn.field(a->arg, SK_OK, a->names[i], a->values[i], a->sizes[i]);
		a->fn.field(a->arg, SK_OK, NULL, NULL, 0);
		break;
	case LIST:
		a->fn.list(a->arg, SK_OK, a->names, a->n);
		break;
	}
}

static void
forget_answers(struct answer *a)
{
	while (a != NULL) {
		struct answer *next = a->next;

		sk_arena_free(a->arena); /* a lives in it */
		a = next;
	}
}

/* What is asked for meanwhile waits for the next round. */
static void
deliver(void *arg)
{
	struct local_cache *c = arg;
	struct answer *list = c->first;

	c->first = NULL;
	c->last = &c->first;
	for (const struct answer *a = list; a != NULL; a = a->next)
		give(a);
	forget_answers(list);
}

static void
cache_close(struct sk_cache *cache)
{
	struct local_cache *c = upcast(cache);

	sk_timer_clear(c->loop, &c->deliver);
	sk_timer_clear(c->loop, &c->sweep);
	forget_answers(c->first);
	sk_table_release(&c->table);
	free(c);
}

static const struct sk_cache_ops ops = {
	.name = "local",
	.put = cache_put,
	.put_field = cache_put_field,
	.put_list = cache_put_list,
	.remove = cache_remove,
	.remove_field = cache_remove_field,
	.get = cache_get,
	.get_fields = cache_get_fields,
	.get_list = cache_get_list,
	.close = cache_close,
};

struct sk_cache *
sk_cache_local_open(const struct sk_cache_local_config *cfg)
{
	struct local_cache *c = sk_xcalloc(1, sizeof(*c));

	c->cache.ops = &ops;
	c->loop = cfg->loop;
	c->boot_ms = cfg->boot_ms;
	c->clock_arg = cfg->clock_arg;
	c->last = &c->first;
	c->deliver = (struct sk_timer){ .fn = deliver, .arg = c };
	c->sweep = (struct sk_timer){ .fn = sweep, .arg = c };
	sk_table_init(&c->table, cfg->max_bytes > 0 ? cfg->max_bytes : MAX_BYTES);
	return &c->cache;
}

struct sk_cache_local_stats
sk_cache_local_stats(const struct sk_cache *cache)
{
	const struct local_cache *c = (const struct local_cache *)cache;

	return (struct sk_cache_local_stats){ c->table.n, c->table.bytes, c->n_dropped };
}
