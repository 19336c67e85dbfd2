/* liaison.h - the thread in which the link of an edge or a run-one has to do with Kafka, Redis and
 * MongoDB (core/run/edge.h has what is done there).
 *
 * The link never waits for it, but at the end for at most SK_LIAISON_LAST_MS. The thread and the
 * client libraries begin with the first call below `open`; where no service is set there is
 * none. */
#ifndef SK_CMD_LIAISON_H
#define SK_CMD_LIAISON_H

#include "cmd/record.h"
#include "core/run/edge.h"

#define SK_LIAISON_LAST_MS 1000

struct sk_liaison;

struct sk_liaison_config {
	const struct sk_settings *settings;
	unsigned which; /* of enum sk_service: what is set and of use; 0 = nothing to do */
	const struct sk_recorder_config *who; /* mode, incarnation, slots, start */
	char skald_id[64]; /* a single process has the original's [SP] before it */
	char host[256];
};

/* Before the link is made. Borrows both. */
void sk_liaison_prepare(struct sk_liaison_config *cfg, const struct sk_settings *settings,
	const struct sk_recorder_config *who);
/* Are documents of the tasks kept in MongoDB? */
bool sk_liaison_stores(const struct sk_liaison_config *cfg);

/* In the link's process. NULL when there is nothing to do; all below take NULL. Borrows cfg. */
struct sk_liaison *sk_liaison_open(const struct sk_liaison_config *cfg);
/* Readable when there are news; -1 without one. */
int sk_liaison_fd(const struct sk_liaison *l);
/* The tasks of the file, as the file has them. */
void sk_liaison_tasks(struct sk_liaison *l, const struct sk_task_list *list);
/* Something happened (sk_plan_ops.event), "" = this is how it stands. id: as which it is known. */
void sk_liaison_say(
	struct sk_liaison *l, const char *id, const struct sk_plan_task *t, const char *event);

struct sk_liaison_news {
	struct sk_liaison_news *next;
	struct sk_arena *arena; /* of all this */
	const char *id; /* NULL: the store has answered for all tasks */
	const char *hash; /* of the file's entry that they belong to */
	const struct sk_value *attachments;
};
/* The next of them, NULL = none; the caller frees its arena. */
struct sk_liaison_news *sk_liaison_next(struct sk_liaison *l);

/* Tell what is left, for at most wait_ms. The process ends: nothing is freed. */
void sk_liaison_close(struct sk_liaison *l, int64_t wait_ms);

#endif
