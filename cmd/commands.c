/* commands.c - the multi-call table: one line a command, in the order of the help. */
#include "cmd/cmd.h"
#include "cmd/settings.h"
#include <string.h>

#define COMMANDS(C) \
	C(up, "up", SK_BY_UP) \
	C(task, "task", SK_BY_TASK) \
	C(skald, "skald", SK_BY_TASK) \
	C(status, "status", SK_BY_TASK) \
	C(alert, "alert", SK_BY_TASK) \
	C(backup, "backup", SK_BY_TASK) \
	C(edge, "edge", SK_BY_EDGE) \
	C(run_one, "run-one", SK_BY_RUN_ONE) \
	C(node, "node", SK_BY_NODE) \
	C(controller, "controller", SK_BY_CONTROLLER) \
	C(check, "check", SK_BY_CHECK) \
	C(token, "token", SK_BY_OTHERS) \
	C(worker, "worker", SK_BY_OTHERS) \
	C(probe, "probe", SK_BY_OTHERS) \
	C(config, "config", 0) \
	C(doctor, "doctor", 0) \
	C(completion, "completion", 0) \
	C(version, "version", 0) \
	C(help, "help", 0)

/* Asked by scripts, never typed: no help, no suggestion, no completion shows them. */
#define HIDDEN(C) C(complete, "__complete", 0)

#define DECLARE(id, text, users_) extern const struct sk_cmd sk_cmd_##id;
COMMANDS(DECLARE)
HIDDEN(DECLARE)

#define ROW(id, text, users_) { .name = (text), .cmd = &sk_cmd_##id, .users = (users_) },
const struct sk_command sk_commands[] = {
	COMMANDS(ROW){ .name = NULL },
};

static const struct sk_command hidden[] = { HIDDEN(ROW){ .name = NULL } };

#define MAX_NAMES 64

const struct sk_command *
sk_command_find(const char *name)
{
	for (const struct sk_command *c = sk_commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	for (const struct sk_command *c = hidden; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *
sk_command_suggest(const char *name)
{
	const char *names[MAX_NAMES];
	size_t n = 0;

	for (const struct sk_command *c = sk_commands; c->name != NULL && n < MAX_NAMES - 1; c++)
		names[n++] = c->name;
	names[n] = NULL;
	return sk_suggest(name, names);
}

const struct sk_cmd *
sk_verb_find(const struct sk_cmd *cmd, const char *name)
{
	for (const struct sk_cmd *const *v = cmd->verbs; v != NULL && *v != NULL; v++)
		if (strcmp((*v)->name, name) == 0)
			return *v;
	return NULL;
}

const char *
sk_verb_suggest(const struct sk_cmd *cmd, const char *name)
{
	const char *names[MAX_NAMES];
	size_t n = 0;

	for (const struct sk_cmd *const *v = cmd->verbs; *v != NULL && n < MAX_NAMES - 1; v++)
		names[n++] = (*v)->name;
	names[n] = NULL;
	return sk_suggest(name, names);
}
