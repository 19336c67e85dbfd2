#include "cmd/alerts.h"
#include "adapters/versions.h"
#include "adapters/yaml.h"
#include "core/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET_MAX 4096

bool
sk_alerts_file(
	const char *path, struct sk_arena *arena, struct sk_alert_rules *rules, struct sk_str *out)
{
	struct sk_problems p;
	bool ok;

	sk_problems_init(&p, arena, strcmp(path, "-") == 0 ? "stdin" : path);
	ok = sk_alert_rules_read(sk_yaml_file(path, arena, &p), arena, rules, &p);
	sk_problems_text(&p, out);
	return ok;
}

/* ---- the webhook ---- */

/* The file's first line; it must be nobody else's to read. */
static enum sk_code
read_secret(const char *path, char secret[SECRET_MAX], struct sk_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd == -1)
		return sk_fail_errno(err, "SKALDS_WEBHOOK_SECRET_FILE: %s", path);
	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
		close(fd);
		return sk_fail(err, SK_EINVAL,
			"SKALDS_WEBHOOK_SECRET_FILE: %s may be read by others: chmod 600 %s", path, path);
	}
	n = read(fd, secret, SECRET_MAX - 1);
	close(fd);
	if (n < 0)
		return sk_fail(err, SK_EIO, "SKALDS_WEBHOOK_SECRET_FILE: %s cannot be read", path);
	secret[n] = '\0';
	secret[strcspn(secret, "\r\n")] = '\0';
	if (secret[0] == '\0')
		return sk_fail(err, SK_EINVAL, "SKALDS_WEBHOOK_SECRET_FILE: %s is empty", path);
	return SK_OK;
}

static enum sk_code
open_webhook(struct sk_alerting *a, const struct sk_settings *s, struct sk_err *err)
{
	const char *file = sk_setting(s, "SKALDS_WEBHOOK_SECRET_FILE");
	char secret[SECRET_MAX] = "";
	struct sk_webhook_config cfg = { .url = sk_setting(s, "SKALDS_WEBHOOK_URL"),
		.secret = sk_setting(s, "SKALDS_WEBHOOK_SECRET"),
		.ca_file = sk_setting(s, "SKALDS_WEBHOOK_CA_FILE"),
		.agent = "skalds" };
	char agent[128];

	if (cfg.url[0] == '\0')
		return SK_OK;
	if (file[0] != '\0') {
		if (read_secret(file, secret, err) != SK_OK)
			return err->code;
		cfg.secret = secret;
	}
	snprintf(agent, sizeof(agent), "skalds/%s", sk_version());
	cfg.agent = agent;
	a->webhook = sk_webhook_open(&cfg, err);
	explicit_bzero(secret, sizeof(secret));
	if (a->webhook == NULL)
		return sk_wrap(err, "SKALDS_WEBHOOK_URL");
	return SK_OK;
}

/* ---- for those who run ---- */

bool
sk_alerting_open(struct sk_alerting *a, const struct sk_settings *s, const char *component)
{
	const char *path = sk_setting(s, "SKALDS_ALERTS");
	struct sk_str problems = SK_STR_INIT;
	struct sk_err err;
	bool ok = true;

	a->arena = sk_arena_new();
	if (path[0] != '\0')
		ok = a->given = sk_alerts_file(path, a->arena, &a->rules, &problems);
	if (!ok)
		sk_log(SK_ERROR, component, "the built-in rules of alerts hold: %.*s",
			(int)strcspn(problems.p, "\n"), problems.p);
	if (open_webhook(a, s, &err) != SK_OK) {
		sk_log(SK_ERROR, component, "nobody is told of alerts: %s", err.msg);
		ok = false;
	}
	sk_str_release(&problems);
	return ok;
}

static void
alerted(void *arg, const char *json, size_t n)
{
	struct sk_alerting *a = arg;

	sk_webhook_send(a->webhook, json, n);
}

void
sk_alerting_use(struct sk_alerting *a, struct sk_control_config *cfg)
{
	cfg->alerts = a->given ? &a->rules : NULL;
	cfg->alerted = a->webhook != NULL ? alerted : NULL;
	cfg->alerted_arg = a;
}

void
sk_alerting_close(struct sk_alerting *a)
{
	sk_webhook_close(a->webhook);
	sk_arena_free(a->arena);
	*a = (struct sk_alerting){ .arena = NULL };
}

/* ---- before they run ---- */

static int
check(const char *command, const struct sk_settings *s)
{
	const char *path = sk_setting(s, "SKALDS_ALERTS");
	struct sk_alerting a = { .arena = sk_arena_new() };
	struct sk_str problems = SK_STR_INIT;
	struct sk_err err;
	int code = SK_EXIT_OK;

	if (path[0] != '\0' && !sk_alerts_file(path, a.arena, &a.rules, &problems)) {
		fputs(sk_str_text(&problems), stderr);
		code = SK_EXIT_USAGE;
	}
	if (code == SK_EXIT_OK && open_webhook(&a, s, &err) != SK_OK) {
		sk_complain(command, "%s", err.msg);
		code = SK_EXIT_USAGE;
	}
	sk_str_release(&problems);
	sk_alerting_close(&a);
	return code;
}

int
sk_alerts_check(const char *command, const struct sk_settings *s)
{
	int status = 0;
	pid_t pid;

	if (sk_setting(s, "SKALDS_ALERTS")[0] == '\0' && sk_setting(s, "SKALDS_WEBHOOK_URL")[0] == '\0')
		return SK_EXIT_OK;
	fflush(NULL);
	pid = fork();
	if (pid == -1) {
		sk_complain(command, "cannot check the rules of alerts: %s", strerror(errno));
		return SK_EXIT_SYSTEM;
	}
	if (pid == 0) {
		int code = check(command, s);

		fflush(NULL);
		_exit(code);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : SK_EXIT_SYSTEM;
}
