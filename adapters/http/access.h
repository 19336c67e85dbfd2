/* access.h - who may ask what over the network, decided when the head of a request is whole.
 *
 *	tokens		Authorization: Bearer TOKEN, one of a file or a variable (tokens.h)
 *	certificates	one that the server has verified: the role of its line "cert:NAME ROLE"; where
 *			no such line is, every certificate of the server's client CA may do everything
 *	anonymous	without any of these, and only for an address that this machine alone reaches:
 *			everything; but then the request must be meant for this machine by its name (a page
 *			of a foreign name that points here is refused), and must not come from another
 *			site's page
 *
 * What needs no role (probes, the dashboard's files) is open to all. What is refused is counted,
 * and logged at most once a minute for each reason, never with what was shown. */
#ifndef SK_ADAPTERS_HTTP_ACCESS_H
#define SK_ADAPTERS_HTTP_ACCESS_H

#include "adapters/http/server.h"

struct sk_access;

struct sk_access_config {
	const char *file; /* of tokens; NULL or "" = none */
	bool file_optional; /* it need not be there when we start; once it was it must stay */
	const char *env; /* "NAME:ROLE:TOKEN,…"; NULL or "" = none */
	bool certificates; /* the server asks clients for certificates and verifies them */
	bool loopback; /* only this machine reaches the address */
	const char *origins; /* pages of these may ask (server.h, cors_origin); NULL or "" = none */
};

/* Reads the file. NULL and err: SK_EINVAL (a token or the file is wrong, or nothing says who may
 * ask, at an address that others reach), SK_ENOENT, SK_EIO. The texts are copied. */
struct sk_access *sk_access_open(const struct sk_access_config *cfg, struct sk_err *err);
/* NULL is allowed. */
void sk_access_close(struct sk_access *a);
/* Is everybody let in? */
bool sk_access_is_anonymous(const struct sk_access *a);
/* Read the file again. When something is wrong all stays as it was, and err says what. */
enum sk_code sk_access_reload(struct sk_access *a, struct sk_err *err) SK_CHECKED;

/* Would sk_access_open succeed? Calls no library, for a process that must not have one. */
enum sk_code sk_access_check(const struct sk_access_config *cfg, struct sk_err *err) SK_CHECKED;

/* What sk_http_server_config.authorize wants; who borrows from a until the next call. */
int
sk_access_authorize(struct sk_access *a, const struct sk_http_head *head, struct sk_http_who *who);

/* Why somebody was refused. */
enum sk_refusal {
	SK_REFUSED_NO_TOKEN,
	SK_REFUSED_SCHEME, /* another one than Bearer */
	SK_REFUSED_UNKNOWN_TOKEN,
	SK_REFUSED_EXPIRED,
	SK_REFUSED_CERTIFICATE, /* it has no role */
	SK_REFUSED_ROLE, /* too small for what was asked */
	SK_REFUSED_HOST,
	SK_REFUSED_ORIGIN,
	SK_N_REFUSAL
};
/* How many so far. */
uint64_t sk_access_refused(const struct sk_access *a, enum sk_refusal why);

#endif
