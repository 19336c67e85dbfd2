#include "core/run/load.h"
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MB ((int64_t)1 << 20)
#define TEXT 16384 /* the first lines of /proc/stat, all of the others */

/* The beginning of a file; false when it cannot be read. */
static bool
read_file(const char *dir, const char *below, const char *name, char text[TEXT])
{
	char path[4096];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "%s%s/%s", dir, below, name) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, text, TEXT - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The number behind a word at the beginning of a line; -1 when it is not there. */
static int64_t
number_at(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; p != NULL && *p != '\0';) {
		if (strncmp(p, word, n) == 0)
			return strtoll(p + n, NULL, 10);
		p = strchr(p, '\n');
		p = p != NULL ? p + 1 : NULL;
	}
	return -1;
}

/* ---- processors ---- */

/* proc(5): user nice system idle iowait irq softirq steal; guests are part of user already. */
static void
sample_cpu(struct sk_load_sampler *s, const char *text, struct sk_load *out)
{
	uint64_t v[8] = { 0 }, total = 0, idle;

	if (sscanf(text,
			"cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			" %" SCNu64,
			&v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 4)
		return;
	for (int i = 0; i < 8; i++)
		total += v[i];
	idle = v[3] + v[4];
	if (s->total > 0 && total > s->total && total - idle >= s->busy)
		out->cpu_percent =
			round((double)(total - idle - s->busy) * 1000 / (double)(total - s->total)) / 10;
	/* iowait may go back a little (proc(5)) */
	if (out->cpu_percent > 100)
		out->cpu_percent = 100;
	s->busy = total - idle;
	s->total = total;
}

/* ---- memory ---- */

struct memory {
	int64_t used, total; /* bytes; total -1: no limit */
};

/* A limit of nearly 2^63 is none (v1), "max" likewise (v2). */
static bool
read_group(const char *root, const char *below, const char *limit, const char *usage,
	const char *reclaimable, struct memory *m)
{
	char text[TEXT];
	int64_t cache;

	if (!read_file(root, below, limit, text) || text[0] < '0' || text[0] > '9')
		return false;
	m->total = strtoll(text, NULL, 10);
	if (!read_file(root, below, usage, text))
		return false;
	m->used = strtoll(text, NULL, 10);
	cache = read_file(root, below, "memory.stat", text) ? number_at(text, reclaimable) : 0;
	if (cache > 0 && cache < m->used)
		m->used -= cache;
	return m->total > 0;
}

/* Where our own group is, below the root of the hierarchy: "0::/a/b" (v2), "4:memory:/a/b" (v1). In
 * a container it is the root itself as far as we can see. */
static void
own_group(const char *text, const char *mark, char path[1024])
{
	const char *line = strstr(text, mark);

	path[0] = '\0';
	if (line == NULL)
		return;
	line += strlen(mark);
	snprintf(path, 1024, "%.*s", (int)strcspn(line, "\n"), line);
	if (strcmp(path, "/") == 0)
		path[0] = '\0';
}

/* The tightest of the limits above us. */
static void
limit_by_groups(const char *root, const char *below, char path[1024], bool v2, struct memory *m)
{
	char dir[4096];
	struct memory g;

	if (snprintf(dir, sizeof(dir), "%s%s", root, below) >= (int)sizeof(dir))
		return;
	for (;;) {
		char *slash;
		bool found = v2
			? read_group(dir, path, "memory.max", "memory.current", "inactive_file ", &g)
			: read_group(dir, path, "memory.limit_in_bytes", "memory.usage_in_bytes",
				  "total_inactive_file ", &g);

		if (found && (m->total < 0 || g.total < m->total))
			*m = g;
		slash = strrchr(path, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

static void
sample_memory(const char *proc, const char *cgroup, struct sk_load *out)
{
	struct memory m = { -1, -1 };
	char text[TEXT], path[1024];
	int64_t kb, free_kb;

	if (read_file(proc, "", "meminfo", text)) {
		kb = number_at(text, "MemTotal:");
		free_kb = number_at(text, "MemAvailable:");
		if (kb > 0 && free_kb >= 0)
			m = (struct memory){ (kb - free_kb) * 1024, kb * 1024 };
	}
	if (read_file(proc, "", "self/cgroup", text)) {
		own_group(text, "0::", path);
		limit_by_groups(cgroup, "", path, true, &m);
		own_group(text, ":memory:", path);
		limit_by_groups(cgroup, "/memory", path, false, &m);
	}
	if (m.total > 0) {
		out->memory_used_mb = m.used / MB;
		out->memory_total_mb = m.total / MB;
	}
}

/* ---- the whole ---- */

/* As df(1) has it: what root has reserved counts neither as used nor as there. */
static void
sample_disk(const char *dir, struct sk_load *out)
{
	struct statvfs v;
	double unit;

	if (dir[0] == '\0' || statvfs(dir, &v) != 0 || v.f_blocks == 0)
		return;
	unit = (double)v.f_frsize / (double)MB;
	out->disk_used_mb = (int64_t)((double)(v.f_blocks - v.f_bfree) * unit);
	out->disk_total_mb = (int64_t)((double)(v.f_blocks - v.f_bfree + v.f_bavail) * unit);
}

void
sk_load_sample(struct sk_load_sampler *s, const char *data_dir, struct sk_load *out)
{
	const char *proc = s->proc != NULL ? s->proc : "/proc";
	char text[TEXT];

	sk_load_take(out, NULL);
	out->known = true;
	if (read_file(proc, "", "stat", text))
		sample_cpu(s, text, out);
	if (read_file(proc, "", "loadavg", text))
		out->load1 = strtod(text, NULL);
	sample_memory(proc, s->cgroup != NULL ? s->cgroup : "/sys/fs/cgroup", out);
	sample_disk(data_dir, out);
}
