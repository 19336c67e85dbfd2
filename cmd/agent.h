/* agent.h - what edge and run-one share: their settings as configuration of supervisor and link. */
#ifndef SK_CMD_AGENT_H
#define SK_CMD_AGENT_H

#include "cmd/options.h"
#include "core/run/link.h"
#include "core/run/node.h"
#include "core/run/supervisor.h"

/* LOG_PATH and its friends, SKALDS_DATA, SKALD_ID. Borrows from the settings. */
void
sk_agent_sink(const struct sk_settings *s, enum sk_console console, struct sk_sink_config *sink);

/* sk_supervise with our environment for the tasks, secrets left out (sk_setting_is_secret_name). */
int sk_agent_supervise(struct sk_supervisor_config *sup);

/* What a class needs of a start: the attachments, or a program's arguments, environment and the
 * like. The other members of *st stay. False and err when they do not decode. */
bool sk_agent_describe_class(const struct sk_worker *worker, const struct sk_value *attachments,
	struct sk_arena *a, struct sk_start *st, struct sk_err *err);

/* The node's describe: a stored task as the supervisor wants it. arg is not used. */
bool sk_agent_describe_record(void *arg, const struct sk_record *r, struct sk_arena *a,
	struct sk_start *st, struct sk_err *err);

/* Of a link that cannot even begin: the supervisor shall end with the code and not try again. */
void sk_agent_quit(int channel, const char *component, int code);

/* The link's describe: a task of the plan as the supervisor wants it. arg is not used. */
bool sk_agent_describe(void *arg, const struct sk_plan_task *t, struct sk_arena *a,
	struct sk_start *st, struct sk_err *err);

/* Where tasks come from. What can be read only once (standard input, a pipe) is read when it is
 * opened: links come and go, and each reads the tasks anew. */
struct sk_agent_file {
	const char *path;
	bool lenient;
	bool held; /* text is all there is */
	struct sk_str text;
};
/* 0, or SK_EXIT_USAGE when it cannot be read; that is printed. Borrows path. */
int sk_agent_file_open(struct sk_agent_file *f, const char *path, bool lenient);
void sk_agent_file_close(struct sk_agent_file *f);

/* Read and check its tasks. What is wrong is printed to stderr. Returns 0 or SK_EXIT_USAGE; on
 * success the caller owns the arena. */
int
sk_agent_load(const struct sk_agent_file *f, struct sk_arena **arena, struct sk_task_list *list);

/* The exit code of a task that has ended, as cli.md says. signal: the one that stopped skalds. */
int sk_agent_exit_code(const struct sk_plan_task *t, int signal);

#endif
