/* load.h - looks at the machine: processors, memory, disk. Reads files of the kernel that never
 * block; a sample takes some 50 us. */
#ifndef SK_CORE_RUN_LOAD_H
#define SK_CORE_RUN_LOAD_H

#include "core/model/load.h"
#include <stdint.h>

#define SK_LOAD_EVERY_MS 10000 /* how often it is looked at */

/* The caller's; zero it first. The share of the processors is what they did since the look
 * before: the first one does not know it. */
struct sk_load_sampler {
	/* Where the kernel's files are, for tests; NULL = /proc and /sys/fs/cgroup. */
	const char *proc, *cgroup;
	uint64_t busy, total; /* jiffies, as last seen */
};

/* What cannot be read is negative in *out. data_dir "" = no disk is asked for. proc(5): stat,
 * meminfo, loadavg; memory.max and memory.current (v2), memory.limit_in_bytes and
 * memory.usage_in_bytes (v1) of our own control group, without the file cache that is reclaimed
 * first (inactive_file). */
void sk_load_sample(struct sk_load_sampler *s, const char *data_dir, struct sk_load *out);

#endif
