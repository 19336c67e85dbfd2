/* warm_rig.h - a reusable class that does what its attachment says, and a book of what was done. */
#ifndef SK_TEST_UNIT_WARM_RIG_H
#define SK_TEST_UNIT_WARM_RIG_H

#include "test/unit/sup_rig.h"

/* Class Act, attachment do:
 *	(nothing)	counts itself and ends		state	fails when its memory is not zeroed
 *	crash | exit N | fail WHY | again		each its own end
 *	say T | write T | log T | both T		output: buffered, unbuffered, log, all three
 *	flood N						N bytes of output
 *	sleep S | busy MS | deaf			interruptible; not at all; not even by SIGTERM
 *	fork | daemon					leaves a child, a grandchild of its own session
 *	result T | progress | update | where		the channel; where: its directory is the result
 *	wild						destroys the shared memory
 * Class Other is the same, class Fresh is not reusable. */
extern const struct sk_worker act_worker, other_worker, fresh_worker;
/* These three and the ones of the product. */
extern const struct sk_worker *const warm_workers[];

#define BOOK_TASKS 200000
/* Shared by all processes of a test. Tasks are counted by the number in their id, "t<key>". */
struct book {
	_Atomic unsigned char ran[BOOK_TASKS];
	_Atomic unsigned char ended[BOOK_TASKS]; /* for the script: what has come */
	_Atomic int pid[BOOK_TASKS];
	_Atomic int now, most; /* tasks at work at once */
	_Atomic int child; /* pid of what fork and daemon left */
	_Atomic uint64_t next; /* for the script, over the lives of its link */
};
extern struct book *book;
/* For a group of tests: the book, a scratch directory (proc_rig.h), a runtime directory. */
int warm_set_up(void **state);
int warm_tear_down(void **state);
/* The runtime directory of the group is in force again. */
void warm_run_dir(void);
/* An empty scratch directory; its path, for sink.data_dir. */
const char *warm_data_dir(void);
/* Run the script: everything it says must hold; what was written to stderr is shown when not. */
void warm_holds(struct sk_supervisor_config cfg, lk_script *script);
/* The same with and without cgroups. */
void warm_holds_twice(lk_script *script);
/* Which of the two it is. */
extern bool warm_cgroups;

/* A reusable task that does this. */
void act(struct lk *l, uint64_t key, const char *what);
/* The same with more: st->class_name, reusable and attachments are set. */
void act_with(struct lk *l, uint64_t key, uint32_t attempt, const char *what, struct sk_start st);
/* Wait for the end of the first attempt. */
const struct lk_frame *act_end(struct lk *l, uint64_t key);
/* It ended so. */
#define act_ends(l, key, reason, code) act_ends_at((l), (key), (reason), (code), __FILE__, __LINE__)
void act_ends_at(
	struct lk *l, uint64_t key, enum sk_reason reason, int32_t code, const char *file, int line);
/* A config with the classes, n slots (0 = none are set) being the script's to send. */
struct sk_supervisor_config warm_config(bool cgroups);

#endif
