/* progress.h - a bar on standard error for what takes long, where that is a terminal. */
#ifndef SK_CMD_PROGRESS_H
#define SK_CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_progress {
	bool on; /* it is a terminal, and somebody wants to see it */
	bool drawn; /* there is a bar on the line */
	int64_t start_ms, next_ms; /* boot clock */
	int64_t wall_ms; /* of sk_progress_init */
};

void sk_progress_init(struct sk_progress *p, bool quiet);
/* What is counted begins now. */
void sk_progress_start(struct sk_progress *p);
/* "[####......] 45 %  45,000 of 100,000 stored, 52,000/s, 1.1 s left"; at most ten times a second,
 * and not in the first moments. */
void sk_progress_draw(struct sk_progress *p, const char *what, size_t done, size_t all);
/* The same for what is counted in bytes: only how far it is. */
void sk_progress_part(struct sk_progress *p, const char *what, size_t done, size_t all);
/* Before anything else is printed. */
void sk_progress_clear(struct sk_progress *p);

#endif
