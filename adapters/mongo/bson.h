/* bson.h - values and texts of ours as BSON, and back. No connection, no state. */
#ifndef SK_ADAPTERS_MONGO_BSON_H
#define SK_ADAPTERS_MONGO_BSON_H

#include "core/base/value.h"
#include <bson/bson.h>

/* Bytes that are not UTF-8 become U+FFFD: one of them would make the document unreadable for
 * others. */
void sk_mg_put_text(bson_t *b, const char *key, const char *text);
/* NULL and "" are null. */
void sk_mg_put_text_or_null(bson_t *b, const char *key, const char *text);
/* A string where these bytes are a text, else binary. */
void sk_mg_put_bytes(bson_t *b, const char *key, const void *data, size_t n);
void sk_mg_put_binary(bson_t *b, const char *key, const void *data, size_t n);
void sk_mg_put_i64(bson_t *b, const char *key, int64_t v);
void sk_mg_put_u64(bson_t *b, const char *key, uint64_t v); /* the same bits */
void sk_mg_put_null(bson_t *b, const char *key);
void sk_mg_put_bool(bson_t *b, const char *key, bool v);
void sk_mg_put_double(bson_t *b, const char *key, double v);
void sk_mg_put_doc(bson_t *b, const char *key, const bson_t *doc);
/* Integers as the original writes them: int32 where they fit. */
void sk_mg_put_value(bson_t *b, const char *key, const struct sk_value *v);
/* No key in it is empty, has a dot or begins with a dollar: some servers refuse those. */
bool sk_mg_plain_keys(const struct sk_value *v);

/* Lists: keys are made. */
struct sk_mg_list {
	bson_t *b;
	uint32_t n;
	char key[16];
};
const char *sk_mg_next_key(struct sk_mg_list *l);

/* All of these: false when it is something else. Integers may be int32, int64 or whole doubles. */
bool sk_mg_take_i64(const bson_iter_t *it, int64_t *v);
bool sk_mg_take_double(const bson_iter_t *it, double *v);
/* Valid UTF-8 without a NUL inside; in the arena. */
bool sk_mg_take_text(const bson_iter_t *it, struct sk_arena *a, const char **text);
/* String or binary; in the arena. */
bool sk_mg_take_bytes(const bson_iter_t *it, struct sk_arena *a, const char **data, size_t *n);
/* NULL: something in it is none of ours, or it is nested too deep. */
struct sk_value *sk_mg_take_value(const bson_iter_t *it, struct sk_arena *a);
static inline bool
sk_mg_is_null(const bson_iter_t *it)
{
	return bson_iter_type(it) == BSON_TYPE_NULL || bson_iter_type(it) == BSON_TYPE_UNDEFINED;
}

#endif
