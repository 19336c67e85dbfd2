/* edge_priv.h - the inside of edge.h: edge.c has the tasks, the words and the cache, edge_store.c
 * the rounds through the store. */
#ifndef SK_CORE_RUN_EDGE_PRIV_H
#define SK_CORE_RUN_EDGE_PRIV_H

#include "core/base/map.h"
#include "core/run/edge.h"
#include "core/run/presence.h"

#define EDGE_MAX_WORDS 32 /* of one task that wait; the oldest are lost */

/* A state of a task that the store shall have. */
struct edge_word {
	struct edge_word *next;
	struct sk_arena *arena;
	struct sk_active a;
	bool end; /* no later word stands for it */
};

struct edge_task {
	struct sk_arena *arena; /* of what the file says */
	char *id;
	uint64_t key; /* in the presence */
	const char *class_name;
	const struct sk_worker *worker;
	const struct sk_value *file; /* attachments, with the names that are documented */
	char hash[SK_ACTIVE_HASH_LEN];
	struct sk_arena *used_arena;
	const struct sk_value *used; /* what the task was given, or will be */
	char refused[SK_ACTIVE_HASH_LEN]; /* of stored attachments that the class does not take */
	struct edge_word *first, **last_at; /* to be told */
	size_t n_words;
	const struct edge_word *sent; /* of them: is under way */
	struct edge_word *last; /* was told last, of this start */
	bool look; /* at what the store has of it */
	bool looked; /* once */
	bool alone; /* the document is somebody else's */
	bool removed, seen;
	int tries;
};

struct edge_round;

struct sk_edge {
	struct sk_edge_config cfg;
	struct sk_map tasks; /* hash of the id -> edge_task; collisions: the next number */
	uint64_t next_key;
	struct sk_presence *presence;
	struct sk_timer look, step;
	struct edge_round *round; /* under way */
	bool stores; /* an edge with a store */
	bool answered, asked; /* asked: there were tasks to ask for */
	/* the row */
	struct sk_timer renew;
	struct sk_op_skald_put put;
	struct sk_op_skald_remove remove;
	struct sk_skald row;
	struct sk_arena *row_arena;
	bool putting, displaced, there; /* there: the row was written */
	/* the end */
	bool leaving, removing, store_done;
};

struct edge_task *edge_find(const struct sk_edge *e, const char *id);
void edge_word_free(struct edge_word *w);
/* The word that waits first has been told. */
void edge_told(struct edge_task *t);
/* The task's document is somebody else's. */
void edge_leave_alone(struct sk_edge *e, struct edge_task *t, const char *why);

/* edge_store.c */
/* Something is to be read or told: soon. */
void edge_step_soon(struct sk_edge *e);
void edge_step(void *arg); /* of the timer */
void edge_round_free(struct edge_round *r);
void edge_renew(void *arg);

#endif
