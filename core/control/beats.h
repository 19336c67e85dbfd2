/* beats.h - a task of incarnation 0, as its keys tell; beats.c and beats_end.c to each other. */
#ifndef SK_CORE_CONTROL_BEATS_H
#define SK_CORE_CONTROL_BEATS_H

#include "core/control/mixed.h"

#define SK_BEAT_ERROR_MAX 512

/* Belongs to a struct sk_live, freed with it by free(). Ages count what was looked at. */
struct sk_task_beat {
	struct sk_pulse pulse;
	struct sk_trail beats;
	bool cleared; /* whoever assigned it removed the keys before */
	bool old; /* assigned so long ago that no end of an earlier run can still stand there */
	bool ended; /* the end that stands there came after its document was last changed */
	bool running; /* stored as such */
	bool paused; /* by hand; the original knows no such thing: it is left alone */
	bool spec_known;
	bool stepping; /* what was seen is being stored */
	bool timed_out;
	bool warned; /* it was told to cancel because it seems dead */
	enum sk_wanted wanted;
	int64_t update_ms; /* wall clock: when its document was last changed, as far as we know */
	int64_t age_ms; /* since it was assigned, or since we know of it */
	int64_t ran_ms, timeout_ms; /* timeout 0 = none */
	int64_t deadline_ms; /* wall clock; 0 = none */
	/* ages: last told to begin; to cancel (-1 = never); when it will be told to begin (-1 = no) */
	int64_t asked_ms, cancelled_ms, assign_ms;
	char error[SK_BEAT_ERROR_MAX]; /* what the user's program wrote; "" = nothing */
};

enum sk_beat_found {
	SK_BEAT_STARTED,
	SK_BEAT_ENDED, /* well */
	SK_BEAT_BROKEN, /* with an exception */
	SK_BEAT_STOPPED,
	SK_BEAT_LOST
};
/* Store what was found of the live task. */
void sk_beats_act(struct sk_control *c, struct sk_live *l, enum sk_beat_found found);
/* The live task of that attempt, of incarnation 0; or NULL. */
struct sk_live *sk_beats_find(struct sk_control *c, const char *id, uint32_t attempt);
/* Its timeout and its deadline. */
void sk_beats_limits(struct sk_task_beat *b, const struct sk_record *r);
/* A text of others, at most max - 1 bytes, as UTF-8 that can be stored: what is none becomes
 * '?'. */
void sk_beats_text(char *to, size_t max, const char *text, size_t n);

#endif
