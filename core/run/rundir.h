/* rundir.h - the runtime directory: who runs here, and what a dead run has left behind.
 *
 * Each supervisor keeps <dir>/<pid>.run, locked (flock) while it lives, with its run id and its
 * cgroup directories; and <dir>/<pid>.sock, which answers one JSON line to whoever connects.
 * A run file that can be locked belongs to a dead supervisor: its tasks are found by cgroup and by
 * the mark SKALDS_RUN=<run id> in their environment, killed, and the file removed. Nothing else is
 * ever touched: no adoption and no killing of strangers.
 */
#ifndef SK_CORE_RUN_RUNDIR_H
#define SK_CORE_RUN_RUNDIR_H

#include "core/base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define SK_RUN_ID_LEN 33 /* 32 hex digits */

/* The first directory that can be made and written: $SKALDS_RUN_DIR, /run/skalds,
 * $XDG_RUNTIME_DIR/skalds, /tmp/skalds-<uid>. "" when there is none (read-only container): then
 * probes and the clearing of left-overs by run file are off. Returns buf. */
const char *sk_rundir(char *buf, size_t n);

struct sk_run_file {
	int fd; /* -1 = there is no runtime directory */
	char dir[256]; /* "" = none */
	char run_id[SK_RUN_ID_LEN];
};

/* Make a new run id, the run file and the lock. A missing directory is no error. */
enum sk_code sk_run_file_open(struct sk_run_file *rf, struct sk_err *err) SK_CHECKED;
/* Note the cgroup directories of this run (absolute paths; NULL = none), so that the next start
 * can clear them. */
enum sk_code sk_run_file_note(struct sk_run_file *rf, const char *cgroup_v2, const char *cgroup_v1,
	struct sk_err *err) SK_CHECKED;
/* For forked children: drop the descriptor and with it their share of the lock. */
void sk_run_file_abandon(struct sk_run_file *rf);
/* Remove the file: this run left nothing behind. */
void sk_run_file_close(struct sk_run_file *rf);

/* Clear what dead runs left. Returns the number of processes killed; the sentence for the log goes
 * to note (may be NULL), "" when there was nothing. */
size_t sk_rundir_clear(const char *dir, char *note, size_t note_len);

#endif
