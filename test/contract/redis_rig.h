/* redis_rig.h - a Redis server for tests: the shared one that SKALDS_TEST_REDIS=HOST:PORT names (its
 * database 15 is emptied), and servers of one's own, started as that one was, that may be killed. */
#ifndef SK_TEST_CONTRACT_REDIS_RIG_H
#define SK_TEST_CONTRACT_REDIS_RIG_H

#include "adapters/redis/cache.h"
#include <hiredis/hiredis.h>
#include <sys/types.h>

#define REDIS_TEST_DB 15

/* Is one named? */
bool redis_is_there(void);
/* Say that it is not, or not on this machine. */
void redis_skip(const char *what);
/* The cache on the shared server, with nothing in it. */
struct sk_cache *redis_open_empty(struct sk_loop *loop);
struct sk_cache_redis_config redis_shared_config(struct sk_loop *loop);

/* ---- a server of one's own ---- */

struct redis_own {
	char dir[64]; /* its data, its socket */
	char socket[96];
	int port, tls_port;
	pid_t pid; /* 0 = does not run */
	char **program; /* how the shared one was started, NULL at the end */
	char *text; /* what they stand in */
	const char *more[24]; /* further arguments, NULL at the end */
};

/* false: the shared one is not on this machine, so none can be started like it. */
bool redis_own_init(struct redis_own *own);
/* Start, and wait until it answers on its unix socket. The port stays the same. */
void redis_own_start(struct redis_own *own);
void redis_own_kill(struct redis_own *own, int sig);
void redis_own_end(struct redis_own *own); /* and remove the directory */
/* By the unix socket, as the default user; the answer's text, borrowed until the next call. */
const char *redis_own_do(struct redis_own *own, const char *fmt, ...);

/* A port that was free a moment ago. */
int redis_free_port(void);

/* ---- somebody who uses a cache ---- */

struct redis_user {
	struct sk_loop *loop;
	struct sk_cache *c;
	/* of the last answer */
	int calls;
	enum sk_code code;
	bool found;
	size_t n;
	char value[256];
};

/* cfg.loop is filled in. */
void redis_user_open(struct redis_user *u, struct sk_cache_redis_config cfg);
void redis_user_close(struct redis_user *u);
struct sk_cache_redis_state redis_state(const struct redis_user *u);
void redis_run(struct redis_user *u, int64_t ms);
/* Run until it is (not) connected; false: it did not happen in time. */
bool redis_until(struct redis_user *u, bool connected, int64_t ms);
/* Run until all commands were answered. */
void redis_settle(struct redis_user *u);
/* Ask and wait for 12 s; asserts that it is answered once, and not from within. */
void redis_get(struct redis_user *u, const char *key);
void redis_put(struct redis_user *u, const char *key, const char *value, int64_t ttl_ms);
/* A get's fn, arg is the user. */
void redis_on_value(void *arg, enum sk_code code, bool found, const void *value, size_t n);

/* What is logged goes into a file from now on; how many lines of it have the text. */
void redis_log_begin(void);
int redis_log_count(const char *text);
void redis_log_end(void);

#endif
