#include "core/store_threads.h"
#include "core/base/log.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- from the threads to the loop ---- */

static void
tell(struct sk_store_threads *t, bool needed)
{
	const uint64_t one = 1;

	/* The counter cannot be full: it is read before it is written again. */
	if (needed && write(t->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		sk_log(SK_CRITICAL, t->component, "the loop cannot be told: %s", strerror(errno));
}

void
sk_store_threads_deliver(struct sk_store_threads *t, struct sk_op_list *done)
{
	bool needed;

	pthread_mutex_lock(&t->lock);
	sk_op_append(&t->done, done);
	needed = !t->told && t->done.head != NULL;
	t->told = t->told || needed;
	pthread_mutex_unlock(&t->lock);
	tell(t, needed);
}

void
sk_store_threads_wake(struct sk_store_threads *t)
{
	bool needed;

	pthread_mutex_lock(&t->lock);
	needed = !t->told;
	t->told = true;
	pthread_mutex_unlock(&t->lock);
	tell(t, needed);
}

static void
call_back(struct sk_store_threads *t)
{
	struct sk_op_list done;
	struct sk_op *op;

	pthread_mutex_lock(&t->lock);
	done = t->done;
	t->done = (struct sk_op_list){ NULL, NULL };
	t->told = false;
	pthread_mutex_unlock(&t->lock);
	if (t->before != NULL)
		t->before(t->store);
	while ((op = sk_op_pop(&done)) != NULL)
		op->done(op);
}

static void
told(uint32_t events, void *arg)
{
	struct sk_store_threads *t = arg;
	uint64_t n;

	(void)events;
	if (read(t->fd, &n, sizeof(n)) == -1 && errno != EAGAIN && errno != EINTR)
		sk_log(SK_CRITICAL, t->component, "eventfd: %s", strerror(errno));
	call_back(t);
}

/* ---- from the loop to the threads ---- */

void
sk_store_threads_submit(struct sk_store_threads *t, struct sk_op *op)
{
	pthread_mutex_lock(&t->lock);
	if (t->queue.head == NULL)
		pthread_cond_signal(&t->work);
	sk_op_push(&t->queue, op);
	pthread_mutex_unlock(&t->lock);
}

void
sk_store_threads_put_aside(struct sk_store_threads *t, struct sk_op_list *ops)
{
	pthread_mutex_lock(&t->lock);
	sk_op_append(&t->aside, ops);
	pthread_cond_signal(&t->aside_work);
	pthread_mutex_unlock(&t->lock);
}

void
sk_store_threads_wait(struct sk_store_threads *t, pthread_cond_t *cond, int64_t ms)
{
	struct timespec until;

	if (ms < 0) {
		pthread_cond_wait(cond, &t->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(cond, &t->lock, &until);
}

/* ---- opening ---- */

void
sk_store_threads_init(struct sk_store_threads *t, struct sk_loop *loop, const char *component,
	void (*before)(void *store), void *store)
{
	pthread_condattr_t attr;

	*t = (struct sk_store_threads){
		.component = component, .before = before, .store = store, .loop = loop, .fd = -1
	};
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->work, &attr);
	pthread_cond_init(&t->aside_work, &attr);
	pthread_condattr_destroy(&attr);
}

static enum sk_code
watch(struct sk_store_threads *t, struct sk_err *err)
{
	t->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (t->fd == -1)
		return sk_fail_errno(err, "eventfd");
	t->watch = sk_watch_add(t->loop, t->fd, EPOLLIN, told, t, err);
	return t->watch != NULL ? SK_OK : err->code;
}

static int
start_aside(struct sk_store_threads *t, void *(*aside)(void *store), unsigned n)
{
	int rc = 0;

	for (; t->n_aside < n && rc == 0; t->n_aside += rc == 0)
		rc = pthread_create(&t->aside_threads[t->n_aside], NULL, aside, t->store);
	if (rc != 0)
		sk_store_threads_stop_aside(t);
	return rc;
}

enum sk_code
sk_store_threads_start(struct sk_store_threads *t, void *(*driver)(void *store),
	void *(*aside)(void *store), unsigned n_aside, struct sk_err *err)
{
	sigset_t all, before;
	int rc;

	if (watch(t, err) != SK_OK)
		return err->code;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&t->driver_thread, NULL, driver, t->store);
	if (rc == 0) {
		rc = start_aside(t, aside, n_aside);
		if (rc != 0)
			sk_store_threads_stop_driver(t);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return sk_fail(err, rc == EAGAIN ? SK_EAGAIN : SK_EIO,
			"the threads of the store cannot be started: %s", strerror(rc));
	return SK_OK;
}

/* ---- the end ---- */

static void
stop(struct sk_store_threads *t, bool *flag, pthread_cond_t *cond)
{
	pthread_mutex_lock(&t->lock);
	*flag = true;
	pthread_cond_broadcast(cond);
	pthread_mutex_unlock(&t->lock);
}

void
sk_store_threads_stop_driver(struct sk_store_threads *t)
{
	stop(t, &t->stop, &t->work);
	pthread_join(t->driver_thread, NULL);
}

void
sk_store_threads_stop_aside(struct sk_store_threads *t)
{
	stop(t, &t->aside_stop, &t->aside_work);
	for (; t->n_aside > 0; t->n_aside--)
		pthread_join(t->aside_threads[t->n_aside - 1], NULL);
}

void
sk_store_threads_refuse_rest(struct sk_store_threads *t)
{
	struct sk_op *op;

	while (call_back(t), (op = sk_op_pop(&t->queue)) != NULL) {
		op->code = sk_fail(&op->err, SK_EUNAVAIL, "the store is closed");
		op->done(op);
	}
}

void
sk_store_threads_release(struct sk_store_threads *t)
{
	sk_watch_remove(t->watch);
	if (t->fd != -1)
		close(t->fd);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->aside_work);
}
