/* backup.c - `skalds backup FILE`: a consistent copy of all tasks, while they run. */
#include "cmd/answer.h"
#include "cmd/door.h"
#include "cmd/options.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "backup"

/* The other side has another working directory. NULL after it was said why. */
static char *
absolute(const char *path)
{
	char *cwd, *full;

	if (path[0] == '/')
		return sk_xstrdup(path);
	cwd = getcwd(NULL, 0);
	if (cwd == NULL) {
		sk_complain(COMMAND, "the working directory: %s", strerror(errno));
		return NULL;
	}
	full = sk_xasprintf("%s/%s", cwd, path);
	free(cwd);
	return full;
}

static int
backup_to(struct sk_door *d, const char *path, const struct sk_args *args)
{
	struct sk_http_answer answer;
	struct sk_str body = SK_STR_INIT;
	int code;

	sk_str_addc(&body, '{');
	sk_json_kstr(&body, "path", path);
	sk_str_addc(&body, '}');
	code = sk_door_call(d, "POST", "/v1/backup", body.p, &answer);
	if (code == 0) {
		if (args->json)
			fprintf(stdout, "%s\n", body.p);
		else if (!args->quiet)
			fprintf(stderr, "all tasks are in %s\n", path);
		sk_door_release(&answer);
	}
	sk_str_release(&body);
	return code;
}

static int
backup_run(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = COMMAND };
	const char *given = args->pos[0];
	struct sk_door *d;
	char *path;
	int code;

	if (given[0] == '\0')
		return sk_usage_error(COMMAND, "the name of the file is empty");
	if (sk_utf8_bad(given, strlen(given)) != strlen(given))
		return sk_usage_error(COMMAND, "the name of the file is not valid UTF-8");
	path = absolute(given);
	if (path == NULL)
		return SK_EXIT_SYSTEM;
	d = sk_door_open(settings, &cfg);
	if (sk_door_remote(d) && given[0] != '/')
		code = sk_usage_error(COMMAND, "with --url the file is made there: give its whole path");
	else
		code = backup_to(d, path, args);
	sk_door_close(d);
	free(path);
	return code;
}

const struct sk_cmd sk_cmd_backup = {
	.name = "backup",
	.summary = "Copy all tasks into a file, while they run",
	.usage = "FILE",
	.help = "FILE is a new file; it is a data directory's store (tasks.db) as of one moment. With "
			"--url it is\nmade on the other machine.\n"
			"\n"
			"Example:\n"
			"  skalds backup /var/backups/skalds-$(date +%F).db",
	.min_args = 1,
	.max_args = 1,
	.run = backup_run,
};
