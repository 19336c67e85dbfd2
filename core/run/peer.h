/* peer.h - the supervisor as the process beside it sees it: who it is, whether it is still there,
 * and what to clear away when it is not. For the link (link.c) and the node (node.c). */
#ifndef SK_CORE_RUN_PEER_H
#define SK_CORE_RUN_PEER_H

#include "core/run/frames.h"
#include "core/run/rundir.h"
#include <sys/types.h>

struct sk_peer {
	pid_t pid; /* 0 until HELLO */
	uint32_t restarts; /* how many links it had before us */
	char run_id[SK_RUN_ID_LEN], run_dir[256], cgroup[2][1300];
	int64_t lease_ms; /* silent for longer it hangs; 0 = never */
	int64_t heard_ms; /* boot clock: its last frame */
	int64_t looked_ms; /* boot clock: when sk_peer_hangs was asked last */
};

/* Take its HELLO. */
void sk_peer_hello(struct sk_peer *p, const struct sk_frame *f);
/* Something came from it. */
void sk_peer_heard(struct sk_peer *p);
/* Has it been silent for longer than the lease? To be asked about every sk_peer_pause_ms. When we
 * slept ourselves (a suspended machine), its silence means nothing yet: half a lease will tell. */
bool sk_peer_hangs(struct sk_peer *p);
/* Milliseconds until the next PING and the next look. */
int64_t sk_peer_pause_ms(const struct sk_peer *p);
/* It hangs and can stop nothing: what it runs must be gone before others may run it. */
void sk_peer_kill(const struct sk_peer *p, const char *component);
/* It is dead: PDEATHSIG took its direct children; whoever is left of their trees is found by cgroup
 * and mark and killed, and its run file removed. Blocks until they are gone, at most 2 s. */
void sk_peer_clear(const struct sk_peer *p);

#endif
