/* sup_rig.h - the real supervisor, in a process of its own, with a link that a test has written.
 *
 * The script runs in the link's process: it sends frames and waits for those that come back. What
 * does not hold is said on stderr and ends the run with 1. */
#ifndef SK_TEST_UNIT_SUP_RIG_H
#define SK_TEST_UNIT_SUP_RIG_H

#include "core/base/mem.h"
#include "core/run/frames.h"
#include "core/run/supervisor.h"

#define LK_PATIENCE_MS 20000

/* A frame that came, as far as tests look at it. */
struct lk_frame {
	uint16_t type;
	uint64_t key;
	uint32_t attempt;
	uint32_t number; /* PAUSED, RESUMED, UPDATED, TASK, SIGNAL: the first number */
	double progress;
	const char *text; /* PROGRESS: stage; PAUSED, RESUMED, UPDATED: message */
	struct sk_task_report rep; /* TASK, STARTED, EXITED */
	int64_t at_ms; /* boot clock: when it came */
};

struct lk {
	struct sk_chan chan;
	struct sk_arena *arena;
	uint32_t life; /* 0 for the first link, 1 for the one that replaced it, … */
	int supervisor; /* pid */
	char run_id[64], dir[256], cgroup[2][1300]; /* v2, v1 */
	struct lk_frame *log; /* all that came, in order */
	size_t n, cap;
	/* When set, a frame is handed to it and not kept. */
	void (*on_frame)(struct lk *l, const struct lk_frame *f);
	bool ack; /* answer EXITED by ACK, STARTED by SEEN; true unless changed */
	bool forget; /* answer EXITED by FORGET, as for a task that is over for good */
	bool gone; /* the supervisor hung up */
	void *arg;
};

typedef void lk_script(struct lk *l, void *arg);

/* Run the supervisor with the script until the script is over. cfg: link, link_arg and, when NULL,
 * env and mode are filled in. Returns its exit code: 0 when everything held; or -signal. */
int lk_run(struct sk_supervisor_config *cfg, lk_script *script, void *arg);
/* The same, the supervisor being this user (uid and gid) from its start; needs root. */
int lk_run_as(unsigned uid, struct sk_supervisor_config *cfg, lk_script *script, void *arg);
/* What the supervisor and its tasks wrote to stderr in the last run; of the rig until the next. */
const char *lk_stderr(void);

/* For scripts. */
#define lk_must(l, ok) lk_must_at((l), (ok), #ok, __FILE__, __LINE__)
void lk_must_at(struct lk *l, bool ok, const char *what, const char *file, int line);
void lk_send(
	struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt, const struct sk_str *p);
void lk_number(struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt, uint32_t v);
/* NULL texts and lists become empty ones. The id of a task is "t<key>" when it is NULL. */
void lk_start(struct lk *l, uint64_t key, uint32_t attempt, const struct sk_start *st);
void lk_stop(struct lk *l, uint64_t key, uint32_t attempt, enum sk_reason reason, int64_t grace_ms);
/* Take what has come, wait for at most ms for the first byte. */
void lk_take(struct lk *l, int64_t ms);
/* The first frame of the type for (key, attempt), once it has come; fails after LK_PATIENCE_MS.
 * Attempt 0: any. */
const struct lk_frame *
lk_await(struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt);
/* NULL when none has come so far. */
const struct lk_frame *
lk_find(const struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt);
size_t lk_count(const struct lk *l, enum sk_frame_type type, uint64_t key);
/* Forget the frames that came. */
void lk_clear(struct lk *l);
/* Attachments of one text, encoded into the arena of the link. */
void lk_attach(struct lk *l, struct sk_start *st, const char *key, const char *text);

#endif
