/* sleep.c - does nothing for a while: for tests, demos and pauses between other tasks. */
#include "core/run/worker.h"

struct sleep {
	double seconds;
};

static const struct sk_field fields[] = {
	SK_FIELD(struct sleep, seconds, .required = true, .bounded = true, .min = 0, .max = 1e9,
		.doc = "how long the task takes"),
	SK_FIELDS_END,
};

/* Long sleeps wake a hundred times for the progress, never more often than once a second. */
static double
slice(double total, double left)
{
	double s = total / 100 > 1 ? total / 100 : 1;

	return s < left ? s : left;
}

static enum sk_code
sleep_run(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct sleep *s = att;
	double gone = 0;

	while (gone < s->seconds) {
		double step = slice(s->seconds, s->seconds - gone);
		if (!sk_run_sleep(run, step))
			return sk_fail(
				err, SK_ECANCELED, "stopped after %.6g of %.6g seconds", gone, s->seconds);
		gone += step;
		sk_run_progress(run, gone / s->seconds, NULL);
	}
	return SK_OK;
}

/* Not reusable, though it leaves nothing behind: sleepers are short and long in no order, and one
 * process for each is what tests of trees, stops and slots use it for. */
const struct sk_worker sk_worker_sleep = {
	.name = "Sleep",
	.doc = "Sleeps for some seconds and finishes.",
	.fields = fields,
	.attachment_size = sizeof(struct sleep),
	.run = sleep_run,
};
