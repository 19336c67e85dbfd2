/* logfile_test.c - LOG_PATH: names, rotation, retention, split per task, what cannot be written. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/run/sink.h"
#include "test/unit/out_rig.h"
#include "test/unit/proc_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define STAMP "[0-9]{8}-[0-9]{6}"

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	assert_int_equal(mkdir(proc_path("log"), 0755), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_scratch_remove();
	return 0;
}

/* How many names in the log directory match; the last of them in name (may be NULL). */
static size_t
matching(const char *pattern, char *name, size_t size)
{
	DIR *d = opendir(proc_path("log"));
	const struct dirent *e;
	regex_t re;
	size_t n = 0;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (regexec(&re, e->d_name, 0, NULL, 0) == 0) {
			n++;
			if (name != NULL)
				snprintf(name, size, "%s", e->d_name);
		}
	if (d != NULL)
		closedir(d);
	regfree(&re);
	return n;
}

static void
begin(struct out_rig *r)
{
	r->cfg.log_path = proc_path("log");
	out_begin(r, -1, -1);
}

static void
line(struct out_rig *r, const char *text)
{
	sk_sink_log(r->sink, SK_INFO, NULL, 0, "%s", text);
}

/* ---- names ---- */

static void
the_file_is_named_after_the_skald_and_the_time(void **state)
{
	struct out_rig r;
	struct sk_str text;
	struct stat st;
	char name[300];

	(void)state;
	out_init(&r);
	r.cfg.skald_id = "[SP]edge:1/x*?\"<>|";
	begin(&r);
	line(&r, "hello");
	out_end(&r);
	assert_int_equal(
		matching("^\\[\\[SP\\]edge_1_x______\\]_" STAMP "\\.log$", name, sizeof(name)), 1);
	text = proc_read(proc_path("log/%s", name));
	assert_non_null(strstr(text.p, "level=info component=supervisor msg=\"hello\"\n"));
	assert_string_equal(text.p, r.text[1].p); /* console and file say the same */
	assert_int_equal(stat(proc_path("log/%s", name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	sk_str_release(&text);
	out_release(&r);
}

static void
the_directory_is_made_and_nothing_before_the_first_line(void **state)
{
	struct out_rig r;

	(void)state;
	assert_int_equal(rmdir(proc_path("log")), 0);
	out_init(&r);
	begin(&r);
	out_end(&r);
	assert_false(proc_exists(proc_path("log")));
	out_release(&r);
	begin(&r);
	line(&r, "hello");
	out_end(&r);
	assert_int_equal(matching("\\.log$", NULL, 0), 1);
	out_release(&r);
}

static void
results_on_stdout_are_not_logged(void **state)
{
	struct out_rig r;
	char name[300] = "";

	(void)state;
	out_init(&r);
	begin(&r);
	sk_sink_print(r.sink, 1, "a result\n", 9);
	sk_sink_print(r.sink, 2, "a log line\n", 11);
	out_end(&r);
	assert_string_equal(r.text[0].p, "a result\n");
	assert_string_equal(r.text[1].p, "a log line\n");
	out_release(&r);
	assert_int_equal(matching("\\.log$", name, sizeof(name)), 1);
	r.text[0] = proc_read(proc_path("log/%s", name));
	assert_string_equal(r.text[0].p, "a log line\n");
	out_release(&r);
}

static void
split_gives_each_task_a_file_and_the_rest_another(void **state)
{
	struct sk_out a, b;
	struct out_rig r;
	struct sk_str text;
	char name[300];

	(void)state;
	out_init(&r);
	r.cfg.split = true;
	begin(&r);
	sk_out_init(&a, "a/1", 1, 0);
	sk_out_init(&b, "b", 1, 0);
	sk_out_feed(r.sink, &a, 1, "of a\n", 5, false);
	sk_out_feed(r.sink, &b, 1, "of b\n", 5, false);
	sk_out_feed(r.sink, &a, 1, "more of a\n", 10, false);
	line(&r, "of skalds");
	sk_out_end(r.sink, &a, false);
	sk_out_end(r.sink, &b, false);
	out_end(&r);
	assert_int_equal(matching("\\.log$", NULL, 0), 3);
	assert_int_equal(matching("^\\[edge1_a_1\\]_" STAMP "\\.log$", name, sizeof(name)), 1);
	text = proc_read(proc_path("log/%s", name));
	assert_non_null(strstr(text.p, "\"of a\""));
	assert_non_null(strstr(text.p, "\"more of a\""));
	assert_null(strstr(text.p, "of b"));
	sk_str_release(&text);
	assert_int_equal(matching("^\\[edge1_b\\]_" STAMP "\\.log$", NULL, 0), 1);
	assert_int_equal(matching("^\\[edge1\\]_" STAMP "\\.log$", name, sizeof(name)), 1);
	text = proc_read(proc_path("log/%s", name));
	assert_non_null(strstr(text.p, "of skalds"));
	assert_null(strstr(text.p, "of a"));
	sk_str_release(&text);
	out_release(&r);
}

/* A file name has 255 bytes; ids may have as many. */
static void
a_long_id_has_a_file_all_the_same(void **state)
{
	struct sk_out o;
	struct out_rig r;
	char id[256];

	(void)state;
	memset(id, 'i', 255);
	id[255] = '\0';
	out_init(&r);
	r.cfg.split = true;
	r.cfg.rotation_bytes = 100;
	begin(&r);
	sk_out_init(&o, id, 1, 0);
	sk_out_feed(r.sink, &o, 1, "one\n", 4, false);
	sk_out_feed(r.sink, &o, 1, "two\n", 4, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_false(out_has(&r, 2, "warning"));
	assert_int_equal(matching("^\\[edge1_i+\\]_" STAMP, NULL, 0), 2);
	out_release(&r);
}

/* ---- rotation and retention ---- */

static void
a_full_file_is_rotated_and_no_line_is_cut_or_lost(void **state)
{
	struct out_rig r;
	char all[16384] = "";
	DIR *d;
	const struct dirent *e;

	(void)state;
	out_init(&r);
	r.cfg.rotation_bytes = 1000;
	begin(&r);
	for (int i = 0; i < 50; i++)
		sk_sink_log(r.sink, SK_INFO, NULL, 0, "line %02d", i);
	out_end(&r);
	assert_true(matching("^\\[edge1\\]_" STAMP "\\." STAMP "_[0-9]{3}\\.log$", NULL, 0) >= 3);
	assert_int_equal(matching("^\\[edge1\\]_" STAMP "\\.log$", NULL, 0), 1);
	assert_int_equal(matching("\\.log$", NULL, 0), proc_entries(proc_path("log")));
	d = opendir(proc_path("log"));
	while ((e = readdir(d)) != NULL) {
		struct sk_str text = proc_read(proc_path("log/%s", e->d_name));

		assert_true(text.len <= 1000);
		assert_true(text.len == 0 || text.p[text.len - 1] == '\n');
		strcat(all, text.p);
		sk_str_release(&text);
	}
	closedir(d);
	for (int i = 0; i < 50; i++) {
		char want[32];

		snprintf(want, sizeof(want), "msg=\"line %02d\"\n", i);
		assert_non_null(strstr(all, want));
	}
	out_release(&r);
}

static void
a_line_larger_than_the_limit_has_a_file_of_its_own(void **state)
{
	struct out_rig r;

	(void)state;
	out_init(&r);
	r.cfg.rotation_bytes = 10;
	begin(&r);
	for (int i = 0; i < 5; i++)
		line(&r, "longer than ten bytes");
	out_end(&r);
	assert_int_equal(matching("\\.log$", NULL, 0), 5);
	out_release(&r);
}

static void
make_old(const char *name, int64_t age_s)
{
	const char *path = proc_path("log/%s", name);
	struct timespec times[2] = { { (time_t)(sk_wall_ms() / 1000 - age_s), 0 },
		{ (time_t)(sk_wall_ms() / 1000 - age_s), 0 } };

	if (!proc_exists(path))
		proc_write(path, "x");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
old_files_of_ours_are_removed_and_nothing_else(void **state)
{
	static const char *const ours[] = { "[edge1]_20250101-000000.log",
		"[[SP]x]_20250101-000000.log", "[edge1_t1]_20250101-000000.log",
		"[edge1]_20250101-000000.20250102-030405_017.log" };
	static const char *const others[] = { "notes.txt", "app.log", "[todo]_list.log", "[x]_2025.log",
		"[edge1]_20250101-000000.log.bak", "[edge1]_20250101-000000.old.log",
		"x[edge1]_20250101-000000.log", ".log", "[]_.log" };
	struct out_rig r;

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		make_old(ours[i], 101);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		make_old(others[i], 1000000);
	make_old("[young]_20250101-000000.log", 50);
	assert_int_equal(mkdir(proc_path("log/[dir]_20250101-000000.log"), 0755), 0);
	make_old("[dir]_20250101-000000.log", 1000);
	assert_int_equal(symlink("notes.txt", proc_path("log/[link]_20250101-000000.log")), 0);
	out_init(&r);
	r.cfg.retention_s = 100;
	begin(&r);
	out_end(&r);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (proc_exists(proc_path("log/%s", ours[i])))
			fail_msg("%s is still there", ours[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!proc_exists(proc_path("log/%s", others[i])))
			fail_msg("%s was removed", others[i]);
	assert_true(proc_exists(proc_path("log/[young]_20250101-000000.log")));
	assert_true(proc_exists(proc_path("log/[dir]_20250101-000000.log")));
	assert_true(proc_exists(proc_path("log/[link]_20250101-000000.log")));
	out_release(&r);
}

static void
without_retention_everything_stays(void **state)
{
	struct out_rig r;

	(void)state;
	make_old("[edge1]_20000101-000000.log", 800000000);
	out_init(&r);
	begin(&r);
	out_end(&r);
	assert_true(proc_exists(proc_path("log/[edge1]_20000101-000000.log")));
	out_release(&r);
}

static void
a_clock_that_has_jumped_removes_nothing(void **state)
{
	struct out_rig r;

	(void)state;
	out_init(&r);
	r.cfg.retention_s = 100;
	begin(&r);
	make_old("[edge1]_20250101-000000.log", 1000);
	r.sink->clock.offset_ms -= 7200000; /* it was two hours behind what it is now */
	sk_logfile_clean(r.sink);
	assert_true(proc_exists(proc_path("log/[edge1]_20250101-000000.log")));
	r.sink->clock.since_ms -= 3600000; /* and has been so for an hour */
	sk_logfile_clean(r.sink);
	assert_false(proc_exists(proc_path("log/[edge1]_20250101-000000.log")));
	out_end(&r);
	out_release(&r);
}

static void
the_file_that_is_written_is_never_too_old(void **state)
{
	struct out_rig r;
	char name[300] = "";

	(void)state;
	out_init(&r);
	r.cfg.retention_s = 100;
	begin(&r);
	line(&r, "quiet since then");
	matching("\\.log$", name, sizeof(name));
	make_old(name, 1000);
	r.sink->clean_ms = 0; /* an hour has passed */
	sk_sink_tick(r.sink);
	line(&r, "still here");
	out_end(&r);
	sk_str_release(&r.text[0]);
	r.text[0] = proc_read(proc_path("log/%s", name));
	assert_non_null(strstr(r.text[0].p, "still here"));
	out_release(&r);
}

/* ---- what cannot be written ---- */

static void
a_directory_that_cannot_be_made_is_one_warning_and_no_end(void **state)
{
	struct out_rig r;

	(void)state;
	out_init(&r);
	r.cfg.log_path = proc_path("missing/below");
	out_begin(&r, -1, -1);
	line(&r, "one");
	line(&r, "two");
	out_end(&r);
	assert_int_equal(out_count(&r, 2, "level=warning"), 1);
	assert_true(
		out_has(&r, 2, "missing/below: No such file or directory; lines go to the console only"));
	assert_true(out_has(&r, 2, "msg=\"one\"") && out_has(&r, 2, "msg=\"two\""));
	out_release(&r);
}

static void
a_link_in_the_place_of_a_log_file_is_not_followed(void **state)
{
	struct out_rig r;
	struct sk_str text;
	char stamp[32];
	time_t now;
	struct tm tm;

	(void)state;
	proc_write(proc_path("victim"), "keep");
	for (int s = 0; s < 3; s++) { /* whichever second it will be */
		now = (time_t)(sk_wall_ms() / 1000) + s;
		localtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
		assert_int_equal(symlink(proc_path("victim"), proc_path("log/[edge1]_%s.log", stamp)), 0);
	}
	out_init(&r);
	begin(&r);
	line(&r, "hello");
	out_end(&r);
	assert_int_equal(out_count(&r, 2, "level=warning"), 1);
	text = proc_read(proc_path("victim"));
	assert_string_equal(text.p, "keep");
	sk_str_release(&text);
	out_release(&r);
}

static void
a_full_disk_is_said_once_counted_and_tried_again(void **state)
{
	struct out_rig r;
	char message[900];

	(void)state;
	PROC_ROOT_ONLY();
	if (mount("tmpfs", proc_path("log"), "tmpfs", 0, "size=65536") != 0) {
		print_message("# skipped: mount: %s\n", strerror(errno));
		skip();
	}
	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	out_init(&r);
	begin(&r);
	for (int i = 0; i < 100; i++)
		line(&r, message);
	if (r.sink->file_lost > 0 && unlink(r.sink->file.path) == 0) { /* somebody makes room */
		line(&r, "too early to try again");
		r.sink->retry_ms = 0; /* ten seconds pass */
		line(&r, "there is room");
	}
	out_end(&r);
	assert_int_equal(out_count(&r, 2, "No space left on device; lines go to the console only"), 1);
	assert_int_equal(out_count(&r, 2, "mmm\"\n"), 100);
	assert_int_equal(out_count(&r, 2, "log file is written again; "), 1);
	assert_true(out_has(&r, 2, "there is room"));
	assert_int_equal(umount(proc_path("log")), 0);
	out_release(&r);
}

/* ---- the total ---- */

static void
beyond_the_total_nothing_is_kept_and_no_empty_files_pile_up(void **state)
{
	struct out_rig r;

	(void)state;
	out_init(&r);
	r.cfg.rotation_bytes = 500;
	r.cfg.total_limit = 2000;
	begin(&r);
	for (int i = 0; i < 200; i++)
		line(&r, "a line of about a hundred bytes with its time and its level");
	out_end(&r);
	assert_int_equal(out_count(&r, 2, "no more is kept"), 1);
	assert_true(proc_entries(proc_path("log")) <= 6);
	out_release(&r);
}

static void
removing_old_files_makes_room_in_the_total(void **state)
{
	struct out_rig r;
	char name[300] = "";

	(void)state;
	out_init(&r);
	r.cfg.rotation_bytes = 500;
	r.cfg.total_limit = 1000;
	r.cfg.retention_s = 100;
	begin(&r);
	for (int i = 0; i < 30; i++)
		line(&r, "a line of about a hundred bytes with its time and its level");
	for (size_t n = matching("_[0-9]{3}\\.log$", name, sizeof(name)); n > 0; n = 0)
		make_old(name, 1000);
	r.sink->clean_ms = 0;
	sk_sink_tick(r.sink);
	line(&r,
		"kept again: a line that is longer than what was left of the total, which is less than "
		"the length of the last line that did not fit, and it is said more than once to be sure of "
		"it");
	matching("^\\[edge1\\]_" STAMP "\\.log$", name, sizeof(name));
	out_end(&r);
	sk_str_release(&r.text[0]);
	r.text[0] = proc_read(proc_path("log/%s", name));
	assert_non_null(strstr(r.text[0].p, "kept again"));
	out_release(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_file_is_named_after_the_skald_and_the_time),
		T(the_directory_is_made_and_nothing_before_the_first_line),
		T(results_on_stdout_are_not_logged),
		T(split_gives_each_task_a_file_and_the_rest_another),
		T(a_long_id_has_a_file_all_the_same),
		T(a_full_file_is_rotated_and_no_line_is_cut_or_lost),
		T(a_line_larger_than_the_limit_has_a_file_of_its_own),
		T(old_files_of_ours_are_removed_and_nothing_else),
		T(without_retention_everything_stays),
		T(a_clock_that_has_jumped_removes_nothing),
		T(the_file_that_is_written_is_never_too_old),
		T(a_directory_that_cannot_be_made_is_one_warning_and_no_end),
		T(a_link_in_the_place_of_a_log_file_is_not_followed),
		T(a_full_disk_is_said_once_counted_and_tried_again),
		T(beyond_the_total_nothing_is_kept_and_no_empty_files_pile_up),
		T(removing_old_files_makes_room_in_the_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
