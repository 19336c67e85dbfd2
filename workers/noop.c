/* noop.c - does nothing: for measuring what everything around a task costs.
 * Reusable: it touches nothing. */
#include "core/run/worker.h"

static const struct sk_field fields[] = {
	SK_FIELDS_END,
};

static enum sk_code
noop_run(struct sk_run *run, void *att, struct sk_err *err)
{
	(void)run;
	(void)att;
	(void)err;
	return SK_OK;
}

const struct sk_worker sk_worker_noop = {
	.name = "Noop",
	.doc = "Does nothing and finishes: for benchmarks and first tries.",
	.fields = fields,
	.reusable = true,
	.run = noop_run,
};
