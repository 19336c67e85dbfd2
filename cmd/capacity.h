/* capacity.h - what a skald offers to tasks: slots, processors, memory, gpus, labels. Of `up` and
 * `node`: --slots, --labels, --resources. */
#ifndef SK_CMD_CAPACITY_H
#define SK_CMD_CAPACITY_H

#include "cmd/options.h"
#include "core/base/mem.h"
#include "core/base/value.h"

struct sk_capacity {
	uint32_t slots;
	double cpus;
	int64_t memory_mb, gpus;
	const struct sk_value *labels; /* a map of strings or NULL */
};

/* What this machine has, and then what the flags say. What is wrong is said; SK_EXIT_OK or
 * SK_EXIT_USAGE. Labels live in the arena. */
int sk_capacity_read(
	const char *command, const struct sk_args *args, struct sk_arena *a, struct sk_capacity *out);

/* Rows of a table of options. */
#define SK_CAPACITY_OPTIONS \
	{ .name = "slots", .value = "N", .doc = "run at most N tasks at once (default: one a cpu)" }, \
		{ .name = "labels", .value = "NAME=VALUE,…", .doc = "what tasks may ask for" }, \
	{ \
		.name = "resources", .value = "cpus=N,memoryMb=N,gpus=N", \
		.doc = "what tasks may use (default: all of this machine)" \
	}

#endif
