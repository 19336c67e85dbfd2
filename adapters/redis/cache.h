/* cache.h - the state cache in a Redis server (core/ports.h, skalds-protocol.md 1): one connection,
 * everything pipelined, on the loop's own thread.
 *
 * Nothing blocks and nothing is fatal. What the server does not get is dropped and counted: values
 * here are renewed every second or told again, and the store knows the truth.
 *
 * While the first attempt to connect is under way, commands wait for it. Later, while the server is
 * away, puts and removes are dropped and every get is answered SK_EUNAVAIL.
 */
#ifndef SK_ADAPTERS_REDIS_CACHE_H
#define SK_ADAPTERS_REDIS_CACHE_H

#include "core/base/log.h"
#include "core/ports.h"

/* All texts are copied; NULL and "" mean: not given. */
struct sk_cache_redis_config {
	struct sk_loop *loop;
	const char *component; /* whose lines in the log */
	const char *host; /* a name, an address, or the path of a unix socket; "" = localhost */
	int port; /* <= 0 = 6379 */
	const char *username; /* of an ACL; "" = the default user */
	const char *password; /* "" = no AUTH is sent */
	int db; /* SELECTed when it is not 0 */
	bool tls; /* the server's certificate is checked, its name too */
	const char *ca_file; /* PEM; "" = those of the system */
	const char *cert_file, *key_file; /* PEM; both or none */
};

/* Connecting begins at once and goes on for ever. NULL only for a configuration that can never work
 * (SK_EINVAL: a file of TLS that cannot be read, a path that is too long) or when the system
 * refuses. Closing drops what is asked for and not yet answered: its fn is not called. Not to be
 * closed from within a fn. */
struct sk_cache *sk_cache_redis_open(const struct sk_cache_redis_config *cfg, struct sk_err *err);

struct sk_cache_redis_state {
	bool connected; /* greeted, signed in, and heard of within the last 8 s */
	int64_t since_ms; /* wall clock: since when it is so; when not connected: when it went away or,
						 if it was never there, when the cache was opened */
	const char *where; /* "host:port" or a path; borrowed */
	const char *version; /* of the server, "" = not told; borrowed */
	bool has_hexpire; /* as far as is known: false once it was refused */
	uint64_t connects; /* how often it was reached and signed in */
	uint64_t sent; /* commands written into the connection or waiting to be */
	uint64_t answered;
	uint64_t writes; /* calls that wrote to the connection: sent / writes is the pipelining */
	uint64_t dropped; /* puts and removes that the server did not get, or perhaps not */
	uint64_t refused; /* gets that were answered SK_EUNAVAIL */
	uint64_t errors; /* answers that were errors */
	size_t unsent; /* bytes */
	size_t waiting; /* commands without an answer yet */
	const char
		*last_error; /* a sentence, "" = none yet; borrowed until the next call on the loop */
	int64_t last_error_ms; /* wall clock */
};
struct sk_cache_redis_state sk_cache_redis_state(const struct sk_cache *c);

/* For `skalds doctor`: connects on its own, tries each command that skalds uses on keys made for
 * it, of the same patterns (they are removed again, those of values live for 8 s at most), looks at
 * version, role, clock and memory, and tells each finding as a sentence: SK_INFO what is well,
 * SK_WARNING what is weaker, SK_ERROR what does not work. Blocks for timeout_ms at most. cfg->loop
 * is not used. true: values can be kept there. */
typedef void sk_redis_report_fn(void *arg, enum sk_level level, const char *sentence);
bool sk_redis_probe(const struct sk_cache_redis_config *cfg, int64_t timeout_ms,
	sk_redis_report_fn *report, void *arg);

#endif
