/* doctor_url.c - what answers at SKALDS_URL, asked as every command asks it. */
#include "adapters/http/client.h"
#include "cmd/answer.h"
#include "cmd/doctor.h"
#include "core/base/clock.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define CALL_MS 8000
#define MAX_SKEW_MS 2000

/* The header tells whole seconds: half a one in the middle. INT64_MIN: it tells none. */
static int64_t
clock_skew(const struct sk_http_answer *answer, int64_t asked_ms)
{
	struct sk_str date = SK_STR_INIT;
	struct tm tm = { 0 };
	int64_t skew = INT64_MIN;

	if (sk_http_header(answer, "Date", &date) &&
		strptime(date.p, "%a, %d %b %Y %H:%M:%S", &tm) != NULL)
		skew = (int64_t)timegm(&tm) * 1000 + 500 - (asked_ms + sk_wall_ms()) / 2;
	sk_str_release(&date);
	return skew;
}

static void
judge(struct sk_checkup *c, const struct sk_http_answer *answer, int64_t asked_ms)
{
	const int64_t skew = clock_skew(answer, asked_ms);
	struct sk_arena *a = sk_arena_new();
	const struct sk_value *v = sk_answer_parse(NULL, &answer->body, a);
	const char *version = sk_member_text(v, "version");

	if (answer->status == 401 && *sk_setting(c->settings, "SKALDS_TOKEN") == '\0')
		sk_checkup(c, SK_BROKEN, "it wants a token: set SKALDS_TOKEN, or use --token-file");
	else if (answer->status != 200)
		sk_checkup(c, SK_BROKEN, "HTTP status %d: %s", answer->status,
			*sk_member_text(v, "error.message") != '\0' ? sk_member_text(v, "error.message")
														: "no skalds answers there");
	else if (*version == '\0')
		sk_checkup(c, SK_BROKEN, "what answers there is no skalds");
	else if (skew > MAX_SKEW_MS || skew < -MAX_SKEW_MS)
		sk_checkup(c, SK_LIMITED, "answers, %s, but its clock is %" PRId64 " ms %s", version,
			skew > 0 ? skew : -skew, skew > 0 ? "ahead" : "behind");
	else
		sk_checkup(
			c, SK_FINE, "answers within %" PRId64 " ms, %s", sk_wall_ms() - asked_ms, version);
	sk_arena_free(a);
}

static void
release(struct sk_http_answer *answer)
{
	sk_str_release(&answer->body);
	sk_str_release(&answer->headers);
}

/* As whom we are known there. A controller of another version may not tell. */
static void
add_role(struct sk_checkup *c, struct sk_http_client *client)
{
	const struct sk_http_call call = { .method = "GET", .path = "/v1/me" };
	struct sk_http_answer answer;
	struct sk_arena *a = sk_arena_new();
	struct sk_err err;
	bool sent;

	if (sk_http_call(client, &call, &answer, &sent, &err) == SK_OK && answer.status == 200) {
		const struct sk_value *v = sk_answer_parse(NULL, &answer.body, a);
		const char *name = sk_member_text(v, "name");

		sk_str_addf(&c->text, "; you have the role %s%s%s", sk_member_text(v, "role"),
			*name != '\0' ? " as " : "", name);
	}
	release(&answer);
	sk_arena_free(a);
}

static void
check_url(struct sk_checkup *c)
{
	const struct sk_settings *s = c->settings;
	const struct sk_http_client_config cfg = { .socket = "",
		.url = sk_setting(s, "SKALDS_URL"),
		.token = sk_setting(s, "SKALDS_TOKEN"),
		.ca_file = sk_setting(s, "SKALDS_CA_FILE"),
		.cert_file = sk_setting(s, "SKALDS_CERT_FILE"),
		.key_file = sk_setting(s, "SKALDS_KEY_FILE"),
		.call_ms = CALL_MS };
	const struct sk_http_call call = { .method = "GET", .path = "/v1/status" };
	struct sk_http_answer answer = { .status = 0 };
	struct sk_err err = { SK_OK, "" };
	struct sk_http_client *client = sk_http_client_open(&cfg, &err);
	const int64_t asked_ms = sk_wall_ms();
	bool sent;

	if (client == NULL || sk_http_call(client, &call, &answer, &sent, &err) != SK_OK)
		sk_checkup(c, SK_BROKEN, "%s", err.msg);
	else
		judge(c, &answer, asked_ms);
	if (answer.status == 200)
		add_role(c, client);
	release(&answer);
	sk_http_client_close(client);
}

const struct sk_check sk_url_checks[] = {
	{ "url", check_url },
	{ NULL, NULL },
};
