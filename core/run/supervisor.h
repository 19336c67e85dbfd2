/* supervisor.h - the process that owns tasks: one thread, no client library, fit to be PID 1.
 *
 * It starts and stops attempts as the link tells it (frames.h), owns their sessions, groups and
 * output, reaps everything, and reports exact ends. It decides nothing about what should run:
 * that is the link's part. The link is forked from it, restarted when it dies, and then told of
 * every task that exists; an end that was not acknowledged is told again.
 */
#ifndef SK_CORE_RUN_SUPERVISOR_H
#define SK_CORE_RUN_SUPERVISOR_H

#include "core/base/err.h"
#include "core/run/output.h"
#include "core/run/worker.h"
#include <stdbool.h>
#include <stdint.h>

struct sk_supervisor_config {
	const char *mode; /* "edge", "run-one": shown by probes */
	/* The link: runs in a child with one end of the channel, returns its exit code (or never). */
	int (*link)(int channel, void *arg);
	void *link_arg;
	const struct sk_worker *const *workers; /* NULL at the end */
	const char *const *env; /* what tasks inherit, secrets left out; NULL-terminated */
	/* Tasks see PATH, HOME, LANG and TZ of env and nothing else of it. */
	bool clean_env;
	bool cgroups; /* use them where the host lets us */
	bool inherit; /* programs get skalds' own stdin, stdout, stderr (run-one) */
	bool forward; /* every signal is the task's as it is (run-one) */
	int64_t drain_ms; /* told to stop, no task has more grace than this; 0 = each its own */
	/* The link speaks with services that may be away. Until it is ready it may take long, and that
	 * is no failure: whoever started us is told at once that we run. At the end it has 24.5 s from
	 * the signal on. */
	bool patient;
	bool lines; /* tell the link the last line of each task (live table) */
	uint32_t warm_tasks; /* that one warm worker executes before it is replaced; 0 = 10,000 */
	int64_t warm_idle_ms; /* an idle one is ended after this long; 0 = a minute */
	struct sk_sink_config sink;
};

/* Run until the link says QUIT or a signal has ended everything. Returns the exit code. */
int sk_supervise(const struct sk_supervisor_config *cfg);

#endif
