/* sup_task.c - attempts: queued, started, stopped, told of. Their ends are in sup_end.c. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/run/spawn.h"
#include "core/run/sup.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STARTS_PER_ROUND 64
#define WARM_PER_ROUND 4096 /* no process each: they cost little */
#define NOTES_MS 100
#define NOTES_BACKLOG ((size_t)1 << 20)

/* ---- reports ---- */

void
sup_report(const struct sup_task *t, struct sk_str *payload)
{
	struct sk_task_report rep = t->report;

	rep.id = t->start.id;
	rep.class_name = t->start.class_name;
	rep.state = t->state;
	rep.failures = t->start.failures;
	rep.spec_hash = t->start.spec_hash;
	rep.message = t->message;
	sk_put_report(payload, &rep);
}

void
sup_send_line(struct sup_task *t, struct sk_str *payload)
{
	t->line_dirty = false;
	sk_str_clear(payload);
	sk_put_text(payload, t->out.last);
	sup_tell(t->sup, SK_F_LINE, t, payload, false);
}

void
sup_send_progress(struct sup_task *t, struct sk_str *payload)
{
	t->progress_dirty = false;
	sk_str_clear(payload);
	sk_put_f64(payload, t->progress);
	sk_put_text(payload, t->stage);
	sup_tell(t->sup, SK_F_PROGRESS, t, payload, false);
}

void
sup_send_notes(void *arg)
{
	struct sup *s = arg;
	struct sk_str payload = SK_STR_INIT;
	struct sup_task *t;
	size_t i = 0;

	/* a link that does not read now gets the latest state when it does, not all of them */
	while (s->link.chan.out.len < NOTES_BACKLOG && (t = sk_map_each(&s->by_key, &i)) != NULL) {
		if (t->progress_dirty)
			sup_send_progress(t, &payload);
		if (t->line_dirty && s->cfg->lines)
			sup_send_line(t, &payload);
	}
	sk_str_release(&payload);
	if ((s->cfg->lines && s->n_running > 0) || s->link.chan.out.len >= NOTES_BACKLOG)
		sup_notes_soon(s);
}

void
sup_notes_soon(struct sup *s)
{
	if (s->notes.pos == 0)
		sk_timer_set(s->loop, &s->notes, sk_boot_ms() + NOTES_MS);
}

/* ---- starting ---- */

static void
enqueue(struct sup_task *t)
{
	struct sup *s = t->sup;

	t->state = SK_T_QUEUED;
	t->prev = s->queue_tail;
	if (s->queue_tail != NULL)
		s->queue_tail->next = t;
	else
		s->queue_head = t;
	s->queue_tail = t;
	s->n_queued++;
}

void
sup_queue_again(struct sup_task *t)
{
	struct sup *s = t->sup;

	t->state = SK_T_QUEUED;
	t->next = s->queue_head;
	if (s->queue_head != NULL)
		s->queue_head->prev = t;
	else
		s->queue_tail = t;
	s->queue_head = t;
	s->n_queued++;
}

void
sup_dequeue(struct sup_task *t)
{
	struct sup *s = t->sup;

	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		s->queue_head = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		s->queue_tail = t->prev;
	t->prev = t->next = NULL;
	s->n_queued--;
}

struct sup_task *
sup_task_blank(struct sup *s)
{
	static const char *none[] = { NULL };
	struct sup_task *t = sk_xcalloc(1, sizeof(*t));

	t->sup = s;
	t->arena = sk_arena_new();
	t->chan.fd = -1;
	t->timer = (struct sk_timer){ .arg = t };
	t->report.reason = SK_REASON_EXITED;
	t->start = (struct sk_start){
		.argv = none, .env = none, .cwd = "", .input = "", .user = "", .refusal = ""
	};
	return t;
}

void
sup_task_new(struct sup *s, const struct sk_frame *f)
{
	struct sup_task *t;
	struct sk_reader r = sk_reader_of(f);

	if (f->key == 0 || f->key == UINT64_MAX || sk_map_find(&s->by_key, f->key) != NULL)
		return; /* said twice: the link was restarted in between */
	sup_settled_forget(s, f->key);
	t = sup_task_blank(s);
	t->key = f->key;
	t->attempt = f->attempt;
	if (!sk_get_start(&r, t->arena, &t->start)) {
		sk_sink_log(s->sink, SK_ERROR, NULL, 0, "link: malformed start of task %llu",
			(unsigned long long)f->key);
		sk_arena_free(t->arena);
		free(t);
		return;
	}
	sk_out_init(&t->out, t->start.id, t->attempt, t->start.output_limit);
	t->class = sup_warm_class(t);
	sk_map_put(&s->by_key, t->key, t);
	enqueue(t);
	if (s->draining)
		sup_task_stop(t, SK_REASON_INTERRUPTED, SIGTERM, 0);
}

/* The last of equal names wins: the task's own variables over inherited ones, marks over both. */
static void
add_env(char **env, size_t *n, char *entry)
{
	size_t len = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < *n; i++)
		if (env[i][0] == entry[0] && strncmp(env[i], entry, len) == 0) {
			env[i] = entry;
			return;
		}
	env[(*n)++] = entry;
}

/* Of tasks that others have sent here. */
static bool
is_plain(const char *entry)
{
	static const char *const names[] = { "PATH=", "HOME=", "LANG=", "TZ=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* What login(1) sets; the task's own variables may say otherwise. */
static void
add_user_env(struct sup_task *t, char **env, size_t *n)
{
	if (t->user == NULL || t->user->name[0] == '\0')
		return;
	add_env(env, n, sk_arena_printf(t->arena, "HOME=%s", t->user->home));
	add_env(env, n, sk_arena_printf(t->arena, "USER=%s", t->user->name));
	add_env(env, n, sk_arena_printf(t->arena, "LOGNAME=%s", t->user->name));
}

static char **
build_env(struct sup_task *t)
{
	const char *const *base = t->sup->cfg->env;
	size_t n = 0, n_base = 0, n_own = 0;
	char **env;

	while (base[n_base] != NULL)
		n_base++;
	while (t->start.env[n_own] != NULL)
		n_own++;
	env = sk_arena_alloc(t->arena, (n_base + n_own + 8) * sizeof(*env));
	for (size_t i = 0; i < n_base; i++)
		if (!t->sup->cfg->clean_env || is_plain(base[i]))
			env[n++] = (char *)(uintptr_t)base[i]; /* exec takes char ** and changes nothing */
	add_user_env(t, env, &n);
	for (size_t i = 0; i < n_own; i++)
		add_env(env, &n, (char *)(uintptr_t)t->start.env[i]);
	add_env(env, &n, sk_arena_printf(t->arena, "SKALDS_TASK_ID=%s", t->start.id));
	add_env(env, &n, sk_arena_printf(t->arena, "SKALDS_ATTEMPT=%u", t->attempt));
	add_env(env, &n, sk_arena_printf(t->arena, "SKALDS_RUN=%s", t->sup->run.run_id));
	if (t->slot->result != NULL && !t->hosting)
		add_env(env, &n, sk_arena_printf(t->arena, "SKALDS_RESULT=%s", t->slot->result));
	return env;
}

/* A file in memory: the program may take its time to read, and may seek. */
static int
open_input(const struct sup_task *t, struct sk_err *err)
{
	const char *p = t->start.input;
	size_t left = strlen(p);
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (fd == -1) {
		sk_fail_errno(err, "memfd_create");
		return -1;
	}
	while (left > 0) {
		ssize_t n = write(fd, p, left);

		if (n <= 0) {
			sk_fail_errno(err, "write the task's stdin");
			close(fd);
			return -1;
		}
		p += n;
		left -= (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) != 0)
		sk_fail_errno(err, "lseek"); /* a memfd always can */
	return fd;
}

/* Whom it runs as; the environment and the pipes are for that user. False with the sentence. */
static bool
find_user(struct sup_task *t, struct sk_spawn *s, struct sk_err *err)
{
	struct sk_user *u;

	if (t->start.user[0] == '\0')
		return true;
	u = sk_arena_alloc(t->arena, sizeof(*u));
	if (sk_user_find(t->start.user, "/etc", t->arena, u, err) != SK_OK)
		return false;
	/* who is that user already need not be allowed to change it */
	if (u->uid != geteuid() || u->gid != getegid())
		s->user = u;
	t->user = u;
	return true;
}

static const struct sk_worker *
find_worker(const struct sup *s, const char *name)
{
	for (const struct sk_worker *const *w = s->cfg->workers; *w != NULL; w++)
		if (strcmp((*w)->name, name) == 0)
			return *w;
	return NULL;
}

static void
fail_start(struct sup_task *t, int code, const char *msg)
{
	t->start_failed = true;
	t->start_code = code;
	snprintf(t->message, sizeof(t->message), "%s", msg);
}

void
sup_start_failure(struct sup_task *t, int step, int err)
{
	const struct sk_spawn s = { .start = &t->start, .path = t->path != NULL ? t->path : "" };
	const struct sk_spawn_failure f = { (enum sk_spawn_step)step, err };

	t->start_failed = true;
	t->start_code = sk_spawn_message(&s, &f, t->message, sizeof(t->message));
}

static pid_t
spawn_program(struct sup_task *t, struct sk_spawn *s)
{
	struct sk_spawn_failure failure = { SK_SPAWN_EXEC, ENOENT };
	char path[4096];
	pid_t pid;

	if (!sk_find_program(t->start.argv[0], s->env, path, sizeof(path))) {
		failure.err = errno;
		t->path = sk_arena_strdup(t->arena, path);
		sup_start_failure(t, (int)failure.step, failure.err);
		return -1;
	}
	s->path = t->path = sk_arena_strdup(t->arena, path);
	pid = t->start.isolate ? sk_spawn_isolated(s, &failure) : sk_spawn_program(s, &failure);
	if (pid == -1)
		sup_start_failure(t, (int)failure.step, failure.err);
	return pid;
}

static pid_t
spawn_worker(struct sup_task *t, struct sk_spawn *s)
{
	struct sk_spawn_failure failure = { SK_SPAWN_FORK, 0 };
	pid_t pid;

	s->title = &t->sup->title;
	s->worker = find_worker(t->sup, t->start.class_name);
	if (s->worker == NULL) {
		fail_start(t, 127, "this binary has no such worker class");
		return -1;
	}
	pid = sk_spawn_worker(s, &failure);
	if (pid == -1)
		sup_start_failure(t, (int)failure.step, failure.err);
	return pid;
}

static void
take_cgroup(struct sup_task *t)
{
	struct sup *s = t->sup;
	struct sk_err err = { SK_OK, "" };

	if (t->start.memory_mb > 0 && !sk_cgroups_memory(s->cgs) && !s->memory_said) {
		s->memory_said = true;
		sk_sink_log(s->sink, SK_WARNING, t->start.id, t->attempt,
			"memoryMb is not enforced here: no writable memory cgroup (see skalds doctor)");
	}
	if (!sk_cgroups_track(s->cgs))
		return;
	t->cg = sk_cgroup_take(s->cgs, t->start.memory_mb, &err);
	if (t->cg == NULL)
		sk_sink_log(
			s->sink, SK_WARNING, t->start.id, t->attempt, "runs without a cgroup: %s", err.msg);
}

/* Everything the child needs; false with the message set. */
static bool
prepare(struct sup_task *t, struct sk_spawn *s, int *input, int channel[2], struct sk_err *err)
{
	struct sup *sup = t->sup;

	if (!find_user(t, s, err) || (t->slot == NULL && !sup_slot_take(t, err)))
		return false;
	if (s->user != NULL)
		sup_slot_for_user(t, s->user);
	take_cgroup(t);
	s->cg = t->cg;
	s->in = sup_raw(t) ? -1 : sup->null_fd;
	if (t->start.program && t->start.input[0] != '\0') {
		if ((*input = open_input(t, err)) == -1)
			return false;
		s->in = *input;
	}
	s->out = sup_captured(t) ? t->slot->out[0][1] : -1;
	s->err = !sup_captured(t) ? -1 : sup_raw(t) ? t->slot->out[1][1] : t->slot->out[0][1];
	if (!t->start.program || t->start.isolate) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
			sk_fail_errno(err, "socketpair");
			return false;
		}
		s->channel = channel[1];
	}
	s->env = t->env != NULL ? t->env : build_env(t);
	return true;
}

static void
timed_out(void *arg)
{
	struct sup_task *t = arg;

	sup_task_stop(t, SK_REASON_TIMEOUT, SIGTERM, t->start.grace_ms);
}

void
sup_time_out_in(struct sup_task *t, int64_t left_ms)
{
	if (t->start.timeout_ms <= 0)
		return;
	t->timer.fn = timed_out;
	sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms() + left_ms);
}

void
sup_tell_started(struct sup_task *t)
{
	struct sup *s = t->sup;
	struct sk_str payload = SK_STR_INIT;

	t->state = SK_T_RUNNING;
	t->start_told = true;
	sup_time_out_in(t, t->report.start_boot_ms + t->start.timeout_ms - sk_boot_ms());
	sup_report(t, &payload);
	sup_tell(s, SK_F_STARTED, t, &payload, false);
	sk_str_release(&payload);
	if (s->cfg->lines)
		sup_notes_soon(s);
}

pid_t
sup_launch(struct sup_task *t, struct sk_warm *warm)
{
	struct sk_spawn s = { .start = &t->start,
		.warm = warm,
		.attempt = t->attempt,
		.channel = -1,
		.nofile = &t->sup->nofile,
		.oom_score = t->sup->oom_score,
		.changed = &t->sup->changed };
	struct sk_err err = { SK_OK, "" };
	int channel[2] = { -1, -1 }, input = -1;
	pid_t pid = -1;

	if (!prepare(t, &s, &input, channel, &err))
		fail_start(t, 126, err.msg);
	else
		pid = t->start.program ? spawn_program(t, &s) : spawn_worker(t, &s);
	if (input != -1)
		close(input);
	if (channel[1] != -1)
		close(channel[1]);
	if (pid == -1 && channel[0] != -1)
		close(channel[0]);
	else if (channel[0] != -1 && !sup_watch_worker(t, channel[0], &err))
		sk_sink_log(t->sup->sink, SK_ERROR, t->start.id, t->attempt, "%s", err.msg);
	return pid;
}

static void
start_task(struct sup_task *t)
{
	struct sup *s = t->sup;
	pid_t pid = -1;

	sup_dequeue(t);
	s->n_running++;
	sup_warm_make_room(s);
	t->report.start_ms = sk_wall_ms();
	t->report.start_boot_ms = sk_boot_ms();
	if (t->start.refusal[0] != '\0')
		fail_start(t, 126, t->start.refusal);
	else
		pid = sup_launch(t, NULL);
	if (pid == -1) {
		sup_finish(t);
		return;
	}
	t->pid = t->session = pid;
	t->report.pid = pid;
	sk_map_put(&s->by_pid, (uint64_t)pid, t);
	sup_tell_started(t);
}

/* The first of the queue. False when it must wait. */
static bool
start_next(struct sup *s, int *processes)
{
	struct sup_task *t = s->queue_head;
	bool room = s->n_slots == 0 || s->n_running < s->n_slots;

	switch (sup_warm_start(t, room)) {
	case SUP_STARTED:
		return true;
	case SUP_WAITS:
		return false;
	case SUP_ORDINARY:
		break;
	}
	if (!room)
		return false;
	start_task(t);
	(*processes)++;
	return true;
}

bool
sup_start_queued(struct sup *s)
{
	int processes = 0, started = 0;
	bool more = true;

	while (more && processes < STARTS_PER_ROUND && started++ < WARM_PER_ROUND)
		more = s->queue_head != NULL && !s->stalled && start_next(s, &processes);
	sup_warm_wake(s);
	return more;
}

void
sup_prepare_next(struct sup *s)
{
	struct sup_task *t = s->queue_head;
	struct sk_err err;

	/* one for a warm worker needs nothing; a user's things are made as that user's */
	if (t == NULL || t->slot != NULL || t->class != NULL || t->start.refusal[0] != '\0' ||
		t->start.user[0] != '\0')
		return;
	if (sup_slot_take(t, &err))
		t->env = build_env(t);
	else
		sup_slot_give(t); /* no descriptors: that counts only when it is its turn */
}

/* ---- stopping ---- */

void
sup_task_signal(const struct sup_task *t, int sig)
{
	/* a worker that was forked this moment has no group of its own yet */
	if (t->pid > 0 && kill(-t->session, sig) != 0 && errno == ESRCH)
		kill(t->pid, sig); /* gone already: its end is on the way */
}

/* Ended, but not reaped yet: its end is its own, whoever wants to stop it now. */
static bool
has_ended(const struct sup_task *t)
{
	siginfo_t si = { .si_pid = 0 };

	return t->reaped ||
		(waitid(P_PID, (id_t)t->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == t->pid);
}

static void
grace_over(void *arg)
{
	sup_task_kill(arg);
}

static void
say_unkillable(void *arg)
{
	const struct sup_task *t = arg;

	sk_sink_log(t->sup->sink, SK_ERROR, t->start.id, t->attempt, SUP_UNKILLABLE);
}

void
sup_task_stop(struct sup_task *t, enum sk_reason reason, int sig, int64_t grace_ms)
{
	struct sup *s = t->sup;

	if (t->state == SK_T_ENDED || (t->warm != NULL && !sup_warm_claim(t)))
		return;
	if (t->state == SK_T_QUEUED || t->session == 0) {
		if (t->state == SK_T_QUEUED)
			sup_dequeue(t); /* else it was paused before it was started */
		s->n_running++; /* finish takes it off again */
		t->stop_reason = reason;
		sup_finish(t);
		return;
	}
	if (t->state == SK_T_STOPPING && t->stop_reason != SK_REASON_EXITED)
		return; /* the first reason stands */
	if (has_ended(t))
		return;
	sup_thaw(t);
	t->state = SK_T_STOPPING;
	t->stop_reason = reason;
	t->grace_until_ms = sk_boot_ms() + (grace_ms > 0 ? grace_ms : 0);
	sup_task_signal(t, sig);
	sup_task_signal(t, SIGCONT); /* a stopped process must be able to obey */
	t->timer.fn = grace_over;
	sk_timer_set(s->loop, &t->timer, t->grace_until_ms);
}

void
sup_task_kill(struct sup_task *t)
{
	if (t->warm != NULL && !sup_warm_claim(t))
		return;
	if (t->state == SK_T_ENDED || t->state == SK_T_QUEUED || t->session == 0)
		return;
	t->hurry = true;
	if (has_ended(t)) {
		if (t->reaped) /* what is left of its tree waits for this timer */
			sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms());
		return;
	}
	t->timer.fn = say_unkillable;
	sk_timer_set(t->sup->loop, &t->timer, sk_boot_ms() + SUP_UNKILLABLE_MS);
	if (t->state != SK_T_STOPPING)
		t->stop_reason = SK_REASON_INTERRUPTED;
	t->state = SK_T_STOPPING;
	t->killed = true;
	if (t->cg != NULL)
		sk_cgroup_kill(t->cg);
	kill(-t->session, SIGKILL);
	kill(t->pid, SIGKILL); /* it may have left its group */
}

void
sup_task_update(struct sup_task *t, const struct sk_frame *f)
{
	struct sk_str payload = SK_STR_INIT;

	if ((t->warm != NULL && !sup_warm_claim(t)) || t->state != SK_T_RUNNING || t->start.program || t->chan.fd == -1) {
		sk_put_u32(&payload, 0);
		sk_put_text(&payload, "the task is not running");
		sup_tell(t->sup, SK_F_UPDATED, t, &payload, true);
	} else {
		struct sk_reader r = sk_reader_of(f);
		size_t n;

		sk_get_bytes(&r, &n);
		t->start.spec_hash = sk_get_u64(&r);
		sk_str_add(&payload, f->data, f->len);
		sk_chan_queue(&t->chan, SK_F_UPDATE, t->key, t->attempt, &payload);
		if (sk_chan_flush(&t->chan, NULL) == SK_EAGAIN)
			sk_watch_set(t->chan_watch, EPOLLIN | EPOLLOUT);
	}
	sk_str_release(&payload);
}

void
sup_settled_forget(struct sup *s, uint64_t key)
{
	struct sup_settled *old = sk_map_find(&s->settled, key);

	sk_map_remove(&s->settled, key);
	free(old);
}

void
sup_task_settle(struct sup_task *t)
{
	size_t len = strlen(t->start.id) + 1;
	struct sup_settled *done = sk_xmalloc(sizeof(*done) + len);
	struct sup *s = t->sup;

	*done = (struct sup_settled){ .key = t->key, .attempt = t->attempt, .report = t->report };
	memcpy(done->id, t->start.id, len);
	done->report.id = done->id;
	done->report.class_name = done->report.message = "";
	done->report.result = NULL;
	done->report.result_len = 0;
	done->report.state = SK_T_ENDED;
	done->report.failures = t->start.failures;
	done->report.spec_hash = t->start.spec_hash;
	sup_task_free(t);
	sk_map_put(&s->settled, done->key, done);
}

void
sup_task_free(struct sup_task *t)
{
	struct sup *s = t->sup;

	if (t->state == SK_T_QUEUED)
		sup_dequeue(t);
	sk_timer_clear(s->loop, &t->timer);
	sk_timer_clear(s->loop, &t->freeze);
	sk_watch_remove(t->chan_watch);
	sk_chan_release(&t->chan);
	sup_slot_give(t);
	if (t->pid > 0)
		sk_map_remove(&s->by_pid, (uint64_t)t->pid);
	sk_map_remove(&s->by_key, t->key);
	sk_str_release(&t->result);
	sk_str_release(&t->out.line[0]);
	sk_str_release(&t->out.line[1]);
	sk_arena_free(t->arena);
	free(t);
}
