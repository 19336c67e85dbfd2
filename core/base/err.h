/* err.h - how a function says that it failed.
 *
 * The code is for the program: it exists only where some caller acts differently on it.
 * The sentence is for a person: complete, lower case, no full stop, with the name of the thing.
 * The struct is the caller's, on its stack; it is untouched on success.
 */
#ifndef SK_CORE_BASE_ERR_H
#define SK_CORE_BASE_ERR_H

#include <stdarg.h>

#define SK_CHECKED __attribute__((warn_unused_result))
#define SK_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum sk_code {
	SK_OK = 0,
	SK_EINVAL, /* the input is wrong; trying again does not help */
	SK_ENOENT, /* the named thing does not exist */
	SK_ECONFLICT, /* somebody else changed or owns it */
	SK_EAGAIN, /* not now; trying again later may help */
	SK_ECANCELED, /* stopped on request */
	SK_EUNAVAIL, /* a service does not answer */
	SK_ENOSPC, /* no room left */
	SK_EIO /* the system failed */
};

struct sk_err {
	enum sk_code code;
	char msg[508];
};

/* Fill err (NULL is allowed) with the code and the sentence; returns the code. */
enum sk_code sk_fail(struct sk_err *err, enum sk_code code, const char *fmt, ...) SK_PRINTF(3, 4);

/* Like sk_fail with ": strerror(errno)" behind the sentence; ENOSPC and EDQUOT become SK_ENOSPC,
 * everything else SK_EIO. Keeps errno. */
enum sk_code sk_fail_errno(struct sk_err *err, const char *fmt, ...) SK_PRINTF(2, 3);

/* Put "what: " in front of the sentence already there; returns err->code. */
enum sk_code sk_wrap(struct sk_err *err, const char *what);

/* A name for the code ("invalid", "not found", …), for logs and JSON. Never NULL. */
const char *sk_code_name(enum sk_code code);

#endif
