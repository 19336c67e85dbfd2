/* queuebench.c - a client that only measures: it speaks HTTP to the socket of `skalds up`.
 *
 *	queuebench SOCKET bulk N CLASS [ATTACHMENTS]	first byte submitted to last end committed
 *	queuebench SOCKET latency N CLASS ATTACHMENTS	one at a time: submit to user code (its result
 *			or its start file is CLOCK_MONOTONIC in ns), submit to answer
 *	queuebench SOCKET clients C N CLASS	C connections, each one task at a time, N in all
 *	queuebench SOCKET fill N CLASS [ATTACHMENTS]	N tasks that are ready and wait for ever: they
 *			need a skald with a label that nobody has
 *	queuebench SOCKET stock N CLASS [ATTACHMENTS]	N tasks, without waiting for them
 *	queuebench SOCKET ends SECONDS	how many tasks finish meanwhile; fails when none waits any more
 *
 * Prints one line of JSON. It is no part of the product and checks only what it needs. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)32 << 10) /* of one request: some 700 tasks */
#define ANSWER ((size_t)16 << 20)

static char *answer; /* the body of the last answer */

static void
die(const char *what)
{
	fprintf(stderr, "queuebench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd == -1 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die(path);
	return fd;
}

static void
send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k <= 0)
			die("write");
		p += k;
		n -= (size_t)k;
	}
}

static size_t
request_head(
	char *out, size_t n, const char *method, const char *path, const char *type, size_t len)
{
	return (size_t)snprintf(out, n,
		"%s %s HTTP/1.1\r\nHost: skalds\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", method,
		path, type, len);
}

/* The whole answer; its status; its body in `answer`. */
static int
receive(int fd)
{
	static char head[65536];
	size_t got = 0, len = 0, body, have;
	char *end = NULL, *field;

	while (end == NULL) {
		ssize_t k = read(fd, head + got, sizeof(head) - 1 - got);

		if (k <= 0)
			die("read");
		got += (size_t)k;
		head[got] = '\0';
		end = strstr(head, "\r\n\r\n");
	}
	field = strcasestr(head, "content-length:");
	if (field != NULL && field < end)
		len = strtoull(field + 15, NULL, 10);
	if (len >= ANSWER)
		die("an answer that large");
	body = (size_t)(end + 4 - head);
	have = got - body;
	memcpy(answer, head + body, have);
	while (have < len) {
		ssize_t k = read(fd, answer + have, len - have);

		if (k <= 0)
			die("read");
		have += (size_t)k;
	}
	answer[len] = '\0';
	return atoi(head + 9);
}

static int
call(int fd, const char *method, const char *path, const char *type, const char *body, size_t len)
{
	char head[1024];
	size_t n = request_head(head, sizeof(head), method, path, type, len);

	if (len < 512) {
		memcpy(head + n, body, len);
		send_all(fd, head, n + len);
	} else {
		send_all(fd, head, n);
		send_all(fd, body, len);
	}
	return receive(fd);
}

static void
expect(int status, int want, const char *what)
{
	if (status == want)
		return;
	fprintf(stderr, "queuebench: %s: %d %.500s\n", what, status, answer);
	exit(1);
}

/* ---- bulk ---- */

static void
submit_bulk(int fd, long n, const char *class_name, const char *attachments, const char *more)
{
	char *chunk = malloc(CHUNK + 4096);
	size_t len = 0;

	if (chunk == NULL)
		die("malloc");
	for (long i = 0; i < n; i++) {
		len += (size_t)sprintf(chunk + len, "{\"className\":\"%s\"%s%s%s}\n", class_name,
			attachments[0] != '\0' ? ",\"attachments\":" : "", attachments, more);
		if (len >= CHUNK || i + 1 == n) {
			expect(call(fd, "POST", "/v1/tasks", "application/x-ndjson", chunk, len), 201, "bulk");
			len = 0;
		}
	}
	free(chunk);
}

/* How many tasks the status that was read last has in a state. */
static long
told(const char *phase)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", phase);
	at = strstr(answer, key);
	return at != NULL ? atol(at + strlen(key)) : 0;
}

static long
tasks_in(int fd, const char *phase)
{
	expect(call(fd, "GET", "/v1/status", "text/plain", "", 0), 200, "status");
	return told(phase);
}

/* Counts cost the same however many tasks wait: to list those of a class that have not ended would
 * be to look at all of them. */
static long
ended(int fd)
{
	return tasks_in(fd, "Finished") + told("Failed") + told("Cancelled");
}

static void
bulk(const char *path, long n, const char *class_name, const char *attachments)
{
	/* where counting costs the store as much as the work: QUEUEBENCH_PAUSE_MS */
	const char *ms = getenv("QUEUEBENCH_PAUSE_MS");
	const struct timespec pause = { 0, (ms != NULL ? atol(ms) : 2) * 1000000 };
	int fd = dial(path);
	long before = ended(fd);
	int64_t begin = now_ns(), submitted;
	double s;

	submit_bulk(fd, n, class_name, attachments, "");
	submitted = now_ns();
	while (ended(fd) < before + n)
		nanosleep(&pause, NULL);
	s = (double)(now_ns() - begin) / 1e9;
	printf("{\"mode\":\"bulk\",\"class\":\"%s\",\"tasks\":%ld,\"seconds\":%.3f,\"submit_seconds\":%"
		   ".3f,"
		   "\"per_second\":%.0f}\n",
		class_name, n, s, (double)(submitted - begin) / 1e9, (double)n / s);
}

static void
ends(const char *path, double seconds)
{
	const struct timespec pause = { 0, 2000000 };
	int fd = dial(path);
	long first = tasks_in(fd, "Finished"), n;
	int64_t begin;
	double s = 0;

	while ((n = tasks_in(fd, "Finished")) == first)
		nanosleep(&pause, NULL);
	first = n;
	for (begin = now_ns(); s < seconds; s = (double)(now_ns() - begin) / 1e9)
		nanosleep(&pause, NULL);
	n = tasks_in(fd, "Finished") - first;
	s = (double)(now_ns() - begin) / 1e9;
	if (tasks_in(fd, "Created") == 0) {
		fprintf(stderr, "queuebench: nothing waits any more\n");
		exit(1);
	}
	printf("{\"mode\":\"ends\",\"tasks\":%ld,\"seconds\":%.3f,\"per_second\":%.0f}\n", n, s,
		(double)n / s);
}

/* ---- one at a time ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
percentile(double *v, long n, double p)
{
	return v[(long)((double)(n - 1) * p)];
}

static void
latency(const char *path, long n, const char *class_name, const char *attachments)
{
	double *to_code = calloc((size_t)n, sizeof(*to_code)),
		   *to_answer = calloc((size_t)n, sizeof(double));
	int fd = dial(path), waiter = dial(path);
	char body[2048], url[256], id[64];

	if (to_code == NULL || to_answer == NULL)
		die("calloc");
	for (long i = 0; i < n; i++) {
		int64_t begin, stamp;
		const char *result;

		snprintf(id, sizeof(id), "lat-%d-%ld", (int)getpid(), i);
		snprintf(body, sizeof(body), "{\"id\":\"%s\",\"className\":\"%s\",\"attachments\":%s}", id,
			class_name, attachments);
		begin = now_ns();
		expect(
			call(fd, "POST", "/v1/tasks", "application/json", body, strlen(body)), 201, "submit");
		to_answer[i] = (double)(now_ns() - begin) / 1e6;
		snprintf(url, sizeof(url), "/v1/tasks/%s/wait?ms=10000", id);
		expect(call(waiter, "GET", url, "text/plain", "", 0), 200, "wait");
		result = strstr(answer, "\"result\":\"");
		stamp = result != NULL ? strtoll(result + 10, NULL, 10) : 0;
		if (stamp == 0) {
			fprintf(stderr, "queuebench: no time in the result: %.300s\n", answer);
			exit(1);
		}
		to_code[i] = (double)(stamp - begin) / 1e6;
	}
	qsort(to_code, (size_t)n, sizeof(*to_code), by_value);
	qsort(to_answer, (size_t)n, sizeof(*to_answer), by_value);
	printf("{\"mode\":\"latency\",\"class\":\"%s\",\"tasks\":%ld,\"code_p50_ms\":%.3f,\"code_p99_"
		   "ms\":%.3f,"
		   "\"answer_p50_ms\":%.3f,\"answer_p99_ms\":%.3f}\n",
		class_name, n, percentile(to_code, n, 0.5), percentile(to_code, n, 0.99),
		percentile(to_answer, n, 0.5), percentile(to_answer, n, 0.99));
}

/* ---- many clients ---- */

struct client {
	int fd;
	int64_t sent;
	size_t got;
	char buf[8192];
};

static void
send_one(struct client *c, const char *text, size_t n)
{
	c->got = 0;
	c->sent = now_ns();
	send_all(c->fd, text, n);
}

static bool
whole_answer(struct client *c)
{
	const char *end, *field;

	c->buf[c->got] = '\0';
	end = strstr(c->buf, "\r\n\r\n");
	field = strcasestr(c->buf, "content-length:");
	return end != NULL && field != NULL &&
		c->got >= (size_t)(end + 4 - c->buf) + strtoull(field + 15, NULL, 10);
}

static void
clients(const char *path, int n_clients, long n, const char *class_name)
{
	struct client *all = calloc((size_t)n_clients, sizeof(*all));
	double *ms = calloc((size_t)n, sizeof(*ms));
	char text[1024], body[256];
	struct epoll_event ev, got[64];
	int ep = epoll_create1(0);
	long sent = 0, done = 0;
	int64_t begin;
	size_t len;
	double s;

	if (all == NULL || ms == NULL || ep == -1)
		die("setting up");
	snprintf(body, sizeof(body), "{\"className\":\"%s\"}", class_name);
	len = request_head(text, sizeof(text), "POST", "/v1/tasks", "application/json", strlen(body));
	memcpy(text + len, body, strlen(body));
	len += strlen(body);
	for (int i = 0; i < n_clients; i++) {
		all[i].fd = dial(path);
		ev = (struct epoll_event){ .events = EPOLLIN, .data.ptr = &all[i] };
		epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &ev);
	}
	begin = now_ns();
	for (int i = 0; i < n_clients && sent < n; i++, sent++)
		send_one(&all[i], text, len);
	while (done < n) {
		int k = epoll_wait(ep, got, 64, 10000);

		if (k <= 0)
			die("no answer for 10 s");
		for (int i = 0; i < k; i++) {
			struct client *c = got[i].data.ptr;
			ssize_t r = read(c->fd, c->buf + c->got, sizeof(c->buf) - 1 - c->got);

			if (r <= 0)
				die("read");
			c->got += (size_t)r;
			if (!whole_answer(c))
				continue;
			if (strncmp(c->buf + 9, "201", 3) != 0) {
				fprintf(stderr, "queuebench: %.400s\n", c->buf);
				exit(1);
			}
			ms[done++] = (double)(now_ns() - c->sent) / 1e6;
			if (sent < n) {
				sent++;
				send_one(c, text, len);
			}
		}
	}
	s = (double)(now_ns() - begin) / 1e9;
	qsort(ms, (size_t)n, sizeof(*ms), by_value);
	printf(
		"{\"mode\":\"clients\",\"clients\":%d,\"class\":\"%s\",\"tasks\":%ld,\"per_second\":%.0f,"
		"\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
		n_clients, class_name, n, (double)n / s, percentile(ms, n, 0.5), percentile(ms, n, 0.99));
}

int
main(int argc, char **argv)
{
	answer = malloc(ANSWER);
	if (answer == NULL || argc < 4 || (argc < 5 && strcmp(argv[2], "ends") != 0)) {
		fprintf(stderr, "usage: queuebench SOCKET bulk|latency|clients|fill|stock|ends …\n");
		return 2;
	}
	if (strcmp(argv[2], "ends") == 0)
		ends(argv[1], atof(argv[3]));
	else if (strcmp(argv[2], "bulk") == 0)
		bulk(argv[1], atol(argv[3]), argv[4], argc > 5 ? argv[5] : "");
	else if (strcmp(argv[2], "latency") == 0 && argc > 5)
		latency(argv[1], atol(argv[3]), argv[4], argv[5]);
	else if (strcmp(argv[2], "clients") == 0 && argc > 5)
		clients(argv[1], atoi(argv[3]), atol(argv[4]), argv[5]);
	else if (strcmp(argv[2], "fill") == 0 || strcmp(argv[2], "stock") == 0) {
		submit_bulk(dial(argv[1]), atol(argv[3]), argv[4], argc > 5 ? argv[5] : "",
			argv[2][0] == 'f' ? ",\"resources\":{\"labels\":{\"rack\":\"none\"}}" : "");
		printf("{\"mode\":\"%s\",\"tasks\":%s}\n", argv[2], argv[3]);
	} else
		return 2;
	return 0;
}
