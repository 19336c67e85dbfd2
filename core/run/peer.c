#include "core/run/peer.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/cgroup.h"
#include "core/run/tree.h"
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define PING_MS 1000
#define CLEAR_ROUNDS 200
#define CLEAR_PAUSE_NS 10000000L

void
sk_peer_hello(struct sk_peer *p, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	struct sk_arena *a = sk_arena_new();

	p->pid = (pid_t)sk_get_u32(&r);
	snprintf(p->run_id, sizeof(p->run_id), "%s", sk_get_text(&r, a));
	p->restarts = sk_get_u32(&r);
	snprintf(p->run_dir, sizeof(p->run_dir), "%s", sk_get_text(&r, a));
	for (int i = 0; i < 2; i++)
		snprintf(p->cgroup[i], sizeof(p->cgroup[i]), "%s", sk_get_text(&r, a));
	sk_arena_free(a);
}

void
sk_peer_heard(struct sk_peer *p)
{
	p->heard_ms = sk_boot_ms();
}

bool
sk_peer_hangs(struct sk_peer *p)
{
	int64_t now = sk_boot_ms(), half = p->lease_ms / 2;

	if (p->lease_ms > 0 && now - p->looked_ms > half && now - p->heard_ms > half)
		p->heard_ms = now - half;
	p->looked_ms = now;
	return p->lease_ms > 0 && p->pid > 0 && now - p->heard_ms > p->lease_ms;
}

int64_t
sk_peer_pause_ms(const struct sk_peer *p)
{
	return p->lease_ms > 0 && p->lease_ms / 4 < PING_MS ? p->lease_ms / 4 : PING_MS;
}

void
sk_peer_kill(const struct sk_peer *p, const char *component)
{
	sk_log(SK_CRITICAL, component,
		"the supervisor (pid %d) is silent for %lld ms: killing it and its tasks", (int)p->pid,
		(long long)p->lease_ms);
	kill(p->pid, SIGKILL);
}

void
sk_peer_clear(const struct sk_peer *p)
{
	const struct sk_tree tree = { .run_id = p->run_id };
	const struct timespec pause = { 0, CLEAR_PAUSE_NS };

	if (p->run_id[0] == '\0')
		return;
	sk_cgroup_clear(p->cgroup[0], p->run_id);
	sk_cgroup_clear(p->cgroup[1], p->run_id);
	for (int i = 0; i < CLEAR_ROUNDS && sk_tree_signal(&tree, SIGKILL) > 0; i++)
		nanosleep(&pause, NULL);
	sk_rundir_clear(p->run_dir, NULL, 0); /* removes the run file; its lock is free now */
}
