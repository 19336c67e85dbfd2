/* api.h - the operations behind every door, once: the CLI, HTTP on the unix socket and (later) TCP
 * all end here. Requests and answers are HTTP's in shape and know no HTTP library; the routes are
 * in api_routes.c, one table, and described in README.md beside this file. */
#ifndef SK_CORE_CONTROL_API_H
#define SK_CORE_CONTROL_API_H

#include "core/base/problem.h"
#include "core/base/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_control;
struct sk_api_response;

#define SK_API_MAX_BODY ((size_t)4 << 20)
#define SK_API_HEADERS 16

/* What somebody may do: look; change tasks; and what concerns skalds and the whole. Each includes
 * those before it. */
enum sk_role { SK_ROLE_NONE, SK_ROLE_READ, SK_ROLE_WRITE, SK_ROLE_ADMIN };

/* "none", "read", "write", "admin". */
const char *sk_role_name(enum sk_role role);

/* A request. Everything is borrowed until it is answered. */
struct sk_api_request {
	const char *method; /* "GET", "POST", … */
	const char *path; /* without the query, percent-encoded as it came */
	const char *query; /* "" = none; percent-encoded */
	const char *content_type; /* "" = none */
	const char *idempotency_key; /* "" = none */
	const char *if_match, *if_none_match, *last_event_id; /* NULL or "" = none */
	const char *accept_encoding; /* NULL or "" = none */
	enum sk_role role; /* of whoever asks; the door has made sure of it */
	const char *who; /* name of the token or the certificate, for the log; NULL or "" = nobody's */
	const char *body;
	size_t len;
	/* Called exactly once, on the loop, perhaps from within sk_api_call; the answer is borrowed
	 * during the call. Not called after sk_api_forget. */
	void (*respond)(void *arg, const struct sk_api_response *answer);
	/* More of an answer that is a stream; n = 0 ends it. False: whoever reads is too slow and was
	 * cut off; it is as if sk_api_forget had been called. NULL: this door takes no streams, asking
	 * for one is answered 406. */
	bool (*more)(void *arg, const char *bytes, size_t n);
	void *arg;
};

struct sk_api_response {
	int status; /* HTTP's: 200, 201, 404, 409, 422, 503, 507, … */
	const char *content_type;
	const char *headers[SK_API_HEADERS]; /* name, value, name, value, …, NULL */
	const char *body;
	size_t len;
	/* The body is only the beginning: what follows comes through `more` until that has ended it, or
	 * sk_api_forget. No Content-Length. */
	bool stream;
};

/* Answer a request. 403 when the role does not suffice. */
void sk_api_call(struct sk_control *c, const struct sk_api_request *req);
/* The role that a request needs, so that a door can refuse it before it takes the body. For what is
 * no route: SK_ROLE_READ. */
enum sk_role sk_api_role(const char *method, const char *path);
/* Whoever asked went away: the answer to the request with this arg is not wanted any more. What it
 * asked for may happen all the same. */
void sk_api_forget(struct sk_control *c, void *arg);

/* Core knows no JSON library: whoever makes a control hands in the parser (adapters/json.h). NULL
 * after one problem. */
typedef struct sk_value *
sk_api_parse_fn(const char *text, size_t n, struct sk_arena *a, struct sk_problems *p);

#endif
