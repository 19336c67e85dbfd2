/* probe.h - what `skalds probe` and systemd are told by a process that runs for long: the
 * supervisor, the controller.
 *
 * The socket <runtime directory>/<pid>.sock answers one JSON line to whoever connects and reads
 * nothing. */
#ifndef SK_CORE_RUN_PROBE_H
#define SK_CORE_RUN_PROBE_H

#include "core/base/loop.h"
#include "core/base/str.h"

struct sk_probe;

struct sk_probe_config {
	struct sk_loop *loop;
	const char *dir; /* the runtime directory (rundir.h), not "" */
	/* Append the line: {"live":…,"ready":…,…}\n */
	void (*line)(void *arg, struct sk_str *out);
	void *arg;
};

/* NULL and err: probes will find nobody, which is no reason not to run. */
struct sk_probe *sk_probe_open(const struct sk_probe_config *cfg, struct sk_err *err);
/* Now and then, once a second: what had to wait for a descriptor is answered. NULL is allowed. */
void sk_probe_tick(struct sk_probe *p);
/* NULL is allowed. */
void sk_probe_close(struct sk_probe *p);

/* sd_notify(3): "READY=1", "WATCHDOG=1", …; nothing happens outside of systemd. */
void sk_notify(const char *state);

#endif
