#include "core/run/worker_runtime.h"
#include "core/base/clock.h"
#include "core/base/problem.h"
#include "core/base/value.h"
#include "core/run/worker_priv.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define RESULT_MAX ((size_t)64 << 10)
#define EXIT_FAILED 1
#define EXIT_TRY_AGAIN 75
#define BACKLOG ((size_t)64 << 10) /* of frames that the supervisor has not taken */
#define PROGRESS_MS 50 /* the supervisor coalesces further; this spares it the wake-ups */

/* The only thing a signal handler may touch. */
static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	stop_signal = sig;
}

const char *
sk_run_task_id(const struct sk_run *run)
{
	return run->task_id;
}

int64_t
sk_run_attempt(const struct sk_run *run)
{
	return run->attempt;
}

void *
sk_run_state(struct sk_run *run)
{
	return run->state;
}

/* One write for one line: the supervisor reads whole lines, and a crash loses none. */
static void
log_line(const char *prefix, const char *fmt, va_list ap)
{
	struct sk_str line = SK_STR_INIT;
	const char *p;
	size_t left;

	sk_str_adds(&line, prefix);
	sk_str_vaddf(&line, fmt, ap);
	for (size_t i = 0; i < line.len; i++)
		if (line.p[i] == '\n')
			line.p[i] = ' ';
	sk_str_addc(&line, '\n');
	p = line.p;
	left = line.len;
	while (left > 0) {
		ssize_t n = write(STDERR_FILENO, p, left);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* the supervisor is gone, and so are we in a moment */
		p += n;
		left -= (size_t)n;
	}
	sk_str_release(&line);
}

void
sk_run_log(struct sk_run *run, const char *fmt, ...)
{
	va_list ap;

	(void)run;
	va_start(ap, fmt);
	log_line("<6>", fmt, ap);
	va_end(ap);
}

void
sk_run_warn(struct sk_run *run, const char *fmt, ...)
{
	va_list ap;

	(void)run;
	va_start(ap, fmt);
	log_line("<4>", fmt, ap);
	va_end(ap);
}

/* A full socket means the supervisor is busy: what matters (failure, result) is sent blocking. */
void
worker_flush(struct sk_run *run)
{
	struct pollfd p = { .fd = run->chan.fd, .events = POLLOUT };

	while (sk_chan_flush(&run->chan, NULL) == SK_EAGAIN)
		poll(&p, 1, 1000);
}

void
worker_send(struct sk_run *run, enum sk_frame_type type, const struct sk_str *payload, bool must)
{
	run->spoke = true;
	sk_chan_queue(&run->chan, type, run->frame_key, run->frame_attempt, payload);
	if (must)
		worker_flush(run);
	else if (sk_chan_flush(&run->chan, NULL) != SK_OK)
		return; /* it goes with the next one */
}

static void
send_progress(struct sk_run *run)
{
	struct sk_str payload = SK_STR_INIT;

	run->progress_ms = sk_boot_ms();
	if (run->chan.out.len >= BACKLOG && sk_chan_flush(&run->chan, NULL) == SK_EAGAIN)
		return; /* a supervisor that stands still: the latest progress waits, the others are gone */
	sk_put_f64(&payload, run->progress);
	sk_put_text(&payload, run->stage);
	worker_send(run, SK_F_PROGRESS, &payload, false);
	sk_str_release(&payload);
	run->progress_held = false;
}

void
sk_run_progress(struct sk_run *run, double value, const char *stage)
{
	run->progress = value < 0 || isnan(value) ? 0 : value > 1 ? 1 : value;
	if (stage != NULL)
		snprintf(run->stage, sizeof(run->stage), "%s", stage);
	run->progress_held = true;
	if (sk_boot_ms() - run->progress_ms >= PROGRESS_MS)
		send_progress(run);
}

enum sk_code
sk_run_result(struct sk_run *run, const void *data, size_t n, struct sk_err *err)
{
	struct sk_str payload = SK_STR_INIT;

	if (n > RESULT_MAX)
		return sk_fail(err, SK_EINVAL, "a result of %zu bytes is larger than %zu", n, RESULT_MAX);
	sk_put_bytes(&payload, data, n);
	worker_send(run, SK_F_RESULT, &payload, true);
	sk_str_release(&payload);
	return SK_OK;
}

/* Decode into a fresh struct in a fresh arena; NULL and err on failure. */
static void *
decode(
	const struct sk_worker *w, const void *data, size_t n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_problems problems;
	const struct sk_value *v = sk_value_decode(a, data, n, err);
	void *att = sk_arena_alloc(a, w->attachment_size);

	if (v == NULL)
		return NULL;
	sk_problems_init(&problems, a, "");
	if (w->fields != NULL &&
		!sk_fields_decode(
			w->fields, v, att, w->attachment_size, a, "attachments", true, &problems)) {
		sk_problems_fail(&problems, err);
		return NULL;
	}
	if (w->check != NULL && w->check(att, err) != SK_OK)
		return NULL;
	return att;
}

static void
report_update(struct sk_run *run, const struct sk_err *err)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, err == NULL);
	sk_put_text(&payload, err != NULL ? err->msg : "");
	worker_send(run, SK_F_UPDATED, &payload, true);
	sk_str_release(&payload);
}

static void
apply_update(struct sk_run *run, const struct sk_frame *f)
{
	const struct sk_worker *w = run->worker;
	struct sk_arena *arena = sk_arena_new();
	struct sk_reader r = sk_reader_of(f);
	struct sk_err err = { SK_EINVAL, "malformed update" };
	size_t n;
	const void *data = sk_get_bytes(&r, &n);
	void *now = r.bad ? NULL : decode(w, data, n, arena, &err);
	void *old = sk_xmalloc(w->attachment_size);

	memcpy(old, run->att, w->attachment_size);
	if (now == NULL || w->update == NULL) {
		report_update(run, &err);
		sk_arena_free(arena);
		free(old);
		return;
	}
	/* the pointer that main holds stays valid: the new values move in behind it */
	memcpy(run->att, now, w->attachment_size);
	if (w->update(run, run->att, old, &err) == SK_OK) {
		sk_arena_free(run->arena);
		run->arena = arena;
		report_update(run, NULL);
	} else {
		memcpy(run->att, old, w->attachment_size);
		sk_arena_free(arena);
		report_update(run, &err);
	}
	free(old);
}

static void
take_frames(struct sk_run *run)
{
	struct sk_frame f;
	struct sk_err err;
	enum sk_code code = sk_chan_fill(&run->chan, &err);

	while (sk_chan_next(&run->chan, &f, &err) == SK_OK)
		if (f.type == SK_F_UPDATE)
			apply_update(run, &f);
	if (code != SK_OK && code != SK_EAGAIN)
		stop_signal = SIGTERM; /* no supervisor, no task */
}

/* Signals wake ppoll and nothing else, so none is lost between the check and the wait. */
static bool
wait_until(struct sk_run *run, int64_t due_ns)
{
	struct pollfd p = { .fd = run->chan.fd, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	while (stop_signal == 0) {
		int64_t now = sk_boot_ns(), left = due_ns - now;
		struct timespec t;

		if (run->progress_held) {
			int64_t held = (run->progress_ms + PROGRESS_MS) * 1000000 - now;

			if (held <= 0)
				send_progress(run);
			else if (held < left)
				left = held;
		}
		if (left < 0)
			left = 0;
		t = (struct timespec){ left / 1000000000, left % 1000000000 };
		if (ppoll(&p, 1, &t, &none) > 0)
			take_frames(run);
		else if (sk_boot_ns() >= due_ns)
			break;
	}
	return stop_signal == 0;
}

void
worker_wait(struct sk_run *run)
{
	struct pollfd p = { .fd = run->chan.fd, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	if (stop_signal == 0 && ppoll(&p, 1, NULL, &none) > 0)
		take_frames(run);
}

int
worker_stopped(void)
{
	return (int)stop_signal;
}

bool
sk_run_sleep(struct sk_run *run, double seconds)
{
	double ns = isnan(seconds) || seconds < 0 ? 0 : seconds * 1e9;
	int64_t now = sk_boot_ns();

	return wait_until(run, ns > 9e18 - (double)now ? INT64_MAX : now + (int64_t)ns);
}

bool
sk_run_poll(struct sk_run *run)
{
	return wait_until(run, 0);
}

/* TERM and INT are blocked but inside ppoll (and while user code asks the kernel to wait): a hook
 * is never cut in two. Code that never sleeps nor polls is ended by the grace period. */
static void
take_signals(void)
{
	struct sigaction sa = { .sa_handler = on_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void
worker_name(const char *text)
{
	char name[16];

	snprintf(name, sizeof(name), "sk:%.12s", text);
	prctl(PR_SET_NAME, name);
}

/* before, main, after; the first error ends the row. */
static enum sk_code
run_hooks(struct sk_run *run, struct sk_err *err)
{
	const struct sk_worker *w = run->worker;
	enum sk_code code = w->before != NULL ? w->before(run, run->att, err) : SK_OK;

	if (code == SK_OK)
		code = w->run(run, run->att, err);
	if (code == SK_OK && w->after != NULL)
		code = w->after(run, run->att, err);
	return code;
}

static int
exit_code(enum sk_code code)
{
	if (code == SK_OK)
		return 0;
	if (code == SK_ECANCELED && stop_signal != 0)
		return 128 + stop_signal;
	return code == SK_EAGAIN ? EXIT_TRY_AGAIN : EXIT_FAILED;
}

static void
send_failure(struct sk_run *run, const char *msg)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_text(&payload, msg);
	worker_send(run, SK_F_FAILURE, &payload, true);
	sk_str_release(&payload);
}

_Noreturn void
worker_refuse(struct sk_run *run, const struct sk_err *err)
{
	send_failure(run, err->msg);
	_exit(WORKER_EXIT_SKALDS);
}

void
worker_init(struct sk_run *run, const struct sk_worker *w, char **env, int channel)
{
	environ = env;
	take_signals();
	*run = (struct sk_run){ .worker = w };
	sk_chan_init(&run->chan, channel);
	run->arena = sk_arena_new();
	run->state = sk_xcalloc(1, w->state_size);
	run->att = sk_xcalloc(1, w->attachment_size);
}

bool
worker_decode(struct sk_run *run, const void *data, size_t n, struct sk_err *err)
{
	const void *att = decode(run->worker, data, n, run->arena, err);

	if (att != NULL)
		memcpy(run->att, att, run->worker->attachment_size);
	return att != NULL;
}

enum sk_code
worker_run(struct sk_run *run)
{
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = run_hooks(run, &err);

	if (run->progress_held)
		send_progress(run);
	if (code != SK_OK)
		send_failure(run, err.msg[0] != '\0' ? err.msg : sk_code_name(code));
	if (run->worker->release != NULL) {
		struct sk_err release_err = { SK_OK, "" };

		if (run->worker->release(run, run->att, &release_err) != SK_OK)
			sk_run_warn(run, "release: %s", release_err.msg);
	}
	return code;
}

_Noreturn void
worker_exit(enum sk_code code)
{
	fflush(NULL);
	_exit(exit_code(code));
}

_Noreturn void
sk_worker_main(const struct sk_worker *w, const struct sk_start *start, uint32_t attempt,
	char **env, int channel)
{
	struct sk_run run;
	struct sk_err err = { SK_OK, "" };

	worker_init(&run, w, env, channel);
	worker_name(start->id);
	run.task_id = start->id;
	run.attempt = attempt;
	if (!worker_decode(&run, start->attachments, start->attachments_len, &err))
		worker_refuse(&run, &err);
	worker_exit(worker_run(&run));
}
