#include "cmd/agent.h"
#include "adapters/yaml.h"
#include "core/model/task.h"
#include "workers/registry.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
sk_agent_sink(const struct sk_settings *s, enum sk_console console, struct sk_sink_config *sink)
{
	*sink = (struct sk_sink_config){
		.console = console,
		.skald_id = sk_setting(s, "SKALD_ID"),
		.log_path = sk_setting(s, "LOG_PATH"),
		.rotation_bytes = (int64_t)(sk_setting_num(s, "LOG_ROTATION_MB") * 1e6),
		.retention_s = (int64_t)sk_setting_num(s, "LOG_RETENTION"),
		.split = sk_setting_bool(s, "LOG_SPLIT_WITH_WORKER_ID"),
		.data_dir = sk_setting(s, "SKALDS_DATA"),
	};
}

/* What systemd tells us about ourselves: a task taking it for its own would feed our watchdog. */
static bool
is_systemds(const char *name)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Our environment without secrets; the strings stay environ's. */
static const char **
task_env(void)
{
	const char **list;
	size_t n = 0, kept = 0;

	while (environ[n] != NULL)
		n++;
	list = sk_xcalloc(n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		char name[256];
		size_t len = strcspn(environ[i], "=");

		snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : 255, environ[i]);
		if (!sk_setting_is_secret_name(name) && !is_systemds(name))
			list[kept++] = environ[i];
	}
	return list;
}

int
sk_agent_supervise(struct sk_supervisor_config *sup)
{
	const char **env = task_env();
	int code;

	sup->env = env;
	code = sk_supervise(sup);
	sup->env = NULL;
	free(env);
	return code;
}

static const char **
env_strings(const struct sk_value *env, struct sk_arena *a)
{
	size_t n = env != NULL && env->kind == SK_MAP ? env->u.map.n : 0;
	const char **list = sk_arena_alloc(a, (n + 1) * sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = sk_arena_printf(
			a, "%s=%s", env->u.map.pairs[i].key, env->u.map.pairs[i].value->u.str.s);
	return list;
}

static void
describe_program(const struct sk_exec *e, struct sk_arena *a, struct sk_start *st)
{
	size_t n = e->command.n;
	const char **argv = sk_arena_alloc(a, (n + 4) * sizeof(*argv));

	st->program = true;
	if (e->script[0] != '\0') {
		argv[0] = "/bin/sh";
		argv[1] = "-c";
		argv[2] = e->script;
	} else
		memcpy(argv, e->command.items, n * sizeof(*argv));
	st->argv = argv;
	st->env = env_strings(e->env, a);
	st->cwd = e->cwd;
	st->input = e->input;
	st->output_limit = e->output_limit;
	st->isolate = e->isolate;
}

bool
sk_agent_describe_class(const struct sk_worker *worker, const struct sk_value *attachments,
	struct sk_arena *a, struct sk_start *st, struct sk_err *err)
{
	static const struct sk_value none = { .kind = SK_MAP };
	struct sk_problems problems;
	struct sk_str value = SK_STR_INIT;
	struct sk_exec exec;

	if (worker->kind != SK_WORKER_PROGRAM) {
		sk_value_encode(&value, attachments != NULL ? attachments : &none);
		st->attachments = memcpy(sk_arena_alloc(a, value.len + 1), sk_str_text(&value), value.len);
		st->attachments_len = value.len;
		sk_str_release(&value);
		return true;
	}
	sk_problems_init(&problems, a, "");
	if (!sk_fields_decode(
			worker->fields, attachments, &exec, sizeof(exec), a, "attachments", true, &problems)) {
		sk_problems_fail(&problems, err);
		return false;
	}
	/* a store may hold what nobody of ours has checked */
	if (worker->check != NULL && worker->check(&exec, err) != SK_OK)
		return false;
	describe_program(&exec, a, st);
	return true;
}

bool
sk_agent_describe_record(void *arg, const struct sk_record *r, struct sk_arena *a,
	struct sk_start *st, struct sk_err *err)
{
	const struct sk_worker *worker = sk_worker_find(r->class_name);

	(void)arg;
	if (worker != NULL)
		return sk_agent_describe_class(worker, sk_map_get(r->spec, "attachments"), a, st, err);
	sk_fail(err, SK_ENOENT, "this build has no worker class %s", r->class_name);
	return false;
}

void
sk_agent_quit(int channel, const char *component, int code)
{
	struct sk_chan chan;
	struct sk_str payload = SK_STR_INIT;

	sk_chan_init(&chan, channel);
	sk_put_u32(&payload, (uint32_t)code);
	sk_chan_queue(&chan, SK_F_QUIT, 0, 0, &payload);
	if (sk_chan_flush(&chan, NULL) != SK_OK)
		sk_log(SK_ERROR, component, "the supervisor does not listen");
	sk_str_release(&payload);
	chan.fd = -1;
	sk_chan_release(&chan);
}

bool
sk_agent_describe(void *arg, const struct sk_plan_task *t, struct sk_arena *a, struct sk_start *st,
	struct sk_err *err)
{
	const struct sk_task_spec *spec = &t->spec;

	(void)arg;
	*st = (struct sk_start){
		.id = spec->id,
		.class_name = spec->class_name,
		.timeout_ms = (int64_t)(spec->timeout_s * 1000),
		.grace_ms = (int64_t)(spec->grace_s * 1000),
		.memory_mb = spec->resources.memory_mb,
	};
	return sk_agent_describe_class(spec->worker, spec->attachments, a, st, err);
}

static bool
read_text(int fd, struct sk_str *text)
{
	char buf[16384];
	ssize_t n;

	while (text->len <= SK_YAML_MAX_BYTES) { /* one byte more than is allowed says enough */
		n = read(fd, buf, sizeof(buf));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		sk_str_add(text, buf, (size_t)n);
	}
	return true;
}

int
sk_agent_file_open(struct sk_agent_file *f, const char *path, bool lenient)
{
	bool standard = strcmp(path, "-") == 0, good;
	struct stat st;
	int fd;

	*f = (struct sk_agent_file){ .path = path, .lenient = lenient };
	if (!standard && (stat(path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return 0; /* what is wrong with it is said when it is loaded */
	fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	good = fd != -1 && read_text(fd, &f->text);
	if (!good)
		fprintf(stderr, "skalds: %s: %s\n", standard ? "stdin" : path, strerror(errno));
	if (!standard && fd != -1)
		close(fd);
	f->held = true;
	return good ? 0 : SK_EXIT_USAGE;
}

void
sk_agent_file_close(struct sk_agent_file *f)
{
	sk_str_release(&f->text);
}

int
sk_agent_load(const struct sk_agent_file *f, struct sk_arena **arena, struct sk_task_list *list)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems problems;
	struct sk_str text = SK_STR_INIT;
	struct sk_value *doc;
	bool ok;

	sk_problems_init(&problems, a, strcmp(f->path, "-") == 0 ? "stdin" : f->path);
	doc = f->held ? sk_yaml_parse(sk_str_text(&f->text), f->text.len, a, &problems)
				  : sk_yaml_file(f->path, a, &problems);
	ok = sk_task_file(doc, sk_workers, f->lenient, a, list, &problems);
	sk_problems_text(&problems, &text);
	fputs(sk_str_text(&text), stderr);
	fflush(stderr);
	sk_str_release(&text);
	if (!ok) {
		sk_arena_free(a);
		return SK_EXIT_USAGE;
	}
	*arena = a;
	return 0;
}

int
sk_agent_exit_code(const struct sk_plan_task *t, int signal)
{
	const struct sk_task_report *r = &t->report;

	switch (r->reason) {
	case SK_REASON_TIMEOUT:
		return SK_EXIT_TIMEOUT;
	case SK_REASON_INTERRUPTED:
		/* never started, or it did not end by itself: what stopped us is what is told, also
		 * when the grace ran out and SIGKILL did it */
		if (t->attempt == 0 || (signal != 0 && (r->start_boot_ms == 0 || r->signal != 0)))
			return 128 + signal;
		return r->code;
	case SK_REASON_EXITED:
	case SK_REASON_SIGNALED:
	case SK_REASON_OOM:
	case SK_REASON_START_FAILED:
		return r->code;
	case SK_REASON_CANCELLED:
	case SK_REASON_LOST:
	case SK_REASON_SKIPPED:
		return SK_EXIT_SKALDS;
	}
	return SK_EXIT_SKALDS;
}
