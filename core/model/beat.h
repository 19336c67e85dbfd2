/* beat.h - signs of life as they stand in the state cache: the numbers under the heartbeat keys and
 * in the field of a skald, and the list of what a skald runs (skalds-protocol.md 1.2-1.4).
 *
 * Readers get what others wrote: any bytes. Nothing here fails on them or reads past n. The JSON is
 * parsed by the caller, since core has no parser.
 */
#ifndef SK_CORE_MODEL_BEAT_H
#define SK_CORE_MODEL_BEAT_H

#include "core/base/str.h"
#include "core/base/value.h"
#include "core/model/names.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- numbers ---- */

/* The integer in the text, as Python's int() reads ASCII: blanks around it, one sign, single
 * underscores between digits, leading zeros; no fraction, no exponent, no base. What does not fit
 * 64 bits becomes the nearest that does. false: no integer, *v is left. */
bool sk_beat_number(const void *text, size_t n, int64_t *v);

enum sk_beat {
	SK_BEAT_IS_NONE, /* no integer: a reader of the original takes it for 0 */
	SK_BEAT_IS_LIVE, /* any number but those below: only that it changes says something */
	SK_BEAT_IS_FINISHED,
	SK_BEAT_IS_FAILED,
	SK_BEAT_IS_CANCELLED
};
/* What the value under a task's or a skald's heartbeat key says; the number in *v (NULL is allowed;
 * 0 when there is none). */
enum sk_beat sk_beat_read(const void *text, size_t n, int64_t *v);

/* The value of a skald's field in SK_KEY_SKALDS: ms on the clock of whoever wrote it. Compare it
 * with the value before it and not with a clock of ours. false: no integer, or one below 0. */
bool sk_beat_activity(const void *text, size_t n, int64_t *ms);

/* The beat after this one: 0..199 and again, so that no two of 200 in a row are equal. A sequence
 * begins with any number; it should not be that of an earlier start. */
int sk_beat_next(int beat);

/* A number as it is written: plain digits. Returns the length. */
#define SK_BEAT_LEN 24
size_t sk_beat_text(char buf[SK_BEAT_LEN], int64_t v);

/* ---- what a skald runs ---- */

struct sk_beat_task {
	const char *id, *class_name;
};

/* {"tasks":[{"id":"T3","class_name":"W"}],"existed_task_ids":["T3"],"timestamp":1795240643673},
 * appended, byte by byte as the original writes it. */
void
sk_beat_tasks_json(struct sk_str *out, const struct sk_beat_task *tasks, size_t n, int64_t wall_ms);

/* The tasks in the parsed text (NULL = it could not be parsed), in an array in the arena; the texts
 * belong to v. Their number is returned: 0 for anything that is no such object. Elements without an
 * id or without a class are left out; class_name and className are both understood, the former
 * counts when both are there. */
size_t
sk_beat_tasks_read(struct sk_arena *a, const struct sk_value *v, const struct sk_beat_task **tasks);

#endif
