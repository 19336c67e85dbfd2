/* typed.h - key=value words become attachments, typed by the class's field table.
 *
 *	seconds=1.5  name="two words"  list=a,b,c  list='["a,b", "c"]'  sub.member=3  env.PATH=/bin
 *
 * A word that does not fit its type is kept as text, so that the check of the attachments says
 * what was expected. Values of the kind "any" are JSON where they are written as JSON, else text;
 * what is below one (env.NAME) is text. */
#ifndef SK_CMD_TYPED_H
#define SK_CMD_TYPED_H

#include "core/model/field.h"

/* Set what the n words say in the map, which is the caller's own: members that are there already
 * are replaced. fields NULL: the class is not known here, every value is JSON or text. Unknown keys
 * are set as text: whoever checks the attachments knows a suggestion. False after a problem: no
 * key, a key twice, malformed JSON, members of what has none. */
bool sk_typed_words(const struct sk_field *fields, struct sk_value *map, const char *const *words,
	size_t n, struct sk_arena *a, struct sk_problems *p);

/* One value by its field; NULL after a problem at path. */
struct sk_value *sk_typed_value(const struct sk_field *field, const char *text, const char *path,
	struct sk_arena *a, struct sk_problems *p);

#endif
