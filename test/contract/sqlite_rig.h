/* sqlite_rig.h - the store in one file, with a file system underneath that fails on demand. */
#ifndef SK_TEST_CONTRACT_SQLITE_RIG_H
#define SK_TEST_CONTRACT_SQLITE_RIG_H

#include "fault_vfs.h"
#include "store_rig.h"

extern const struct store_kind sqlite_kind;

struct sqlite_fatal {
	int calls;
	char sentence[512];
};

/* What lies underneath; installed by the first store that is opened. */
struct fault_vfs *sqlite_faults(void);
/* What the store has said of its end. */
struct sqlite_fatal *sqlite_fatal(void);

struct sk_store *sqlite_open(
	const char *path, bool relaxed, int64_t wal_bytes, struct sk_loop *loop, struct sk_err *err);
/* Of the rig's store: tasks.db and what stands behind that. */
const char *sqlite_file(struct store_rig *g, const char *suffix);
void sqlite_reopen(struct store_rig *g, bool relaxed, int64_t wal_bytes);
/* SQL on a file that no store has open. */
void sqlite_sql(const char *path, const char *text);
/* What a check says. */
const char *sqlite_problems(struct store_rig *g);
/* Insert a small task. */
enum sk_code sqlite_try(struct store_rig *g, const char *id);

#define RIG(g) \
	struct store_rig rig, *g = &rig; \
	(void)state; \
	store_rig_open(g, &sqlite_kind)

#endif
