/* sup_signal.c - what signals mean: ends of children, requests to stop, what is handed on. */
#include "core/base/clock.h"
#include "core/run/sup.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAME_MS 200 /* the same request again: nobody asks twice so soon */

static const int taken[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2,
	SIGWINCH };
/* run-one takes all but its own faults and what a terminal does to background jobs. */
static const int not_forwarded[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS,
	SIGTRAP, SIGABRT, SIGPIPE, SIGTTIN, SIGTTOU };

static void
reap(struct sup *s)
{
	struct rusage ru;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &ru)) > 0) {
		if (pid == s->link.pid)
			sup_link_died(s, status);
		else
			sup_reaped(s, pid, status, ru.ru_maxrss,
				(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
					(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000);
	}
}

static void
tell_signal(struct sup *s, int sig)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, (uint32_t)sig);
	sup_tell(s, SK_F_SIGNAL, NULL, &payload, true);
	sk_str_release(&payload);
}

static void
forward(struct sup *s, int sig)
{
	struct sup_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&s->by_key, &i)) != NULL)
		sup_task_signal(t, sig);
}

/* Ctrl-Z: the task has a session of its own, the terminal does not reach it. */
static void
stand_still(struct sup *s)
{
	forward(s, SIGSTOP);
	raise(SIGSTOP);
	forward(s, SIGCONT); /* somebody has continued us; or we are PID 1, which cannot be stopped */
}

/* SIGHUP asks to read the file again, but comes from a terminal that goes away as well. */
static bool
lost_terminal(const struct sup *s)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct pollfd p = { .fd = fd };

		if (s->terminal[fd] && poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)))
			return true;
	}
	return false;
}

/* timeout(1) signals its child and then its group, a shell what the terminal has told us already:
 * one request that arrives twice. The grace is cut short by a second one only. */
static bool
is_echo(struct sup *s)
{
	int64_t now_ms = sk_boot_ms();

	if (s->drain_signal != 0 && now_ms - s->drain_ms < SAME_MS)
		return true;
	s->drain_ms = now_ms;
	return false;
}

static void
on_signal(struct sup *s, int sig)
{
	if (sig == SIGCHLD) {
		reap(s);
		return;
	}
	if (sig == SIGHUP && !s->cfg->forward && lost_terminal(s))
		sig = SIGTERM;
	if (sig == SIGTERM || sig == SIGINT || (sig == SIGQUIT && !s->cfg->forward)) {
		if (is_echo(s))
			return;
		if (s->drain_signal == 0)
			s->drain_signal = sig;
		sk_sink_log(s->sink, SK_INFO, NULL, 0, "%s: %s", strsignal(sig),
			s->draining ? "killing what is left" : "stopping");
		sk_notify("STOPPING=1");
		tell_signal(s, sig);
		sup_drain(s, SK_REASON_INTERRUPTED, s->cfg->forward ? sig : SIGTERM);
		return;
	}
	if (!s->cfg->forward)
		tell_signal(s, sig);
	else if (sig == SIGTSTP)
		stand_still(s);
	else
		forward(s, sig);
}

static void
signals_ready(uint32_t events, void *arg)
{
	struct sup *s = arg;
	struct signalfd_siginfo si[16];
	ssize_t n = read(s->signal_fd, si, sizeof(si));
	bool reaped = false;

	(void)events;
	for (ssize_t i = 0; n > 0 && i < n / (ssize_t)sizeof(si[0]); i++) {
		if (si[i].ssi_signo == SIGCHLD) { /* one walk takes all who are dead */
			if (!reaped)
				reap(s);
			reaped = true;
		} else
			on_signal(s, (int)si[i].ssi_signo);
	}
	if (reaped)
		sup_start_queued(s); /* before other events of this round: a cpu waits for it */
}

static void
choose_signals(const struct sup *s, sigset_t *set)
{
	struct sigaction hup;

	if (s->cfg->forward) {
		sigfillset(set);
		for (size_t i = 0; i < sizeof(not_forwarded) / sizeof(not_forwarded[0]); i++)
			sigdelset(set, not_forwarded[i]);
	} else {
		sigemptyset(set);
		for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
			sigaddset(set, taken[i]);
	}
	/* nohup: a signal that is ignored reaches a signalfd all the same */
	if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler == SIG_IGN)
		sigdelset(set, SIGHUP);
}

/* From here on no action changes: each child resets these alone, in place of all. */
static void
note_changed(sigset_t *changed)
{
	struct sigaction sa;

	sigemptyset(changed);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL)
			sigaddset(changed, sig);
}

bool
sup_signals_open(struct sup *s, struct sk_err *err)
{
	sigset_t set;

	for (int fd = 0; fd <= 2; fd++)
		s->terminal[fd] = isatty(fd) == 1;
	choose_signals(s, &set);
	signal(SIGPIPE, SIG_IGN);
	note_changed(&s->changed);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
		(s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1) {
		sk_fail_errno(err, "signalfd");
		return false;
	}
	s->signal_watch = sk_watch_add(s->loop, s->signal_fd, EPOLLIN, signals_ready, s, err);
	return s->signal_watch != NULL;
}
