/* store_rig.h - a task store to test, and short ways to use it. */
#ifndef SK_TEST_CONTRACT_STORE_RIG_H
#define SK_TEST_CONTRACT_STORE_RIG_H

#include "core/ports.h"

struct store_kind {
	const char *name;
	/* The store in this directory, which is the rig's; NULL and err. */
	struct sk_store *(*open)(const char *dir, struct sk_loop *loop, struct sk_err *err);
	/* NULL, or removes what open has made elsewhere. */
	void (*remove)(const char *dir);
	bool lasts; /* what was stored is there when it is opened again */
	bool backs_up;
	bool slow; /* fewer of what is done by chance */
};

struct store_rig {
	const struct store_kind *kind;
	char dir[64];
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_arena *arena; /* of what the short ways return */
};

/* In an empty directory; fails the test when it cannot. */
void store_rig_open(struct store_rig *g, const struct store_kind *kind);
/* Open it again when it was closed. */
void store_rig_start(struct store_rig *g);
void store_rig_reopen(struct store_rig *g);
/* Close, remove the directory. */
void store_rig_close(struct store_rig *g);
void store_dir_make(char dir[64]);
void store_dir_remove(const char *dir);

/* Give the operation the rig's arena and wait for it. */
enum sk_code store_do(struct store_rig *g, enum sk_op_kind kind, struct sk_op *op);
/* The same, which must succeed. */
void store_must(struct store_rig *g, enum sk_op_kind kind, struct sk_op *op);

/* A small task: Created, ready, of class Exec, made at 1,000,000 ms. In the rig's arena. */
struct sk_record *store_task(struct store_rig *g, const char *id);
/* The same with a unique key. */
struct sk_record *store_keyed(struct store_rig *g, const char *id, const char *key);
/* Insert one; its seq is filled in. */
void store_put(struct store_rig *g, struct sk_record *r);
/* As it is stored, or NULL. */
struct sk_record *store_get(struct store_rig *g, const char *id);
/* Move from how the record stands to how `to` does (SK_SET_LIFE and the other bits). */
enum sk_code store_move(
	struct store_rig *g, const struct sk_record *from, unsigned set, const struct sk_record *to);
/* Insert, then move to this phase. */
struct sk_record *store_put_phase(struct store_rig *g, const char *id, enum sk_phase phase);
/* Finds with a limit of SK_FIND_MAX; ids with blanks between them. */
const char *store_ids(struct store_rig *g, const struct sk_filter *f, enum sk_order order);
enum sk_code store_remove(struct store_rig *g, const char *id);

/* JSON in, a value out. */
const struct sk_value *store_json(struct sk_arena *a, const char *text);
/* Every member of a record but its seq, for comparing. thin: without what is left out then. */
void store_text(const struct sk_record *r, bool thin, struct sk_str *out);
void store_same(const struct sk_record *a, const struct sk_record *b);

/* A reproducible random number below n; the seed is SKALDS_SEED or a fixed one. */
uint64_t store_random(uint64_t n);
void store_seed(void);

#endif
