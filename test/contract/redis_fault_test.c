/* redis_fault_test.c - the cache in Redis when things break: servers that are killed, that stand
 * still, that are none, names that take long; and what it costs when all is well. */
#include "redis_rig.h"
#include "core/base/clock.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* What 16 MiB of unsent commands may take while they grow; sanitizers keep what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ROOM_KB (200 << 10)
#else
#define ROOM_KB (40 << 10)
#endif

/* Whoever waits for a server that stands still or a name that is slow is held up for longer; a busy
 * machine is not. */
#define HELD_UP_MS 1500

static struct redis_own own;

static struct sk_cache_redis_config
plain(void)
{
	return (struct sk_cache_redis_config){ .host = "127.0.0.1", .port = own.port };
}

static int
start_server(void **state)
{
	(void)state;
	redis_own_start(&own);
	return 0;
}

/* A test that failed may have left it standing still. */
static int
go_on(void **state)
{
	(void)state;
	redis_own_kill(&own, SIGCONT);
	return 0;
}

static int
end_server(void **state)
{
	(void)state;
	redis_own_end(&own);
	return 0;
}

/* ---- names: the resolver of this program ---- */

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* "slow.test" takes 4 s and is nobody; "two.test" has an address where nobody listens, and ours. */
int
getaddrinfo(
	const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
	resolver *real = (resolver *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo *second;
	int rc;

	if (host != NULL && hints != NULL && !(hints->ai_flags & AI_NUMERICHOST)) {
		if (strcmp(host, "slow.test") == 0) {
			usleep(4000000);
			return EAI_AGAIN;
		}
		if (strcmp(host, "two.test") == 0) {
			rc = real("127.0.0.3", port, hints, list);
			if (rc == 0 && (rc = real("127.0.0.1", port, hints, &second)) == 0)
				(*list)->ai_next = second;
			return rc;
		}
	}
	return real(host, port, hints, list);
}

/* ---- somebody who puts all the time ---- */

struct busy {
	struct redis_user u;
	int64_t longest_ms; /* what one round with its puts took beyond its waiting */
	int round, asked, unavailable;
};

static void
on_any(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct busy *b = arg;

	(void)found;
	(void)value;
	(void)n;
	b->asked--;
	b->unavailable += code == SK_EUNAVAIL;
}

static void
be_busy(struct busy *b, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (sk_boot_ms() < end) {
		char value[24];
		int64_t begin = sk_boot_ms();

		snprintf(value, sizeof(value), "%d", b->round++ % 200);
		redis_put(&b->u, "task:t:heartbeat", value, 8000);
		b->u.c->ops->put_field(b->u.c, "skalds:hash", "s", value, strlen(value), 3600000);
		b->asked++;
		b->u.c->ops->get(b->u.c, "task:t:heartbeat", on_any, b);
		sk_loop_once(b->u.loop, 0);
		if (sk_boot_ms() - begin > b->longest_ms)
			b->longest_ms = sk_boot_ms() - begin;
		sk_loop_once(b->u.loop, 10);
	}
}

static bool
busy_until(struct busy *b, bool connected, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (redis_state(&b->u).connected != connected && sk_boot_ms() < end)
		be_busy(b, 20);
	return redis_state(&b->u).connected == connected;
}

/* Every question was answered, nothing took long, and away and back were said once. */
static void
end_busy(struct busy *b, int lost, int back)
{
	be_busy(b, 200);
	for (int i = 0; i < 500 && b->asked > 0; i++)
		sk_loop_once(b->u.loop, 10);
	assert_int_equal(b->asked, 0);
	assert_int_equal(redis_log_count("what is put meanwhile is dropped"), lost);
	assert_int_equal(redis_log_count("back after"), back);
	assert_in_range(b->longest_ms, 0, HELD_UP_MS);
	redis_log_end();
	assert_true(atoi(redis_own_do(&own, "EXISTS task:t:heartbeat skalds:hash")) == 2);
	redis_user_close(&b->u);
}

static void
a_killed_server_is_used_again_when_it_is_back(void **state)
{
	struct busy b = { .round = 0 };
	int64_t begin;

	(void)state;
	redis_log_begin();
	redis_user_open(&b.u, plain());
	assert_true(busy_until(&b, true, 3000));
	be_busy(&b, 3200); /* long enough to be stable */
	redis_own_kill(&own, SIGKILL);
	assert_true(busy_until(&b, false, 3000)); /* at once: the kernel closes its sockets */
	be_busy(&b, 2000);
	assert_true(redis_state(&b.u).dropped > 0);
	assert_true(b.unavailable > 0);
	assert_int_equal(redis_state(&b.u).waiting, 0);
	redis_own_start(&own); /* empty */
	begin = sk_boot_ms();
	assert_true(busy_until(&b, true, 10000));
	print_message("# back %lld ms after the server was\n", (long long)(sk_boot_ms() - begin));
	assert_int_equal(redis_state(&b.u).connects, 2);
	end_busy(&b, 1, 1);
}

static void
a_server_that_stands_still_is_left_and_found_again(void **state)
{
	struct busy b = { .round = 0 };
	int64_t begin = sk_boot_ms();

	(void)state;
	redis_log_begin();
	redis_user_open(&b.u, plain());
	assert_true(busy_until(&b, true, 3000));
	be_busy(&b, 3200);
	redis_own_kill(&own, SIGSTOP);
	begin = sk_boot_ms();
	assert_true(busy_until(&b, false, 8000));
	assert_in_range(sk_boot_ms() - begin, 4500, 7500);
	be_busy(&b, 8000 - (sk_boot_ms() - begin));
	assert_false(redis_state(&b.u).connected);
	redis_own_kill(&own, SIGCONT);
	begin = sk_boot_ms();
	assert_true(busy_until(&b, true, 10000));
	print_message("# back %lld ms after the server went on\n", (long long)(sk_boot_ms() - begin));
	end_busy(&b, 1, 1);
}

/* Also when nobody asks for anything. */
static void
silence_is_noticed_by_pings(void **state)
{
	struct redis_user u;
	uint64_t answered;

	(void)state;
	redis_log_begin();
	redis_user_open(&u, plain());
	assert_true(redis_until(&u, true, 3000));
	answered = redis_state(&u).answered;
	redis_run(&u, 3500);
	assert_int_equal(redis_state(&u).answered, answered + 1);
	redis_own_kill(&own, SIGSTOP);
	assert_true(redis_until(&u, false, 9000));
	redis_own_kill(&own, SIGCONT);
	assert_true(redis_until(&u, true, 10000));
	redis_user_close(&u);
	redis_log_end();
}

/* ---- names ---- */

static void
a_slow_name_holds_nobody_up(void **state)
{
	struct busy b = { .round = 0 };
	struct sk_cache_redis_config cfg = { .host = "slow.test", .port = own.port };
	int64_t begin;

	(void)state;
	redis_log_begin();
	redis_user_open(&b.u, cfg);
	be_busy(&b, 3400);
	assert_in_range(b.longest_ms, 0, HELD_UP_MS);
	assert_true(b.unavailable > 0); /* what waited for the first attempt was answered */
	assert_int_equal(redis_log_count("could not be looked up within 3 s"), 1);
	be_busy(&b, 5000); /* and once it is known not to exist */
	assert_non_null(strstr(redis_state(&b.u).last_error, "looked up"));
	begin = sk_boot_ms();
	redis_user_close(&b.u); /* a lookup may be under way */
	assert_in_range(sk_boot_ms() - begin, 0, HELD_UP_MS);
	assert_in_range(b.longest_ms, 0, HELD_UP_MS);
	redis_log_end();
}

static void
every_address_of_a_name_is_tried(void **state)
{
	struct redis_user u;

	(void)state;
	redis_log_begin();
	redis_user_open(&u, (struct sk_cache_redis_config){ .host = "two.test", .port = own.port });
	assert_true(redis_until(&u, true, 3000));
	assert_int_equal(redis_log_count("cannot be reached"), 0);
	redis_user_close(&u);
	redis_user_open(&u, (struct sk_cache_redis_config){ .host = "no.such.name.invalid" });
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL);
	assert_non_null(strstr(redis_state(&u).last_error, "looked up"));
	redis_user_close(&u);
	redis_log_end();
}

/* ---- servers that are none ---- */

struct fake {
	pid_t pid;
	int port;
};

/* A process that says the same to everybody who comes, again and again or once. */
static void
fake_start(struct fake *f, const char *greeting, size_t n, int times, bool then_close)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	f->port = redis_free_port();
	a.sin_port = htons((uint16_t)f->port);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	f->pid = fork();
	assert_true(f->pid != -1);
	if (f->pid > 0) {
		close(fd);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
	for (;;) {
		int c = accept(fd, NULL, NULL);

		for (int i = 0; i < times && write(c, greeting, n) > 0; i++)
			continue;
		if (times < 0) /* a reset in place of an end */
			setsockopt(c, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
		if (then_close)
			close(c);
	}
}

static void
fake_end(struct fake *f)
{
	int status;

	assert_int_equal(kill(f->pid, SIGKILL), 0);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
}

static long
rss_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
is_no_redis(const char *says, size_t n, int times, bool then_close, const char *why)
{
	struct fake f;
	struct redis_user u;
	int64_t end;

	fake_start(&f, says, n, times, then_close);
	redis_user_open(&u, (struct sk_cache_redis_config){ .host = "127.0.0.1", .port = f.port });
	redis_put(&u, "k", "v", 1000);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL);
	end = sk_boot_ms() + 6000;
	while (strstr(redis_state(&u).last_error, why) == NULL && sk_boot_ms() < end)
		sk_loop_once(u.loop, 10);
	if (strstr(redis_state(&u).last_error, why) == NULL) {
		fake_end(&f);
		redis_log_end();
		fail_msg("\"%s\" is not in \"%s\"", why, redis_state(&u).last_error);
	}
	redis_user_close(&u);
	fake_end(&f);
}

static void
what_is_no_redis_does_no_harm(void **state)
{
	static const char ok[] = "+OK\r\n$0\r\n\r\n+PONG\r\n";
	static const char nest[] = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n";
	static char large[1 << 20];
	const long before = rss_kb();

	(void)state;
#define SAYS(text) text, sizeof(text) - 1
	redis_log_begin();
	is_no_redis(SAYS("HTTP/1.1 400 Bad Request\r\n\r\n"), 1, true, "as a Redis does");
	is_no_redis(SAYS("-ERR max number of clients reached\r\n"), 1, true, "max number of clients");
	is_no_redis(SAYS("-DENIED Redis is running in protected mode\r\n"), 1, true, "DENIED");
	is_no_redis(SAYS(""), 0, true, "closed the connection");
	is_no_redis(SAYS(""), -1, true, "closed the connection");
	is_no_redis(SAYS(""), 0, false, "does not answer within 3 s");
	is_no_redis(SAYS(nest), 500000, false, "larger or deeper");
	is_no_redis(SAYS("*4294967295\r\n"), 1, false, "as a Redis does");
	is_no_redis(SAYS("$9223372036854775807\r\n"), 1, false, "does not answer");
	is_no_redis(SAYS("+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"), 1, false, "nobody asked for");
	/* greets well, then an answer without end: it is not kept */
	memcpy(large, "+OK\r\n$0\r\n\r\n+PONG\r\n$500000000\r\n", 31);
	is_no_redis(large, sizeof(large), 500, false, "larger or deeper");
	/* greets well and goes away, or says nothing more */
	is_no_redis(SAYS(ok), 1, true, "connection lost");
	is_no_redis(SAYS(ok), 1, false, "no answer for 5 s");
	redis_log_end();
#undef SAYS
	print_message("# memory after all these: %ld KiB more than before\n", rss_kb() - before);
}

/* One line and one more now and then, however often a server lets in and throws out. */
static void
a_server_that_comes_and_goes_fills_no_log(void **state)
{
	static const char ok[] = "+OK\r\n$0\r\n\r\n+PONG\r\n";
	struct fake f;
	struct redis_user u;
	uint64_t connects;

	(void)state;
	redis_log_begin();
	fake_start(&f, ok, sizeof(ok) - 1, 1, true);
	redis_user_open(&u, (struct sk_cache_redis_config){ .host = "127.0.0.1", .port = f.port });
	redis_run(&u, 8000);
	connects = redis_state(&u).connects;
	assert_in_range(connects, 3, 12); /* it is tried, and not without rest */
	assert_in_range(redis_log_count("redis 127.0.0.1"), 1, 4);
	redis_user_close(&u);
	fake_end(&f);
	redis_log_end();
}

static void
closing_is_possible_at_every_moment(void **state)
{
	struct redis_user u;

	(void)state;
	redis_log_begin();
	for (int i = 0; i < 60; i++) {
		struct sk_cache_redis_config cfg = plain();

		cfg.host = i % 3 == 0 ? "localhost" : i % 3 == 1 ? own.socket : "127.0.0.1";
		redis_user_open(&u, cfg);
		redis_put(&u, "k", "v", 8000);
		u.c->ops->get(u.c, "k", redis_on_value, &u);
		for (int k = 0; k < i / 3; k++)
			sk_loop_once(u.loop, 1);
		u.calls = 0;
		u.c->ops->get(u.c, "k", redis_on_value, &u);
		redis_user_close(&u);
		assert_int_equal(u.calls, 0);
	}
	redis_log_end();
}

/* ---- what it costs ---- */

/* Of this process: what the machine does besides does not count. */
static int64_t
cpu_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
a_burst_is_pipelined_and_bounded(void **state)
{
	enum { N = 100000 };
	struct sk_cache_redis_state s;
	struct redis_user u;
	long idle, peak;
	int64_t begin, cpu, put_ns, all_ns;

	(void)state;
	redis_own_do(&own, "FLUSHALL");
	idle = rss_kb();
	redis_user_open(&u, plain());
	assert_true(redis_until(&u, true, 3000));
	print_message("# memory of an idle cache: %ld KiB\n", rss_kb() - idle);
	idle = rss_kb();
	begin = sk_boot_ns();
	cpu = cpu_ns();
	for (int i = 0; i < N; i++) {
		char key[40];

		snprintf(key, sizeof(key), "task:t%d:heartbeat", i);
		redis_put(&u, key, "17", 8000);
	}
	put_ns = sk_boot_ns() - begin;
	peak = rss_kb();
	redis_settle(&u);
	all_ns = sk_boot_ns() - begin;
	s = redis_state(&u);
	print_message("# %d puts: %lld ns of cpu each with their answers, %lld ns each to put, all "
				  "answered after %lld ms, %llu writes, %ld KiB at the peak, "
				  "%ld KiB after it\n",
		N, (long long)((cpu_ns() - cpu) / N), (long long)(put_ns / N),
		(long long)(all_ns / 1000000), (unsigned long long)s.writes, peak - idle, rss_kb() - idle);
	assert_int_equal(s.dropped, 0);
	assert_int_equal(s.errors, 0);
	assert_true(s.writes < N / 20);
	assert_int_equal(atoi(redis_own_do(&own, "DBSIZE")), N);
	redis_user_close(&u);
}

static void
more_than_it_takes_is_dropped(void **state)
{
	static char value[10000];
	struct redis_user u;
	int64_t begin;
	long before;

	(void)state;
	redis_log_begin();
	redis_user_open(&u, plain());
	assert_true(redis_until(&u, true, 3000));
	redis_own_kill(&own, SIGSTOP);
	before = rss_kb();
	begin = sk_boot_ms();
	for (int i = 0; i < 10000; i++) { /* 100 MB */
		u.c->ops->put(u.c, "k", value, sizeof(value), 8000);
		if (i % 100 == 0)
			sk_loop_once(u.loop, 0);
	}
	assert_in_range(sk_boot_ms() - begin, 0, 4000);
	assert_true(redis_state(&u).dropped > 5000);
	assert_in_range(redis_state(&u).unsent, 0, 17 << 20);
	assert_in_range(rss_kb() - before, 0, ROOM_KB);
	assert_int_equal(redis_log_count("too much waits"), 1);
	redis_own_kill(&own, SIGCONT);
	redis_settle(&u);
	redis_get(&u, "k");
	assert_int_equal(u.n, sizeof(value));
	assert_int_equal(redis_state(&u).connects, 1);
	redis_user_close(&u);
	redis_log_end();
}

static void
count_answer(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	(void)value;
	(void)n;
	*(int *)arg += code == SK_OK && found;
}

static int
by_size(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
many_questions_at_once_are_answered(void **state)
{
	enum { AT_ONCE = 1000, ROUNDS = 100, SINGLE = 5000 };
	static int64_t ns[SINGLE];
	struct redis_user u;
	uint64_t writes;
	int64_t begin, cpu;
	int n = 0;

	(void)state;
	redis_user_open(&u, plain());
	redis_put(&u, "k", "17", 0);
	redis_get(&u, "k");
	writes = redis_state(&u).writes;
	cpu = cpu_ns();
	begin = sk_boot_ns();
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < AT_ONCE; i++)
			u.c->ops->get(u.c, "k", count_answer, &n);
		redis_settle(&u);
	}
	assert_int_equal(n, AT_ONCE * ROUNDS);
	print_message("# %d gets, %d in flight: %lld ns of cpu each, %lld per second, %llu writes\n", n,
		AT_ONCE, (long long)((cpu_ns() - cpu) / n),
		(long long)n * 1000000000 / (sk_boot_ns() - begin),
		(unsigned long long)(redis_state(&u).writes - writes));
	assert_true(redis_state(&u).writes - writes <= 2 * ROUNDS);
	for (int i = 0; i < SINGLE; i++) {
		begin = sk_boot_ns();
		redis_get(&u, "k");
		ns[i] = sk_boot_ns() - begin;
	}
	qsort(ns, SINGLE, sizeof(ns[0]), by_size);
	print_message("# one get after the other: p50 %lld us, p99 %lld us\n",
		(long long)(ns[SINGLE / 2] / 1000), (long long)(ns[SINGLE * 99 / 100] / 1000));
	redis_user_close(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_burst_is_pipelined_and_bounded, go_on),
		cmocka_unit_test_teardown(many_questions_at_once_are_answered, go_on),
		cmocka_unit_test_teardown(more_than_it_takes_is_dropped, go_on),
		cmocka_unit_test_teardown(closing_is_possible_at_every_moment, go_on),
		cmocka_unit_test_teardown(a_killed_server_is_used_again_when_it_is_back, go_on),
		cmocka_unit_test_teardown(a_server_that_stands_still_is_left_and_found_again, go_on),
		cmocka_unit_test_teardown(silence_is_noticed_by_pings, go_on),
		cmocka_unit_test_teardown(every_address_of_a_name_is_tried, go_on),
		cmocka_unit_test_teardown(a_slow_name_holds_nobody_up, go_on),
		cmocka_unit_test_teardown(a_server_that_comes_and_goes_fills_no_log, go_on),
		cmocka_unit_test_teardown(what_is_no_redis_does_no_harm, go_on),
	};

	signal(SIGPIPE, SIG_IGN); /* as the program does */
	if (!redis_is_there() || !redis_own_init(&own)) {
		redis_skip("redis, faults");
		return 0;
	}
	return cmocka_run_group_tests(tests, start_server, end_server);
}
