#include "cmd/door.h"
#include "adapters/datadir.h"
#include "cmd/answer.h"
#include "cmd/cmd.h"
#include "cmd/door_inside.h"
#include "cmd/services.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SILENT_CONNECT_MS 300
#define SILENT_CALL_MS 1000
#define CONNECT_MS 5000
#define CALL_MS 60000
#define FIRST_WAIT_MS 5
#define LONGEST_WAIT_MS 200
#define PAUSE_MS 500
#define BACK_MS 3000 /* for a hub that was there */
#define TELL_MS 2000 /* so long without an answer, and it is said that it is waited for */
#define FLEET_WAIT_MS 1500 /* what an event was lost of is found that late */

enum way { WAY_URL, WAY_DIR, WAY_FLEET };

struct sk_door {
	struct sk_door_config cfg;
	const struct sk_settings *settings;
	enum way way;
	const char *url; /* of WAY_URL */
	struct sk_str dir, socket;
	struct sk_http_client *client;
	struct sk_inside *inside;
	bool was_inside, resent;
	bool follow;
	bool met; /* somebody was at the socket: when he is gone he will most likely be back */
};

/* What was said closer to the command counts: --data goes before SKALDS_URL and before the services
 * of the environment. */
static enum way
choose_way(const struct sk_settings *s)
{
	enum sk_origin dir = sk_setting_origin(s, "SKALDS_DATA");

	if (*sk_setting(s, "SKALDS_URL") != '\0' && dir <= sk_setting_origin(s, "SKALDS_URL"))
		return WAY_URL;
	if (sk_services_kind(s, NULL) == SK_SERVICES_FLEET && dir <= sk_setting_origin(s, "MONGO_HOST"))
		return WAY_FLEET;
	return WAY_DIR;
}

struct sk_door *
sk_door_open(const struct sk_settings *s, const struct sk_door_config *cfg)
{
	struct sk_door *d = sk_xcalloc(1, sizeof(*d));

	d->cfg = *cfg;
	d->settings = s;
	d->way = choose_way(s);
	d->url = sk_setting(s, "SKALDS_URL");
	return d;
}

void
sk_door_rest(struct sk_door *d)
{
	if (d->way != WAY_DIR)
		return;
	sk_inside_close(d->inside);
	d->inside = NULL;
}

void
sk_door_close(struct sk_door *d)
{
	if (d == NULL)
		return;
	sk_inside_close(d->inside);
	sk_http_client_close(d->client);
	sk_str_release(&d->dir);
	sk_str_release(&d->socket);
	free(d);
}

bool
sk_door_inside(const struct sk_door *d)
{
	return d->was_inside;
}

bool
sk_door_resent(const struct sk_door *d)
{
	return d->resent;
}

bool
sk_door_remote(const struct sk_door *d)
{
	return d->way != WAY_DIR;
}

bool
sk_door_fleet(const struct sk_door *d)
{
	return d->way == WAY_FLEET;
}

void
sk_door_place(const struct sk_door *d, struct sk_str *out)
{
	if (d->way == WAY_URL)
		sk_mask_url(out, d->url);
	else if (d->way == WAY_FLEET)
		sk_setting_shown(d->settings, "MONGO_HOST", out);
	else
		sk_str_add(out, sk_str_text(&d->dir), d->dir.len);
}

int64_t
sk_door_patience(const struct sk_door *d, int64_t ms)
{
	if (d->way == WAY_FLEET)
		return ms < FLEET_WAIT_MS ? ms : FLEET_WAIT_MS;
	return d->was_inside ? 0 : ms;
}

void
sk_door_follow(struct sk_door *d)
{
	d->follow = true;
}

static void
sleep_ms(int64_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL); /* a signal may cut it short */
}

void
sk_door_pause(struct sk_door *d)
{
	if (!d->was_inside)
		return;
	sk_door_rest(d);
	sleep_ms(PAUSE_MS);
}

/* ---- one try ---- */

static enum sk_code
locate(struct sk_door *d, struct sk_err *err)
{
	enum sk_code code = SK_OK;

	if (d->dir.len > 0)
		return SK_OK;
	code = sk_datadir_locate(sk_setting(d->settings, "SKALDS_DATA"), &d->dir, err);
	if (code == SK_OK)
		sk_datadir_socket(d->dir.p, &d->socket);
	return code;
}

static enum sk_code
open_client(struct sk_door *d, struct sk_err *err)
{
	bool remote = d->way == WAY_URL;
	struct sk_http_client_config cfg = { .socket = remote ? "" : sk_str_text(&d->socket),
		.url = remote ? d->url : "",
		.token = remote ? sk_setting(d->settings, "SKALDS_TOKEN") : "",
		.ca_file = remote ? sk_setting(d->settings, "SKALDS_CA_FILE") : "",
		.cert_file = remote ? sk_setting(d->settings, "SKALDS_CERT_FILE") : "",
		.key_file = remote ? sk_setting(d->settings, "SKALDS_KEY_FILE") : "",
		.connect_ms = d->cfg.silent ? SILENT_CONNECT_MS : CONNECT_MS,
		.call_ms = d->cfg.silent ? SILENT_CALL_MS : CALL_MS };

	if (d->client == NULL)
		d->client = sk_http_client_open(&cfg, err);
	return d->client != NULL ? SK_OK : err->code;
}

static enum sk_code
over_http(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer,
	struct sk_err *err)
{
	enum sk_code code = open_client(d, err);
	bool sent = false;

	if (code != SK_OK)
		return code;
	d->was_inside = false;
	code = sk_http_call(d->client, call, answer, &sent, err);
	d->resent = d->resent || (code != SK_OK && sent);
	d->met = d->met || code == SK_OK || sent;
	return code;
}

/* Nothing is repeated when the store does not answer at the start: it had its time. */
static enum sk_code
in_fleet(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer,
	struct sk_err *err)
{
	enum sk_code code = SK_OK;

	if (d->inside == NULL)
		code = sk_inside_open_fleet(d->settings, d->cfg.command, d->cfg.silent, &d->inside, err);
	return code == SK_OK ? sk_inside_call(d->inside, call, answer, err) : code;
}

/* The services of a fleet are named in part, and nobody is here: tasks would not go where they are
 * meant to go. */
static enum sk_code
check_services(const struct sk_door *d, struct sk_err *err)
{
	struct sk_str missing = SK_STR_INIT;

	if (*sk_setting(d->settings, "MONGO_HOST") == '\0' ||
		sk_setting_origin(d->settings, "SKALDS_DATA") >
			sk_setting_origin(d->settings, "MONGO_HOST") ||
		sk_services_kind(d->settings, &missing) != SK_SERVICES_SOME) {
		sk_str_release(&missing);
		return SK_OK;
	}
	sk_fail(err, SK_EINVAL,
		"MONGO_HOST is set, but not %s, and nothing is running in %s: set all three for a fleet, "
		"or "
		"choose the directory with --data",
		sk_str_text(&missing), d->dir.p);
	sk_str_release(&missing);
	return SK_EINVAL;
}

/* SK_EUNAVAIL: the lock is taken, but whoever has it cannot be reached yet. */
static enum sk_code
in_process(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer,
	struct sk_err *err)
{
	enum sk_code code = SK_OK;

	/* a member of the socket's group cannot look into the directory */
	if (d->inside == NULL && access(d->dir.p, R_OK | W_OK | X_OK) != 0 && errno == EACCES)
		return sk_fail(err, SK_EUNAVAIL, "nobody answers at %s, and %s is not yours to open",
			d->socket.p, d->dir.p);
	if (d->inside == NULL)
		code = check_services(d, err);
	if (d->inside == NULL && code == SK_OK)
		code = sk_inside_open_dir(d->dir.p, d->cfg.create, &d->inside, err);
	if (code == SK_ECONFLICT)
		return SK_EUNAVAIL;
	if (code == SK_ENOENT)
		sk_fail(err, SK_ENOENT,
			"nothing is running, and there are no tasks in %s yet: start `skalds up`", d->dir.p);
	if (code != SK_OK)
		return code;
	d->was_inside = true;
	return sk_inside_call(d->inside, call, answer, err);
}

/* age_ms: since the first try. A hub that died is started again at once: only when it stays away
 * the directory counts as nobody's. */
static enum sk_code
try_once(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer,
	int64_t age_ms, struct sk_err *err)
{
	enum sk_code code;

	if (d->way == WAY_FLEET)
		return in_fleet(d, call, answer, err);
	if (d->inside != NULL)
		return in_process(d, call, answer, err);
	code = over_http(d, call, answer, err);
	if (code == SK_EUNAVAIL && d->way == WAY_DIR && (!d->met || age_ms > BACK_MS))
		return in_process(d, call, answer, err);
	return code;
}

/* ---- until it is answered ---- */

static bool
is_starting(const struct sk_http_answer *answer)
{
	return answer->status == 503;
}

/* A call may be made once more. */
static bool
may_repeat(const struct sk_door *d, enum sk_code code)
{
	if (code == SK_OK || code == SK_EUNAVAIL)
		return d->way != WAY_FLEET || code == SK_OK;
	return code == SK_EAGAIN && d->way == WAY_URL && d->follow && d->met;
}

static int64_t
repeat_ms(const struct sk_door *d)
{
	if (d->cfg.silent)
		return 0;
	return d->way == WAY_URL && d->follow && d->met ? SK_DOOR_FOLLOW_MS : SK_DOOR_REPEAT_MS;
}

/* Whoever looks at a command that says nothing should know why. */
static void
tell_waiting(const struct sk_door *d, enum sk_code code, const struct sk_err *err)
{
	sk_complain(d->cfg.command, "%s; trying again for %d s",
		code == SK_OK ? "it is not ready" : err->msg, (int)(repeat_ms(d) / 1000));
}

static enum sk_code
try_for_a_while(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer,
	struct sk_err *err)
{
	int64_t start = sk_boot_ms(), wait = FIRST_WAIT_MS;
	enum sk_code code;
	bool told = false;

	d->resent = false;
	code = d->way == WAY_DIR ? locate(d, err) : SK_OK;
	if (code != SK_OK)
		return code;
	for (;;) {
		code = try_once(d, call, answer, sk_boot_ms() - start, err);
		if (code == SK_OK && !is_starting(answer))
			return SK_OK;
		if (!may_repeat(d, code) || sk_boot_ms() + wait > start + repeat_ms(d))
			return code;
		if (!told && d->way == WAY_URL && sk_boot_ms() - start > TELL_MS) {
			tell_waiting(d, code, err);
			told = true;
		}
		sk_door_release(answer);
		sleep_ms(wait);
		wait = wait * 2 > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait * 2;
	}
}

static int
unreachable(const struct sk_door *d, enum sk_code code, const struct sk_err *err)
{
	bool storage = d->way != WAY_FLEET && (code == SK_EIO || code == SK_ENOSPC);

	if (!d->cfg.silent)
		sk_complain(
			d->cfg.command, "%s%s", err->msg, sk_storage_advice(sk_door_remote(d) ? SK_OK : code));
	return code == SK_EINVAL ? SK_EXIT_USAGE : storage ? SK_EXIT_STORAGE : SK_EXIT_UNAVAILABLE;
}

int
sk_door_ask(struct sk_door *d, const struct sk_http_call *call, struct sk_http_answer *answer)
{
	struct sk_err err = { SK_OK, "" };
	enum sk_code code;

	*answer = (struct sk_http_answer){ .status = 0 };
	code = try_for_a_while(d, call, answer, &err);
	if (code == SK_OK)
		return 0;
	sk_door_release(answer);
	return unreachable(d, code, &err);
}

int
sk_door_call(struct sk_door *d, const char *method, const char *path, const char *body,
	struct sk_http_answer *answer)
{
	const struct sk_http_call call = {
		.method = method, .path = path, .body = body, .len = body != NULL ? strlen(body) : 0
	};
	int code = sk_door_ask(d, &call, answer);

	if (code == 0 && (answer->status < 200 || answer->status > 299)) {
		code = sk_door_refused(d, answer, NULL, NULL, 0);
		sk_door_release(answer);
	}
	return code;
}

void
sk_door_release(struct sk_http_answer *answer)
{
	sk_str_release(&answer->body);
	sk_str_release(&answer->headers);
	*answer = (struct sk_http_answer){ .status = 0 };
}

/* ---- what is no success ---- */

static int
exit_code(int status)
{
	switch (status) {
	case 404:
		return SK_EXIT_NOT_FOUND;
	case 400:
	case 405:
	case 413:
	case 422:
		return SK_EXIT_USAGE;
	case 408:
	case 429:
	case 502:
	case 503:
	case 504:
		return SK_EXIT_UNAVAILABLE;
	case 500:
	case 507:
		return SK_EXIT_STORAGE;
	default:
		return SK_EXIT_FAILED;
	}
}

static void
say_problem(const struct sk_door *d, const struct sk_value *problem, const char *file,
	const size_t *lines, size_t n_lines)
{
	int64_t line = sk_member_int(problem, "line", 0);
	const char *path = sk_member_text(problem, "path");
	struct sk_str s = SK_STR_INIT;

	if (line > 0 && lines != NULL && (size_t)line <= n_lines)
		line = (int64_t)lines[line - 1];
	if (line > 0)
		sk_str_addf(&s, "%s:%" PRId64 ": ", file != NULL ? file : "line", line);
	if (*path != '\0')
		sk_str_addf(&s, "%s: ", path);
	sk_complain(d->cfg.command, "%s%s", sk_str_text(&s), sk_member_text(problem, "message"));
	sk_str_release(&s);
}

/* What our own store has answered. A server's sentences are its own. */
static enum sk_code
storage_code(const struct sk_door *d, int status)
{
	if (!d->was_inside)
		return SK_OK;
	return status == 507 ? SK_ENOSPC : status == 500 ? SK_EIO : SK_OK;
}

static void
say(const struct sk_door *d, const struct sk_http_answer *answer, const char *file,
	const size_t *lines, size_t n_lines)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *v = sk_answer_parse(NULL, &answer->body, a);
	struct sk_value *const *problems;
	size_t n;

	problems = sk_member_list(v, "error.problems", &n);
	for (size_t i = 0; i < n; i++)
		say_problem(d, problems[i], file, lines, n_lines);
	if (n == 0 && *sk_member_text(v, "error.message") != '\0')
		sk_complain(d->cfg.command, "%s%s", sk_member_text(v, "error.message"),
			sk_storage_advice(storage_code(d, answer->status)));
	else if (n == 0)
		sk_complain(d->cfg.command, "the answer was HTTP status %d", answer->status);
	sk_arena_free(a);
}

/* Nothing was shown, and the server cannot know what its token is called here. */
static void
say_token(const struct sk_door *d)
{
	struct sk_str place = SK_STR_INIT;

	sk_door_place(d, &place);
	sk_complain(d->cfg.command,
		"%s wants a token: set SKALDS_TOKEN, or name its file with "
		"--token-file",
		sk_str_text(&place));
	sk_str_release(&place);
}

int
sk_door_refused(const struct sk_door *d, const struct sk_http_answer *answer, const char *file,
	const size_t *lines, size_t n_lines)
{
	const bool wants_token =
		answer->status == 401 && *sk_setting(d->settings, "SKALDS_TOKEN") == '\0';

	if (!d->cfg.silent && wants_token)
		say_token(d);
	else if (!d->cfg.silent)
		say(d, answer, file, lines, n_lines);
	return exit_code(answer->status);
}
