#include "adapters/kafka/message.h"
#include "adapters/json.h"
#include "core/model/names.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX 255

const char *
sk_kafka_topic(enum sk_topic topic)
{
	static const char *const names[SK_N_TOPIC] = {
		[SK_TOPIC_ASSIGN] = SK_NAME_ASSIGN,
		[SK_TOPIC_CANCEL] = SK_NAME_CANCEL,
		[SK_TOPIC_UPDATE] = SK_NAME_UPDATE,
		[SK_TOPIC_EVENT] = SK_NAME_EVENT,
	};

	return names[topic];
}

static bool
is_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* A consumer of the original drops records without a key (2.2), so it is never absent. */
const char *
sk_kafka_key(const struct sk_event *e)
{
	return is_text(e->task) ? e->task : is_text(e->skald) ? e->skald : "skalds";
}

/* ---- writing ---- */

static void
encode_task_event(struct sk_str *out, const struct sk_event *e)
{
	const bool ours = is_text(e->skald) || e->attempt != 0;

	sk_str_addc(out, '{');
	sk_json_kstr(out, "id", e->task);
	sk_json_kstr(out, "title", NULL);
	sk_json_kstr(out, "initiator", NULL);
	sk_json_kstr(out, "recipient", is_text(e->skald) ? e->skald : NULL);
	sk_json_kint(out, "createDateTime", e->time_ms);
	sk_json_kint(out, "updateDateTime", e->time_ms);
	sk_json_key(out, "taskIds");
	sk_str_addc(out, '[');
	sk_json_string(out, e->task != NULL ? e->task : "");
	sk_str_addc(out, ']');
	if (ours)
		sk_json_kint(out, "attempt", e->attempt);
	sk_str_addc(out, '}');
}

/* What sk_event_json leaves out because it would mislead people: how far an attempt had come when
 * it ended, and who accepted a task, which is no skald; controllers know their own word by it. */
static void
encode_rest(struct sk_str *out, const struct sk_event *e)
{
	out->len--;
	if (e->kind == SK_EVENT_CREATED && is_text(e->skald))
		sk_json_kstr(out, "by", e->skald);
	if (e->kind != SK_EVENT_PROGRESS && (e->progress != 0 || is_text(e->stage))) {
		sk_json_key(out, "progress");
		sk_str_addc(out, '{');
		sk_json_key(out, "value");
		sk_json_double(out, e->progress);
		sk_json_kstr(out, "stage", is_text(e->stage) ? e->stage : NULL);
		sk_str_addc(out, '}');
	}
	sk_str_addc(out, '}');
}

static void
encode_event(struct sk_str *out, const struct sk_event *e)
{
	struct sk_event cut = *e;
	char *message = NULL;

	if (e->message != NULL && strlen(e->message) > SK_KAFKA_TEXT_MAX) {
		message = sk_xstrndup(e->message, sk_utf8_whole(e->message, SK_KAFKA_TEXT_MAX));
		cut.message = message;
	}
	sk_event_json(out, &cut, 0);
	encode_rest(out, e);
	free(message);
}

void
sk_kafka_encode(struct sk_str *out, enum sk_topic topic, const struct sk_event *e)
{
	if (topic == SK_TOPIC_EVENT)
		encode_event(out, e);
	else
		encode_task_event(out, e);
}

/* ---- reading ---- */

struct reader {
	const struct sk_kafka_place *at;
	struct sk_arena *arena;
	struct sk_err *err;
};

static enum sk_code malformed(struct reader *r, const char *fmt, ...) SK_PRINTF(2, 3);

static enum sk_code
malformed(struct reader *r, const char *fmt, ...)
{
	struct sk_str text = SK_STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	sk_str_vaddf(&text, fmt, ap);
	va_end(ap);
	sk_fail(r->err, SK_EINVAL, "%s, partition %" PRId32 ", offset %" PRId64 ": %s", r->at->topic,
		r->at->partition, r->at->offset, sk_str_text(&text));
	sk_str_release(&text);
	return SK_EINVAL;
}

static const struct sk_value *
parse(struct reader *r, const char *value, size_t n)
{
	const struct sk_value *v;
	struct sk_problems p;

	if (value == NULL) {
		malformed(r, "there is no value");
		return NULL;
	}
	if (n > SK_KAFKA_VALUE_MAX) {
		malformed(r, "the value is larger than 1 MiB");
		return NULL;
	}
	sk_problems_init(&p, r->arena, "");
	v = sk_json_parse(value, n, r->arena, &p);
	if (v == NULL) {
		malformed(r, "%s", p.n > 0 ? p.list[0].text : "not valid JSON");
		return NULL;
	}
	if (v->kind != SK_MAP) {
		malformed(r, "expected an object, got %s", sk_kind_name(v->kind));
		return NULL;
	}
	return v;
}

/* The alias wins, whatever stands in it. */
static const struct sk_value *
either(const struct sk_value *map, const char *alias, const char *name)
{
	const struct sk_value *v = sk_map_get(map, alias);

	return v != NULL ? v : sk_map_get(map, name);
}

static bool
is_id(const struct sk_value *v)
{
	return v->kind == SK_STRING && v->u.str.len >= 1 && v->u.str.len <= ID_MAX;
}

/* Integers, also as text; nobody acts on the time, so what is none is no error. */
static int64_t
time_of(const struct sk_value *v)
{
	char *end;
	long long ms;

	if (v != NULL && v->kind == SK_INT)
		return v->u.i;
	if (v == NULL || v->kind != SK_STRING || v->u.str.len == 0 || v->u.str.len > 19)
		return 0;
	ms = strtoll(v->u.str.s, &end, 10);
	return *end == '\0' ? ms : 0;
}

static bool
attempt_of(const struct sk_value *v, uint32_t *attempt)
{
	if (v == NULL || v->kind != SK_INT || v->u.i < 0 || v->u.i > UINT32_MAX)
		return false;
	*attempt = (uint32_t)v->u.i;
	return true;
}

static enum sk_code
decode_task_event(
	struct reader *r, const struct sk_value *v, struct sk_event **events, size_t *n_events)
{
	const struct sk_value *ids = either(v, "taskIds", "task_ids"), *to = sk_map_get(v, "recipient");
	struct sk_event e = { .kind = SK_EVENT_ASSIGNED,
		.time_ms = time_of(either(v, "createDateTime", "create_date_time")),
		.class_name = "",
		.skald = "",
		.stage = "",
		.message = "" };
	enum sk_code code = SK_OK;

	if (ids == NULL)
		return malformed(r, "taskIds is missing");
	if (ids->kind != SK_LIST)
		return malformed(r, "taskIds: expected a list, got %s", sk_kind_name(ids->kind));
	if (ids->u.list.n > SK_KAFKA_IDS_MAX)
		return malformed(r, "taskIds: more than %zu ids", SK_KAFKA_IDS_MAX);
	if (attempt_of(sk_map_get(v, "attempt"), &e.attempt) && to != NULL && is_id(to))
		e.skald = to->u.str.s;
	*events = sk_arena_alloc(r->arena, ids->u.list.n * sizeof(**events));
	for (size_t i = 0; i < ids->u.list.n; i++) {
		const struct sk_value *id = ids->u.list.items[i];

		if (is_id(id)) {
			e.task = id->u.str.s;
			(*events)[(*n_events)++] = e;
		} else if (code == SK_OK) {
			code = malformed(r, "taskIds: number %zu is no id of 1 to 255 bytes but %s", i + 1,
				id->kind == SK_STRING ? "a text of another length" : sk_kind_name(id->kind));
		}
	}
	return code;
}

/* "" when it is absent or null; NULL when it is something else. */
static const char *
text_of(const struct sk_value *map, const char *name)
{
	const struct sk_value *v = sk_map_get(map, name);

	if (v == NULL || v->kind == SK_NULL)
		return "";
	return v->kind == SK_STRING ? v->u.str.s : NULL;
}

static bool
kind_of(const struct sk_value *v, enum sk_event_kind *kind)
{
	for (unsigned k = 0; v != NULL && v->kind == SK_STRING && k < SK_N_EVENT; k++)
		if (strcmp(v->u.str.s, sk_event_name(k)) == 0) {
			*kind = k;
			return true;
		}
	return false;
}

static bool
progress_of(const struct sk_value *v, struct sk_event *e)
{
	const struct sk_value *value = sk_map_get(v, "value");

	if (v == NULL || v->kind == SK_NULL)
		return true;
	if (value != NULL && value->kind == SK_FLOAT)
		e->progress = value->u.f;
	else if (value != NULL && value->kind == SK_INT)
		e->progress = (double)value->u.i;
	else if (value == NULL || value->kind != SK_NULL) /* what is not finite is written as null */
		return false;
	e->stage = text_of(v, "stage");
	return e->stage != NULL;
}

static enum sk_code
decode_event(struct reader *r, const struct sk_value *v, struct sk_event **events, size_t *n_events)
{
	const struct sk_value *attempt = sk_map_get(v, "attempt"), *id = sk_map_get(v, "taskId");
	struct sk_event e = { .time_ms = time_of(sk_map_get(v, "time")), .task = "", .stage = "" };

	if (!kind_of(sk_map_get(v, "event"), &e.kind))
		return malformed(r, "event: no name that this version knows");
	if (e.kind == SK_EVENT_ALERT)
		id = sk_map_get(v, "alertId");
	if (e.kind != SK_EVENT_SKALD && e.kind != SK_EVENT_PING) {
		if (id == NULL || !is_id(id))
			return malformed(
				r, e.kind == SK_EVENT_ALERT ? "alertId: no id" : "taskId: no id of 1 to 255 bytes");
		e.task = id->u.str.s;
	}
	if (attempt != NULL && !attempt_of(attempt, &e.attempt))
		return malformed(r, "attempt: no number of an attempt");
	e.class_name = text_of(v, e.kind == SK_EVENT_ALERT ? "rule" : "className");
	e.skald = text_of(v, e.kind == SK_EVENT_CREATED ? "by" : "skald");
	e.message = text_of(v, "message");
	if (e.class_name == NULL || e.skald == NULL || e.message == NULL)
		return malformed(r, "className, skald or message: expected a string");
	if (!progress_of(sk_map_get(v, "progress"), &e))
		return malformed(r, "progress: expected a value and its stage");
	*events = sk_arena_alloc(r->arena, sizeof(**events));
	**events = e;
	*n_events = 1;
	return SK_OK;
}

enum sk_code
sk_kafka_decode(enum sk_topic topic, const struct sk_kafka_place *at, const void *value, size_t n,
	struct sk_arena *a, struct sk_event **events, size_t *n_events, struct sk_err *err)
{
	struct reader r = { .at = at, .arena = a, .err = err };
	const struct sk_value *v = parse(&r, value, n);

	*events = NULL;
	*n_events = 0;
	if (v == NULL)
		return SK_EINVAL;
	if (topic == SK_TOPIC_EVENT)
		return decode_event(&r, v, events, n_events);
	return decode_task_event(&r, v, events, n_events);
}
