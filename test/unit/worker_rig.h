/* worker_rig.h - runs a worker class as the supervisor does: the real runtime in a forked process,
 * its log on a pipe, its frames on a channel. */
#ifndef SK_TEST_UNIT_WORKER_RIG_H
#define SK_TEST_UNIT_WORKER_RIG_H

#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/base/value.h"
#include "core/run/worker.h"

/* Attachments. The arena lives as long as the test. */
struct rig {
	struct sk_arena *arena;
	const struct sk_worker *worker;
	struct sk_value *attachments;
	uint32_t attempt;
	int64_t limit_ms; /* then it is killed */

	/* Once the log holds this, do it once: a signal or new attachments. */
	const char *when;
	int signal;
	const struct sk_value *update;

	/* What was seen. */
	int status; /* of waitpid */
	struct sk_str log;
	double progress;
	char stage[128], failure[512], update_error[512];
	int n_progress, n_updates;
};

void rig_init(struct rig *r, const char *class_name);
void rig_release(struct rig *r);
struct sk_value *rig_number(struct rig *r, double number);
struct sk_value *rig_bool(struct rig *r, bool yes);
void rig_set(struct rig *r, const char *key, struct sk_value *value);
void rig_set_int(struct rig *r, const char *key, int64_t value);
void rig_set_text(struct rig *r, const char *key, const char *text);
/* Run to the end, ten seconds at most unless limit_ms says otherwise. */
void rig_run(struct rig *r);
bool rig_logged(const struct rig *r, const char *text);
/* How often the log holds the text. */
size_t rig_count(const struct rig *r, const char *text);
/* The exit code, or -signal. */
int rig_code(const struct rig *r);

/* What the table and `check` say about the attachments: "" when all is well. */
const char *rig_problem(struct rig *r);

#endif
