#include "cache_contract.h"
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lifetimes of the tests: one that is over soon, one that is not while a test runs. */
#define SHORT_MS 60
#define LONG_MS 60000

/* ---- a cache and what it answers ---- */

struct rig {
	const struct cache_contract *contract;
	struct sk_loop *loop;
	struct sk_cache *cache;
};

struct told {
	int calls; /* of the last fn, the one that ends the answer */
	enum sk_code code;
	bool found;
	size_t n; /* bytes, fields or items */
	char value[256];
	char names[2048][24], values[2048][24]; /* fields; items are names */
};

static void
open_rig(struct rig *r, void **state)
{
	struct sk_err err;

	r->contract = *state;
	r->loop = sk_loop_new(&err);
	assert_non_null(r->loop);
	r->cache = r->contract->open(r->loop);
	assert_non_null(r->cache);
}

static void
close_rig(struct rig *r)
{
	r->cache->ops->close(r->cache);
	sk_loop_free(r->loop);
}

static void
run_for(struct rig *r, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (sk_boot_ms() < end)
		sk_loop_once(r->loop, 5);
}

static void
until_told(struct rig *r, const struct told *t)
{
	const int64_t end = sk_boot_ms() + r->contract->patience_ms;

	assert_int_equal(t->calls, 0); /* never from within */
	while (t->calls == 0 && sk_boot_ms() < end)
		sk_loop_once(r->loop, 10);
	assert_int_equal(t->calls, 1);
	assert_int_equal(t->code, SK_OK);
}

static void
on_value(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct told *t = arg;

	t->calls++;
	t->code = code;
	t->found = found;
	t->n = n;
	if (found)
		memcpy(t->value, value, n < sizeof(t->value) ? n : sizeof(t->value));
}

static void
on_field(void *arg, enum sk_code code, const char *field, const void *value, size_t n)
{
	struct told *t = arg;

	t->code = code;
	if (field == NULL) {
		t->calls++;
		return;
	}
	assert_int_equal(t->calls, 0);
	assert_true(t->n < 2048);
	snprintf(t->names[t->n], sizeof(t->names[0]), "%s", field);
	snprintf(t->values[t->n++], sizeof(t->values[0]), "%.*s", (int)n, (const char *)value);
}

static void
on_list(void *arg, enum sk_code code, const char *const *items, size_t n)
{
	struct told *t = arg;

	t->calls++;
	t->code = code;
	t->n = n;
	for (size_t i = 0; i < n && i < 2048; i++)
		snprintf(t->names[i], sizeof(t->names[0]), "%s", items[i]);
}

static struct told told; /* too large for a stack */

static const struct told *
get(struct rig *r, const char *key)
{
	memset(&told, 0, sizeof(told));
	r->cache->ops->get(r->cache, key, on_value, &told);
	until_told(r, &told);
	return &told;
}

static const struct told *
get_fields(struct rig *r, const char *key)
{
	memset(&told, 0, sizeof(told));
	r->cache->ops->get_fields(r->cache, key, on_field, &told);
	until_told(r, &told);
	return &told;
}

static const struct told *
get_list(struct rig *r, const char *key)
{
	memset(&told, 0, sizeof(told));
	r->cache->ops->get_list(r->cache, key, on_list, &told);
	until_told(r, &told);
	return &told;
}

static void
put(struct rig *r, const char *key, const char *value, int64_t ttl_ms)
{
	r->cache->ops->put(r->cache, key, value, strlen(value), ttl_ms);
}

static void
put_field(struct rig *r, const char *key, const char *field, const char *value, int64_t ttl_ms)
{
	r->cache->ops->put_field(r->cache, key, field, value, strlen(value), ttl_ms);
}

static void
is_value(struct rig *r, const char *key, const char *value)
{
	const struct told *t = get(r, key);

	if (value == NULL) {
		assert_false(t->found);
		return;
	}
	assert_true(t->found);
	assert_int_equal(t->n, strlen(value));
	assert_memory_equal(t->value, value, t->n);
}

/* The value of a field among what was told; NULL = absent. */
static const char *
field_of(const struct told *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->names[i], name) == 0)
			return t->values[i];
	return NULL;
}

/* ---- tests ---- */

static void
a_value_is_kept_replaced_and_removed(void **state)
{
	struct rig r;

	open_rig(&r, state);
	is_value(&r, "k", NULL);
	put(&r, "k", "one", LONG_MS);
	put(&r, "other", "x", 0);
	is_value(&r, "k", "one");
	put(&r, "k", "two and longer", LONG_MS);
	is_value(&r, "k", "two and longer");
	put(&r, "k", "", LONG_MS);
	is_value(&r, "k", "");
	r.cache->ops->remove(r.cache, "k");
	r.cache->ops->remove(r.cache, "never there");
	is_value(&r, "k", NULL);
	is_value(&r, "other", "x");
	close_rig(&r);
}

static void
values_are_bytes_and_are_copied(void **state)
{
	char bytes[] = "a\0b\xff\n", key[] = "key";
	struct rig r;
	const struct told *t;

	open_rig(&r, state);
	r.cache->ops->put(r.cache, key, bytes, 5, 0);
	memset(bytes, 'x', sizeof(bytes));
	memset(key, 'x', sizeof(key) - 1);
	t = get(&r, "key");
	assert_true(t->found);
	assert_int_equal(t->n, 5);
	assert_memory_equal(t->value, "a\0b\xff\n", 5);
	close_rig(&r);
}

static void
a_value_ends_with_its_lifetime(void **state)
{
	struct rig r;

	open_rig(&r, state);
	put(&r, "short", "s", SHORT_MS);
	put(&r, "long", "l", LONG_MS);
	put(&r, "ever", "e", 0);
	put(&r, "again", "1", SHORT_MS);
	is_value(&r, "short", "s");
	put(&r, "again", "2", LONG_MS); /* a new value has a new lifetime */
	run_for(&r, SHORT_MS + 20);
	is_value(&r, "short", NULL);
	is_value(&r, "long", "l");
	is_value(&r, "ever", "e");
	is_value(&r, "again", "2");
	put(&r, "long", "l", SHORT_MS);
	run_for(&r, SHORT_MS + 20);
	is_value(&r, "long", NULL);
	close_rig(&r);
}

static void
fields_of_a_hash_are_kept_replaced_and_removed(void **state)
{
	struct rig r;
	const struct told *t;

	open_rig(&r, state);
	assert_int_equal(get_fields(&r, "h")->n, 0);
	put_field(&r, "h", "a", "1", 0);
	put_field(&r, "h", "b", "2", 0);
	put_field(&r, "h2", "a", "other", 0);
	put_field(&r, "h", "a", "1+", 0);
	t = get_fields(&r, "h");
	assert_int_equal(t->n, 2);
	assert_string_equal(field_of(t, "a"), "1+");
	assert_string_equal(field_of(t, "b"), "2");
	r.cache->ops->remove_field(r.cache, "h", "a");
	r.cache->ops->remove_field(r.cache, "h", "never there");
	r.cache->ops->remove_field(r.cache, "never there", "a");
	t = get_fields(&r, "h");
	assert_int_equal(t->n, 1);
	assert_string_equal(field_of(t, "b"), "2");
	r.cache->ops->remove_field(r.cache, "h", "b");
	assert_int_equal(get_fields(&r, "h")->n, 0);
	put_field(&r, "h", "c", "3", 0);
	put_field(&r, "h", "d", "4", 0);
	r.cache->ops->remove(r.cache, "h");
	assert_int_equal(get_fields(&r, "h")->n, 0);
	assert_string_equal(field_of(get_fields(&r, "h2"), "a"), "other");
	close_rig(&r);
}

static void
each_field_has_a_lifetime_of_its_own(void **state)
{
	struct rig r;
	const struct told *t;

	open_rig(&r, state);
	put_field(&r, "h", "short", "s", SHORT_MS);
	put_field(&r, "h", "long", "l", LONG_MS);
	put_field(&r, "h", "ever", "e", 0);
	put_field(&r, "alone", "short", "s", SHORT_MS);
	assert_int_equal(get_fields(&r, "h")->n, 3);
	run_for(&r, SHORT_MS + 20);
	t = get_fields(&r, "h");
	assert_int_equal(t->n, 2);
	assert_null(field_of(t, "short"));
	assert_string_equal(field_of(t, "long"), "l");
	assert_int_equal(get_fields(&r, "alone")->n, 0);
	put_field(&r, "alone", "new", "n", LONG_MS);
	assert_int_equal(get_fields(&r, "alone")->n, 1);
	close_rig(&r);
}

/* A field is not found under the other's name, however the texts are put together. */
static void
keys_and_fields_do_not_mix(void **state)
{
	struct rig r;

	open_rig(&r, state);
	put_field(&r, "a", "bc", "1", 0);
	put_field(&r, "ab", "c", "2", 0);
	put(&r, "abc", "3", 0);
	put_field(&r, "", "abc", "4", 0);
	assert_string_equal(field_of(get_fields(&r, "a"), "bc"), "1");
	assert_string_equal(field_of(get_fields(&r, "ab"), "c"), "2");
	is_value(&r, "abc", "3");
	assert_string_equal(field_of(get_fields(&r, ""), "abc"), "4");
	r.cache->ops->remove_field(r.cache, "ab", "c");
	assert_int_equal(get_fields(&r, "a")->n, 1);
	assert_int_equal(get_fields(&r, "ab")->n, 0);
	close_rig(&r);
}

static void
a_list_is_replaced_as_a_whole(void **state)
{
	static const char *const first[] = { "a", "", "c d" }, *const second[] = { "z" };
	struct rig r;
	const struct told *t;

	open_rig(&r, state);
	assert_int_equal(get_list(&r, "l")->n, 0);
	r.cache->ops->put_list(r.cache, "l", first, 3, LONG_MS);
	t = get_list(&r, "l");
	assert_int_equal(t->n, 3);
	assert_string_equal(t->names[0], "a");
	assert_string_equal(t->names[1], "");
	assert_string_equal(t->names[2], "c d");
	r.cache->ops->put_list(r.cache, "l", second, 1, SHORT_MS);
	t = get_list(&r, "l");
	assert_int_equal(t->n, 1);
	assert_string_equal(t->names[0], "z");
	run_for(&r, SHORT_MS + 20);
	assert_int_equal(get_list(&r, "l")->n, 0);
	r.cache->ops->put_list(r.cache, "l", first, 3, 0);
	r.cache->ops->put_list(r.cache, "l", NULL, 0, 0);
	assert_int_equal(get_list(&r, "l")->n, 0);
	r.cache->ops->put_list(r.cache, "l", first, 2, 0);
	r.cache->ops->remove(r.cache, "l");
	assert_int_equal(get_list(&r, "l")->n, 0);
	close_rig(&r);
}

/* What was asked for is what stood there when it was asked. */
static void
answers_come_in_order_and_see_what_was_put_before(void **state)
{
	static struct told t[3];
	struct rig r;

	open_rig(&r, state);
	memset(t, 0, sizeof(t));
	put(&r, "k", "1", 0);
	r.cache->ops->get(r.cache, "k", on_value, &t[0]);
	put(&r, "k", "2", 0);
	r.cache->ops->get(r.cache, "k", on_value, &t[1]);
	r.cache->ops->remove(r.cache, "k");
	r.cache->ops->get(r.cache, "k", on_value, &t[2]);
	until_told(&r, &t[2]);
	assert_int_equal(t[0].calls, 1);
	assert_int_equal(t[1].calls, 1);
	assert_memory_equal(t[0].value, "1", 1);
	assert_memory_equal(t[1].value, "2", 1);
	assert_false(t[2].found);
	close_rig(&r);
}

struct asker {
	struct rig *r;
	int left;
};

static void
ask_again(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct asker *a = arg;
	char next[16];

	assert_int_equal(code, SK_OK);
	assert_true(found);
	assert_int_equal(atoi((const char *)memcpy(next, value, n)), a->left);
	if (--a->left == 0)
		return;
	snprintf(next, sizeof(next), "%06d", a->left);
	put(a->r, "k", next, LONG_MS);
	a->r->cache->ops->get(a->r->cache, "k", ask_again, a);
}

static void
a_callback_may_ask_again(void **state)
{
	struct rig r;
	struct asker a = { &r, 20 };

	open_rig(&r, state);
	put(&r, "k", "000020", LONG_MS);
	r.cache->ops->get(r.cache, "k", ask_again, &a);
	for (int i = 0; i < 200 && a.left > 0; i++)
		sk_loop_once(r.loop, 10);
	assert_int_equal(a.left, 0);
	close_rig(&r);
}

/* Chance against a plain array. */
static void
many_keys_and_fields_are_all_there(void **state)
{
	enum { N = 500, STEPS = 20000 };
	static int values[N], fields[N];
	struct rig r;
	const struct told *t;
	size_t n_fields = 0;

	open_rig(&r, state);
	srand(11);
	memset(values, 0, sizeof(values));
	memset(fields, 0, sizeof(fields));
	for (int step = 1; step <= STEPS; step++) {
		int i = rand() % N, what = rand() % 4;
		char name[16], value[16];

		snprintf(name, sizeof(name), "n%d", i);
		snprintf(value, sizeof(value), "%d", step);
		if (what == 0)
			r.cache->ops->remove(r.cache, name);
		else if (what == 1)
			put(&r, name, value, LONG_MS);
		else if (what == 2)
			r.cache->ops->remove_field(r.cache, "hash", name);
		else
			put_field(&r, "hash", name, value, LONG_MS);
		*(what < 2 ? &values[i] : &fields[i]) = what % 2 == 0 ? 0 : step;
		if (step % 50 == 0)
			sk_loop_once(r.loop, 0);
	}
	t = get_fields(&r, "hash");
	for (int i = 0; i < N; i++) {
		char name[16];
		const char *found;

		snprintf(name, sizeof(name), "n%d", i);
		found = field_of(t, name);
		assert_int_equal(found != NULL ? atoi(found) : 0, fields[i]);
		n_fields += fields[i] != 0;
	}
	assert_int_equal(t->n, n_fields);
	for (int i = 0; i < N; i++) {
		char name[16], value[16];

		snprintf(name, sizeof(name), "n%d", i);
		snprintf(value, sizeof(value), "%d", values[i]);
		is_value(&r, name, values[i] != 0 ? value : NULL);
	}
	close_rig(&r);
}

static void
closing_with_questions_open_is_allowed(void **state)
{
	struct rig r;

	open_rig(&r, state);
	memset(&told, 0, sizeof(told));
	put(&r, "k", "v", LONG_MS);
	put_field(&r, "h", "f", "v", 0);
	r.cache->ops->get(r.cache, "k", on_value, &told);
	r.cache->ops->get_fields(r.cache, "h", on_field, &told);
	r.cache->ops->get_list(r.cache, "l", on_list, &told);
	close_rig(&r);
	assert_int_equal(told.calls, 0);
}

int
cache_contract_run(const struct cache_contract *c)
{
	struct cache_contract copy = *c;
#define T(f) cmocka_unit_test_prestate(f, &copy)
	const struct CMUnitTest tests[] = {
		T(a_value_is_kept_replaced_and_removed),
		T(values_are_bytes_and_are_copied),
		T(a_value_ends_with_its_lifetime),
		T(fields_of_a_hash_are_kept_replaced_and_removed),
		T(each_field_has_a_lifetime_of_its_own),
		T(keys_and_fields_do_not_mix),
		T(a_list_is_replaced_as_a_whole),
		T(answers_come_in_order_and_see_what_was_put_before),
		T(a_callback_may_ask_again),
		T(many_keys_and_fields_are_all_there),
		T(closing_with_questions_open_is_allowed),
	};
#undef T

	return cmocka_run_group_tests_name(c->name, tests, NULL, NULL);
}
