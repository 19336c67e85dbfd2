/* sup_link.c - the link: its process, its frames, its restarts. */
#include "core/base/clock.h"
#include "core/base/hooks.h"
#include "core/run/fds.h"
#include "core/run/sup.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COALESCE_MS 12 /* each waking of the link takes a task's turn at the CPU */
#define FIRST_BACKOFF_MS 10
#define MAX_BACKOFF_MS 5000
#define HUNG_SECONDS 12
#define HEALTHY_MS 10000 /* a life this long starts the back-off anew */
#define MAX_SILENT_DEATHS 10
#define MAX_GRACE_MS ((uint64_t)INT64_MAX / 4)
#define EXIT_SKALDS 125

/* ---- the child ---- */

static void
child_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2 };
	struct sigaction ign = { .sa_handler = SIG_IGN };
	sigset_t none;

	/* whoever signals the whole group (a terminal, systemd) means the supervisor, which decides */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &ign, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
link_child(const struct sup *s, int channel, int err_fd)
{
	int code;

	sk_hooks_be(SK_HOOKS_HUB);
	setpgid(
		0, 0); /* away from the terminal's Ctrl-C; a failure changes little: it is ignored too */
	child_signals();
	if (dup2(err_fd, STDERR_FILENO) == -1 || (channel != 3 && dup2(channel, 3) == -1))
		_exit(EXIT_SKALDS);
	if (!sk_fds_close_from(4, false) || fcntl(3, F_SETFD, FD_CLOEXEC) == -1)
		_exit(EXIT_SKALDS);
	prctl(PR_SET_NAME, "skalds-link");
	code = s->cfg->link(3, s->cfg->link_arg);
	fflush(NULL);
	_exit(code);
}

/* ---- talking ---- */

void
sup_link_flush(void *arg)
{
	struct sup *s = arg;
	enum sk_code code;

	s->flush_now = false;
	sk_timer_clear(s->loop, &s->flush);
	s->last_flush_ms = sk_boot_ms();
	if (s->link.chan.fd == -1)
		return;
	code = sk_chan_flush(&s->link.chan, NULL);
	if (s->link.watch != NULL)
		sk_watch_set(
			s->link.watch, (s->stalled ? 0 : EPOLLIN) | (code == SK_EAGAIN ? EPOLLOUT : 0));
}

void
sup_tell(struct sup *s, enum sk_frame_type type, const struct sup_task *t,
	const struct sk_str *payload, bool urgent)
{
	if (s->link.chan.fd == -1)
		return; /* the next link is told of everything that counts */
	sk_chan_queue(&s->link.chan, type, t != NULL ? t->key : 0, t != NULL ? t->attempt : 0, payload);
	if (urgent || sk_boot_ms() - s->last_flush_ms >= COALESCE_MS)
		s->flush_now = true;
	else if (s->flush.pos == 0)
		sk_timer_set(s->loop, &s->flush, s->last_flush_ms + COALESCE_MS);
}

static void
introduce(struct sup *s)
{
	struct sk_str payload = SK_STR_INIT;
	const struct sup_settled *done;
	struct sup_task *t;
	size_t i = 0;

	sk_put_u32(&payload, (uint32_t)getpid());
	sk_put_text(&payload, s->run.run_id);
	sk_put_u32(&payload, s->link.restarts);
	sk_put_text(&payload, s->run.dir);
	sk_put_text(&payload, sk_cgroups_v2_dir(s->cgs));
	sk_put_text(&payload, sk_cgroups_v1_dir(s->cgs));
	sup_tell(s, SK_F_HELLO, NULL, &payload, true);
	while ((t = sk_map_each(&s->by_key, &i)) != NULL) {
		sk_str_clear(&payload);
		sk_put_u32(&payload, t->start_seen ? 2 : 0);
		sup_report(t, &payload);
		sup_tell(s, SK_F_TASK, t, &payload, true);
	}
	i = 0;
	while ((done = sk_map_each(&s->settled, &i)) != NULL) {
		sk_str_clear(&payload);
		sk_put_u32(&payload, 1 | 2);
		sk_put_report(&payload, &done->report);
		sk_chan_queue(&s->link.chan, SK_F_TASK, done->key, done->attempt, &payload);
	}
	sup_tell(s, SK_F_TASKS_END, NULL, NULL, true);
	if (s->drain_signal != 0) { /* it must know that nothing may start any more */
		sk_str_clear(&payload);
		sk_put_u32(&payload, (uint32_t)s->drain_signal);
		sup_tell(s, SK_F_SIGNAL, NULL, &payload, true);
	}
	sk_str_release(&payload);
}

static void
on_print(struct sup *s, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	uint32_t flags = sk_get_u32(&r), stream = flags & ~SK_PRINT_MORE;
	bool more = (flags & SK_PRINT_MORE) != 0;
	struct sk_str *held = &s->link.held[stream == 2];
	size_t n;
	const char *text = sk_get_bytes(&r, &n);

	if (r.bad || stream < 1 || stream > 2)
		return;
	if (!more && held->len == 0) {
		sk_sink_print(s->sink, (int)stream, text, n);
		return;
	}
	/* others print in between: what belongs together goes out together */
	sk_str_add(held, text, n);
	if (!more) {
		sk_sink_print(s->sink, (int)stream, held->p, held->len);
		sk_str_release(held);
	}
}

/* The link has told of its end, or will never: an ACK that comes behind finds nobody. */
static void
forget(struct sup *s, uint64_t key)
{
	struct sup_task *t = sk_map_find(&s->by_key, key);

	if (t != NULL && t->state == SK_T_ENDED)
		sup_task_free(t);
	sup_settled_forget(s, key);
}

static void
on_task_frame(struct sup *s, const struct sk_frame *f)
{
	struct sup_task *t = sk_map_find(&s->by_key, f->key);
	struct sk_reader r = sk_reader_of(f);
	uint32_t reason;
	uint64_t grace;

	if (t == NULL || t->attempt != f->attempt)
		return; /* fenced: another attempt, or settled already */
	switch (f->type) {
	case SK_F_STOP:
		reason = sk_get_u32(&r);
		grace = sk_get_u64(&r);
		sup_task_stop(t, reason <= SK_REASON_SKIPPED ? (enum sk_reason)reason : SK_REASON_CANCELLED,
			SIGTERM, grace <= MAX_GRACE_MS ? (int64_t)grace : t->start.grace_ms);
		break;
	case SK_F_UPDATE:
		sup_task_update(t, f);
		break;
	case SK_F_PAUSE:
		sup_task_pause(t);
		break;
	case SK_F_RESUME:
		sup_task_resume(t);
		break;
	case SK_F_SEEN:
		t->start_seen = true;
		break;
	case SK_F_ACK:
		if (t->state == SK_T_ENDED)
			sup_task_settle(t);
		break;
	default:
		break;
	}
}

static void
on_frame(struct sup *s, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);

	switch (f->type) {
	case SK_F_CONFIG:
		s->n_slots = sk_get_u32(&r);
		break;
	case SK_F_START:
		sup_task_new(s, f);
		break;
	case SK_F_READY:
		s->link.ready = sk_get_u32(&r) != 0;
		if (s->link.ready)
			sk_notify("READY=1");
		break;
	case SK_F_QUIT:
		sup_quit(s, (int)sk_get_u32(&r));
		break;
	case SK_F_PING:
		sup_tell(s, SK_F_PONG, NULL, NULL, true);
		break;
	case SK_F_FORGET:
		forget(s, f->key);
		break;
	case SK_F_PRINT:
		on_print(s, f);
		break;
	default:
		on_task_frame(s, f);
		break;
	}
}

static void
hang_up(struct sup *s)
{
	sk_str_release(&s->link.held[0]);
	sk_str_release(&s->link.held[1]);
	sk_watch_remove(s->link.watch);
	s->link.watch = NULL;
	sk_chan_release(&s->link.chan);
}

/* True when there may be more. */
static bool
take_frames(struct sup *s)
{
	struct sk_frame f;
	struct sk_err err = { SK_OK, "" };
	enum sk_code code = sk_chan_fill(&s->link.chan, &err), next;

	while ((next = sk_chan_next(&s->link.chan, &f, &err)) == SK_OK) {
		s->link.spoke = true;
		s->link.heard_ms = sk_boot_ms();
		s->link.silent_seconds = 0;
		on_frame(s, &f);
	}
	if (next == SK_EAGAIN && (code == SK_OK || code == SK_EAGAIN))
		return code == SK_OK;
	if (next != SK_EAGAIN) {
		sk_sink_log(s->sink, SK_ERROR, NULL, 0, "link: %s", err.msg);
		if (s->link.pid > 0)
			kill(s->link.pid, SIGKILL); /* what it says cannot be trusted any more */
	}
	hang_up(s); /* its death follows as SIGCHLD */
	return false;
}

void
sup_link_last_words(struct sup *s)
{
	while (s->link.chan.fd != -1 && take_frames(s))
		;
}

static void
link_ready(uint32_t events, void *arg)
{
	struct sup *s = arg;

	if (events & EPOLLOUT)
		sup_link_flush(s);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !s->stalled)
		take_frames(s);
}

static void
read_stderr(struct sup *s)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(s->link.err_fd, buf, sizeof(buf))) > 0)
		sk_str_add(&s->link.err_line, buf, (size_t)n);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
		sk_watch_remove(s->link.err_watch);
		s->link.err_watch = NULL;
		if (s->link.err_line.len > 0 && s->link.err_line.p[s->link.err_line.len - 1] != '\n')
			sk_str_addc(&s->link.err_line, '\n');
	}
	for (size_t i = s->link.err_line.len; i > 0; i--) {
		if (s->link.err_line.p[i - 1] != '\n')
			continue;
		sk_sink_print(s->sink, 2, s->link.err_line.p, i);
		sk_str_consume(&s->link.err_line, i);
		break;
	}
}

static void
stderr_ready(uint32_t events, void *arg)
{
	(void)events;
	read_stderr(arg);
}

/* ---- lives ---- */

static bool
open_link(struct sup *s, int channel[2], int err_pipe[2], struct sk_err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
		sk_fail_errno(err, "socketpair");
		return false;
	}
	if (pipe2(err_pipe, O_CLOEXEC) != 0) {
		sk_fail_errno(err, "pipe");
		close(channel[0]);
		close(channel[1]);
		return false;
	}
	if (fcntl(err_pipe[0], F_SETFL, O_NONBLOCK) != 0)
		sk_sink_log(s->sink, SK_WARNING, NULL, 0, "link's stderr: %s", strerror(errno));
	return true;
}

static void
start_later(struct sup *s, const char *why)
{
	sk_sink_log(s->sink, SK_ERROR, NULL, 0, "link: %s; again in %lld ms", why,
		(long long)s->link.backoff_ms);
	sk_timer_set(s->loop, &s->link.restart, sk_boot_ms() + s->link.backoff_ms);
	s->link.backoff_ms *= 2;
	if (s->link.backoff_ms > MAX_BACKOFF_MS)
		s->link.backoff_ms = MAX_BACKOFF_MS;
}

static void
start_again(void *arg)
{
	sup_link_start(arg);
}

void
sup_link_start(struct sup *s)
{
	struct sup_link *l = &s->link;
	struct sk_err err = { SK_OK, "" };
	int channel[2], err_pipe[2];
	sigset_t all, before;
	pid_t pid;

	if (l->backoff_ms == 0)
		l->backoff_ms = FIRST_BACKOFF_MS;
	l->restart = (struct sk_timer){ .fn = start_again, .arg = s };
	l->err_fd = -1;
	l->chan.fd = -1;
	if (!open_link(s, channel, err_pipe, &err)) {
		start_later(s, err.msg);
		return;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		link_child(s, channel[1], err_pipe[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(channel[1]);
	close(err_pipe[1]);
	if (pid == -1) {
		close(channel[0]);
		close(err_pipe[0]);
		start_later(s, strerror(errno));
		return;
	}
	l->pid = pid;
	l->spoke = false;
	l->silent_seconds = 0;
	l->started_ms = l->heard_ms = sk_boot_ms();
	l->err_fd = err_pipe[0];
	sk_chan_init(&l->chan, channel[0]);
	l->watch = sk_watch_add(s->loop, channel[0], s->stalled ? 0 : EPOLLIN, link_ready, s, &err);
	l->err_watch = sk_watch_add(s->loop, l->err_fd, EPOLLIN, stderr_ready, s, &err);
	if (l->watch == NULL || l->err_watch == NULL) {
		sk_sink_log(s->sink, SK_ERROR, NULL, 0, "link: %s", err.msg);
		kill(pid, SIGKILL); /* its death starts the next try */
		return;
	}
	introduce(s);
	sup_link_flush(s); /* the round may wait for long, and a link need not speak first */
}

static void
describe_death(int status, char *text, size_t n)
{
	if (WIFSIGNALED(status))
		snprintf(
			text, n, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, n, "exited with code %d", WEXITSTATUS(status));
}

void
sup_link_died(struct sup *s, int status)
{
	struct sup_link *l = &s->link;
	char why[80];

	l->pid = 0;
	sup_link_last_words(s);
	if (l->err_watch != NULL)
		read_stderr(s);
	hang_up(s);
	sk_watch_remove(l->err_watch);
	l->err_watch = NULL;
	if (l->err_fd != -1)
		close(l->err_fd);
	l->err_fd = -1;
	if (s->quitting) {
		sup_check_done(s);
		return;
	}
	if (sk_boot_ms() - l->started_ms > HEALTHY_MS)
		l->backoff_ms = FIRST_BACKOFF_MS;
	l->silent_deaths = l->spoke ? 0 : l->silent_deaths + 1;
	l->restarts++;
	describe_death(status, why, sizeof(why));
	if (l->silent_deaths >= MAX_SILENT_DEATHS) {
		sk_sink_log(s->sink, SK_CRITICAL, NULL, 0, "link: %s %u times without a word; giving up",
			why, l->silent_deaths);
		sup_quit(s, EXIT_SKALDS);
		return;
	}
	start_later(s, why);
}

void
sup_link_tick(struct sup *s)
{
	struct sup_link *l = &s->link;

	if (l->pid == 0 || s->stalled || s->draining) /* not read from, or bounded by give_up */
		l->silent_seconds = 0;
	else if (++l->silent_seconds == HUNG_SECONDS) {
		sk_sink_log(
			s->sink, SK_CRITICAL, NULL, 0, "link: silent for %d s, killing it", HUNG_SECONDS);
		kill(l->pid, SIGKILL);
	}
}

void
sup_link_pause(struct sup *s, bool pause)
{
	(void)pause; /* s->stalled says it; the flush sets the events anew */
	sup_link_flush(s);
}

/* The link ends by itself when its channel closes; it only holds copies. */
void
sup_link_free(struct sup *s)
{
	int status;

	sk_timer_clear(s->loop, &s->link.restart);
	hang_up(s);
	if (s->link.pid != 0) {
		kill(s->link.pid, SIGKILL);
		waitpid(s->link.pid, &status, 0);
		s->link.pid = 0;
	}
	if (s->link.err_watch != NULL)
		read_stderr(s);
	sk_watch_remove(s->link.err_watch);
	s->link.err_watch = NULL;
	if (s->link.err_fd != -1)
		close(s->link.err_fd);
	sk_str_release(&s->link.err_line);
}
