#include "redis_rig.h"
#include "core/base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
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
#include <unistd.h>

#include <cmocka.h>

#define START_MS 10000

static const char *
split(int *port)
{
	static char host[256];
	const char *env = getenv("SKALDS_TEST_REDIS"), *colon;

	if (env == NULL || (colon = strrchr(env, ':')) == NULL)
		return NULL;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - env), env);
	*port = atoi(colon + 1);
	return host;
}

bool
redis_is_there(void)
{
	int port;

	return split(&port) != NULL;
}

struct sk_cache_redis_config
redis_shared_config(struct sk_loop *loop)
{
	int port = 0;
	const char *host = split(&port);

	return (struct sk_cache_redis_config){
		.loop = loop, .component = "test", .host = host, .port = port, .db = REDIS_TEST_DB
	};
}

static redisContext *
shared(void)
{
	const struct timeval patience = { .tv_sec = 5 };
	int port = 0;
	const char *host = split(&port);
	redisContext *c = redisConnectWithTimeout(host, port, patience);

	assert_non_null(c);
	if (c->err != 0)
		fail_msg("%s:%d: %s", host, port, c->errstr);
	return c;
}

struct sk_cache *
redis_open_empty(struct sk_loop *loop)
{
	const struct sk_cache_redis_config cfg = redis_shared_config(loop);
	redisContext *c = shared();
	struct sk_err err;

	freeReplyObject(redisCommand(c, "SELECT %d", REDIS_TEST_DB));
	freeReplyObject(redisCommand(c, "FLUSHDB"));
	redisFree(c);
	return sk_cache_redis_open(&cfg, &err);
}

/* ---- a server of one's own ---- */

int
redis_free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd != -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	close(fd);
	return ntohs(a.sin_port);
}

/* Its arguments up to the program's own name, without the configuration. */
static bool
read_program(struct redis_own *own, int pid)
{
	char path[64];
	size_t n, i = 0, args = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	own->text = calloc(1, 8192);
	assert_non_null(own->text);
	n = fread(own->text, 1, 8191, f);
	fclose(f);
	own->program = calloc(64, sizeof(char *));
	assert_non_null(own->program);
	while (i < n && args < 32) {
		char *arg = own->text + i;
		size_t len = strlen(arg);

		i += len + 1;
		own->program[args++] = arg;
		if (len >= 12 && strcmp(arg + len - 12, "redis-server") == 0 && strchr(arg, '/') != NULL)
			return true;
	}
	return args > 0 && strstr(own->program[0], "redis-server") != NULL;
}

bool
redis_own_init(struct redis_own *own)
{
	redisContext *c = shared();
	redisReply *r = redisCommand(c, "INFO server");
	const char *pid =
		r != NULL && r->type == REDIS_REPLY_STRING ? strstr(r->str, "process_id:") : NULL;
	bool ok;

	memset(own, 0, sizeof(*own));
	ok = pid != NULL && read_program(own, atoi(pid + 11));
	freeReplyObject(r);
	redisFree(c);
	if (!ok)
		return false;
	snprintf(own->dir, sizeof(own->dir), "/tmp/redis-test-XXXXXX");
	assert_non_null(mkdtemp(own->dir));
	snprintf(own->socket, sizeof(own->socket), "%s/socket", own->dir);
	own->port = redis_free_port();
	return true;
}

static void
run(struct redis_own *own)
{
	char port[16], tls_port[16];
	const char *args[] = { "--port", port, "--bind", "127.0.0.1 127.0.0.2", "--dir", own->dir,
		"--unixsocket", own->socket, "--save", "", "--daemonize", "no", "--loglevel", "warning",
		"--logfile", "log", "--tls-port", tls_port, NULL };
	char *argv[96];
	size_t n = 0;

	snprintf(port, sizeof(port), "%d", own->port);
	snprintf(tls_port, sizeof(tls_port), "%d", own->tls_port);
	for (size_t i = 0; own->program[i] != NULL && n < 40; i++)
		argv[n++] = own->program[i];
	for (size_t i = 0; args[i] != NULL; i++)
		argv[n++] = strdup(args[i]);
	for (size_t i = 0; own->more[i] != NULL; i++)
		argv[n++] = strdup(own->more[i]);
	argv[n] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
	execv(argv[0], argv);
	_exit(127);
}

static redisContext *
reach(struct redis_own *own)
{
	const struct timeval patience = { .tv_sec = 5 };
	redisContext *c = redisConnectUnixWithTimeout(own->socket, patience);

	if (c != NULL && c->err == 0) {
		redisSetTimeout(c, patience);
		return c;
	}
	if (c != NULL)
		redisFree(c);
	return NULL;
}

void
redis_own_start(struct redis_own *own)
{
	const int64_t end = sk_boot_ms() + START_MS;
	redisContext *c;

	assert_int_equal(own->pid, 0);
	unlink(own->socket);
	own->pid = fork();
	assert_true(own->pid != -1);
	if (own->pid == 0)
		run(own);
	while ((c = reach(own)) == NULL && sk_boot_ms() < end)
		usleep(10000);
	assert_non_null(c);
	redisFree(c);
}

void
redis_own_kill(struct redis_own *own, int sig)
{
	int status;

	if (own->pid == 0)
		return;
	assert_int_equal(kill(own->pid, sig), 0);
	if (sig != SIGKILL && sig != SIGTERM)
		return;
	assert_int_equal(waitpid(own->pid, &status, 0), own->pid);
	own->pid = 0;
}

void
redis_own_end(struct redis_own *own)
{
	char command[128];

	redis_own_kill(own, SIGKILL);
	snprintf(command, sizeof(command), "rm -rf '%s'", own->dir);
	assert_int_equal(system(command), 0);
	free(own->program);
	free(own->text);
}

const char *
redis_own_do(struct redis_own *own, const char *fmt, ...)
{
	static char text[65536];
	redisContext *c = reach(own);
	redisReply *r;
	va_list ap;

	assert_non_null(c);
	va_start(ap, fmt);
	r = redisvCommand(c, fmt, ap);
	va_end(ap);
	assert_non_null(r);
	if (r->type == REDIS_REPLY_INTEGER)
		snprintf(text, sizeof(text), "%lld", r->integer);
	else if (r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
		r->element[0]->type == REDIS_REPLY_INTEGER)
		snprintf(text, sizeof(text), "%lld", r->element[0]->integer);
	else
		snprintf(text, sizeof(text), "%s", r->str != NULL ? r->str : "");
	freeReplyObject(r);
	redisFree(c);
	return text;
}

/* ---- somebody who uses a cache ---- */

void
redis_user_open(struct redis_user *u, struct sk_cache_redis_config cfg)
{
	struct sk_err err;

	*u = (struct redis_user){ .loop = sk_loop_new(&err) };
	assert_non_null(u->loop);
	cfg.loop = u->loop;
	cfg.component = "test";
	u->c = sk_cache_redis_open(&cfg, &err);
	if (u->c == NULL)
		fail_msg("%s", err.msg);
}

void
redis_user_close(struct redis_user *u)
{
	u->c->ops->close(u->c);
	sk_loop_free(u->loop);
}

struct sk_cache_redis_state
redis_state(const struct redis_user *u)
{
	return sk_cache_redis_state(u->c);
}

void
redis_run(struct redis_user *u, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (sk_boot_ms() < end)
		sk_loop_once(u->loop, 10);
}

bool
redis_until(struct redis_user *u, bool connected, int64_t ms)
{
	const int64_t end = sk_boot_ms() + ms;

	while (redis_state(u).connected != connected && sk_boot_ms() < end)
		sk_loop_once(u->loop, 10);
	return redis_state(u).connected == connected;
}

void
redis_settle(struct redis_user *u)
{
	const int64_t end = sk_boot_ms() + 10000;

	while (redis_state(u).waiting > 0 && sk_boot_ms() < end)
		sk_loop_once(u->loop, 10);
	assert_int_equal(redis_state(u).waiting, 0);
}

void
redis_on_value(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct redis_user *u = arg;

	u->calls++;
	u->code = code;
	u->found = found;
	u->n = n;
	snprintf(
		u->value, sizeof(u->value), "%.*s", found ? (int)n : 0, found ? (const char *)value : "");
}

void
redis_get(struct redis_user *u, const char *key)
{
	const int64_t end = sk_boot_ms() + 12000;

	u->calls = 0;
	u->c->ops->get(u->c, key, redis_on_value, u);
	assert_int_equal(u->calls, 0);
	while (u->calls == 0 && sk_boot_ms() < end)
		sk_loop_once(u->loop, 10);
	assert_int_equal(u->calls, 1);
}

void
redis_put(struct redis_user *u, const char *key, const char *value, int64_t ttl_ms)
{
	u->c->ops->put(u->c, key, value, strlen(value), ttl_ms);
}

/* ---- the log ---- */

static FILE *log_file;
static int log_before;

void
redis_log_begin(void)
{
	log_file = tmpfile();
	assert_non_null(log_file);
	fflush(stderr);
	log_before = dup(STDERR_FILENO);
	assert_true(log_before != -1);
	assert_true(dup2(fileno(log_file), STDERR_FILENO) != -1);
}

int
redis_log_count(const char *text)
{
	char line[4200];
	int n = 0;

	rewind(log_file);
	while (fgets(line, sizeof(line), log_file) != NULL)
		n += strstr(line, text) != NULL;
	fseek(log_file, 0, SEEK_END);
	return n;
}

void
redis_log_end(void)
{
	assert_true(dup2(log_before, STDERR_FILENO) != -1);
	close(log_before);
	fclose(log_file);
}
