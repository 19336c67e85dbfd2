/* output_test.c - the output of attempts: lines, tags, caps, attempt files. */
#include "core/base/mem.h"
#include "test/unit/out_rig.h"
#include "test/unit/proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LONGEST 2048 /* bytes of one line; longer ones are cut into pieces (output.c) */

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_scratch_remove();
	return 0;
}

/* One attempt that writes these pieces to stdout, NULL-terminated. */
static void
feed(struct out_rig *r, struct sk_out *o, const char *const *pieces, bool raw)
{
	for (; *pieces != NULL; pieces++)
		sk_out_feed(r->sink, o, 1, *pieces, strlen(*pieces), raw);
}

static void
messages_are(struct out_rig *r, const char *expected)
{
	struct sk_str all = out_messages(r);

	assert_string_equal(all.p, expected);
	sk_str_release(&all);
}

/* Feed, end, and compare the messages. */
static void
becomes(const char *const *pieces, const char *expected)
{
	struct out_rig r;
	struct sk_out o;

	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 3, 0);
	feed(&r, &o, pieces, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	messages_are(&r, expected);
	out_release(&r);
}

/* ---- lines ---- */

static void
lines_are_tagged_with_task_and_attempt_on_stderr(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t 1", 3, 0);
	sk_out_feed(r.sink, &o, 1, "from stdout\n", 12, false);
	sk_out_feed(r.sink, &o, 2, "from stderr\n", 12, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_string_equal(r.text[0].p, "");
	assert_int_equal(out_count(&r, 2, " level=info component=task task=\"t 1\" attempt=3 msg="), 2);
	messages_are(&r, "from stdout\nfrom stderr\n");
	assert_string_equal(o.last, "from stderr");
	assert_int_equal(o.bytes, 24);
	out_release(&r);
}

static void
a_line_is_whole_however_it_arrives(void **state)
{
	(void)state;
	becomes((const char *[]){ "one\ntwo\nthr", "ee", "", "\n", "four", NULL },
		"one\ntwo\nthree\nfour\n");
	becomes((const char *[]){ "\n", "\n\nx\n", NULL }, "\n\n\nx\n");
	becomes((const char *[]){ "dos\r\n", "a\rb\r", "\n", NULL }, "dos\na\\rb\n");
	becomes((const char *[]){ NULL }, "");
}

static void
streams_do_not_mix_within_a_line(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	sk_out_feed(r.sink, &o, 1, "out", 3, false);
	sk_out_feed(r.sink, &o, 2, "err", 3, false);
	sk_out_feed(r.sink, &o, 1, "put\n", 4, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	messages_are(&r, "output\nerr\n");
	out_release(&r);
}

/* Of n times 'x' and a newline, fed in pieces of that size, all bytes come out, in pieces of at
 * most LONGEST, none of them empty. */
static void
long_line(size_t n, size_t piece)
{
	struct out_rig r;
	struct sk_out o;
	struct sk_str all;
	char *line = sk_xmalloc(n + 1);
	size_t xs = 0, len = 0;

	memset(line, 'x', n);
	line[n] = '\n';
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	for (size_t at = 0; at < n + 1; at += piece)
		sk_out_feed(r.sink, &o, 1, line + at, n + 1 - at < piece ? n + 1 - at : piece, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	all = out_messages(&r);
	for (size_t i = 0; i < all.len; i++) {
		xs += all.p[i] == 'x';
		len = all.p[i] == 'x' ? len + 1 : 0;
		assert_true(len <= LONGEST);
		assert_false(all.p[i] == '\n' && (i == 0 || all.p[i - 1] == '\n'));
	}
	assert_int_equal(xs, n);
	assert_int_equal(all.len - xs, (n + LONGEST - 1) / LONGEST);
	sk_str_release(&all);
	out_release(&r);
	free(line);
}

static void
long_lines_are_cut_and_lose_nothing(void **state)
{
	static const size_t sizes[] = { 1, LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST,
		3 * LONGEST + 5, 70000 };
	static const size_t pieces[] = { 1000, LONGEST - 1, LONGEST, LONGEST + 1, 4096, 65536 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
			long_line(sizes[i], pieces[k]);
}

static void
a_cut_line_keeps_its_characters_whole(void **state)
{
	char *line = sk_xmalloc(2 * 3 * LONGEST + 1);
	struct out_rig r;
	struct sk_out o;
	size_t n = 0;

	(void)state;
	line[n++] = 'x'; /* so that no multiple of 3 fits */
	while (n + 3 < 2 * LONGEST) {
		memcpy(line + n, "\xe2\x82\xac", 3);
		n += 3;
	}
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	for (size_t at = 0; at < n; at += 1000) /* pieces end anywhere */
		sk_out_feed(r.sink, &o, 1, line + at, n - at < 1000 ? n - at : 1000, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_int_equal(out_count(&r, 2, "\xe2\x82\xac"), (n - 1) / 3);
	assert_false(out_has(&r, 2, "\\x"));
	out_release(&r);
	free(line);
}

static void
a_level_in_front_of_a_line_is_taken_and_removed(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	feed(&r, &o,
		(const char *[]){
			"<3>broken\n<4>beware\n<6>fine\n<7>hidden\n<2>worst\n<8>no\n<3\n", "<4>\n", NULL },
		false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	messages_are(&r, "broken\nbeware\nfine\nworst\n<8>no\n<3\n\n");
	assert_int_equal(out_count(&r, 2, "level=error"), 1);
	assert_int_equal(out_count(&r, 2, "level=warning"), 2);
	assert_int_equal(out_count(&r, 2, "level=critical"), 1);
	assert_int_equal(out_count(&r, 2, "level=info"), 3);
	out_release(&r);
}

static void
no_byte_of_a_task_steers_a_terminal(void **state)
{
	struct out_rig r;
	struct sk_out o;
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)(i == '\n' ? ' ' : i);
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	sk_out_feed(r.sink, &o, 1, all, sizeof(all), false);
	sk_out_feed(r.sink, &o, 1,
		"\n\x1b[2J\xc2\x9b"
		"2J\xff\n",
		10, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	for (size_t i = 0; i < r.text[1].len; i++)
		assert_true(r.text[1].p[i] == '\n' ||
			((unsigned char)r.text[1].p[i] >= 0x20 && (unsigned char)r.text[1].p[i] < 0x7f));
	assert_true(out_has(&r, 2, "\\x1b[2J\\xc2\\x9b2J\\xff"));
	assert_int_equal(out_count(&r, 2, "\n"), 2);
	out_release(&r);
}

/* ---- the last line, for the table ---- */

static void
last_is(const char *line, size_t n, const char *expected)
{
	struct out_rig r;
	struct sk_out o;

	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	sk_out_feed(r.sink, &o, 1, line, n, false);
	sk_out_feed(r.sink, &o, 1, "\n", 1, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_string_equal(o.last, expected);
	out_release(&r);
}

static void
the_last_line_is_short_whole_and_printable(void **state)
{
	char text[512], expected[512];
	size_t n;

	(void)state;
	last_is("plain", 5, "plain");
	last_is("a\tb\x1b[31m\x7f", 9, "a b [31m ");
	last_is("gr\xc3\xbcn \xe2\x82\xac", 9, "gr\xc3\xbcn \xe2\x82\xac");
	last_is("a\xc2\x9b"
			"31m",
		6, "a  31m"); /* a control of two bytes */
	last_is("\x9b"
			"31m \xff\xfe x\xc3",
		10, "?31m ?? x?");
	last_is("a\0b", 3, "a b");
	for (n = 0; n < 300; n++)
		text[n] = 'x';
	memcpy(expected, text, 200);
	expected[200] = '\0';
	last_is(text, n, expected);
	for (n = 1; n + 3 < 300; n += 3)
		memcpy(text + n, "\xe2\x82\xac", 3);
	memcpy(expected, text, 199); /* 1 + 66 * 3: the next character does not fit */
	expected[199] = '\0';
	last_is(text, n, expected);
}

/* ---- caps ---- */

static void
output_beyond_the_cap_is_counted_and_said_once(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 10);
	feed(&r, &o, (const char *[]){ "12345\n", "789\nXX\n", "XXXX\n", NULL }, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_int_equal(o.bytes, 18);
	assert_int_equal(o.dropped, 8);
	messages_are(&r, "12345\n789\noutput beyond 10 bytes is not kept: 8 bytes dropped\n");
	assert_int_equal(out_count(&r, 2, "level=warning"), 1);
	out_release(&r);
}

static void
a_line_that_the_cap_cuts_is_shown_as_far_as_it_goes(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 4);
	feed(&r, &o, (const char *[]){ "123456789\n", "more\n", NULL }, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	messages_are(&r, "1234\noutput beyond 4 bytes is not kept: 11 bytes dropped\n");
	out_release(&r);
}

static void
the_default_cap_is_ten_mebibytes(void **state)
{
	struct out_rig r;
	struct sk_out o;
	char *block = sk_xmalloc(1 << 20);

	(void)state;
	memset(block, '\n', 1 << 20);
	for (size_t i = 99; i < 1 << 20; i += 100)
		block[i] = '\n';
	memset(block, 'y', 1 << 20);
	block[(1 << 20) - 1] = '\n';
	out_init(&r);
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	for (int i = 0; i < 12; i++)
		sk_out_feed(r.sink, &o, 1, block, 1 << 20, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_int_equal(o.bytes, 12 << 20);
	assert_int_equal(o.dropped, 2 << 20);
	out_release(&r);
	free(block);
}

/* ---- other consoles ---- */

static void
events_are_json_lines_on_stdout(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	r.cfg.console = SK_CONSOLE_EVENTS;
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t\"1", 2, 0);
	sk_out_feed(r.sink, &o, 1, "say \"hi\"\t\xff\n", 11, false);
	sk_out_feed(r.sink, &o, 1, "<7>hidden\n", 10, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_string_equal(r.text[1].p, "");
	assert_int_equal(strncmp(r.text[0].p, "{\"time\":", 8), 0);
	assert_true(out_has(&r, 1,
		",\"event\":\"log\",\"taskId\":\"t\\\"1\",\"attempt\":2,\"line\":"
		"\"say \\\"hi\\\"\\t"));
	assert_int_equal(out_count(&r, 1, "\n"), 1);
	assert_false(out_has(&r, 1, "\xff"));
	out_release(&r);
}

static void
raw_output_passes_unchanged_and_has_no_cap_there(void **state)
{
	static const char bytes[] = "no newline\0\xff\x1b[1m\r\n\n<3>x";
	struct out_rig r;
	struct sk_out o;

	(void)state;
	out_init(&r);
	r.cfg.console = SK_CONSOLE_RAW;
	r.cfg.data_dir = proc_path("%s", "");
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 5);
	sk_out_feed(r.sink, &o, 1, bytes, sizeof(bytes), true);
	sk_out_feed(r.sink, &o, 2, "err", 3, true);
	sk_out_end(r.sink, &o, true);
	out_end(&r);
	assert_int_equal(r.text[0].len, sizeof(bytes));
	assert_memory_equal(r.text[0].p, bytes, sizeof(bytes));
	assert_int_equal(strncmp(r.text[1].p, "err", 3), 0);
	assert_true(out_has(&r, 2, "output beyond 5 bytes is not kept"));
	sk_str_release(&r.text[0]);
	r.text[0] = proc_read(proc_path("logs/t1/1.log"));
	assert_string_equal(r.text[0].p, "no ne");
	out_release(&r);
}

/* ---- attempt files ---- */

static void
an_attempts_file_holds_its_bytes_and_begins_at_the_first(void **state)
{
	struct out_rig r;
	struct sk_out o;
	struct stat st;

	(void)state;
	out_init(&r);
	r.cfg.data_dir = proc_path("%s", "");
	out_begin(&r, -1, -1);
	sk_out_init(&o, "a/b", 7, 100);
	sk_out_feed(r.sink, &o, 1, "", 0, false);
	if (proc_exists(proc_path("logs")))
		abort();
	sk_out_feed(r.sink, &o, 1, "<7>one\n", 7, false); /* hidden from the log, kept here */
	sk_out_feed(r.sink, &o, 2, "two", 3, false);
	sk_out_end(r.sink, &o, false);
	sk_out_init(&o, "silent", 1, 100);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	sk_str_release(&r.text[0]);
	r.text[0] = proc_read(proc_path("logs/a%%2Fb/7.log"));
	assert_string_equal(r.text[0].p, "<7>one\ntwo");
	assert_int_equal(stat(proc_path("logs/a%%2Fb/7.log"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(proc_path("logs"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_false(proc_exists(proc_path("logs/silent")));
	out_release(&r);
}

/* The file of text that came in pieces of n bytes; levels: of a compiled-in worker. */
static void
kept_is(const char *text, size_t n, bool levels, const char *expected)
{
	struct out_rig r;
	struct sk_out o;

	out_init(&r);
	r.cfg.data_dir = proc_path("%s", "");
	out_begin(&r, -1, -1);
	sk_out_init(&o, levels ? "worker" : "program", 1, 0);
	o.levels = levels;
	for (size_t at = 0, len = strlen(text); at < len; at += n)
		sk_out_feed(r.sink, &o, 1, text + at, len - at < n ? len - at : n, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	sk_str_release(&r.text[0]);
	r.text[0] = proc_read(proc_path("logs/%s/1.log", o.id));
	assert_string_equal(sk_str_text(&r.text[0]), expected);
	unlink(proc_path("logs/%s/1.log", o.id));
	out_release(&r);
}

static void
the_level_marks_of_compiled_in_workers_are_not_kept(void **state)
{
	static const char text[] =
		"<6>logged\nsaid <6>\n<4>beware\n<6>\n<8>no\n<<6>x\n<6\n\n<6><4>two\n<6";

	(void)state;
	for (size_t n = 1; n <= sizeof(text); n++) {
		kept_is(text, n, true, "logged\nsaid <6>\nbeware\n\n<8>no\n<<6>x\n<6\n\n<4>two\n<6");
		kept_is(text, n, false, text);
	}
}

static void
ids_become_file_names_that_lead_nowhere_else(void **state)
{
	static const struct {
		const char *id, *path;
	} rows[] = {
		{ "simple", "/d/logs/simple/1.log" },
		{ "A-Z_0.9", "/d/logs/A-Z_0.9/1.log" },
		{ "..", "/d/logs/%2E./1.log" },
		{ ".", "/d/logs/%2E/1.log" },
		{ "a/../b", "/d/logs/a%2F..%2Fb/1.log" },
		{ "/etc", "/d/logs/%2Fetc/1.log" },
		{ "gr\xc3\xbcn", "/d/logs/gr%C3%BCn/1.log" },
		{ "50%", "/d/logs/50%25/1.log" },
		{ "a b\n", "/d/logs/a%20b%0A/1.log" },
	};
	struct sk_str path = SK_STR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sk_out_path(&path, "/d", rows[i].id, 1);
		assert_string_equal(path.p, rows[i].path);
	}
	sk_str_release(&path);
}

static void
a_file_that_cannot_be_written_is_one_warning_and_output_goes_on(void **state)
{
	struct out_rig r;
	struct sk_out o;

	(void)state;
	proc_write(proc_path("logs"), "a file where a directory should be");
	out_init(&r);
	r.cfg.data_dir = proc_path("%s", "");
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	feed(&r, &o, (const char *[]){ "one\n", "two\n", "three\n", NULL }, false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	messages_are(&r, "output is not kept: Not a directory\none\ntwo\nthree\n");
	out_release(&r);
}

static void
a_full_disk_is_one_warning_and_output_goes_on(void **state)
{
	struct out_rig r;
	struct sk_out o;
	char block[1000];

	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(mkdir(proc_path("small"), 0700), 0);
	if (mount("tmpfs", proc_path("small"), "tmpfs", 0, "size=65536") != 0) {
		print_message("# skipped: mount: %s\n", strerror(errno));
		skip();
	}
	memset(block, 'z', sizeof(block));
	block[sizeof(block) - 1] = '\n';
	out_init(&r);
	r.cfg.data_dir = proc_path("small");
	out_begin(&r, -1, -1);
	sk_out_init(&o, "t1", 1, 0);
	for (int i = 0; i < 200; i++)
		sk_out_feed(r.sink, &o, 1, block, sizeof(block), false);
	sk_out_end(r.sink, &o, false);
	out_end(&r);
	assert_int_equal(umount(proc_path("small")), 0);
	assert_int_equal(out_count(&r, 2, "output is not kept: No space left on device"), 1);
	assert_int_equal(out_count(&r, 2, "zzz\"\n"), 200);
	out_release(&r);
}

/* All files of the run share one budget; what is said of it is said once. */
static void
the_total_of_all_files_has_an_end(void **state)
{
	struct out_rig r;
	struct sk_out a, b;
	struct sk_str text;

	(void)state;
	out_init(&r);
	r.cfg.data_dir = proc_path("%s", "");
	r.cfg.total_limit = 20;
	out_begin(&r, -1, -1);
	sk_out_init(&a, "a", 1, 0);
	sk_out_init(&b, "b", 1, 0);
	feed(&r, &a, (const char *[]){ "0123456789\n", NULL }, false);
	feed(&r, &b, (const char *[]){ "01234\n", "0123456789\n", "01234567890123456789\n", NULL },
		false);
	feed(&r, &a, (const char *[]){ "0123456789\n", NULL }, false);
	sk_out_end(r.sink, &a, false);
	sk_out_end(r.sink, &b, false);
	out_end(&r);
	assert_int_equal(
		out_count(&r, 2, "the output of all tasks reached 20 bytes: no more is kept"), 1);
	text = proc_read(proc_path("logs/a/1.log"));
	assert_string_equal(text.p, "0123456789\n");
	sk_str_release(&text);
	text = proc_read(proc_path("logs/b/1.log"));
	assert_string_equal(text.p, "01234\n");
	sk_str_release(&text);
	out_release(&r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(lines_are_tagged_with_task_and_attempt_on_stderr),
		T(a_line_is_whole_however_it_arrives),
		T(streams_do_not_mix_within_a_line),
		T(long_lines_are_cut_and_lose_nothing),
		T(a_cut_line_keeps_its_characters_whole),
		T(a_level_in_front_of_a_line_is_taken_and_removed),
		T(no_byte_of_a_task_steers_a_terminal),
		T(the_last_line_is_short_whole_and_printable),
		T(output_beyond_the_cap_is_counted_and_said_once),
		T(a_line_that_the_cap_cuts_is_shown_as_far_as_it_goes),
		T(the_default_cap_is_ten_mebibytes),
		T(events_are_json_lines_on_stdout),
		T(raw_output_passes_unchanged_and_has_no_cap_there),
		T(an_attempts_file_holds_its_bytes_and_begins_at_the_first),
		T(the_level_marks_of_compiled_in_workers_are_not_kept),
		T(ids_become_file_names_that_lead_nowhere_else),
		T(a_file_that_cannot_be_written_is_one_warning_and_output_goes_on),
		T(a_full_disk_is_one_warning_and_output_goes_on),
		T(the_total_of_all_files_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
