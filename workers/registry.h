/* registry.h - the worker classes that are compiled in. */
#ifndef SK_WORKERS_REGISTRY_H
#define SK_WORKERS_REGISTRY_H

#include "core/run/worker.h"

/* Sorted by name, NULL at the end. */
extern const struct sk_worker *const sk_workers[];

/* NULL when there is no such class. Names are case-sensitive, as in the original. */
const struct sk_worker *sk_worker_find(const char *name);

/* What the attachments of Exec are decoded into; the supervisor starts the program by it. */
struct sk_exec {
	struct sk_list command; /* of const char *: argv; or empty and script set */
	const char *script; /* run by /bin/sh -c; "" = none */
	const struct sk_value *env; /* map of strings added to the environment, or NULL */
	const char *cwd; /* "" = skalds' own */
	const char *input; /* "stdin": given to the program; "" = /dev/null */
	int64_t output_limit; /* "outputLimit": bytes of output kept, 0 = the default */
	bool isolate; /* a PID namespace of its own */
};

#endif
