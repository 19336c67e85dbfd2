/* arrays.h - the inside of arrays_*.c: what is known of the parents of arrays.
 *
 * A parent is Created until its first element starts, then Running with no executor, then final.
 * Elements are inserted before the parent's list is shortened: what crashes in between finds them
 * there already and goes on. */
#ifndef SK_CORE_CONTROL_ARRAYS_H
#define SK_CORE_CONTROL_ARRAYS_H

#include "core/control/parts.h"

struct sk_array {
	struct sk_arrays *all;
	struct sk_control *c;
	struct sk_array *next; /* same hash */
	struct sk_arena *arena; /* of r */
	struct sk_record *r; /* NULL = to be read */
	int64_t open; /* elements that have rows and are not final, as far as we know */
	bool counted; /* open was counted, and followed since */
	bool busy, again; /* operations are under way; look again after them */
	struct sk_timer check;
	char id[];
};

struct sk_arrays {
	struct sk_map by_id;
};

/* arrays.c */
struct sk_array *sk_array_find(struct sk_control *c, const char *id);
/* The same, made when it is not known yet. */
struct sk_array *sk_array_get(struct sk_control *c, const char *id);
void sk_array_forget(struct sk_array *a);
void sk_array_set_record(struct sk_array *a, const struct sk_record *r);
/* What is known of the parent may be wrong: it is read again before it is used. */
void sk_array_drop_record(struct sk_array *a);
void sk_array_check_soon(struct sk_array *a);
void sk_array_not_busy(struct sk_array *a);
/* Back into the window when there are elements left to start. */
void sk_array_offer(struct sk_array *a);

/* arrays_wish.c: elements do what is wanted of their parent: cancel or pause. */
void sk_arrays_follow(struct sk_control *c, const struct sk_record *parent);

/* arrays_end.c: read the parent and count its elements; end it when it is done. */
void sk_array_read(struct sk_array *a);

#endif
