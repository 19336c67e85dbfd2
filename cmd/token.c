/* token.c - `skalds token new|list|remove`: who may ask over the network. */
#include "adapters/datadir.h"
#include "adapters/http/tokenfile.h"
#include "cmd/options.h"
#include "cmd/table.h"
#include "cmd/when.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <errno.h>
#include <string.h>

#define LONGEST_MS ((int64_t)1000 * 366 * 86400 * 1000)

/* ---- the file ---- */

/* --file, SKALDS_TOKENS_FILE, or `tokens` in the data directory, where `up` looks for it. */
static int
find_file(const char *command, const struct sk_settings *s, bool create, struct sk_str *path)
{
	const char *named = sk_setting(s, "SKALDS_TOKENS_FILE");
	struct sk_datadir_config cfg = { .create = create, .allow_volatile = true };
	struct sk_datadir *dir;
	struct sk_err err;

	if (*named != '\0') {
		sk_str_adds(path, named);
		return SK_EXIT_OK;
	}
	if (sk_datadir_locate(sk_setting(s, "SKALDS_DATA"), path, &err) != SK_OK)
		return sk_usage_error(command, "%s", err.msg);
	cfg.path = path->p;
	dir = create ? sk_datadir_open(&cfg, &err) : NULL;
	if (create && dir == NULL) {
		sk_complain(command, "%s", err.msg);
		return err.code == SK_EINVAL ? SK_EXIT_USAGE : SK_EXIT_STORAGE;
	}
	sk_datadir_close(dir);
	sk_str_adds(path, "/tokens");
	return SK_EXIT_OK;
}

static int
failed(const char *command, const struct sk_err *err)
{
	sk_complain(command, "%s", err->msg);
	switch (err->code) {
	case SK_ENOENT:
		return SK_EXIT_NOT_FOUND;
	case SK_EINVAL:
		return SK_EXIT_USAGE;
	case SK_ECONFLICT:
		return SK_EXIT_FAILED;
	default:
		return SK_EXIT_STORAGE;
	}
}

/* ---- new ---- */

/* "90d" from now, or a moment. */
static bool
parse_expires(const char *text, int64_t *ms)
{
	const int64_t now = sk_wall_ms();
	double seconds;

	if (sk_parse_duration(text, &seconds) && strspn(text, "0123456789") != strlen(text))
		*ms = now + (int64_t)(seconds * 1000);
	else if (!sk_moment_parse(text, now, ms))
		return false;
	*ms -= *ms % 1000; /* the file has whole seconds */
	return *ms > now && *ms - now < LONGEST_MS;
}

static void
print_new(const struct sk_args *args, const char *path, enum sk_role role, const char *secret,
	int64_t expires_ms)
{
	struct sk_str out = SK_STR_INIT;

	if (!args->json) {
		sk_str_addf(&out, "%s\n", secret);
	} else {
		sk_str_addc(&out, '{');
		sk_json_kstr(&out, "name", args->pos[0]);
		sk_json_kstr(&out, "role", sk_token_role_name(role));
		sk_json_key(&out, "expires");
		if (expires_ms > 0)
			sk_json_int(&out, expires_ms);
		else
			sk_str_adds(&out, "null");
		sk_json_kstr(&out, "file", path);
		sk_json_kstr(&out, "token", secret);
		sk_str_adds(&out, "}\n");
	}
	sk_out(&out);
	explicit_bzero(out.p, out.len);
	sk_str_release(&out);
	if (!args->quiet)
		fprintf(stderr,
			"skalds token new: added to %s, which does not hold the token itself: it is shown only "
			"now. What listens takes it after SIGHUP or its next start.\n",
			path);
}

static int
add_new(const struct sk_args *args, const char *path, enum sk_role role, int64_t expires_ms)
{
	char secret[SK_TOKEN_TEXT];
	struct sk_str line = SK_STR_INIT;
	struct sk_err err;
	enum sk_code code;

	if (!sk_token_new(secret)) {
		sk_complain("token new", "the system has no random bytes: %s", strerror(errno));
		return SK_EXIT_SYSTEM;
	}
	sk_token_line(&line, args->pos[0], role, secret, expires_ms);
	code = sk_tokenfile_add(path, args->pos[0], line.p, &err);
	sk_str_release(&line);
	if (code == SK_OK)
		print_new(args, path, role, secret, expires_ms);
	explicit_bzero(secret, sizeof(secret));
	return code == SK_OK ? SK_EXIT_OK : failed("token new", &err);
}

static int
new_run(const struct sk_args *args, struct sk_settings *settings)
{
	static const char command[] = "token new";
	const char *role = sk_arg(args, "role"), *expires = sk_arg(args, "expires");
	struct sk_str path = SK_STR_INIT;
	int64_t expires_ms = 0;
	int code;

	if (!sk_token_name_is_good(args->pos[0], strlen(args->pos[0])))
		return sk_usage_error(
			command, "the name must be 1 to %d letters, digits and ._@-", SK_TOKEN_NAME);
	if (role == NULL)
		return sk_usage_error(command, "--role is missing: read, write or admin");
	if (expires != NULL && !parse_expires(expires, &expires_ms))
		return sk_usage_error(command,
			"--expires: expected a time from now like 90d, or a day to come like 2030-12-31, got "
			"\"%.64s\"",
			expires);
	code = find_file(command, settings, true, &path);
	if (code == SK_EXIT_OK)
		code = add_new(args, path.p, sk_token_role(role, strlen(role)), expires_ms);
	sk_str_release(&path);
	return code;
}

/* ---- list ---- */

static void
add_json(struct sk_str *out, const struct sk_token *t)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "name", t->name);
	sk_json_kstr(out, "kind", t->certificate ? "certificate" : "token");
	sk_json_kstr(out, "role", sk_token_role_name(t->role));
	sk_json_key(out, "expires");
	if (t->expires_ms > 0)
		sk_json_int(out, t->expires_ms);
	else
		sk_str_adds(out, "null");
	sk_str_addc(out, '}');
}

static void
print_list(const struct sk_tokens *t, bool json)
{
	static const char *const head[] = { "NAME", "KIND", "ROLE", "EXPIRES", NULL };
	struct sk_str out = SK_STR_INIT;
	struct sk_grid grid;
	char when[24];

	sk_grid_init(&grid, head);
	sk_str_adds(&out, json ? "{\"items\":[" : "");
	for (size_t i = 0; i < t->n; i++) {
		const struct sk_token *token = &t->items[i];

		if (json)
			add_json(&out, token);
		sk_grid_cell(&grid, token->name);
		sk_grid_cell(&grid, token->certificate ? "certificate" : "token");
		sk_grid_cell(&grid, sk_token_role_name(token->role));
		sk_grid_cell(
			&grid, token->expires_ms > 0 ? sk_token_time(token->expires_ms, when) : "never");
	}
	if (json)
		sk_str_adds(&out, "],\"next\":null}\n");
	else
		sk_grid_text(&grid, sk_terminal_width(), &out);
	sk_grid_release(&grid);
	sk_out(&out);
	sk_str_release(&out);
}

static int
list_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_str path = SK_STR_INIT;
	struct sk_tokens t = { NULL, 0 };
	struct sk_err err;
	int code = find_file("token list", settings, false, &path);

	if (code == SK_EXIT_OK && sk_tokenfile_read(path.p, &t, &err) != SK_OK)
		code = failed("token list", &err);
	if (code == SK_EXIT_OK)
		print_list(&t, args->json);
	sk_tokens_release(&t);
	sk_str_release(&path);
	return code;
}

/* ---- remove ---- */

static int
remove_run(const struct sk_args *args, struct sk_settings *settings)
{
	struct sk_str path = SK_STR_INIT;
	struct sk_err err;
	int code = find_file("token remove", settings, false, &path);

	if (code == SK_EXIT_OK && sk_tokenfile_remove(path.p, args->pos[0], &err) != SK_OK)
		code = failed("token remove", &err);
	if (code == SK_EXIT_OK && !args->quiet)
		fprintf(stderr,
			"skalds token remove: %s is no more in %s; what listens refuses it after SIGHUP or its "
			"next start\n",
			args->pos[0], path.p);
	sk_str_release(&path);
	return code;
}

/* ---- the commands ---- */

static const char *const roles[] = { "read", "write", "admin", NULL };

#define FILE_OPTION \
	{ \
		.name = "file", .value = "FILE", .setting = "SKALDS_TOKENS_FILE", \
		.doc = "the file of tokens (`tokens` in the data directory)" \
	}

static const struct sk_opt new_options[] = {
	{ .name = "role",
		.value = "ROLE",
		.choices = roles,
		.doc = "read: look; write: change tasks; admin: skalds and the whole" },
	{ .name = "expires",
		.value = "TIME",
		.doc = "refuse it after this long (\"90d\") or from this day on (2030-12-31)" },
	FILE_OPTION,
	{ .name = NULL },
};

static const struct sk_opt file_options[] = { FILE_OPTION, { .name = NULL } };

static const struct sk_cmd new_cmd = {
	.name = "new",
	.summary = "Make a token, and let in who shows it",
	.usage = "NAME",
	.help = "The token is printed once; the file holds its SHA-256. Whoever may add tasks may run "
			"any\nprogram as the user of the node.\n"
			"\n"
			"Examples:\n"
			"  skalds token new ci --role write --expires 90d > ci.token\n"
			"  SKALDS_URL=https://build.example:8000 skalds status --token-file ci.token",
	.options = new_options,
	.min_args = 1,
	.max_args = 1,
	.run = new_run,
};

static const struct sk_cmd list = {
	.name = "list",
	.summary = "List the tokens and certificates of the file",
	.options = file_options,
	.run = list_run,
};

static const struct sk_cmd remove_cmd = {
	.name = "remove",
	.summary = "Take a token out of the file",
	.usage = "NAME",
	.help = "cert:NAME is the line of a certificate.",
	.options = file_options,
	.min_args = 1,
	.max_args = 1,
	.run = remove_run,
};

static const struct sk_cmd *const verbs[] = { &new_cmd, &list, &remove_cmd, NULL };

const struct sk_cmd sk_cmd_token = {
	.name = "token",
	.summary = "Make and remove tokens for the API over the network",
	.verbs = verbs,
};
