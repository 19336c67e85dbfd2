/* field_priv.h - what the files of field.h share; nobody else includes it. */
#ifndef SK_CORE_MODEL_FIELD_PRIV_H
#define SK_CORE_MODEL_FIELD_PRIV_H

#include "core/model/field.h"

/* How people write the field. */
static inline const char *
sk_field_key(const struct sk_field *f)
{
	return f->key != NULL ? f->key : f->name;
}

/* Put the default into the record; false when its text does not parse. */
bool sk_field_default(const struct sk_field *f, void *record);

/* Index of the choice, or -1. */
int sk_field_choice(const struct sk_field *f, const char *name);

/* "1 to 10", "at least 1", "at most 10"; "" when neither side is bounded. */
void sk_field_bounds(const struct sk_field *f, struct sk_str *out);

#endif
