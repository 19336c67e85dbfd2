/* fail.c - fails on request, in every way that code can: for tests and demos. */
#include "core/run/worker.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { IN_BEFORE, IN_MAIN, IN_AFTER, IN_RELEASE };
static const char *const places[] = { "before", "main", "after", "release", NULL };

enum { CRASH_NONE, CRASH_ABORT, CRASH_SEGV, CRASH_KILL, CRASH_EXIT, CRASH_OOM, CRASH_HANG };
static const char *const crashes[] = { "none", "abort", "segv", "kill", "exit", "oom", "hang",
	NULL };

struct fail {
	const char *message;
	int in;
	double after_s;
	bool try_again;
	int64_t times;
	int crash;
	int64_t exit_code;
	int64_t memory_mb;
};

static const struct sk_field fields[] = {
	SK_FIELD(struct fail, message, .def = "failed on request", .bounded = true, .min = 1,
		.max = 400, .doc = "the sentence it fails with"),
	SK_FIELD(struct fail, in, .choices = places, .def = "main", .doc = "the hook that fails"),
	SK_FIELD(struct fail, after_s, .key = "afterSeconds", .def = "0", .bounded = true, .min = 0,
		.max = 1e9, .doc = "how long main works first"),
	SK_FIELD(struct fail, try_again, .key = "tryAgain", .def = "false",
		.doc = "say that a later try may help (exit code 75)"),
	SK_FIELD(struct fail, times, .def = "0", .bounded = true, .min = 0, .max = 1e9,
		.doc = "how many attempts fail before one succeeds; 0 = all"),
	SK_FIELD(struct fail, crash, .choices = crashes, .def = "none",
		.doc = "end the process instead of failing; hang ignores every request to stop"),
	SK_FIELD(struct fail, exit_code, .key = "exitCode", .def = "3", .bounded = true, .min = 0,
		.max = 255, .doc = "the code of crash: exit"),
	SK_FIELD(struct fail, memory_mb, .key = "memoryMb", .def = "1024", .bounded = true, .min = 1,
		.max = 1e6, .doc = "how much crash: oom takes before it gives up, MiB"),
	SK_FIELDS_END,
};

/* The default action first: a handler (a sanitizer's, say) would turn the death into an exit. */
static void
die_by(int signo)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, signo);
	/* Nothing to do about a failure: the caller reports that the process is still there. */
	if (signo == SIGKILL ||
		(sigaction(signo, &sa, NULL) == 0 && sigprocmask(SIG_UNBLOCK, &set, NULL) == 0))
		raise(signo);
}

/* A page counts only once it is written to. The limit keeps a machine without one alive. */
static enum sk_code
eat_memory(int64_t mb, struct sk_err *err)
{
	const size_t piece = 1 << 20;

	for (int64_t i = 0; i < mb; i++) {
		unsigned char *p =
			mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return sk_fail_errno(err, "got no more memory after %" PRId64 " MiB", i);
		for (size_t at = 0; at < piece; at += 4096)
			((volatile unsigned char *)p)[at] = 1;
	}
	return sk_fail(err, SK_EIO, "nobody objected to %" PRId64 " MiB", mb);
}

/* Never returns: only SIGKILL ends it. After the first request sk_run_sleep would not sleep. */
static void
hang(struct sk_run *run)
{
	sk_run_log(run, "hanging");
	while (sk_run_sleep(run, 3600))
		continue;
	sk_run_warn(run, "asked to stop, going on");
	for (;;)
		pause();
}

static enum sk_code
crash(struct sk_run *run, const struct fail *f, struct sk_err *err)
{
	switch (f->crash) {
	case CRASH_ABORT:
		die_by(SIGABRT);
		break;
	case CRASH_SEGV:
		die_by(SIGSEGV);
		break;
	case CRASH_KILL:
		die_by(SIGKILL);
		break;
	case CRASH_EXIT:
		exit((int)f->exit_code);
	case CRASH_OOM:
		return eat_memory(f->memory_mb, err);
	case CRASH_HANG:
		hang(run);
		break;
	default:
		break;
	}
	return sk_fail(err, SK_EIO, "could not %s", crashes[f->crash]);
}

/* Every hook comes here and says which one it is. */
static enum sk_code
fail_in(struct sk_run *run, const struct fail *f, int place, struct sk_err *err)
{
	if (f->in != place)
		return SK_OK;
	if (f->times > 0 && sk_run_attempt(run) > f->times) {
		sk_run_log(run, "attempt %" PRId64 ": succeeds", sk_run_attempt(run));
		return SK_OK;
	}
	if (f->crash != CRASH_NONE)
		return crash(run, f, err);
	return sk_fail(err, f->try_again ? SK_EAGAIN : SK_EIO, "%s", f->message);
}

static enum sk_code
fail_before(struct sk_run *run, void *att, struct sk_err *err)
{
	return fail_in(run, att, IN_BEFORE, err);
}

static enum sk_code
fail_run(struct sk_run *run, void *att, struct sk_err *err)
{
	const struct fail *f = att;

	if (f->after_s > 0 && !sk_run_sleep(run, f->after_s))
		return sk_fail(err, SK_ECANCELED, "stopped before it failed");
	return fail_in(run, f, IN_MAIN, err);
}

static enum sk_code
fail_after(struct sk_run *run, void *att, struct sk_err *err)
{
	return fail_in(run, att, IN_AFTER, err);
}

static enum sk_code
fail_release(struct sk_run *run, void *att, struct sk_err *err)
{
	return fail_in(run, att, IN_RELEASE, err);
}

/* Not reusable: most of what it does ends the process or spoils it. */
const struct sk_worker sk_worker_fail = {
	.name = "Fail",
	.doc = "Fails, crashes or hangs on request: for tests and demos.",
	.fields = fields,
	.attachment_size = sizeof(struct fail),
	.before = fail_before,
	.run = fail_run,
	.after = fail_after,
	.release = fail_release,
};
