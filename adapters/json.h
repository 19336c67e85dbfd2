/* json.h - JSON (RFC 8259, strictly) as a value tree, over jansson.
 *
 * Not accepted: more than 4 MiB, nesting deeper than 64, a key twice in one object, integers that
 * do not fit 64 bits, numbers too large for a double, \u0000, invalid UTF-8, anything behind the
 * value. Any value may be the root. A byte order mark in front is skipped.
 */
#ifndef SK_ADAPTERS_JSON_H
#define SK_ADAPTERS_JSON_H

#include "core/base/problem.h"
#include "core/base/value.h"

#define SK_JSON_MAX_BYTES ((size_t)4 << 20)
#define SK_JSON_MAX_VALUES ((size_t)1 << 20)

/* The tree in the arena, every value with its place; NULL after one problem with the place of the
 * error. What the text contains never stands in that sentence, but for a key given twice. */
struct sk_value *
sk_json_parse(const char *text, size_t n, struct sk_arena *a, struct sk_problems *p);

#endif
