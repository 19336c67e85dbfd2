/* load_test.c - the machine as it is seen: files of the kernel as they are, and as they should not
 * be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/run/load.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/load-XXXXXX", root[64];
static struct sk_load_sampler s;

static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
		*p = '\0';
		(void)mkdir(path, 0700);
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/load-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(root, sizeof(root), "%s", dir);
	s = (struct sk_load_sampler){ .proc = root, .cgroup = root };
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct sk_load
look(void)
{
	struct sk_load l;

	sk_load_sample(&s, "", &l);
	return l;
}

static void
processors_are_known_from_the_second_look_on(void **state)
{
	(void)state;
	put("stat", "cpu  100 0 100 800 0 0 0 0 50 0\ncpu0 1 2 3\n");
	assert_true(look().cpu_percent < 0);
	put("stat", "cpu  150 10 110 860 60 5 5 0 90 0\n"); /* 80 of 200 */
	assert_true(look().cpu_percent == 40);
	assert_true(look().cpu_percent < 0); /* no time has passed */
	put("stat", "cpu  250 10 110 860 60 5 5 0 90 0\n");
	assert_true(look().cpu_percent == 100);
	put("stat", "cpu  1 1 1 1\n"); /* it went back */
	assert_true(look().cpu_percent < 0);
	put("stat", "cpu  2 1 1 4\n"); /* of an old kernel */
	assert_true(look().cpu_percent == 25);
}

static void
memory_of_the_machine(void **state)
{
	struct sk_load l;

	(void)state;
	put("meminfo", "MemTotal:        2048000 kB\nMemFree:  1 kB\nMemAvailable:    1024000 kB\n");
	put("loadavg", "0.75 1.00 2.00 3/100 4\n");
	l = look();
	assert_int_equal(l.memory_total_mb, 2000);
	assert_int_equal(l.memory_used_mb, 1000);
	assert_true(l.load1 == 0.75);
	assert_int_equal(l.disk_total_mb, -1);
}

static void
the_tightest_limit_of_a_group_counts(void **state)
{
	struct sk_load l;

	(void)state;
	put("meminfo", "MemTotal: 2048000 kB\nMemAvailable: 1024000 kB\n");
	put("self/cgroup", "0::/a/b\n");
	put("a/b/memory.max", "max\n");
	put("a/b/memory.current", "1\n");
	put("a/memory.max", "104857600\n");
	put("a/memory.current", "52428800\n");
	put("a/memory.stat", "anon 5\ninactive_file 10485760\n");
	l = look();
	assert_int_equal(l.memory_total_mb, 100);
	assert_int_equal(l.memory_used_mb, 40);
	put("a/b/memory.max", "10485760\n");
	put("a/b/memory.current", "1048576\n");
	l = look();
	assert_int_equal(l.memory_total_mb, 10);
	assert_int_equal(l.memory_used_mb, 1);
	put("a/b/memory.max", "9223372036854771712\n"); /* more than there is: no limit */
	put("a/memory.max", "max\n");
	assert_int_equal(look().memory_total_mb, 2000);
}

static void
groups_of_version_1(void **state)
{
	struct sk_load l;

	(void)state;
	put("self/cgroup", "5:cpu:/x\n4:memory:/box\n");
	put("memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("memory/memory.usage_in_bytes", "1\n");
	put("memory/box/memory.limit_in_bytes", "209715200\n");
	put("memory/box/memory.usage_in_bytes", "104857600\n");
	put("memory/box/memory.stat", "cache 1\ntotal_inactive_file 20971520\n");
	l = look();
	assert_int_equal(l.memory_total_mb, 200);
	assert_int_equal(l.memory_used_mb, 80);
}

static void
what_is_not_there_is_not_known(void **state)
{
	struct sk_load l;

	(void)state;
	for (int i = 0; i < 3; i++) {
		l = look();
		assert_true(l.known && l.cpu_percent < 0 && l.load1 < 0);
		assert_int_equal(l.memory_total_mb, -1);
		if (i == 0) {
			put("stat", "cpu x\n");
			put("meminfo", "MemTotal: kB\n");
			put("self/cgroup", "0::");
		} else {
			put("stat", "");
			put("meminfo", "MemTotal: 5 kB\n");
			put("self/cgroup", "0::/../..\n:memory:");
		}
	}
}

static void
this_machine(void **state)
{
	struct sk_load_sampler here = { .proc = NULL };
	struct sk_load l;

	(void)state;
	sk_load_sample(&here, "/", &l);
	assert_true(l.memory_total_mb > 0 && l.memory_used_mb >= 0);
	assert_true(l.memory_used_mb <= l.memory_total_mb);
	assert_true(l.disk_total_mb > 0 && l.disk_used_mb <= l.disk_total_mb);
	assert_true(l.load1 >= 0);
}

static void
json_is(const struct sk_load *l, const char *want)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str out = SK_STR_INIT, again = SK_STR_INIT;
	struct sk_load back;

	sk_load_json(&out, l);
	assert_string_equal(out.p, want);
	sk_load_take(&back, sk_load_value(a, l)); /* through a store */
	sk_load_json(&again, &back);
	assert_string_equal(again.p, want);
	sk_str_release(&out);
	sk_str_release(&again);
	sk_arena_free(a);
}

static void
as_json(void **state)
{
	const struct sk_load none = { .known = false, .cpu_percent = 5 };
	const struct sk_load some = { .known = true,
		.cpu_percent = 12.5,
		.load1 = -1,
		.memory_used_mb = 1,
		.memory_total_mb = 2,
		.disk_used_mb = 0,
		.disk_total_mb = -1 };

	(void)state;
	json_is(&none, "null");
	json_is(&some,
		"{\"cpuPercent\":12.5,\"memoryUsedMb\":1,\"memoryTotalMb\":2,\"diskUsedMb\":0,"
		"\"diskTotalMb\":null,\"load1\":null}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(processors_are_known_from_the_second_look_on),
		T(memory_of_the_machine),
		T(the_tightest_limit_of_a_group_counts),
		T(groups_of_version_1),
		T(what_is_not_there_is_not_known),
		cmocka_unit_test(this_machine),
		cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
