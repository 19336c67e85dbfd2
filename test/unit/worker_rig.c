#include "test/unit/worker_rig.h"

#include "core/base/clock.h"
#include "core/base/problem.h"
#include "core/run/frames.h"
#include "core/run/worker_runtime.h"
#include "workers/registry.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void
must(bool ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

void
rig_init(struct rig *r, const char *class_name)
{
	*r = (struct rig){ .arena = sk_arena_new(), .attempt = 1, .limit_ms = 10000 };
	r->worker = sk_worker_find(class_name);
	must(r->worker != NULL, class_name);
	r->attachments = sk_value_new(r->arena, SK_MAP);
}

void
rig_release(struct rig *r)
{
	sk_arena_free(r->arena);
	sk_str_release(&r->log);
}

struct sk_value *
rig_number(struct rig *r, double number)
{
	struct sk_value *v = sk_value_new(r->arena, SK_FLOAT);

	v->u.f = number;
	return v;
}

struct sk_value *
rig_bool(struct rig *r, bool yes)
{
	struct sk_value *v = sk_value_new(r->arena, SK_BOOL);

	v->u.b = yes;
	return v;
}

void
rig_set(struct rig *r, const char *key, struct sk_value *value)
{
	sk_map_set(r->arena, r->attachments, key, value);
}

void
rig_set_int(struct rig *r, const char *key, int64_t value)
{
	rig_set(r, key, sk_value_int(r->arena, value));
}

void
rig_set_text(struct rig *r, const char *key, const char *text)
{
	rig_set(r, key, sk_value_string(r->arena, text, strlen(text)));
}

static _Noreturn void
child(const struct rig *r, int log_fd, int channel)
{
	static char *env[] = { NULL };
	struct sk_str att = SK_STR_INIT;
	struct sk_start start = { .id = "task-1", .class_name = r->worker->name };

	must(dup2(log_fd, STDERR_FILENO) != -1, "dup2");
	sk_value_encode(&att, r->attachments);
	start.attachments = att.p;
	start.attachments_len = att.len;
	sk_worker_main(r->worker, &start, r->attempt, env, channel);
}

static void
take_frame(struct rig *r, const struct sk_frame *f)
{
	struct sk_reader in = sk_reader_of(f);

	switch (f->type) {
	case SK_F_PROGRESS:
		r->progress = sk_get_f64(&in);
		snprintf(r->stage, sizeof r->stage, "%s", sk_get_text(&in, r->arena));
		r->n_progress++;
		break;
	case SK_F_FAILURE:
		snprintf(r->failure, sizeof r->failure, "%s", sk_get_text(&in, r->arena));
		break;
	case SK_F_UPDATED:
		must(sk_get_u32(&in) <= 1, "updated");
		snprintf(r->update_error, sizeof r->update_error, "%s", sk_get_text(&in, r->arena));
		r->n_updates++;
		break;
	default:
		break;
	}
}

static void
act(struct rig *r, pid_t pid, struct sk_chan *chan)
{
	struct sk_str att = SK_STR_INIT, payload = SK_STR_INIT;
	struct sk_err err;

	r->when = NULL;
	if (r->signal != 0)
		must(kill(pid, r->signal) == 0, "kill");
	if (r->update == NULL)
		return;
	sk_value_encode(&att, r->update);
	sk_put_bytes(&payload, att.p, att.len);
	sk_chan_queue(chan, SK_F_UPDATE, 0, 0, &payload);
	must(sk_chan_flush(chan, &err) == SK_OK, "flush");
	sk_str_release(&att);
	sk_str_release(&payload);
}

/* False at the end of the log. */
static bool
take_log(struct rig *r, int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n == -1 && errno == EINTR)
		return true;
	if (n > 0)
		sk_str_add(&r->log, buf, (size_t)n);
	return n > 0;
}

/* The peer's end is noticed by the log, which every process of the worker holds open. */
static void
take_frames(struct rig *r, struct sk_chan *chan, struct pollfd *p)
{
	struct sk_frame f;
	struct sk_err err;
	enum sk_code code = sk_chan_fill(chan, &err);

	while (sk_chan_next(chan, &f, &err) == SK_OK)
		take_frame(r, &f);
	if (code != SK_OK && code != SK_EAGAIN)
		p->fd = -1;
}

static void
watch(struct rig *r, pid_t pid, int log_fd, struct sk_chan *chan)
{
	struct pollfd p[] = {
		{ .fd = log_fd, .events = POLLIN },
		{ .fd = chan->fd, .events = POLLIN },
	};
	int64_t end_ms = sk_boot_ms() + r->limit_ms, left;
	bool open = true, killed = false;

	while (open) {
		left = end_ms - sk_boot_ms();
		if (left <= 0 && !killed) {
			killed = true;
			must(kill(pid, SIGKILL) == 0, "kill");
		}
		int n = poll(p, 2, killed ? -1 : (int)left);
		must(n != -1 || errno == EINTR, "poll");
		if (n > 0 && p[0].revents != 0)
			open = take_log(r, log_fd);
		if (n > 0 && p[1].revents != 0)
			take_frames(r, chan, &p[1]);
		if (r->when != NULL && rig_logged(r, r->when))
			act(r, pid, chan);
	}
	take_frames(r, chan, &p[1]);
}

void
rig_run(struct rig *r)
{
	int log_fd[2], pair[2];
	struct sk_chan chan;
	pid_t pid;

	must(pipe(log_fd) == 0, "pipe");
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	fflush(NULL);
	pid = fork();
	must(pid != -1, "fork");
	if (pid == 0) {
		close(pair[0]);
		close(log_fd[0]);
		child(r, log_fd[1], pair[1]);
	}
	close(pair[1]);
	close(log_fd[1]);
	sk_chan_init(&chan, pair[0]);
	watch(r, pid, log_fd[0], &chan);
	must(waitpid(pid, &r->status, 0) == pid, "waitpid");
	sk_chan_release(&chan);
	close(log_fd[0]);
}

bool
rig_logged(const struct rig *r, const char *text)
{
	return strstr(sk_str_text(&r->log), text) != NULL;
}

size_t
rig_count(const struct rig *r, const char *text)
{
	size_t n = 0;

	for (const char *p = sk_str_text(&r->log); (p = strstr(p, text)) != NULL; p += strlen(text))
		n++;
	return n;
}

int
rig_code(const struct rig *r)
{
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -WTERMSIG(r->status);
}

const char *
rig_problem(struct rig *r)
{
	const struct sk_worker *w = r->worker;
	void *att = sk_arena_alloc(r->arena, w->attachment_size);
	struct sk_problems p;
	struct sk_err err = { SK_OK, "" };
	struct sk_str text = SK_STR_INIT;

	sk_problems_init(&p, r->arena, "");
	bool ok = sk_fields_decode(
		w->fields, r->attachments, att, w->attachment_size, r->arena, "", false, &p);
	if (ok && (w->check == NULL || w->check(att, &err) == SK_OK))
		return "";
	sk_problems_text(&p, &text);
	sk_str_adds(&text, err.msg);
	const char *copy = sk_arena_strdup(r->arena, sk_str_text(&text));
	sk_str_release(&text);
	return copy;
}
