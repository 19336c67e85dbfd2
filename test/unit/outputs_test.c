/* outputs_test.c - the output of attempts is kept to a size, the oldest goes first. */
#include "adapters/outputs.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "test/unit/out_rig.h"
#include "test/unit/proc_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KIB ((int64_t)1024)
#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)

static atomic_bool never;
static struct sk_outputs_live *live;
static struct sk_outputs_result result;

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	live = sk_outputs_live_new(proc_path("%s", ""));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sk_outputs_live_free(live);
	proc_scratch_remove();
	return 0;
}

static const char *
path_of(const char *id, uint32_t attempt)
{
	struct sk_str s = SK_STR_INIT;
	const char *path;

	sk_out_path(&s, proc_path("%s", ""), id, attempt);
	path = proc_path("%s", strstr(s.p, "/logs/") + 1);
	sk_str_release(&s);
	return path;
}

static void
last_written(const char *id, uint32_t attempt, int64_t ago_s)
{
	struct timespec times[2];

	times[0] = times[1] = (struct timespec){ .tv_sec = (time_t)(sk_wall_ms() / 1000 - ago_s) };
	assert_int_equal(utimensat(AT_FDCWD, path_of(id, attempt), times, 0), 0);
}

/* The output of an attempt that last wrote so long ago. */
static void
wrote(const char *id, uint32_t attempt, int64_t size, int64_t ago_s)
{
	char *path = sk_xstrdup(path_of(id, attempt)), *slash = strrchr(path, '/');
	int fd;

	mkdir(proc_path("logs"), 0700);
	*slash = '\0';
	mkdir(path, 0700);
	*slash = '/';
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd != -1);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
	free(path);
	last_written(id, attempt, ago_s);
}

static bool
is_there(const char *id, uint32_t attempt)
{
	return proc_exists(path_of(id, attempt));
}

static void
trim(int64_t limit)
{
	sk_outputs_trim(proc_path("%s", ""), limit, live, &never, &result);
}

static void
below_the_limit_nothing_goes(void **state)
{
	(void)state;
	trim(0); /* there is no directory yet */
	assert_int_equal(result.before, 0);
	wrote("a", 1, 10, DAY);
	wrote("b", 1, 100 * KIB, DAY);
	trim(104 * KIB);
	assert_int_equal(result.before, 104 * KIB); /* whole blocks */
	assert_int_equal(result.files, 0);
	assert_true(is_there("a", 1) && is_there("b", 1));
}

static void
the_oldest_goes_first_and_no_more_than_needed(void **state)
{
	char id[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "t/%d", (i * 37) % 100); /* made in another order */
		wrote(id, 1, 10 * KIB, HOUR + (i * 37) % 100);
	}
	trim(1000 * KIB); /* 12 KiB in blocks each: 300 KiB go */
	assert_int_equal(result.before, 1200 * KIB);
	assert_int_equal(result.files, 25);
	assert_int_equal(result.bytes, 300 * KIB);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "t/%d", i);
		assert_int_equal(is_there(id, 1), i < 75);
	}
	assert_int_equal(proc_entries(proc_path("logs")), 75); /* empty directories go as well */
	trim(1000 * KIB);
	assert_int_equal(result.files, 0);
}

static void
ages_far_apart_are_told_apart(void **state)
{
	(void)state;
	wrote("ancient", 1, 4 * KIB, 50 * 365 * DAY);
	wrote("future", 1, 4 * KIB, -50 * 365 * DAY);
	for (int i = 0; i < 8; i++) {
		char id[32];

		snprintf(id, sizeof(id), "t%d", i);
		wrote(id, 1, 4 * KIB, HOUR + i);
	}
	trim(32 * KIB); /* 40 KiB, down to 28.8: three of them */
	assert_int_equal(result.files, 3);
	assert_false(is_there("ancient", 1));
	assert_false(is_there("t7", 1) || is_there("t6", 1));
	assert_true(is_there("t5", 1) && is_there("t0", 1) && is_there("future", 1));
}

static void
what_may_still_be_written_stays(void **state)
{
	(void)state;
	wrote("live", 1, 40 * KIB, 3 * DAY);
	wrote("live", 2, 40 * KIB, 2 * DAY);
	wrote("live", 3, 40 * KIB, 2 * DAY);
	wrote("ended", 2, 40 * KIB, DAY);
	wrote("fresh", 1, 40 * KIB, 5);
	sk_outputs_add_live(live, "zzz", 1);
	sk_outputs_add_live(live, "live", 2);
	sk_outputs_add_live(live, "aaa", 1);
	trim(4 * KIB);
	assert_int_equal(result.before, 80 * KIB); /* of those that have ended */
	assert_int_equal(result.files, 2);
	assert_false(is_there("live", 1)); /* an earlier attempt */
	assert_true(is_there("live", 2) && is_there("live", 3));
	assert_false(is_there("ended", 2));
	assert_true(is_there("fresh", 1));
}

/* However much runs, as much of what has ended is kept as there may be. */
static void
what_runs_takes_nobodys_room(void **state)
{
	(void)state;
	wrote("live", 1, 4000 * KIB, DAY);
	wrote("fresh", 1, 4000 * KIB, 5);
	wrote("ended", 1, 40 * KIB, DAY);
	sk_outputs_add_live(live, "live", 1);
	trim(100 * KIB);
	assert_int_equal(result.files, 0);
	assert_true(is_there("ended", 1));
}

/* An edge writes where the store knows of nobody; its task may be silent for long. */
static void
what_a_supervisor_has_open_stays(void **state)
{
	struct out_rig r;
	struct sk_out o;
	char *dir = sk_xstrdup(proc_path("%s", ""));
	bool stayed;

	(void)state;
	out_init(&r);
	r.cfg.data_dir = dir;
	out_begin(&r, -1, -1);
	sk_out_init(&o, "open", 1, 0);
	sk_out_feed(r.sink, &o, 1, "x\n", 2, false);
	last_written("open", 1, DAY);
	wrote("ended", 1, 40 * KIB, DAY);
	trim(0);
	stayed = is_there("open", 1);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	out_release(&r);
	free(dir);
	assert_true(stayed);
	assert_int_equal(result.files, 1);
	trim(0);
	assert_false(is_there("open", 1));
}

/* Somebody who removes the file again and again, as it is done here; counts what was in it. */
struct remover {
	char *path;
	atomic_bool stop;
	long long bytes, removed;
};

static void *
remove_often(void *arg)
{
	struct remover *m = arg;
	struct stat st;

	while (!atomic_load(&m->stop)) {
		int fd = open(m->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
		if (fd == -1)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && unlink(m->path) == 0) {
			m->bytes += st.st_size;
			m->removed++;
			*strrchr(m->path, '/') = '\0';
			rmdir(m->path);
			m->path[strlen(m->path)] = '/';
		}
		close(fd);
	}
	return NULL;
}

static void
no_byte_goes_into_a_file_that_is_removed(void **state)
{
	struct remover m = { .path = sk_xstrdup(path_of("t", 1)) };
	char *dir = sk_xstrdup(proc_path("%s", ""));
	struct out_rig r;
	struct sk_out o;
	struct stat st;
	pthread_t thread;
	int n = 0;

	(void)state;
	atomic_init(&m.stop, false);
	out_init(&r);
	r.cfg.data_dir = dir;
	out_begin(&r, -1, -1);
	if (pthread_create(&thread, NULL, remove_often, &m) != 0)
		abort();
	for (int64_t end = sk_boot_ms() + 500; sk_boot_ms() < end; n++) {
		sk_out_init(&o, "t", 1, 0);
		sk_out_feed(r.sink, &o, 1, "four", 4, false);
		sk_out_end(r.sink, &o, false);
	}
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	out_end(&r);
	out_release(&r);
	if (stat(m.path, &st) == 0)
		m.bytes += st.st_size;
	assert_true(m.removed > 10);
	/* none, as long as the remover is not held up for longer than a writer waits; without any care
	 * it is one in a hundred */
	assert_in_range(n - m.bytes / 4, 0, n / 1000);
	free(m.path);
	free(dir);
}

static void
what_is_not_ours_stays(void **state)
{
	(void)state;
	wrote("t", 1, 40 * KIB, DAY);
	proc_write(proc_path("logs/t/notes.log"), "x");
	proc_write(proc_path("logs/t/1.log.bak"), "x");
	proc_write(proc_path("logs/a-file"), "x");
	proc_write(proc_path("outside.log"), "x");
	assert_int_equal(symlink("../../outside.log", proc_path("logs/t/2.log")), 0);
	assert_int_equal(mkdir(proc_path("elsewhere"), 0700), 0);
	proc_write(proc_path("elsewhere/1.log"), "x");
	assert_int_equal(symlink("../elsewhere", proc_path("logs/linked")), 0);
	trim(0);
	assert_int_equal(result.files, 1);
	assert_false(is_there("t", 1));
	assert_int_equal(proc_entries(proc_path("logs/t")), 3);
	assert_true(proc_exists(proc_path("outside.log")));
	assert_true(proc_exists(proc_path("elsewhere/1.log")));
}

/* ---- on a loop ---- */

static int asked;

static bool
tell_live(void *arg, struct sk_outputs_live *l)
{
	(void)arg;
	sk_outputs_add_live(l, "live", 1);
	return ++asked > 1; /* at first nobody knows */
}

static void
a_loop_goes_on_beside_it(void **state)
{
	struct sk_err err;
	struct sk_loop *loop = sk_loop_new(&err);
	const struct sk_outputs_config cfg = { .loop = loop,
		.data_dir = proc_path("%s", ""),
		.limit = 8 * KIB,
		.pause_ms = 100,
		.live = tell_live };
	struct sk_outputs *o;
	int64_t end = sk_boot_ms() + 20000;

	(void)state;
	wrote("live", 1, 40 * KIB, DAY);
	wrote("ended", 1, 40 * KIB, DAY);
	o = sk_outputs_open(&cfg);
	while (is_there("ended", 1) && sk_boot_ms() < end)
		sk_loop_once(loop, 20);
	assert_false(is_there("ended", 1));
	assert_true(is_there("live", 1));
	wrote("another", 1, 40 * KIB, DAY); /* the next look finds it */
	while (is_there("another", 1) && sk_boot_ms() < end)
		sk_loop_once(loop, 20);
	assert_false(is_there("another", 1));
	sk_outputs_close(o);
	sk_outputs_close(NULL);
	sk_loop_free(loop);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(below_the_limit_nothing_goes),
		T(the_oldest_goes_first_and_no_more_than_needed),
		T(ages_far_apart_are_told_apart),
		T(what_may_still_be_written_stays),
		T(what_runs_takes_nobodys_room),
		T(what_a_supervisor_has_open_stays),
		T(no_byte_goes_into_a_file_that_is_removed),
		T(what_is_not_ours_stays),
		T(a_loop_goes_on_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
