#include "adapters/redis/redis.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

/* The resolver keeps answers of up to 64 KiB on the stack. */
#define STACK_BYTES ((size_t)512 << 10)

struct sk_redis_lookup {
	atomic_int owners; /* the thread and whoever waits; the last one frees */
	int fd; /* eventfd */
	int rc; /* of getaddrinfo; valid when fd was readable */
	struct addrinfo *list;
	char port[8];
	char host[];
};

static void
disown(struct sk_redis_lookup *l)
{
	if (atomic_fetch_sub(&l->owners, 1) > 1)
		return;
	if (l->list != NULL)
		freeaddrinfo(l->list);
	close(l->fd);
	free(l);
}

static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

static void *
resolve(void *arg)
{
	struct sk_redis_lookup *l = arg;
	const uint64_t one = 1;

	l->rc = getaddrinfo(l->host, l->port, &hints, &l->list);
	if (l->rc != 0)
		l->list = NULL;
	if (write(l->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		abort(); /* an eventfd that nobody else writes to takes a 1 */
	disown(l);
	return NULL;
}

/* Signals are for the loop's thread. */
static int
start_thread(struct sk_redis_lookup *l)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc != 0)
		return rc;
	rc = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (rc == 0)
		rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	if (rc == 0)
		rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc == 0) {
		rc = pthread_create(&thread, &attr, resolve, l);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return rc;
}

struct sk_redis_lookup *
sk_redis_lookup_start(const char *host, int port, struct sk_err *err)
{
	const size_t n = strlen(host) + 1;
	struct sk_redis_lookup *l = sk_xcalloc(1, sizeof(*l) + n);
	int rc;

	memcpy(l->host, host, n);
	snprintf(l->port, sizeof(l->port), "%d", port);
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->fd == -1) {
		sk_fail_errno(err, "eventfd");
		free(l);
		return NULL;
	}
	atomic_init(&l->owners, 2);
	rc = start_thread(l);
	if (rc == 0)
		return l;
	sk_fail(err, SK_EIO, "no thread to look a name up: %s", strerror(rc));
	close(l->fd);
	free(l);
	return NULL;
}

int
sk_redis_lookup_fd(const struct sk_redis_lookup *l)
{
	return l->fd;
}

int
sk_redis_lookup_take(struct sk_redis_lookup *l, struct addrinfo **list)
{
	uint64_t count;
	int rc;

	if (read(l->fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		abort(); /* called before it was readable: only a bug gets here */
	rc = l->rc;
	*list = l->list;
	l->list = NULL;
	disown(l);
	return rc;
}

void
sk_redis_lookup_drop(struct sk_redis_lookup *l)
{
	if (l != NULL)
		disown(l);
}

bool
sk_redis_numeric(const char *host, int port, struct addrinfo **list)
{
	struct addrinfo numeric = hints;
	char text[8];

	numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	snprintf(text, sizeof(text), "%d", port);
	*list = NULL;
	return getaddrinfo(host, text, &numeric, list) == 0;
}
