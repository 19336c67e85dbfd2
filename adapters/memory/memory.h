/* memory.h - the parts of the store in memory to each other. */
#ifndef SK_ADAPTERS_MEMORY_MEMORY_H
#define SK_ADAPTERS_MEMORY_MEMORY_H

#include "adapters/memory/store.h"
#include "core/base/map.h"

struct sk_memory_attempt {
	struct sk_attempt a;
	struct sk_memory_attempt *next; /* by attempt */
};

struct sk_memory_row {
	struct sk_arena *arena; /* of all below */
	struct sk_record *r; /* NULL = removed */
	struct sk_memory_attempt *attempts;
	struct sk_memory_row *next; /* same hash of the id */
};

struct sk_memory {
	struct sk_store store;
	struct sk_loop *loop;
	struct sk_timer timer;
	struct sk_op_list queue;
	bool closing;
	struct sk_memory_row **rows; /* by seq - 1 */
	size_t n, cap;
	struct sk_map by_id;
	struct sk_memory_skald {
		struct sk_arena *arena;
		struct sk_skald *s;
	} * skalds; /* by id */
	size_t n_skalds;
	struct sk_memory_setting {
		char *name, *value;
	} * settings;
	size_t n_settings;
	char *lead_holder; /* NULL = nobody ever */
	uint64_t lead_term, lead_renewals;
};

/* rows.c: stored tasks one by one */
struct sk_memory_row *sk_memory_row(struct sk_memory *m, const char *id);
/* Whose unique key it is, of the tasks that are not final. */
struct sk_memory_row *sk_memory_key(struct sk_memory *m, const char *unique_key);
struct sk_memory_row *sk_memory_add(struct sk_memory *m, const struct sk_record *r);
void sk_memory_drop(struct sk_memory *m, struct sk_memory_row *w);
/* Make what the record and its attempts borrow their own, with one more attempt or NULL. */
void sk_memory_settle(struct sk_memory_row *w, const struct sk_attempt *ended);
void sk_memory_release_rows(struct sk_memory *m);

/* tasks.c, skalds.c: the operations */
enum sk_code sk_memory_insert(struct sk_memory *m, struct sk_op_insert *op);
enum sk_code sk_memory_get(struct sk_memory *m, struct sk_op_get *op);
enum sk_code sk_memory_find(struct sk_memory *m, struct sk_op_find *op);
enum sk_code sk_memory_count(struct sk_memory *m, struct sk_op_count *op);
enum sk_code sk_memory_move(struct sk_memory *m, struct sk_op_move *op);
enum sk_code sk_memory_remove(struct sk_memory *m, struct sk_op_remove *op);
enum sk_code sk_memory_attempts(struct sk_memory *m, struct sk_op_attempts *op);
enum sk_code sk_memory_classes(struct sk_memory *m, struct sk_op_classes *op);
enum sk_code sk_memory_skald_put(struct sk_memory *m, struct sk_op_skald_put *op);
enum sk_code sk_memory_skald_list(struct sk_memory *m, struct sk_op_skald_list *op);
enum sk_code sk_memory_skald_remove(struct sk_memory *m, struct sk_op_skald_remove *op);
enum sk_code sk_memory_lead(struct sk_memory *m, struct sk_op_lead *op);
enum sk_code sk_memory_setting(struct sk_memory *m, struct sk_op_setting *op);
void sk_memory_release_skalds(struct sk_memory *m);

#endif
