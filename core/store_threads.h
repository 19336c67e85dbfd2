/* store_threads.h - the front of a store that works on threads of its own.
 *
 * The loop submits, the driver takes what has queued up, another thread or several do what takes
 * long (aside), and what is done is called back on the loop. The store brings the two main
 * functions and whatever they share; the members under the lock are theirs to use, with the lock
 * held. */
#ifndef SK_CORE_STORE_THREADS_H
#define SK_CORE_STORE_THREADS_H

#include "core/ports.h"
#include <pthread.h>

#define SK_STORE_ASIDE_MAX 8

struct sk_store_threads {
	const char *component; /* of log lines; the store's */
	void (*before)(void *store); /* on the loop, before it calls back; NULL = nothing */
	void *store; /* argument of before and of the main functions */

	pthread_mutex_t lock;
	pthread_cond_t work, aside_work; /* CLOCK_MONOTONIC */

	/* ---- under the lock ---- */
	struct sk_op_list queue; /* submitted */
	struct sk_op_list aside; /* for the threads beside the driver */
	unsigned n_began; /* of these: each takes its number from here when it begins */
	bool stop, aside_stop; /* end when nothing is left */

	/* ---- this file's ---- */
	struct sk_op_list done;
	bool told; /* the loop was told and has not looked yet */
	pthread_t driver_thread, aside_threads[SK_STORE_ASIDE_MAX];
	unsigned n_aside;
	struct sk_loop *loop;
	struct sk_watch *watch;
	int fd;
};

/* Before anything else; cannot fail. The texts and the loop stay the caller's. */
void sk_store_threads_init(struct sk_store_threads *t, struct sk_loop *loop, const char *component,
	void (*before)(void *store), void *store);
/* n_aside: 1 to SK_STORE_ASIDE_MAX threads beside the driver. Signals are the loop's: all block
 * them. SK_EAGAIN, SK_EIO: no thread or descriptor; nothing runs then. */
enum sk_code sk_store_threads_start(struct sk_store_threads *t, void *(*driver)(void *store),
	void *(*aside)(void *store), unsigned n_aside, struct sk_err *err) SK_CHECKED;

/* ---- any thread, the lock not held ---- */

void sk_store_threads_submit(struct sk_store_threads *t, struct sk_op *op);
/* Operations for the threads beside the driver, behind what they have; the list is empty
 * afterwards. */
void sk_store_threads_put_aside(struct sk_store_threads *t, struct sk_op_list *ops);
/* Operations with their answers, for the loop; the list is empty afterwards. */
void sk_store_threads_deliver(struct sk_store_threads *t, struct sk_op_list *done);
/* `before` runs soon, with or without operations. */
void sk_store_threads_wake(struct sk_store_threads *t);

/* With the lock held: wait for one of the two conditions, ms at the longest (-1 = for ever). Wakes
 * now and then without reason. */
void sk_store_threads_wait(struct sk_store_threads *t, pthread_cond_t *cond, int64_t ms);

/* ---- the end, on the loop's thread, in this order ---- */

/* Joined when it has done what was submitted. */
void sk_store_threads_stop_driver(struct sk_store_threads *t);
void sk_store_threads_stop_aside(struct sk_store_threads *t);
/* What is done is called back; what those that are called back submit is refused: SK_EUNAVAIL. */
void sk_store_threads_refuse_rest(struct sk_store_threads *t);
/* After init, whether anything was started or not. */
void sk_store_threads_release(struct sk_store_threads *t);

#endif
