/* cache_test.c - the contract of the state cache against each adapter, and what the local one
 * promises beyond it: its size, its clock, its sweeps. */
#include "adapters/local/cache.h"
#include "adapters/local/table.h"
#include "cache_contract.h"
#include "redis_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sk_cache *
open_local(struct sk_loop *loop)
{
	return sk_cache_local_open(&(struct sk_cache_local_config){ .loop = loop });
}

static int64_t
clock_of(void *arg)
{
	return *(int64_t *)arg;
}

struct rig {
	struct sk_loop *loop;
	struct sk_cache *c;
	int64_t now_ms;
};

static void
open_rig(struct rig *r, size_t max_bytes)
{
	struct sk_err err;

	*r = (struct rig){ .loop = sk_loop_new(&err), .now_ms = 1000 };
	assert_non_null(r->loop);
	r->c = sk_cache_local_open(&(struct sk_cache_local_config){
		.loop = r->loop, .max_bytes = max_bytes, .boot_ms = clock_of, .clock_arg = &r->now_ms });
}

static void
close_rig(struct rig *r)
{
	r->c->ops->close(r->c);
	sk_loop_free(r->loop);
}

static void
on_value(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	(void)value;
	assert_int_equal(code, SK_OK);
	*(int *)arg = found ? (int)n : -1;
}

/* The length of a value; -1 = absent. */
static int
length(struct rig *r, const char *key)
{
	int n = -2;

	r->c->ops->get(r->c, key, on_value, &n);
	sk_loop_once(r->loop, 0);
	return n;
}

static void
a_lifetime_ends_exactly(void **state)
{
	struct rig r;

	(void)state;
	open_rig(&r, 0);
	r.c->ops->put(r.c, "k", "v", 1, 500);
	r.now_ms = 1499;
	assert_int_equal(length(&r, "k"), 1);
	r.now_ms = 1500;
	assert_int_equal(length(&r, "k"), -1);
	r.c->ops->put(r.c, "k", "v", 1, INT64_MAX); /* no overflow */
	assert_int_equal(length(&r, "k"), 1);
	r.c->ops->put(r.c, "k", "v", 1, -5);
	assert_int_equal(length(&r, "k"), -1);
	close_rig(&r);
}

static void
it_never_takes_more_than_its_room(void **state)
{
	enum { ROOM = 100000, N = 1000 };
	static char value[1000];
	struct rig r;
	int there = 0;

	(void)state;
	open_rig(&r, ROOM);
	for (int i = 0; i < N; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		r.c->ops->put(r.c, key, value, sizeof(value), 0);
		assert_true(sk_cache_local_stats(r.c).bytes <= ROOM);
	}
	for (int i = 0; i < N; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		there += length(&r, key) == (int)sizeof(value);
	}
	assert_in_range(there, ROOM / 2 / 1000, ROOM / 1000);
	assert_int_equal(sk_cache_local_stats(r.c).entries, there);
	assert_int_equal(sk_cache_local_stats(r.c).dropped, N - there);
	close_rig(&r);
}

/* An old value would be worse than none. */
static void
what_finds_no_room_is_not_there_at_all(void **state)
{
	static char large[5000];
	struct rig r;

	(void)state;
	open_rig(&r, 4000);
	r.c->ops->put(r.c, "k", "old", 3, 0);
	assert_int_equal(length(&r, "k"), 3);
	r.c->ops->put(r.c, "k", large, sizeof(large), 0);
	assert_int_equal(length(&r, "k"), -1);
	r.c->ops->put_field(r.c, "h", "f", large, sizeof(large), 0);
	assert_int_equal(sk_cache_local_stats(r.c).entries, 0);
	assert_int_equal(sk_cache_local_stats(r.c).bytes, 0);
	assert_int_equal(sk_cache_local_stats(r.c).dropped, 2);
	close_rig(&r);
}

static void
a_full_cache_takes_the_place_of_what_is_over(void **state)
{
	static char value[1000];
	struct rig r;

	(void)state;
	open_rig(&r, 10000);
	for (int i = 0; i < 20; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		r.c->ops->put(r.c, key, value, sizeof(value), 100);
	}
	assert_true(sk_cache_local_stats(r.c).dropped > 0);
	r.now_ms += 100;
	r.c->ops->put(r.c, "new", value, sizeof(value), 100);
	assert_int_equal(length(&r, "new"), 1000);
	assert_int_equal(sk_cache_local_stats(r.c).entries, 1);
	close_rig(&r);
}

/* The table by itself: sweeps take back what nobody asks for, hashes go with their last field. */
static void
sweeps_take_back_what_nobody_asks_for(void **state)
{
	struct sk_table t;

	(void)state;
	sk_table_init(&t, (size_t)1 << 20);
	for (int i = 0; i < 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		assert_non_null(sk_table_put(&t, "hash", name, SK_ENTRY_FIELD, 4, i < 999 ? 50 : 70, 10));
		assert_non_null(sk_table_put(&t, name, NULL, SK_ENTRY_VALUE, 4, i % 2 ? 60 : 0, 10));
	}
	assert_int_equal(t.n, 2001);
	assert_int_equal(t.n_mortal, 1500);
	sk_table_sweep(&t, t.n_buckets, 50);
	assert_int_equal(t.n, 1002);
	for (size_t i = 0; i < t.n_buckets; i += 100)
		sk_table_sweep(&t, 100, 60);
	assert_int_equal(t.n, 502);
	assert_non_null(sk_table_find(&t, "hash", NULL, 60));
	sk_table_sweep(&t, t.n_buckets, 70);
	assert_null(sk_table_find(&t, "hash", NULL, 70));
	assert_int_equal(t.n, 500);
	assert_int_equal(t.n_mortal, 0);
	sk_table_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lifetime_ends_exactly),
		cmocka_unit_test(it_never_takes_more_than_its_room),
		cmocka_unit_test(what_finds_no_room_is_not_there_at_all),
		cmocka_unit_test(a_full_cache_takes_the_place_of_what_is_over),
		cmocka_unit_test(sweeps_take_back_what_nobody_asks_for),
	};
	const struct cache_contract local = {
		.name = "local cache", .open = open_local, .patience_ms = 2000
	};
	const struct cache_contract redis = {
		.name = "redis cache", .open = redis_open_empty, .patience_ms = 5000
	};
	int failed = cache_contract_run(&local) + cmocka_run_group_tests(tests, NULL, NULL);

	if (redis_is_there())
		failed += cache_contract_run(&redis);
	else
		redis_skip("redis cache");
	return failed;
}
