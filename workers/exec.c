/* exec.c - any program as a task. No hooks: the supervisor starts the program itself, so that its
 * exit code, signal and output are kept exactly (struct sk_exec in registry.h). */
#include "workers/registry.h"

#include <string.h>

static const struct sk_field fields[] = {
	SK_FIELD(struct sk_exec, command, .item = SK_FIELD_STRING, .bounded = true, .min = 0,
		.max = 4096, .doc = "the program and its arguments; no shell in between"),
	SK_FIELD(struct sk_exec, script, .bounded = true, .min = 0, .max = 131072,
		.doc = "instead of command: text for /bin/sh -c"),
	SK_FIELD(struct sk_exec, env, .doc = "map of strings: added to the program's environment"),
	SK_FIELD(struct sk_exec, cwd, .bounded = true, .min = 0, .max = 4095,
		.doc = "directory to start in; empty = the one skalds runs in"),
	SK_FIELD(
		struct sk_exec, input, .key = "stdin", .doc = "text for the standard input; empty = none"),
	SK_FIELD(struct sk_exec, output_limit, .key = "outputLimit", .def = "0", .bounded = true,
		.min = 0, .max = 1e12, .doc = "bytes of output that are kept; 0 = the usual limit"),
	SK_FIELD(struct sk_exec, isolate, .def = "false",
		.doc = "give the program a process namespace of its own (needs root)"),
	SK_FIELDS_END,
};

/* The supervisor knows its tasks' processes by these: whoever changes them hides from it. */
static const char *const reserved[] = {
	"SKALDS_TASK_ID",
	"SKALDS_ATTEMPT",
	"SKALDS_TASK_INDEX",
	"SKALDS_RESULT",
	NULL,
};

static enum sk_code
check_variable(const struct sk_pair *p, struct sk_err *err)
{
	if (p->key[0] == '\0' || strchr(p->key, '=') != NULL)
		return sk_fail(err, SK_EINVAL, "env: \"%.100s\" cannot name a variable", p->key);
	for (size_t i = 0; reserved[i] != NULL; i++)
		if (strcmp(p->key, reserved[i]) == 0)
			return sk_fail(err, SK_EINVAL, "env: %s is set by skalds", p->key);
	if (p->value->kind != SK_STRING)
		return sk_fail(err, SK_EINVAL, "env.%.100s: expected string, got %s: put it in quotes",
			p->key, sk_kind_name(p->value->kind));
	return SK_OK;
}

static enum sk_code
check_env(const struct sk_value *env, struct sk_err *err)
{
	if (env == NULL || env->kind == SK_NULL)
		return SK_OK;
	if (env->kind != SK_MAP)
		return sk_fail(
			err, SK_EINVAL, "env: expected map of strings, got %s", sk_kind_name(env->kind));
	for (size_t i = 0; i < env->u.map.n; i++)
		if (check_variable(&env->u.map.pairs[i], err) != SK_OK)
			return SK_EINVAL;
	return SK_OK;
}

static enum sk_code
exec_check(const void *att, struct sk_err *err)
{
	const struct sk_exec *e = att;
	const char *const *argv = e->command.items;

	if (e->command.n == 0 && e->script[0] == '\0')
		return sk_fail(err, SK_EINVAL, "one of command and script is needed");
	if (e->command.n > 0 && e->script[0] != '\0')
		return sk_fail(err, SK_EINVAL, "command and script exclude each other");
	if (e->command.n > 0 && argv[0][0] == '\0')
		return sk_fail(
			err, SK_EINVAL, "command: the first word names the program, it cannot be empty");
	return check_env(e->env, err);
}

/* Not reusable: there is no code of ours to run again; each program is a process of its own. */
const struct sk_worker sk_worker_exec = {
	.name = "Exec",
	.doc = "Runs any program or shell script and keeps its output and exit code.",
	.kind = SK_WORKER_PROGRAM,
	.fields = fields,
	.attachment_size = sizeof(struct sk_exec),
	.check = exec_check,
};
