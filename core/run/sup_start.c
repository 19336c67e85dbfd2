/* sup_start.c - how an attempt, or a warm worker, gets its process: environment, user, pipes. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/run/spawn.h"
#include "core/run/sup.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define STARTS_PER_ROUND 64
#define WARM_PER_ROUND 4096 /* no process each: they cost little */

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
