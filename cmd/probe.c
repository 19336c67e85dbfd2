/* probe.c - `skalds probe live|ready`: for exec probes in images without a shell. Asks the
 * supervisor over its socket in the runtime directory and turns the answer into an exit code. */
#include "cmd/options.h"
#include "core/base/clock.h"
#include "core/run/rundir.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_ANSWER 4096
#define DEFAULT_TIMEOUT_S 2

struct probe {
	const char *dir;
	const char *member; /* "live" or "ready" */
	int64_t until_ms;
	double timeout_s;
	char answer[MAX_ANSWER + 1];
	size_t len;
};

static bool
wait_for(const struct probe *p, int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t left;

	do {
		left = p->until_ms - sk_boot_ms();
		if (left <= 0)
			return false;
	} while (poll(&pfd, 1, (int)left) == -1 && errno == EINTR);
	return pfd.revents != 0;
}

/* A socket that somebody listens on; -1 when its supervisor is gone, with errno. */
static int
connect_to(const struct probe *p, long pid)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%ld.sock", p->dir, pid);

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	/* EAGAIN: the queue of a supervisor that answers nobody is full. */
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static enum sk_code
read_line(struct probe *p, int fd, struct sk_err *err)
{
	while (p->len < MAX_ANSWER && memchr(p->answer, '\n', p->len) == NULL) {
		ssize_t n;

		if (!wait_for(p, fd, POLLIN))
			return sk_fail(
				err, SK_EUNAVAIL, "the supervisor did not answer within %g s", p->timeout_s);
		n = read(fd, p->answer + p->len, MAX_ANSWER - p->len);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == -1)
			return sk_fail_errno(err, "cannot read the supervisor's answer");
		if (n == 0)
			break;
		p->len += (size_t)n;
	}
	p->answer[p->len] = '\0';
	p->len = strcspn(p->answer, "\n");
	p->answer[p->len] = '\0';
	return SK_OK;
}

/* SK_OK when the member is true. The line is written by ourselves: a quote inside one of its texts
 * is escaped, so the member's name in quotes occurs once. */
static enum sk_code
judge(const struct probe *p, struct sk_err *err)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", p->member);
	at = strstr(p->answer, key);
	if (at == NULL || p->answer[0] != '{')
		return sk_fail(err, SK_EIO, "the supervisor's answer makes no sense");
	if (strncmp(at + strlen(key), "true", 4) == 0)
		return SK_OK;
	return sk_fail(err, SK_EUNAVAIL, "not %s", p->member);
}

/* The number in "<pid>.sock", 0 for other names. */
static long
pid_of(const char *name)
{
	char *end;
	long pid;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	pid = strtol(name, &end, 10);
	return strcmp(end, ".sock") == 0 ? pid : 0;
}

/* Whom to ask when nobody was named: PID 1, for that is the container's; else the only one. */
static enum sk_code
choose(const struct probe *p, long *found, struct sk_err *err)
{
	DIR *d = opendir(p->dir);
	long first = 0, second = 0;

	if (d == NULL)
		return sk_fail_errno(err, "cannot read the runtime directory %s", p->dir);
	for (const struct dirent *e = readdir(d); e != NULL && first != 1; e = readdir(d)) {
		long pid = pid_of(e->d_name);
		int fd = pid > 0 ? connect_to(p, pid) : -1;

		if (pid == 0 || (fd == -1 && errno != EAGAIN))
			continue; /* a dead one's socket */
		if (fd != -1)
			close(fd);
		second = first;
		first = pid;
	}
	closedir(d);
	*found = first;
	if (first == 0)
		return sk_fail(err, SK_ENOENT, "no supervisor runs here (looked in %s)", p->dir);
	if (first != 1 && second != 0)
		return sk_fail(err, SK_EINVAL,
			"several supervisors run here, %ld and %ld among them; "
			"choose one with --pid",
			second, first);
	return SK_OK;
}

static enum sk_code
ask(struct probe *p, long pid, struct sk_err *err)
{
	enum sk_code code;
	int fd;

	if (pid == 0 && choose(p, &pid, err) != SK_OK)
		return err->code;
	fd = connect_to(p, pid);
	if (fd == -1 && errno == EAGAIN)
		return sk_fail(err, SK_EUNAVAIL, "the supervisor %ld answers nobody", pid);
	if (fd == -1)
		return sk_fail_errno(err, "cannot reach the supervisor %ld in %s", pid, p->dir);
	code = read_line(p, fd, err);
	close(fd);
	return code == SK_OK ? judge(p, err) : code;
}

static bool
positive(const char *text, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && *end == '\0' && *out > 0 && *out <= max;
}

static int
probe_run(const struct sk_args *args, const char *member)
{
	const char *timeout = sk_arg(args, "timeout"), *which = sk_arg(args, "pid");
	struct probe p = { .member = member, .timeout_s = DEFAULT_TIMEOUT_S };
	char dir[256];
	double pid = 0;
	struct sk_err err;
	enum sk_code code;

	if (timeout != NULL && !positive(timeout, 3600, &p.timeout_s))
		return sk_usage_error(
			"probe", "--timeout: expected seconds up to 3600, got \"%.40s\"", timeout);
	if (which != NULL && (!positive(which, 1 << 22, &pid) || pid != (double)(long)pid))
		return sk_usage_error("probe", "--pid: expected a process id, got \"%.40s\"", which);
	p.until_ms = sk_boot_ms() + (int64_t)(p.timeout_s * 1000);
	p.dir = sk_rundir(dir, sizeof(dir));
	code = *p.dir == '\0' ? sk_fail(&err, SK_EUNAVAIL, "there is no runtime directory")
						  : ask(&p, (long)pid, &err);
	if (args->json && p.len > 0)
		printf("%s\n", p.answer);
	if (code == SK_OK)
		return SK_EXIT_OK;
	sk_complain("probe", "%s: %s", member, err.msg);
	return code == SK_EINVAL ? SK_EXIT_USAGE : SK_EXIT_FAILED;
}

static int
live_run(const struct sk_args *args, struct sk_settings *settings)
{
	(void)settings;
	return probe_run(args, "live");
}

static int
ready_run(const struct sk_args *args, struct sk_settings *settings)
{
	(void)settings;
	return probe_run(args, "ready");
}

static const struct sk_opt options[] = {
	{ .name = "timeout", .value = "SECONDS", .doc = "how long to wait for the answer (2)" },
	{ .name = "pid", .value = "PID", .doc = "which supervisor, when several run here" },
	{ .name = NULL },
};

static const char help[] =
	"Exit 0 when it is, 1 when it is not or nobody answers. In a container PID 1 is asked, else\n"
	"the only supervisor there is. With --json its whole answer is printed.";

static const struct sk_cmd live = {
	.name = "live",
	.summary = "Does the supervisor make progress",
	.help = help,
	.options = options,
	.run = live_run,
};

static const struct sk_cmd ready = {
	.name = "ready",
	.summary = "Does it do its work and is not being stopped",
	.help = help,
	.options = options,
	.run = ready_run,
};

static const struct sk_cmd *const verbs[] = { &live, &ready, NULL };

const struct sk_cmd sk_cmd_probe = {
	.name = "probe",
	.summary = "Ask the supervisor that runs here, for health checks",
	.verbs = verbs,
};
