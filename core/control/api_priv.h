/* api_priv.h - a request on its way through the API, and what every handler needs. Nobody but the
 * files api_*.c includes it.
 *
 * A handler is called once, on the loop, with a call of its own. It answers at once, or submits an
 * operation of the store and answers in its done(); exactly one thing is under way for a call at
 * any time. Answering frees the call and everything in its arena. */
#ifndef SK_CORE_CONTROL_API_PRIV_H
#define SK_CORE_CONTROL_API_PRIV_H

#include "core/control/control_priv.h"
#include "core/control/watch.h"

struct sk_call;
struct sk_update;
struct sk_streams;

struct sk_api {
	struct sk_call *calls; /* not yet answered */
	struct sk_update *updates; /* api_update.c: under way, one for each task */
	struct sk_streams *streams; /* api_stream.c: who reads what happens */
};

typedef void sk_call_fn(struct sk_call *call);

struct sk_route {
	const char *method;
	const char *pattern; /* "/v1/tasks/{}/log": {} is one segment, the id */
	sk_call_fn *handler;
	const struct sk_field
		*params; /* what the query may have, SK_FIELDS_END at the end; NULL = none */
	bool always; /* also before the controller is ready */
	enum sk_role role; /* that it needs */
};
extern const struct sk_route sk_routes[]; /* ends with method NULL */

/* Which route: NULL when none has the path; *allow (NULL when there is a route): the methods that
 * the path knows. *id: the decoded segment, in the arena. */
const struct sk_route *sk_route_find(
	const char *method, const char *path, struct sk_arena *a, const char **id, const char **allow);

/* The row of a parameter; NULL when the route does not know it. */
const struct sk_field *sk_route_param(const struct sk_route *r, const char *name);

/* The values of `sort` of GET /v1/tasks, in the order of its row. */
enum sk_api_sort { SK_API_CREATED_FIRST, SK_API_CREATED_LAST, SK_API_UPDATED, SK_API_RANK };

struct sk_param {
	const char *name, *value;
};

struct sk_call {
	struct sk_control *c;
	struct sk_call *prev, *next;
	const struct sk_route *route;
	void (*respond)(void *arg, const struct sk_api_response *answer); /* NULL once forgotten */
	bool (*more)(void *arg, const char *bytes, size_t n); /* NULL: no streams */
	void *arg;
	enum sk_role role;
	const char *who; /* "" = nobody's name */
	const char *if_match, *if_none_match, *last_event_id; /* "" = none */
	bool original; /* a route of the original: its errors look different */
	bool listed; /* the body is a JSON list of tasks: their places belong to JSON pointers */
	bool streaming; /* the answer has begun; more follows */
	struct sk_arena *arena;
	struct sk_arena *look; /* of what sk_call_get has read last */
	const char *path; /* as it came */
	const char *id; /* the {} of the route */
	const char *key; /* Idempotency-Key, "" = none */
	const char *content_type;
	const char *body; /* valid only until the handler returns */
	size_t len;
	struct sk_param *params;
	size_t n_params;
	struct sk_str out; /* the body of the answer */
	const char *headers[SK_API_HEADERS];
	size_t n_headers;
	int64_t begun_ns; /* boot clock */
	int64_t op_ns; /* when the operation that is under way began */
	void (*op_done)(struct sk_op *op); /* and who goes on after it */
	void *state; /* the handler's own, in the arena */
	sk_call_fn *release; /* take back waiters and timers; called before the call is freed */
	bool idle; /* only waiters and timers are under way: may be freed when it is forgotten */
};

/* ---- answers ---- */

/* Send call->out. */
void sk_call_answer(struct sk_call *call, int status, const char *content_type);
void sk_call_json(struct sk_call *call, int status);
/* Call release now, once. */
void sk_call_release(struct sk_call *call);
/* Begin an answer that is a stream of events: call->out is its first part. False: nobody wants it,
 * and the call is gone (406 was answered when the door takes no streams). From then on only waiters
 * and timers may be under way. */
bool sk_call_stream(struct sk_call *call) SK_CHECKED;
/* More of it. False: whoever reads is gone, and the call with him. */
bool sk_call_more(struct sk_call *call, const char *bytes, size_t n) SK_CHECKED;
/* There is no more. */
void sk_call_end(struct sk_call *call);
/* Texts live until the answer. */
void sk_call_header(struct sk_call *call, const char *name, const char *value);
/* An error body in the shape of the route; the code word follows from the status. */
void sk_call_error(struct sk_call *call, int status, const char *fmt, ...) SK_PRINTF(3, 4);
/* What a store's code means: 503, 507, 500, and 400, 404, 409 where it says so. */
void sk_call_failed(struct sk_call *call, enum sk_code code, const struct sk_err *err);
/* 422 with all problems, in the shape of the route. */
void sk_call_invalid(struct sk_call *call, const struct sk_problems *p);
/* The same as 409. */
void sk_call_conflict(struct sk_call *call, const struct sk_problems *p);
/* 422 with one sentence about a part of the body. */
void sk_call_wrong(struct sk_call *call, const char *path, const char *sentence);
/* 422 as the original tells it: loc is ["body", field]; field may be NULL. */
void sk_org_invalid(struct sk_call *call, const char *type, const char *field, const char *msg);
/* The list of problems as JSON. listed: the body was a JSON list and `line` counts its items. */
void sk_problem_list(struct sk_str *out, const struct sk_problems *p, bool listed);

/* ---- input ---- */

/* %41 and, in a query, +. NULL when malformed: a bad escape, NUL, no UTF-8. */
const char *sk_percent_decode(struct sk_arena *a, const char *text, size_t n, bool plus);
/* Split the query. False (a sentence in err): malformed, or not strict as the route wants it. */
bool sk_query_parse(struct sk_call *call, const char *query, struct sk_err *err);
/* "" when absent. */
const char *sk_call_param(const struct sk_call *call, const char *name);
bool sk_call_has(const struct sk_call *call, const char *name);
/* A number within the bounds of its row of the route, its default when absent. False: 400 was
 * answered (422 by the original). */
bool sk_call_number(struct sk_call *call, const char *name, int64_t *out) SK_CHECKED;
/* The same with bounds that the caller knows. */
bool sk_call_int(struct sk_call *call, const char *name, int64_t min, int64_t max, int64_t def,
	int64_t *out) SK_CHECKED;
/* The place of a word among the choices of its row, that of the default when absent or "". False:
 * 400 was answered. */
bool sk_call_choice(struct sk_call *call, const char *name, int *out) SK_CHECKED;
/* Seconds within the bounds of their row, -1 when absent. False: 400 was answered. */
bool sk_call_seconds(struct sk_call *call, const char *name, double *out) SK_CHECKED;
/* "1", "true", "0", "false". */
bool sk_call_bool(struct sk_call *call, const char *name, bool *out) SK_CHECKED;
/* The body as one JSON value. NULL: 400, 413 or 422 was answered. */
const struct sk_value *sk_call_body(struct sk_call *call) SK_CHECKED;
/* The same into a struct by its table; an empty body is an error. False: answered. */
bool sk_call_decode(
	struct sk_call *call, const struct sk_field *fields, void *out, size_t out_size) SK_CHECKED;

/* ---- the store ---- */

/* Make an operation ready to be submitted by others: done's op->arg is the call. */
void sk_call_op(
	struct sk_call *call, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op));
/* Submit an operation whose members are filled in; done's op->arg is the call. */
void sk_call_submit(
	struct sk_call *call, struct sk_op *op, enum sk_op_kind kind, void (*done)(struct sk_op *op));
/* Read the task of the route, then call fn with it; 404 and errors are answered. The record lives
 * until the next such call. */
void sk_call_get(struct sk_call *call, void (*fn)(struct sk_call *call, struct sk_record *r));
/* Count tasks, then call fn; errors are answered. */
void sk_call_count(struct sk_call *call, const struct sk_filter *filter,
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted));
/* The same, with the oldest task that waits. */
void sk_call_count_oldest(struct sk_call *call, const struct sk_filter *filter,
	void (*fn)(struct sk_call *call, const struct sk_op_count *counted));

/* ---- what several handlers write ---- */

/* A task as JSON into call->out; counts: of an array's elements, or NULL. */
void sk_call_task(struct sk_call *call, const struct sk_record *r, const int64_t *counts);
/* The same, counting the elements first when it is an array; then 200. */
void sk_call_answer_task(struct sk_call *call, const struct sk_record *r);

/* The ETag of a task that stands in call->out, alone. */
const char *sk_call_etag(struct sk_call *call, const struct sk_record *r);
/* If-None-Match has this one. */
bool sk_call_unmodified(const struct sk_call *call, const char *etag);
/* If-Match, if there is any, has the task as it is. What that is worth: api_etag.c. */
bool sk_call_matches(const struct sk_call *call, const struct sk_record *r);
/* 412. */
void sk_call_changed(struct sk_call *call);

/* Store new attachments (the body's) and answer as the route wants it. replace: all of them, else
 * the given members. */
void sk_call_update(struct sk_call *call, bool replace);
void sk_org_updated(struct sk_call *call, const struct sk_record *r);

/* "node", "edge", "single_process". */
const char *sk_skald_mode_name(enum sk_skald_mode m);
/* NULL when there is none. Borrowed until the loop goes on. */
const struct sk_skald_view *sk_call_skald(struct sk_call *call, const char *id);

/* What selects tasks, in a query or in the body of a bulk change. Times in seconds, -1 = not
 * given. */
struct sk_selection {
	const char *state, *class_name, *executor, *label, *id, *parent;
	double older, newer;
	bool elements;
};
/* Fill a filter; false and a sentence when a state is none. Texts are borrowed. */
bool sk_selection_filter(const struct sk_selection *s, int64_t now_ms, struct sk_arena *a,
	struct sk_filter *f, struct sk_err *err);

/* ---- bodies, for the document of the API ---- */

extern const struct sk_field sk_api_update_fields[], sk_api_selection_fields[],
	sk_api_backup_fields[], sk_api_active_fields[], sk_api_skald_fields[];

/* ---- handlers ---- */

sk_call_fn sk_api_submit, sk_api_list, sk_api_get, sk_api_attempts, sk_api_log, sk_api_wait,
	sk_api_change_one, sk_api_change_many, sk_api_update, sk_api_delete, sk_api_events,
	sk_api_skalds, sk_api_skald, sk_api_drain, sk_api_status, sk_api_backup, sk_api_livez,
	sk_api_readyz, sk_api_openapi, sk_api_docs_page, sk_api_metrics, sk_api_active,
	sk_api_skald_put, sk_api_skald_delete, sk_api_stream, sk_api_classes, sk_api_class, sk_api_me,
	sk_api_graph, sk_api_history, sk_api_alerts, sk_api_acknowledge;
/* of the original */
sk_call_fn sk_org_root, sk_org_api, sk_org_tasks, sk_org_classes, sk_org_task, sk_org_set_status,
	sk_org_set_attachments, sk_org_delete, sk_org_heartbeat, sk_org_skalds, sk_org_skald,
	sk_org_skald_part, sk_org_statistics, sk_org_ping, sk_org_health, sk_org_status, sk_org_summary,
	sk_org_config, sk_org_metrics, sk_org_cleanup, sk_org_distribution, sk_org_activity,
	sk_org_version, sk_org_event_skalds, sk_org_event_tasks, sk_org_event_test, sk_org_event_status;

#endif
