/* value.h - a parsed document as a tree, whatever text it came from.
 *
 * The YAML and JSON adapters produce it, core reads it: core knows neither library.
 * Every node lives in the arena it was made in and carries its place in the source.
 * A node may be shared (a YAML alias): nobody changes a tree once it is built.
 */
#ifndef SK_CORE_BASE_VALUE_H
#define SK_CORE_BASE_VALUE_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No document is nested deeper than this, wherever it comes from. */
#define SK_MAX_DEPTH 64

enum sk_kind { SK_NULL, SK_BOOL, SK_INT, SK_FLOAT, SK_STRING, SK_LIST, SK_MAP };

struct sk_value {
	enum sk_kind kind;
	int line, column; /* from 1, columns in characters; 0 when the source has no lines */
	union {
		bool b;
		int64_t i;
		double f;
		struct {
			const char *s;
			size_t len;
		} str; /* NUL-terminated, no NUL inside */
		struct {
			struct sk_value **items;
			size_t n;
		} list;
		struct {
			struct sk_pair *pairs;
			size_t n;
		} map; /* source order */
	} u;
	/* YAML: the scalar as it was written, for messages ("expected integer, got ten"); or NULL. */
	const char *raw;
};

struct sk_pair {
	const char *key;
	int line, column; /* of the key */
	struct sk_value *value;
};

/* The member of a map, or NULL (also when v is NULL or no map). */
const struct sk_value *sk_map_get(const struct sk_value *v, const char *key);

/* Constructors. Text is copied into the arena. */
struct sk_value *sk_value_new(struct sk_arena *a, enum sk_kind kind);
struct sk_value *sk_value_string(struct sk_arena *a, const char *s, size_t len);
struct sk_value *sk_value_int(struct sk_arena *a, int64_t i);
/* A deep copy; places and the way it was written are left out. */
struct sk_value *sk_value_copy(struct sk_arena *a, const struct sk_value *v);
void sk_list_add(struct sk_arena *a, struct sk_value *list, struct sk_value *item);
/* The key is copied; an existing key is replaced. */
void sk_map_set(struct sk_arena *a, struct sk_value *map, const char *key, struct sk_value *value);
/* Append without looking whether the key is there: for parsers, which check a whole map at once
 * with sk_map_sorted. Returns the new pair, valid until the next one is added. */
struct sk_pair *
sk_map_add(struct sk_arena *a, struct sk_value *map, const char *key, struct sk_value *value);

/* The pairs of a map ordered by key, equal keys in source order: duplicates are neighbours, and
 * sk_map_search finds a key in it. An array of map->u.map.n pointers in the arena. */
const struct sk_pair **sk_map_sorted(struct sk_arena *a, const struct sk_value *map);
const struct sk_pair *sk_map_search(const struct sk_pair *const *sorted, size_t n, const char *key);

/* "null", "boolean", "integer", "number", "string", "list", "map". */
const char *sk_kind_name(enum sk_kind kind);

/* JSON text, one line, map order kept. */
void sk_value_json(struct sk_str *out, const struct sk_value *v);
/* True when both are equal as JSON (1 and 1.0 differ; order in maps and places are ignored). */
bool sk_value_equal(const struct sk_value *a, const struct sk_value *b);

/* The compact form that travels between our own processes (frames.h). Places are not kept. */
void sk_value_encode(struct sk_str *out, const struct sk_value *v);
/* NULL and err on anything malformed, deeper than 64 or with trailing bytes. Never reads past n. */
struct sk_value *
sk_value_decode(struct sk_arena *a, const void *data, size_t n, struct sk_err *err);

#endif
