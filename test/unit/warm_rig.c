#include "test/unit/warm_rig.h"
#include "core/base/clock.h"
#include "core/run/worker.h"
#include "test/unit/proc_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct book *book;

bool warm_cgroups;
static char run_dir[64];

void
warm_run_dir(void)
{
	setenv("SKALDS_RUN_DIR", run_dir, 1);
}

int
warm_set_up(void **state)
{
	(void)state;
	book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(book != MAP_FAILED);
	snprintf(run_dir, sizeof(run_dir), "/tmp/skalds-unit-run-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	warm_run_dir();
	proc_scratch();
	return 0;
}

int
warm_tear_down(void **state)
{
	(void)state;
	proc_scratch_remove();
	assert_int_equal(rmdir(run_dir), 0); /* a run leaves nothing there */
	return 0;
}

const char *
warm_data_dir(void)
{
	const char *dir;

	proc_scratch_remove();
	proc_scratch();
	dir = proc_path("data");
	assert_int_equal(mkdir(dir, 0700), 0);
	return dir;
}

void
warm_holds(struct sk_supervisor_config cfg, lk_script *script)
{
	int code;

	memset((void *)book, 0, sizeof(*book));
	code = lk_run(&cfg, script, NULL);
	if (code != 0)
		fprintf(stderr, "%s", lk_stderr());
	assert_int_equal(code, 0);
}

void
warm_holds_twice(lk_script *script)
{
	for (int i = 0; i < 2; i++) {
		warm_cgroups = i == 0;
		warm_holds(warm_config(warm_cgroups), script);
	}
}

/* ---- the class ---- */

struct act {
	const char *what;
};

static const struct sk_field fields[] = {
	SK_FIELD(struct act, what, .key = "do", .def = "", .doc = "what it does"),
	SK_FIELDS_END,
};

static const char *
rest(const char *text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0 || (text[n] != '\0' && text[n] != ' '))
		return NULL;
	return text[n] == ' ' ? text + n + 1 : "";
}

static void
put(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(98);
}

static enum sk_code
speak(struct sk_run *run, const char *what)
{
	const char *t;

	if ((t = rest(what, "say")) != NULL || (t = rest(what, "both")) != NULL)
		printf("said %s\n", t);
	if ((t = rest(what, "log")) != NULL || (t = rest(what, "both")) != NULL)
		sk_run_log(run, "logged %s", t);
	if ((t = rest(what, "write")) != NULL || (t = rest(what, "both")) != NULL) {
		put("written ");
		put(t);
		put("\n");
	}
	if ((t = rest(what, "flood")) != NULL) {
		char line[101];

		for (int left = atoi(t); left > 0; left -= 100) {
			memset(line, 'x', 99);
			line[99] = '\n';
			line[100] = '\0';
			put(line);
		}
	}
	return SK_OK;
}

static void
die(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	sigaction(SIGSEGV, &sa, NULL);
	raise(SIGSEGV);
}

static void
leave_child(bool daemon)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (daemon) {
			setsid();
			if (fork() != 0)
				_exit(0);
		}
		atomic_store(&book->child, getpid());
		for (;;)
			pause();
	}
	while (atomic_load(&book->child) == 0)
		usleep(100);
}

/* Whoever scribbles over memory hits the ring as well. */
static void
scribble(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		unsigned long from = 0, to = 0;

		if (strstr(line, "rw-s") == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2 ||
			(from <= (unsigned long)book && (unsigned long)book < to) || to - from < 65536 ||
			to - from > 400000)
			continue;
		memset((void *)(uintptr_t)from, 0x5a, to - from);
	}
}

static enum sk_code
stubborn(struct sk_run *run, const char *what, struct sk_err *err)
{
	const char *t;

	if ((t = rest(what, "sleep")) != NULL && !sk_run_sleep(run, atof(t)))
		return sk_fail(err, SK_ECANCELED, "stopped");
	if ((t = rest(what, "busy")) != NULL)
		for (int64_t until = sk_boot_ns() + atoll(t) * 1000000; sk_boot_ns() < until;)
			;
	if (rest(what, "deaf") != NULL)
		for (;;)
			pause();
	return SK_OK;
}

static enum sk_code
talk(struct sk_run *run, const char *what, struct sk_err *err)
{
	const char *t;

	if ((t = rest(what, "result")) != NULL)
		return sk_run_result(run, t, strlen(t), err);
	if (rest(what, "where") != NULL) {
		char dir[512];

		if (getcwd(dir, sizeof(dir)) == NULL)
			return sk_fail_errno(err, "getcwd");
		return sk_run_result(run, dir, strlen(dir), err);
	}
	if (rest(what, "progress") != NULL) {
		sk_run_progress(run, 0.25, "first");
		sk_run_progress(run, 0.75, "second");
	}
	if (rest(what, "update") != NULL)
		while (sk_run_sleep(run, 0.05) && ((int *)sk_run_state(run))[0] == 0)
			;
	return SK_OK;
}

static enum sk_code
act_run(struct sk_run *run, void *att, struct sk_err *err)
{
	char what[256]; /* a copy: an update replaces the text */
	const char *t;
	uint64_t key = strtoull(sk_run_task_id(run) + 1, NULL, 10);
	int *state = sk_run_state(run);
	enum sk_code code = SK_OK;
	int now = atomic_fetch_add(&book->now, 1) + 1;

	snprintf(what, sizeof(what), "%s", ((struct act *)att)->what);
	if (now > atomic_load(&book->most))
		atomic_store(&book->most, now);
	if (key < BOOK_TASKS) {
		atomic_fetch_add(&book->ran[key], 1);
		atomic_store(&book->pid[key], getpid());
	}
	if (rest(what, "state") != NULL && (state[0] != 0 || state[15] != 0))
		return sk_fail(err, SK_EIO, "memory of an earlier task");
	if (rest(what, "update") == NULL)
		state[0] = state[15] = 1;
	if (rest(what, "crash") != NULL)
		die();
	if ((t = rest(what, "exit")) != NULL)
		exit(atoi(t));
	if (rest(what, "fork") != NULL || rest(what, "daemon") != NULL)
		leave_child(what[0] == 'd');
	if (rest(what, "wild") != NULL)
		scribble();
	if ((t = rest(what, "fail")) != NULL)
		code = sk_fail(err, SK_EIO, "%s", t);
	else if (rest(what, "again") != NULL)
		code = sk_fail(err, SK_EAGAIN, "later");
	if (code == SK_OK)
		code = speak(run, what);
	if (code == SK_OK)
		code = stubborn(run, what, err);
	if (code == SK_OK)
		code = talk(run, what, err);
	atomic_fetch_sub(&book->now, 1);
	return code;
}

static enum sk_code
act_update(struct sk_run *run, void *now, const void *old, struct sk_err *err)
{
	const struct act *a = now;

	(void)old;
	if (strcmp(a->what, "refuse") == 0)
		return sk_fail(err, SK_EINVAL, "no");
	((int *)sk_run_state(run))[0] = 1;
	return SK_OK;
}

#define ACT(text, again) \
	{ \
		.name = (text), .doc = "does what it is told", .fields = fields, \
		.attachment_size = sizeof(struct act), .state_size = 64, .reusable = (again), \
		.run = act_run, .update = act_update, \
	}

const struct sk_worker act_worker = ACT("Act", true), other_worker = ACT("Other", true),
					   fresh_worker = ACT("Fresh", false);
extern const struct sk_worker sk_worker_noop, sk_worker_sleep;
const struct sk_worker *const warm_workers[] = { &act_worker, &fresh_worker, &sk_worker_noop,
	&other_worker, &sk_worker_sleep, NULL };

/* ---- for scripts ---- */

void
act_with(struct lk *l, uint64_t key, uint32_t attempt, const char *what, struct sk_start st)
{
	if (st.class_name == NULL)
		st.class_name = "Act";
	st.reusable = true;
	if (what[0] != '\0')
		lk_attach(l, &st, "do", what);
	lk_start(l, key, attempt, &st);
}

void
act(struct lk *l, uint64_t key, const char *what)
{
	act_with(l, key, 1, what, (struct sk_start){ .class_name = "Act" });
}

const struct lk_frame *
act_end(struct lk *l, uint64_t key)
{
	return lk_await(l, SK_F_EXITED, key, 1);
}

void
act_ends_at(
	struct lk *l, uint64_t key, enum sk_reason reason, int32_t code, const char *file, int line)
{
	const struct lk_frame *f = act_end(l, key);

	if (f->rep.reason == reason && f->rep.code == code)
		return;
	fprintf(stderr, "task %llu: %s %d, not %s %d: %s\n", (unsigned long long)key,
		sk_reason_name(f->rep.reason), f->rep.code, sk_reason_name(reason), code, f->rep.message);
	lk_must_at(l, false, "the end of the task", file, line);
}

struct sk_supervisor_config
warm_config(bool cgroups)
{
	return (struct sk_supervisor_config){ .workers = warm_workers, .cgroups = cgroups };
}
