/* sink_test.c - consoles: pipes, terminals, sockets that take nothing, that are gone, that are slow. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "test/unit/out_rig.h"
#include "test/unit/proc_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 3000 /* lines of 1,000 bytes: more than any console takes at once */

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the supervisor has it */
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

static void
fill_line(char line[1000], int number)
{
	memset(line, 'a' + number % 26, 1000);
	line[snprintf(line, 1000, "%07d ", number)] = ' ';
	line[999] = '\n';
}

static void
print_many(struct out_rig *r, int stream, int n)
{
	char line[1000];

	for (int i = 0; i < n; i++) {
		fill_line(line, i);
		sk_sink_print(r->sink, stream, line, sizeof(line));
	}
}

/* Nonblocking; what there is. */
static void
read_some(int fd, struct sk_str *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static char buf[65536];

	while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN)) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n <= 0)
			return;
		sk_str_add(text, buf, (size_t)n);
	}
}

/* What a reader at fd gets until the sink has nothing more to write. */
static void
drain(struct out_rig *r, int fd, struct sk_str *text)
{
	int64_t until = sk_boot_ms() + 5000;

	for (size_t before = 1; before > 0 && sk_boot_ms() < until;) {
		before = r->sink->console[0].pending.len + r->sink->console[1].pending.len;
		read_some(fd, text);
		sk_loop_once(r->loop, 10);
		sk_sink_flush(r->sink);
	}
	read_some(fd, text);
}

enum kind { PIPE, SOCKET, TERMINAL };

/* The console's end and the reader's. */
static void
open_console(enum kind kind, int *console, int *reader)
{
	int ends[2];

	if (kind == TERMINAL) {
		*reader = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(*reader != -1 && grantpt(*reader) == 0 && unlockpt(*reader) == 0);
		*console = open(ptsname(*reader), O_RDWR | O_NOCTTY | O_CLOEXEC);
	} else if (kind == PIPE) {
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		*reader = ends[0];
		*console = ends[1];
	} else {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
		*reader = ends[0];
		*console = ends[1];
	}
	assert_int_not_equal(*console, -1);
}

static void
text_is_many_lines(const struct sk_str *text, int n, bool terminal)
{
	const char *p = text->p;

	for (int i = 0; i < n; i++) {
		char line[1000];

		fill_line(line, i);
		if (memcmp(p, line, 999) != 0)
			fail_msg("line %d is not whole", i);
		p += 999;
		if (terminal) /* it makes \r\n of \n */
			assert_int_equal(*p++, '\r');
		assert_int_equal(*p++, '\n');
	}
	assert_int_equal(p - text->p, text->len);
}

/* Results are written while somebody reads, they wait while nobody does, and nothing blocks. */
static void
a_slow_reader(enum kind kind)
{
	struct out_rig r;
	struct sk_str text = SK_STR_INIT;
	int console, reader, flags;
	bool stalled, blocked;
	int64_t began = sk_boot_ms(), took;

	open_console(kind, &console, &reader);
	flags = fcntl(console, F_GETFL);
	out_init(&r);
	out_begin(&r, console, -1);
	print_many(&r, 1, MANY);
	sk_sink_flush(r.sink); /* an alarm would end the test */
	took = sk_boot_ms() - began;
	blocked = r.sink->console[0].blocked;
	stalled = sk_sink_stalled(r.sink);
	drain(&r, reader, &text);
	print_many(&r, 1, 0);
	out_end(&r);
	assert_true(took < 2000);
	assert_true(blocked);
	assert_true(stalled);
	assert_true(r.drains >= 1);
	assert_int_equal(fcntl(console, F_GETFL), flags); /* others share it */
	text_is_many_lines(&text, MANY, kind == TERMINAL);
	sk_str_release(&text);
	out_release(&r);
	close(console);
	close(reader);
}

static void
nobody_who_reads_slowly_stops_us_or_loses_a_result(void **state)
{
	(void)state;
	for (enum kind kind = PIPE; kind <= TERMINAL; kind++)
		a_slow_reader(kind);
}

/* Nobody reads at all: memory stays bounded and freeing the sink takes no longer than it may. */
static void
a_reader_that_never_reads(enum kind kind)
{
	struct out_rig r;
	int console, reader;
	size_t pending;
	int64_t began = sk_boot_ms(), took;

	open_console(kind, &console, &reader);
	out_init(&r);
	out_begin(&r, console, console);
	for (int i = 0; i < 8; i++) {
		print_many(&r, 1, MANY);
		print_many(&r, 2, MANY);
		sk_sink_flush(r.sink);
	}
	pending = r.sink->console[0].pending.len + r.sink->console[1].pending.len;
	out_end(&r);
	took = sk_boot_ms() - began;
	assert_true(took < 5000);
	assert_true(pending < (size_t)24 << 20); /* of 48 MB */
	out_release(&r);
	close(console);
	close(reader);
}

static void
nobody_who_never_reads_stops_us_or_takes_our_memory(void **state)
{
	(void)state;
	for (enum kind kind = PIPE; kind <= TERMINAL; kind++)
		a_reader_that_never_reads(kind);
}

static void
a_reader_that_is_gone_is_no_end(void **state)
{
	(void)state;
	for (enum kind kind = PIPE; kind <= SOCKET; kind++) {
		struct out_rig r;
		int console, reader;
		bool gone;

		open_console(kind, &console, &reader);
		out_init(&r);
		out_begin(&r, console, -1);
		close(reader);
		for (int i = 0; i < 3; i++) {
			print_many(&r, 1, 10);
			sk_sink_flush(r.sink);
			sk_loop_once(r.loop, 0);
		}
		sk_sink_print(r.sink, 2, "stderr still works\n", 19);
		gone = r.sink->console[0].gone && r.sink->console[0].pending.len == 0;
		out_end(&r);
		assert_true(gone);
		assert_string_equal(r.text[1].p, "stderr still works\n");
		out_release(&r);
		close(console);
	}
}

static void
a_reader_that_goes_while_we_wait_for_it_is_no_end(void **state)
{
	(void)state;
	for (enum kind kind = PIPE; kind <= SOCKET; kind++) {
		struct out_rig r;
		int console, reader;
		bool gone;

		open_console(kind, &console, &reader);
		out_init(&r);
		out_begin(&r, console, -1);
		print_many(&r, 1, MANY);
		sk_sink_flush(r.sink);
		close(reader);
		for (int i = 0; i < 10; i++) {
			sk_loop_once(r.loop, 10);
			sk_sink_flush(r.sink);
		}
		gone = r.sink->console[0].gone && !sk_sink_stalled(r.sink);
		out_end(&r);
		assert_true(gone);
		assert_true(r.drains >= 1); /* reading from tasks goes on */
		out_release(&r);
		close(console);
	}
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
a_console_that_is_closed_is_no_end(void **state)
{
	struct out_rig r;
	int closed[2], kept;

	(void)state;
	out_init(&r);
	out_begin(&r, -1, -1);
	kept = dup(1);
	closed[0] = close(1);
	sk_sink_free(r.sink, 0);
	r.sink = sk_sink_new(&r.cfg, r.loop, nothing, NULL);
	print_many(&r, 1, 10);
	sk_sink_flush(r.sink);
	print_many(&r, 1, 10);
	sk_sink_flush(r.sink);
	closed[1] = r.sink->console[0].gone;
	if (dup2(kept, 1) == -1)
		abort();
	close(kept);
	out_end(&r);
	assert_int_equal(closed[0], 0);
	assert_int_equal(closed[1], 1);
	out_release(&r);
}

/* Log lines find no room any more: how many is said as soon as there is. */
static void
dropped_log_lines_are_counted(void **state)
{
	struct out_rig r;
	struct sk_str text = SK_STR_INIT;
	int console, reader, said = 0;
	const char *p;

	(void)state;
	open_console(PIPE, &console, &reader);
	out_init(&r);
	out_begin(&r, -1, console);
	print_many(&r, 2, 1200); /* more than 1 MiB waits */
	sk_sink_flush(r.sink);
	print_many(&r, 2, 100);
	drain(&r, reader, &text);
	sk_sink_print(r.sink, 2, "again\n", 6);
	drain(&r, reader, &text);
	out_end(&r);
	p = strstr(text.p, "the console was blocked: ");
	assert_non_null(p);
	said = atoi(p + strlen("the console was blocked: "));
	assert_int_equal(said, 100);
	assert_non_null(strstr(p, "again\n"));
	sk_str_release(&text);
	out_release(&r);
	close(console);
	close(reader);
}

/* A pipe in packet mode shows each write: whole lines of at most PIPE_BUF. */
static void
lines_on_a_pipe_are_written_whole(void **state)
{
	struct out_rig r;
	int ends[2];
	size_t packets = 0, total = 0;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	out_init(&r);
	out_begin(&r, ends[1], -1);
	/* the sink opens the pipe anew: packet mode belongs to the open file */
	if (r.sink->console[0].fd > 2)
		fcntl(r.sink->console[0].fd, F_SETFL, O_NONBLOCK | O_DIRECT);
	for (int i = 0; i < 50; i++) {
		char line[3000];

		memset(line, 'x', sizeof(line));
		line[i * 50 + 1] = '\n';
		sk_sink_print(r.sink, 1, line, (size_t)i * 50 + 2);
		total += (size_t)i * 50 + 2;
	}
	sk_sink_flush(r.sink);
	out_end(&r);
	close(ends[1]);
	for (;;) {
		char buf[PIPE_BUF + 1];
		ssize_t n = read(ends[0], buf, sizeof(buf));

		if (n <= 0)
			break;
		assert_true(n <= PIPE_BUF);
		assert_int_equal(buf[n - 1], '\n');
		total -= (size_t)n;
		packets++;
	}
	assert_int_equal(total, 0);
	assert_true(packets >= 15 && packets < 50); /* and not each line alone */
	close(ends[0]);
	out_release(&r);
}

/* ---- levels and tables ---- */

static void
log_lines_below_the_level_are_not_written(void **state)
{
	const struct sk_log_config warn = { .level = SK_WARNING };
	struct out_rig r;

	(void)state;
	out_init(&r);
	sk_log_setup(&warn);
	out_begin(&r, -1, -1);
	sk_sink_log(r.sink, SK_INFO, NULL, 0, "quiet");
	sk_sink_log(r.sink, SK_WARNING, "t 1", 4, "loud %d", 5);
	out_end(&r);
	assert_int_equal(out_count(&r, 2, "\n"), 1);
	assert_true(
		out_has(&r, 2, "level=warning component=supervisor task=\"t 1\" attempt=4 msg=\"loud 5\""));
	out_release(&r);
}

static void
only_what_is_loud_breaks_into_a_table(void **state)
{
	for (int json = 0; json < 2; json++) {
		const struct sk_log_config log = { .level = SK_TRACE, .json = json != 0 };
		static const char lines[] =
			"time=x level=info msg=\"quiet\"\ntime=x level=error msg=\"loud\"\n"
			"free words\n";
		struct sk_out o;
		struct out_rig r;

		(void)state;
		out_init(&r);
		sk_log_setup(&log);
		r.cfg.console = SK_CONSOLE_TABLE;
		out_begin(&r, -1, -1);
		sk_sink_log(r.sink, SK_DEBUG, NULL, 0, "no");
		sk_sink_log(r.sink, SK_INFO, NULL, 0, "no");
		sk_sink_log(r.sink, SK_SUCCESS, NULL, 0, "no");
		sk_sink_log(r.sink, SK_WARNING, NULL, 0, "level=info is what it says");
		sk_sink_print(r.sink, 2, lines, sizeof(lines) - 1);
		sk_sink_print(r.sink, 1, "the table\n", 10);
		sk_out_init(&o, "t1", 1, 0);
		sk_out_feed(r.sink, &o, 1, "of a task\n", 10, false);
		sk_out_end(r.sink, &o, false);
		out_end(&r);
		assert_string_equal(r.text[1].p, "");
		assert_int_equal(out_count(&r, 1, "\r\033[J"), 3);
		assert_true(out_has(&r, 1, "level=info is what it says"));
		assert_true(out_has(
			&r, 1, "\r\033[Jtime=x level=error msg=\"loud\"\n\r\033[Jfree words\nthe table\n"));
		assert_false(
			out_has(&r, 1, "no\"") || out_has(&r, 1, "quiet") || out_has(&r, 1, "of a task"));
		out_release(&r);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(nobody_who_reads_slowly_stops_us_or_loses_a_result),
		T(nobody_who_never_reads_stops_us_or_takes_our_memory),
		T(a_reader_that_is_gone_is_no_end),
		T(a_reader_that_goes_while_we_wait_for_it_is_no_end),
		T(a_console_that_is_closed_is_no_end),
		T(dropped_log_lines_are_counted),
		T(lines_on_a_pipe_are_written_whole),
		T(log_lines_below_the_level_are_not_written),
		T(only_what_is_loud_breaks_into_a_table),
	};

	alarm(120); /* what blocks is killed */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
