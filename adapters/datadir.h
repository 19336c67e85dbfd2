/* datadir.h - the data directory and its one owner.
 *
 *	DIR/owner.lock		locked (flock) by the owner as long as it lives; its pid stands in it
 *	DIR/up.lock		locked by the supervisor of `skalds up`, whose hubs, each the owner in its time,
 *				come and go; its pid stands in it
 *	DIR/node.lock		locked by the supervisor of `skalds node`, which has no store
 *				here, only output and its id; an owner beside it is no conflict
 *	DIR/skalds.sock		where the owner answers (adapters/http/server.h)
 *	DIR/tasks.db		the store (adapters/sqlite/store.h)
 *
 * Whoever holds the lock alone may open what else is in the directory. The others speak to the
 * socket; a member of the socket's group cannot even look into the directory. So a client connects
 * to sk_datadir_socket first; only when nobody answers there it opens and locks the directory.
 */
#ifndef SK_ADAPTERS_DATADIR_H
#define SK_ADAPTERS_DATADIR_H

#include "core/base/err.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SK_DATADIR_LOCK "owner.lock"
#define SK_DATADIR_UP_LOCK "up.lock"
#define SK_DATADIR_NODE_LOCK "node.lock"
#define SK_DATADIR_SOCKET "skalds.sock"
#define SK_DATADIR_STORE "tasks.db"

struct sk_datadir;

struct sk_datadir_config {
	const char *path; /* from sk_datadir_locate */
	bool create; /* make it (0700), and what is missing above it (0755) */
	const char *group; /* --socket-group: a name or a number; "" or NULL = none */
	bool allow_volatile; /* tmpfs and ramfs too: all is lost with the host's next start */
};

/* Where it is: what was given (--data, SKALDS_DATA), else /var/lib/skalds for root, else
 * $XDG_STATE_HOME/skalds, else ~/.local/state/skalds; absolute. SK_EINVAL when nothing says. */
enum sk_code
sk_datadir_locate(const char *given, struct sk_str *path, struct sk_err *err) SK_CHECKED;

/* The socket of the data directory at path, added to out. */
void sk_datadir_socket(const char *path, struct sk_str *out);

/* Looks at the directory before anything is trusted to it. NULL and err: SK_ENOENT (it is not there
 * and create is false), SK_EINVAL (not a directory, not ours, writable for others, on a network or
 * volatile file system, no such group), SK_EIO, SK_ENOSPC.
 *
 * With a group the directory becomes its (0710): members reach the socket and see nothing else. */
struct sk_datadir *sk_datadir_open(const struct sk_datadir_config *cfg, struct sk_err *err);
/* Gives the lock back. NULL is allowed. */
void sk_datadir_close(struct sk_datadir *d);
/* For a forked child: drop the descriptors, and with them its share of the lock. */
void sk_datadir_abandon(struct sk_datadir *d);

/* Become the owner, waiting for at most wait_ms. SK_ECONFLICT: somebody else is; the sentence names
 * the process. */
enum sk_code sk_datadir_lock(struct sk_datadir *d, int64_t wait_ms, struct sk_err *err) SK_CHECKED;
/* Nothing happens when we are not the owner. */
void sk_datadir_unlock(struct sk_datadir *d);
/* The owner's pid as it sees itself (another PID namespace numbers otherwise): 0 = there is none,
 * -1 = there is one who has not written it (yet, or for want of room). */
pid_t sk_datadir_owner(const struct sk_datadir *d);

/* Become the one `up` of the directory: a descriptor that holds the lock until it is closed. -1 and
 * err: SK_ECONFLICT: there is another one, the sentence names it; SK_EIO, SK_ENOSPC. */
int sk_datadir_up_lock(const struct sk_datadir *d, struct sk_err *err) SK_CHECKED;
/* Is there one? Then the owner will be back when nobody answers just now. */
bool sk_datadir_up_alive(const struct sk_datadir *d);
/* Become the one `node` of the directory, as sk_datadir_up_lock. */
int sk_datadir_node_lock(const struct sk_datadir *d, struct sk_err *err) SK_CHECKED;

const char *sk_datadir_path(const struct sk_datadir *d);
/* The directory itself, open as long as d is. */
int sk_datadir_fd(const struct sk_datadir *d);
/* The group's number; (gid_t)-1 = none. */
gid_t sk_datadir_group(const struct sk_datadir *d);

#endif
