/* What tasks print, in the state cache: while it grows, at the end, and no more than is bounded. */
#include "test/unit/node_rig.h"
#include "adapters/local/cache.h"
#include "core/base/clock.h"
#include "core/model/names.h"
#include "core/run/output.h"
#include "core/run/tail.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct nr r;
static struct sk_cache *cache;
static char dir[64];

static int
setup(void **state)
{
	char path[100];

	(void)state;
	nr_open(&r);
	cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = r.loop });
	snprintf(dir, sizeof(dir), "/tmp/skalds-tail-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/logs", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	r.cfg.cache = cache;
	r.cfg.data_dir = dir;
	r.cfg.share = true;
	return 0;
}

static int
teardown(void **state)
{
	char command[100];

	(void)state;
	nr_close(&r);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* The cache must go before the loop, and after the node. */
static void
close_cache(void)
{
	sk_node_free(r.node);
	r.node = NULL;
	cache->ops->close(cache);
}

static void
print(const char *id, const char *text, size_t n)
{
	struct sk_str path = SK_STR_INIT;
	int fd;

	sk_str_addf(&path, "%s/logs/%s", dir, id);
	(void)mkdir(path.p, 0700);
	sk_out_path(&path, dir, id, 1);
	fd = open(path.p, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
	sk_str_release(&path);
}

struct got {
	bool done, found, is_tail;
	struct sk_tail tail;
	char text[100];
};

static void
take(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct got *g = arg;

	assert_int_equal(code, SK_OK);
	g->done = true;
	g->found = found;
	g->is_tail = found && sk_tail_read(value, n, &g->tail);
	if (g->is_tail)
		snprintf(g->text, sizeof(g->text), "%.*s", (int)(g->tail.n < 90 ? g->tail.n : 90),
			g->tail.bytes);
	g->tail.bytes = NULL;
}

static struct got
look(const char *id)
{
	struct got g = { .done = false };
	char key[100];

	snprintf(key, sizeof(key), SK_KEY_OUTPUT, id, 1u);
	cache->ops->get(cache, key, take, &g);
	while (!g.done)
		sk_loop_once(r.loop, 1);
	return g;
}

struct want {
	const char *id;
	int64_t total;
};

static bool
has_total(struct nr *rig, const void *arg)
{
	const struct want *w = arg;
	struct got g;

	nr_run(rig, 10);
	g = look(w->id);
	return g.is_tail && g.tail.total == w->total;
}

static struct got
await(const char *id, int64_t total)
{
	const struct want w = { id, total };

	assert_true(nr_until(&r, has_total, &w));
	return look(id);
}

static void
what_grows_is_shared(void **state)
{
	const struct nr_frame *f;
	struct got g;

	(void)state;
	nr_start(&r);
	f = nr_given(&r, "a", NULL);
	nr_started(&r, f);
	nr_run(&r, 50);
	assert_false(look("a").found);
	print("a", "one\n", 4);
	g = await("a", 4);
	assert_false(g.tail.ended);
	assert_string_equal(g.text, "one\n");
	print("a", "two\n", 4);
	assert_string_equal(await("a", 8).text, "one\ntwo\n");
	print("a", "end\n", 4);
	r.st.hold_moves = true; /* it is there before the end is stored */
	nr_exited(&r, f, SK_REASON_EXITED, 0);
	nr_run(&r, 50);
	g = look("a");
	assert_true(g.is_tail && g.tail.ended);
	assert_int_equal(g.tail.total, 12);
	assert_string_equal(g.text, "one\ntwo\nend\n");
	nr_let_go(&r);
	nr_phase(&r, "a", SK_FINISHED);
	close_cache();
}

static void
only_the_end_of_much_is_kept(void **state)
{
	const struct nr_frame *f;
	struct got g;
	char line[1000];

	(void)state;
	nr_start(&r);
	f = nr_given(&r, "a", NULL);
	nr_started(&r, f);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 200; i++)
		print("a", line, sizeof(line));
	print("a", "end\n", 4);
	g = await("a", 200004);
	assert_int_equal(g.tail.n, SK_TAIL_MAX);
	nr_exited(&r, f, SK_REASON_EXITED, 1);
	nr_await_event(&r, SK_EVENT_RETRYING, "a");
	assert_int_equal(nr_attempts(&r, "a")->attempts[0].tail_len, SK_TAIL_MAX);
	close_cache();
}

static void
a_short_task_is_shared_at_its_end(void **state)
{
	const struct nr_frame *f, *silent;

	(void)state;
	nr_start(&r);
	f = nr_given(&r, "a", NULL);
	silent = nr_given(&r, "b", NULL);
	/* what a deleted task of this name has printed is not its own */
	cache->ops->put(cache, "skalds.output:b:1", "skalds-output 1 3 open\nold", 26, 0);
	nr_started(&r, f);
	nr_started(&r, silent);
	print("a", "x", 1);
	nr_exited(&r, f, SK_REASON_EXITED, 0);
	nr_exited(&r, silent, SK_REASON_EXITED, 0);
	nr_phase(&r, "a", SK_FINISHED);
	nr_phase(&r, "b", SK_FINISHED);
	assert_true(look("a").tail.ended);
	assert_false(look("b").found);
	close_cache();
}

static void
many_take_turns(void **state)
{
	char id[8];
	int n = 0;

	(void)state;
	r.cfg.slots = 100;
	nr_start(&r);
	for (int i = 0; i < 80; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		nr_started(&r, nr_given(&r, id, NULL));
		print(id, "x", 1);
	}
	nr_run(&r, 1100);
	for (int i = 0; i < 80; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		n += look(id).found;
	}
	assert_in_range(n, 32, 64); /* 32 in a second */
	nr_run(&r, 2200);
	for (int i = 0; i < 80; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		assert_true(look(id).found);
	}
	close_cache();
}

static void
nothing_is_shared_that_shall_not_be(void **state)
{
	const struct nr_frame *f;

	(void)state;
	r.cfg.share = false;
	nr_start(&r);
	f = nr_given(&r, "a", NULL);
	nr_started(&r, f);
	print("a", "x", 1);
	nr_run(&r, 1200);
	nr_exited(&r, f, SK_REASON_EXITED, 0);
	nr_phase(&r, "a", SK_FINISHED);
	assert_false(look("a").found);
	close_cache();
}

static void
without_a_data_directory_there_is_nothing(void **state)
{
	const struct nr_frame *f;

	(void)state;
	r.cfg.data_dir = "";
	nr_start(&r);
	f = nr_given(&r, "a", NULL);
	nr_started(&r, f);
	nr_run(&r, 1200);
	nr_exited(&r, f, SK_REASON_EXITED, 3);
	nr_await_event(&r, SK_EVENT_RETRYING, "a");
	assert_false(look("a").found);
	assert_null(nr_attempts(&r, "a")->attempts[0].tail);
	close_cache();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(what_grows_is_shared),
		T(only_the_end_of_much_is_kept),
		T(a_short_task_is_shared_at_its_end),
		T(many_take_turns),
		T(nothing_is_shared_that_shall_not_be),
		T(without_a_data_directory_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
