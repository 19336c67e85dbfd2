#include "core/run/supervisor.h"
#include "core/base/clock.h"
#include "core/run/fds.h"
#include "core/run/sup.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_SYSTEM 71
#define EXIT_SKALDS 125
#define TASK_OOM_SCORE 500
#define MAX_OOM_SCORE 1000
#define RESET_ON_FORK 1 /* SCHED_FLAG_RESET_ON_FORK */
#define SLICE_NS 100000 /* the shortest that the kernel takes */
#define GIVE_UP_MS 2000 /* how long the link may take to say QUIT when all has ended */
#define PATIENT_MS 24500 /* the same from the signal on, of one whose store may be far away */

/* ---- stopping ---- */

static int64_t
drain_grace(const struct sup_task *t)
{
	int64_t most = t->sup->cfg->drain_ms;

	return most > 0 && t->start.grace_ms > most ? most : t->start.grace_ms;
}

void
sup_drain(struct sup *s, enum sk_reason reason, int sig)
{
	struct sup_task *t;
	size_t i = 0;
	bool again = s->draining;

	if (!again)
		s->drain_began_ms = sk_boot_ms();
	else if (s->cfg->patient) { /* somebody is not patient any more */
		s->drain_began_ms = 0;
		sk_timer_clear(s->loop, &s->give_up);
	}
	s->draining = true;
	while ((t = sk_map_each(&s->by_key, &i)) != NULL) {
		if (t->state == SK_T_ENDED)
			continue;
		if (again)
			sup_task_kill(t);
		else
			sup_task_stop(t, reason, sig, drain_grace(t));
	}
	sup_warm_end_idle(s);
	sup_check_done(s);
}

void
sup_quit(struct sup *s, int code)
{
	s->quitting = true;
	s->exit_code = code;
	if (!s->draining)
		sup_drain(s, SK_REASON_INTERRUPTED, SIGTERM);
	sup_check_done(s);
}

static void
give_up_waiting(void *arg)
{
	struct sup *s = arg;

	sup_link_last_words(s);
	if (!s->quitting) { /* nobody said how it went; the task's own code is all that run-one has */
		sk_sink_log(s->sink, SK_ERROR, NULL, 0, "link: silent at the end");
		s->exit_code = s->cfg->forward ? EXIT_SKALDS : 0;
	}
	s->done = true;
}

/* All tasks have ended: the link settles the reports and says QUIT; a link that cannot is not
 * waited for. */
void
sup_check_done(struct sup *s)
{
	int64_t until = sk_boot_ms() + GIVE_UP_MS;

	if (!s->draining || s->n_running + s->n_queued > 0)
		return;
	if (s->cfg->patient && until < s->drain_began_ms + PATIENT_MS)
		until = s->drain_began_ms + PATIENT_MS;
	if (s->quitting)
		s->done = true;
	else if (s->give_up.pos == 0)
		sk_timer_set(s->loop, &s->give_up, until);
}

/* ---- rounds ---- */

static void
every_second(void *arg)
{
	struct sup *s = arg;

	sk_sink_tick(s->sink);
	sup_age_memory_kills(s);
	sup_warm_tick(s);
	sk_probe_tick(s->probe);
	sup_link_tick(s);
	/* systemd's watchdog is fed only while both halves make progress */
	if (s->stalled || sk_boot_ms() - s->link.heard_ms < 5000)
		sk_notify("WATCHDOG=1");
	sk_timer_set(s->loop, &s->second, sk_boot_ms() + 1000);
}

static void
set_stalled(struct sup *s, bool stalled)
{
	s->stalled = stalled;
	sup_pause_reading(s, stalled);
	sup_link_pause(s, stalled);
}

static void
console_drained(void *arg)
{
	struct sup *s = arg;

	if (s->stalled && !sk_sink_stalled(s->sink))
		set_stalled(s, false);
}

static void
run(struct sup *s)
{
	bool more = false;

	while (!s->done) {
		sk_loop_once(s->loop, more ? 0 : -1);
		more = sup_start_queued(s); /* first: a slot that is free earns nothing */
		sup_slots_renew(s);
		sk_sink_flush(s->sink);
		/* whoever stops must not wait for a reader that will never come: lines are dropped then */
		if (s->stalled != (sk_sink_stalled(s->sink) && !s->draining))
			set_stalled(s, !s->stalled);
		if (s->flush_now)
			sup_link_flush(s);
		if (!more)
			sup_prepare_next(s);
	}
}

/* ---- setting up and taking down ---- */

/* Pipes and channels of many tasks: take what the hard limit gives. */
static void
raise_limits(struct sup *s)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &s->nofile) != 0 || s->nofile.rlim_cur >= s->nofile.rlim_max)
		return;
	rl = s->nofile;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl); /* what fails is seen when descriptors run out */
}

/* Tasks shall die of a lack of memory before we do. A container may have given us much already, and
 * less than our own would need a privilege and protect the task instead. */
static void
choose_oom_score(struct sup *s)
{
	char text[16];
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, text, sizeof(text) - 1) : -1;
	int own = 0;

	if (fd != -1)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	own = (int)strtol(text, NULL, 10);
	if (own < MAX_OOM_SCORE)
		snprintf(s->oom_score, sizeof(s->oom_score), "%d",
			own < TASK_OOM_SCORE ? TASK_OOM_SCORE : (own + MAX_OOM_SCORE + 1) / 2);
}

/* sched_setattr(2); the kernel's header does not go together with that of older C libraries. */
struct turns {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t slice_ns; /* sched_runtime */
	uint64_t deadline_ns, period_ns;
};

/* Each task has a session, and with it, where the kernel groups by session (autogroup), a turn of
 * its own at the CPU: behind all of them we wait for ours, while a slot is free. We need little
 * time each time, and say so: who asks for a short slice is let in early (Linux 6.12; before,
 * nothing changes). It takes no more in sum, so no task pays for it, and none inherits it; the
 * flag for that would also take away a raised priority, which the tasks shall have if we do. */
static void
ask_for_short_slices(void)
{
	struct turns turns = { 0 };

	if (syscall(SYS_sched_getattr, 0, &turns, sizeof(turns), 0) != 0 ||
		turns.policy != SCHED_OTHER || turns.nice < 0)
		return;
	turns.size = sizeof(turns);
	turns.flags = RESET_ON_FORK;
	turns.slice_ns = SLICE_NS;
	if (syscall(SYS_sched_setattr, 0, &turns, 0) != 0)
		return; /* a sandbox forbids it: we wait longer */
}

/* 0, 1 and 2 must be something, else the first pipe would become the console. */
static bool
hold_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
	/* an empty root has no /dev/null: then 0-2 must have been given */
	return fd > 2 ||
		(fcntl(0, F_GETFD) != -1 && fcntl(1, F_GETFD) != -1 && fcntl(2, F_GETFD) != -1);
}

/* Without /dev/null, the end of an empty pipe reads the same. */
static int
open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), ends[2];

	if (fd != -1 || pipe2(ends, O_CLOEXEC) != 0)
		return fd;
	close(ends[1]);
	return ends[0];
}

static enum sk_code
set_up(struct sup *s, struct sk_err *err)
{
	char note[160], dir[256];

	if (!hold_standard_fds())
		return sk_fail_errno(err, "standard input, output and error");
	if (!sk_fds_close_from(3, true)) /* what we inherited is not the tasks' */
		return sk_fail_errno(err, "inherited descriptors");
	sk_title_find(&s->title);
	raise_limits(s);
	choose_oom_score(s);
	ask_for_short_slices();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if ((s->loop = sk_loop_new(err)) == NULL)
		return err->code;
	if (!sup_signals_open(s, err))
		return err->code;
	if ((s->null_fd = open_null()) == -1)
		return sk_fail_errno(err, "open /dev/null");
	s->sink = sk_sink_new(&s->cfg->sink, s->loop, console_drained, s);
	/* first: a dead run may have had our pid */
	sk_rundir_clear(sk_rundir(dir, sizeof(dir)), note, sizeof(note));
	if (sk_run_file_open(&s->run, err) != SK_OK)
		sk_sink_log(s->sink, SK_WARNING, NULL, 0, "no runtime file: %s", err->msg);
	if (note[0] != '\0')
		sk_sink_log(s->sink, SK_WARNING, NULL, 0, "%s", note);
	s->cgs = sk_cgroups_new(s->run.run_id, s->cfg->cgroups);
	if (sk_run_file_note(&s->run, sk_cgroups_v2_dir(s->cgs), sk_cgroups_v1_dir(s->cgs), err) !=
		SK_OK)
		sk_sink_log(s->sink, SK_WARNING, NULL, 0, "runtime file: %s", err->msg);
	sk_sink_log(s->sink, SK_DEBUG, NULL, 0, "run %s, cgroups: %s", s->run.run_id,
		sk_cgroups_describe(s->cgs));
	s->oom_seen = s->oom_last = sk_cgroups_own_oom_kills(s->cgs);
	sup_warm_open(s);
	sup_status_open(s);
	if (s->cfg->patient)
		sk_notify("READY=1");
	return SK_OK;
}

static void
take_down(struct sup *s)
{
	const struct sup_settled *done;
	struct sup_task *t;
	size_t i = 0;

	sup_link_free(s);
	sup_warm_free(s);
	while ((t = sk_map_each(&s->by_key, &i)) != NULL)
		sup_task_free(t);
	i = 0;
	while ((done = sk_map_each(&s->settled, &i)) != NULL)
		sup_settled_forget(s, done->key);
	sk_map_release(&s->settled);
	sup_slots_free(s);
	sk_probe_close(s->probe);
	sup_clear_strays(s);
	sk_cgroups_free(s->cgs);
	sk_run_file_close(&s->run);
	sk_sink_free(s->sink, GIVE_UP_MS);
	sk_map_release(&s->by_key);
	sk_map_release(&s->by_pid);
	sk_watch_remove(s->signal_watch);
	close(s->signal_fd);
	close(s->null_fd);
	sk_loop_free(s->loop);
}

int
sk_supervise(const struct sk_supervisor_config *cfg)
{
	struct sup s = { .cfg = cfg, .signal_fd = -1, .null_fd = -1 };
	struct sk_err err;

	s.flush = (struct sk_timer){ .fn = sup_link_flush, .arg = &s };
	s.sweep = (struct sk_timer){ .fn = sup_sweep, .arg = &s };
	s.second = (struct sk_timer){ .fn = every_second, .arg = &s };
	s.notes = (struct sk_timer){ .fn = sup_send_notes, .arg = &s };
	s.give_up = (struct sk_timer){ .fn = give_up_waiting, .arg = &s };
	s.run.fd = -1;
	if (set_up(&s, &err) != SK_OK) {
		sk_log(SK_CRITICAL, "supervisor", "%s", err.msg);
		return EXIT_SYSTEM;
	}
	sup_link_start(&s);
	every_second(&s);
	run(&s);
	take_down(&s);
	return s.exit_code;
}
