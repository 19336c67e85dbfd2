/* table.h - what the cache keeps: entries by key, fields of hashes as entries of their own. Private
 * to adapters/local. */
#ifndef SK_ADAPTERS_LOCAL_TABLE_H
#define SK_ADAPTERS_LOCAL_TABLE_H

#include "core/base/mem.h"
#include <stddef.h>
#include <stdint.h>

enum sk_entry_kind { SK_ENTRY_VALUE, SK_ENTRY_LIST, SK_ENTRY_HASH, SK_ENTRY_FIELD };

struct sk_entry {
	struct sk_entry *chain; /* in its bucket */
	uint64_t hash;
	enum sk_entry_kind kind;
	int64_t due_ms; /* 0 = lives for ever; of a hash: its fields decide */
	struct sk_entry *parent, *prev, *next; /* FIELD: its hash and its neighbours */
	struct sk_entry *fields, *last; /* HASH */
	size_t n; /* bytes, or items of a list */
	void *data; /* bytes, or an array of n strings; in this allocation */
	size_t cost; /* what it takes of the room */
	size_t key_len;
	char key[]; /* FIELD: key, NUL, field */
};

struct sk_table {
	struct sk_entry **buckets;
	size_t n_buckets, n; /* a power of two */
	size_t bytes, max_bytes;
	size_t sweep; /* the next bucket to be looked at */
	size_t n_mortal; /* entries that have a lifetime */
};

void sk_table_init(struct sk_table *t, size_t max_bytes);
void sk_table_release(struct sk_table *t);

/* field NULL: the entry of the key itself. NULL when there is none, or none any more at now_ms. */
struct sk_entry *
sk_table_find(struct sk_table *t, const char *key, const char *field, int64_t now_ms);
/* A new entry with room for n_data bytes, in place of the one that was there; NULL when there is no
 * room: then nothing is there. */
struct sk_entry *sk_table_put(struct sk_table *t, const char *key, const char *field,
	enum sk_entry_kind kind, size_t n_data, int64_t due_ms, int64_t now_ms);
/* With a hash go its fields, with the last field its hash. */
void sk_table_remove(struct sk_table *t, struct sk_entry *e);
/* Look at so many buckets for what has outlived its time. */
void sk_table_sweep(struct sk_table *t, size_t n_buckets, int64_t now_ms);
/* The name of a field. */
const char *sk_entry_field(const struct sk_entry *e);

#endif
