/* task.h - one task as people write it: the record of the YAML file (skalds-protocol.md 5.3)
 * with our extra fields (cli.md, "A task as JSON"). */
#ifndef SK_CORE_MODEL_TASK_H
#define SK_CORE_MODEL_TASK_H

#include "core/base/problem.h"
#include "core/base/value.h"
#include "core/model/field.h"
#include <stdint.h>

enum sk_restart { SK_RESTART_NEVER, SK_RESTART_ON_FAILURE, SK_RESTART_ALWAYS };

struct sk_retry {
	int64_t max_attempts; /* 1 = no retry */
	double backoff_s, max_backoff_s;
};

struct sk_task_resources {
	double cpus; /* 0 = not asked for */
	int64_t memory_mb; /* 0 = no limit */
};

struct sk_task_spec {
	const char *id;
	const char *class_name;
	const struct sk_value *attachments; /* a map; never NULL */
	bool is_persistent;
	double timeout_s; /* 0 = none; of one attempt, from its start */
	double grace_s; /* between the polite signal and SIGKILL */
	struct sk_retry retry;
	int restart; /* enum sk_restart */
	struct sk_list dependencies; /* of const char * */
	int64_t priority; /* 0..10, higher first */
	struct sk_task_resources resources;
	const struct sk_worker *worker; /* found by class_name; never NULL once checked */
	int line, column; /* of the id in the file */
};

struct sk_task_list {
	struct sk_task_spec *items; /* file order */
	size_t n;
};

/* The table of one entry below TaskWorkers. */
extern const struct sk_field sk_task_fields[];

/* Ids of tasks that people give: 1-255 bytes of UTF-8, no control characters, none of * ? [ ] : /
 * and no leading '-' (cli.md, Ids). Returns NULL when it is good, else the reason. */
const char *sk_task_id_problem(const char *id);

/* One entry: decode it into *out and check it, its class and its attachments with it. path stands
 * in front of every problem, line and column are those of what names the task. Dependencies are
 * only known to be well-formed. Returns false when there was an error. */
bool sk_task_entry(const char *id, const struct sk_value *entry, int line, int column,
	const char *path, const struct sk_worker *const *workers, bool lenient, struct sk_arena *a,
	struct sk_task_spec *out, struct sk_problems *p);

/* Check attachments against the worker's table and its own check. */
bool sk_task_attachments(const struct sk_worker *worker, const struct sk_value *attachments,
	const char *path, bool lenient, struct sk_arena *a, struct sk_problems *p);

/* The class of that name, or NULL after a problem with a suggestion. workers ends with NULL. */
const struct sk_worker *sk_task_class(const char *name, const struct sk_worker *const *workers,
	int line, int column, const char *path, struct sk_arena *a, struct sk_problems *p);

/* Check a whole document {TaskWorkers: {id: {…}}} against the classes and fill *out. All problems
 * are reported, sorted by place; returns false when there was an error, also one that stood in p
 * before (then *out must not be used). Other top-level keys are warnings. Dependencies must exist
 * in the file and have no cycle. workers ends with NULL. doc == NULL (nothing could be read) is
 * allowed. Everything lives in the arena. */
bool sk_task_file(const struct sk_value *doc, const struct sk_worker *const *workers, bool lenient,
	struct sk_arena *a, struct sk_task_list *out, struct sk_problems *p);

#endif
