#include "cmd/answer.h"
#include "adapters/json.h"
#include "cmd/cmd.h"
#include "cmd/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct sk_value *
sk_answer_parse(const char *command, const struct sk_str *body, struct sk_arena *a)
{
	struct sk_problems p;
	struct sk_value *v;

	sk_problems_init(&p, a, "");
	v = sk_json_parse(sk_str_text(body), body->len, a, &p);
	if (v == NULL && command != NULL)
		sk_complain(command, "the answer cannot be read: %s",
			p.n > 0 ? p.list[0].text : "it is not valid JSON");
	return v;
}

/* ---- members ---- */

const struct sk_value *
sk_member(const struct sk_value *v, const char *path)
{
	char key[64];

	while (v != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		v = sk_map_get(v, key);
		path += n + (path[n] == '.' ? 1 : 0);
	}
	return v;
}

const char *
sk_member_text(const struct sk_value *v, const char *path)
{
	const struct sk_value *m = sk_member(v, path);

	return m != NULL && m->kind == SK_STRING ? m->u.str.s : "";
}

int64_t
sk_member_int(const struct sk_value *v, const char *path, int64_t none)
{
	const struct sk_value *m = sk_member(v, path);

	if (m != NULL && m->kind == SK_FLOAT && m->u.f > -9e15 && m->u.f < 9e15)
		return (int64_t)m->u.f;
	return m != NULL && m->kind == SK_INT ? m->u.i : none;
}

double
sk_member_num(const struct sk_value *v, const char *path)
{
	const struct sk_value *m = sk_member(v, path);

	if (m != NULL && m->kind == SK_INT)
		return (double)m->u.i;
	return m != NULL && m->kind == SK_FLOAT ? m->u.f : 0;
}

bool
sk_member_bool(const struct sk_value *v, const char *path)
{
	const struct sk_value *m = sk_member(v, path);

	return m != NULL && m->kind == SK_BOOL && m->u.b;
}

struct sk_value *const *
sk_member_list(const struct sk_value *v, const char *path, size_t *n)
{
	const struct sk_value *m = sk_member(v, path);

	*n = m != NULL && m->kind == SK_LIST ? m->u.list.n : 0;
	return *n > 0 ? m->u.list.items : NULL;
}

/* ---- URLs ---- */

void
sk_url_add(struct sk_str *url, const char *text)
{
	sk_str_add_percent(url, text, "-._~");
}

void
sk_url_task(struct sk_str *url, const char *id, const char *rest)
{
	sk_str_adds(url, "/v1/tasks/");
	sk_url_add(url, id);
	sk_str_adds(url, rest);
}

/* ---- tasks ---- */

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static const char *
phase_of(const struct sk_value *task)
{
	const char *phase = sk_member_text(task, "phase");

	return *phase != '\0' ? phase : sk_member_text(task, "lifecycleStatus");
}

bool
sk_task_final(const struct sk_value *task)
{
	static const char *const final[] = { "Finished", "Failed", "Cancelled", NULL };

	return is_one_of(phase_of(task), final);
}

int
sk_task_code(const struct sk_value *task)
{
	static const char *const own[] = { "exited", "signaled", "oom", "start-failed", NULL };
	const char *reason = sk_member_text(task, "exit.reason");
	int64_t code = sk_member_int(task, "exit.code", 0);
	int64_t signal = sk_member_int(task, "exit.signal", 0);

	if (strcmp(phase_of(task), "Finished") == 0)
		return SK_EXIT_OK;
	if (strcmp(reason, "timeout") == 0)
		return SK_EXIT_TIMEOUT;
	if (!is_one_of(reason, own) || strcmp(phase_of(task), "Cancelled") == 0)
		return SK_EXIT_SKALDS;
	if (code == 0 && signal > 0)
		code = 128 + signal;
	return code > 0 && code <= 255 ? (int)code : SK_EXIT_FAILED;
}

const char *
sk_task_state(const struct sk_value *task)
{
	const char *wanted = sk_member_text(task, "wanted"), *phase = phase_of(task);

	if (sk_task_final(task))
		return phase;
	if (strcmp(wanted, "cancel") == 0)
		return "Cancelling";
	if (strcmp(wanted, "pause") == 0 && strcmp(phase, "Paused") != 0)
		return strcmp(phase, "Created") == 0 ? "Held" : "Pausing";
	if (strcmp(wanted, "run") == 0 && strcmp(phase, "Paused") == 0)
		return "Resuming";
	return phase;
}

void
sk_task_ending(const struct sk_value *exit, struct sk_str *out)
{
	const char *reason = sk_member_text(exit, "reason"), *message = sk_member_text(exit, "message");

	if (strcmp(reason, "cancelled") == 0 && *message != '\0')
		reason = ""; /* the state says it */
	if (strcmp(reason, "exited") == 0)
		sk_str_addf(out, "exited with code %" PRId64, sk_member_int(exit, "code", 0));
	else if (strcmp(reason, "signaled") == 0)
		sk_str_addf(out, "killed by signal %" PRId64, sk_member_int(exit, "signal", 0));
	else if (strcmp(reason, "oom") == 0)
		sk_str_adds(out, "out of memory");
	else if (strcmp(reason, "timeout") == 0)
		sk_str_adds(out, "timed out");
	else if (strcmp(reason, "start-failed") == 0)
		sk_str_adds(out, "could not be started");
	else
		sk_str_adds(out, reason);
	if (*message != '\0')
		sk_str_addf(out, "%s%s", *reason != '\0' ? ": " : "", message);
}

/* ---- for people ---- */

void
sk_age_text(int64_t ms, char out[16])
{
	if (ms < 0)
		out[0] = '\0';
	else if (ms < 1000)
		snprintf(out, 16, "%d ms", (int)ms);
	else
		sk_view_duration(ms, out);
}

void
sk_local_text(int64_t wall_ms, char out[SK_LOCAL_LEN])
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	out[0] = '\0';
	if (wall_ms > 0 && localtime_r(&t, &tm) != NULL &&
		strftime(out, SK_LOCAL_LEN, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		out[0] = '\0';
}

const char *
sk_count_text(int64_t n, char out[SK_COUNT_LEN])
{
	char digits[24];
	size_t len, k = 0;

	snprintf(digits, sizeof(digits), "%" PRId64, n < 0 ? -n : n);
	len = strlen(digits);
	if (n < 0)
		out[k++] = '-';
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = '\0';
	return out;
}
