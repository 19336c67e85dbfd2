/* complex_worker.c - the original's second example: stages in order, each with its own retries. */
#include "core/run/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/random.h>

struct stage {
	const char *name;
	double duration;
	double fail_chance;
};

struct complex_worker {
	const char *job_id;
	int64_t retries;
	struct sk_list sub_tasks; /* of struct stage */
	bool enable_feature_x;
	int64_t seed;
};

struct dice {
	uint64_t state;
};

static const struct sk_field stage_fields[] = {
	SK_FIELD(struct stage, name, .required = true, .bounded = true, .min = 1, .max = 255,
		.doc = "what the stage is called in the log, the progress and the error"),
	SK_FIELD(struct stage, duration, .def = "1", .bounded = true, .min = 0, .max = 1e6,
		.doc = "seconds that one try takes"),
	SK_FIELD(struct stage, fail_chance, .def = "0", .bounded = true, .min = 0, .max = 1,
		.doc = "how likely a try fails, from 0 (never) to 1 (always)"),
	SK_FIELDS_END,
};

static const struct sk_field fields[] = {
	SK_FIELD(struct complex_worker, job_id, .key = "jobId", .required = true, .bounded = true,
		.min = 1, .max = 255, .doc = "what the job is called in the log"),
	SK_FIELD(struct complex_worker, retries, .def = "0", .bounded = true, .min = 0, .max = 1e6,
		.doc = "how often each stage is tried again after a failure"),
	SK_FIELD(struct complex_worker, sub_tasks, .item = SK_FIELD_OBJECT, .sub = stage_fields,
		.sub_size = sizeof(struct stage), .doc = "the stages, in the order they run"),
	SK_FIELD(struct complex_worker, enable_feature_x, .def = "false",
		.doc = "a switch that the job carries along: it is logged and changes nothing"),
	SK_FIELD(struct complex_worker, seed, .def = "0", .bounded = true, .min = 0, .max = 1e15,
		.doc = "makes chance repeatable: same seed and attempt, same failures; 0 = off"),
	SK_FIELDS_END,
};

/* splitmix64: a few lines, good enough for dice, the same everywhere. */
static uint64_t
dice_next(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* 0 <= result < 1, so that a chance of 0 never and a chance of 1 always happens. */
static double
dice_roll(struct dice *d)
{
	return (double)(dice_next(d) >> 11) * 0x1p-53;
}

/* The attempt is part of the seed: a task that failed by chance would otherwise fail for ever. */
static enum sk_code
dice_init(struct dice *d, int64_t seed, int64_t attempt, struct sk_err *err)
{
	ssize_t n;

	if (seed != 0) {
		d->state = (uint64_t)seed + ((uint64_t)attempt << 50);
		return SK_OK;
	}
	do
		n = getrandom(&d->state, sizeof d->state, 0);
	while (n == -1 && errno == EINTR);
	return n == sizeof d->state ? SK_OK : sk_fail_errno(err, "cannot get random numbers");
}

static enum sk_code
complex_worker_before(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct complex_worker *w = att;

	if (w->sub_tasks.n == 0)
		return sk_fail(err, SK_EINVAL, "no sub-tasks configured");
	sk_run_log(run, "job %s: %zu stages, up to %" PRId64 " retries each, feature X is %s",
		w->job_id, w->sub_tasks.n, w->retries, w->enable_feature_x ? "on" : "off");
	return dice_init(sk_run_state(run), w->seed, sk_run_attempt(run), err);
}

static enum sk_code
run_stage(struct sk_run *run, const struct stage *s, int64_t retries, struct sk_err *err)
{
	struct dice *dice = sk_run_state(run);

	for (int64_t try = 1;; try++) {
		sk_run_log(run, "stage %s: try %" PRId64 " of %" PRId64, s->name, try, retries + 1);
		if (!sk_run_sleep(run, s->duration))
			return sk_fail(err, SK_ECANCELED, "stopped in stage %s", s->name);
		if (dice_roll(dice) >= s->fail_chance)
			return SK_OK;
		if (try > retries)
			return sk_fail(err, SK_EIO, "stage %s failed %" PRId64 " times", s->name, try);
		sk_run_warn(run, "stage %s failed, trying again", s->name);
	}
}

static enum sk_code
complex_worker_run(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct complex_worker *w = att;
	const struct stage *stages = w->sub_tasks.items;
	double n = (double)w->sub_tasks.n;

	for (size_t i = 0; i < w->sub_tasks.n; i++) {
		sk_run_progress(run, (double)i / n, stages[i].name);
		enum sk_code code = run_stage(run, &stages[i], w->retries, err);
		if (code != SK_OK)
			return code;
		sk_run_log(run, "stage %s: done", stages[i].name);
		sk_run_progress(run, (double)(i + 1) / n, NULL);
	}
	return SK_OK;
}

static enum sk_code
complex_worker_after(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct complex_worker *w = att;

	(void)err;
	sk_run_log(run, "job %s: all %zu stages done", w->job_id, w->sub_tasks.n);
	return SK_OK;
}

/* No update hook: stages that change under a running job have no meaning, so it is restarted.
 * Not reusable: its tasks take seconds and more, so a process for each costs nothing that counts,
 * and a real job in its place is likely to leave something behind. */
const struct sk_worker sk_worker_complex_worker = {
	.name = "ComplexWorker",
	.doc = "Runs stages one after another and tries each again when it fails.",
	.fields = fields,
	.attachment_size = sizeof(struct complex_worker),
	.state_size = sizeof(struct dice),
	.before = complex_worker_before,
	.run = complex_worker_run,
	.after = complex_worker_after,
};
