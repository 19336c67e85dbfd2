/* my_worker.c - the original's example: follows a camera stream, one line of log a step. */
#include "core/run/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct my_worker {
	const char *rtsp_url;
	int64_t fix_frame;
	int64_t steps;
	double interval_s;
};

static const struct sk_field fields[] = {
	SK_FIELD(struct my_worker, rtsp_url, .key = "rtspUrl", .required = true, .bounded = true,
		.min = 1, .max = 2048,
		.doc = "camera stream, logged without its user and password; updated live"),
	SK_FIELD(struct my_worker, fix_frame, .key = "fixFrame", .required = true,
		.doc = "frame number to hold; updated live"),
	SK_FIELD(struct my_worker, steps, .def = "3000", .bounded = true, .min = 0, .max = 1e12,
		.doc = "how many steps the work has; updated live"),
	SK_FIELD(struct my_worker, interval_s, .key = "intervalSeconds", .def = "1", .bounded = true,
		.min = 0, .max = 86400, .doc = "pause after each step in seconds; updated live"),
	SK_FIELDS_END,
};

/* The address without its user and password: cameras are often given as rtsp://user:secret@host,
 * and logs are kept. The last '@' counts, because people write '/' and '@' into passwords. */
static const char *
shown_url(const char *url, char *buf, size_t size)
{
	const char *host = strstr(url, "://");
	const char *at = host == NULL ? NULL : strrchr(host, '@');

	if (at == NULL)
		return url;
	snprintf(buf, size, "%.*s://***%s", (int)(host - url), url, at);
	return buf;
}

#define URL_SIZE 2064

static enum sk_code
my_worker_before(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct my_worker *w = att;
	char url[URL_SIZE];

	(void)err;
	sk_run_log(run, "starting MyWorker with RTSP URL: %s", shown_url(w->rtsp_url, url, sizeof url));
	return SK_OK;
}

/* Both values are read anew in each step, because an update changes them in between. */
static enum sk_code
my_worker_run(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct my_worker *w = att;
	char url[URL_SIZE];

	for (int64_t step = 1; step <= w->steps; step++) {
		sk_run_log(run, "step %" PRId64 " of %" PRId64 ": RTSP URL: %s, Fix Frame: %" PRId64, step,
			w->steps, shown_url(w->rtsp_url, url, sizeof url), w->fix_frame);
		if (!sk_run_sleep(run, w->interval_s))
			return sk_fail(
				err, SK_ECANCELED, "stopped at step %" PRId64 " of %" PRId64, step, w->steps);
		sk_run_progress(
			run, (double)step / (double)(w->steps > step ? w->steps : step), "streaming");
	}
	return SK_OK;
}

static enum sk_code
my_worker_update(struct sk_run *run, void *now, const void *old, struct sk_err *err)
{
	const struct my_worker *w = now, *was = old;
	char url[URL_SIZE], url_was[URL_SIZE];

	(void)err;
	sk_run_log(run, "updated RTSP URL: %s -> %s, Fix Frame: %" PRId64 " -> %" PRId64,
		shown_url(was->rtsp_url, url_was, sizeof url_was), shown_url(w->rtsp_url, url, sizeof url),
		was->fix_frame, w->fix_frame);
	return SK_OK;
}

static enum sk_code
my_worker_release(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct my_worker *w = att;
	char url[URL_SIZE];

	(void)err;
	sk_run_log(run, "released RTSP URL: %s", shown_url(w->rtsp_url, url, sizeof url));
	return SK_OK;
}

/* Not reusable: it runs for hours, so a process for each costs nothing; a camera's library that
 * takes its place keeps threads and buffers. */
const struct sk_worker sk_worker_my_worker = {
	.name = "MyWorker",
	.doc = "Follows a camera stream step by step and logs its address and frame.",
	.fields = fields,
	.attachment_size = sizeof(struct my_worker),
	.before = my_worker_before,
	.run = my_worker_run,
	.update = my_worker_update,
	.release = my_worker_release,
};
