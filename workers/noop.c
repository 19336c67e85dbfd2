/* noop.c - does nothing: for measuring what everything around a task costs.
 * Reusable: it touches nothing. */
#include "core/run/worker.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct noop {
	bool stamp;
};

static const struct sk_field fields[] = {
	SK_FIELD(struct noop, stamp, .def = "false",
		.doc = "the result is the time of its start: CLOCK_MONOTONIC in nanoseconds"),
	SK_FIELDS_END,
};

static enum sk_code
noop_run(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct noop *n = att;
	struct timespec now;
	char text[32];

	if (!n->stamp)
		return SK_OK;
	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return sk_fail_errno(err, "clock_gettime");
	snprintf(text, sizeof(text), "%" PRId64, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	return sk_run_result(run, text, strlen(text), err);
}

const struct sk_worker sk_worker_noop = {
	.name = "Noop",
	.doc = "Does nothing and finishes: for benchmarks and first tries.",
	.fields = fields,
	.attachment_size = sizeof(struct noop),
	.reusable = true,
	.run = noop_run,
};
