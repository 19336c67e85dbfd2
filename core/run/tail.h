/* tail.h - the end of an attempt's output as it stands in the state cache (SK_KEY_OUTPUT): a line
 * of text, then the bytes as they are.
 *
 *	skalds-output 1 <bytes that there are> <open|ended>\n
 *
 * The bytes are the last of those: so a reader knows where they stand, what is missing before them,
 * and whether more will come. */
#ifndef SK_CORE_RUN_TAIL_H
#define SK_CORE_RUN_TAIL_H

#include "core/base/str.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sk_tail {
	int64_t total; /* bytes of the output */
	bool ended;
	const char *bytes; /* the last n of them; borrowed */
	size_t n;
};

/* Append the value. */
void sk_tail_write(struct sk_str *out, const struct sk_tail *t);
/* False: it is none of ours. */
bool sk_tail_read(const void *value, size_t n, struct sk_tail *t);

/* The last bytes, at most max, of the file of an attempt; out is cleared first, and stays so when
 * the file has still the size that is known (-1 = none is). Returns the size; 0 when there is no
 * file; -1 and errno when it cannot be read. */
int64_t sk_tail_of_file(struct sk_str *out, const char *data_dir, const char *id, uint32_t attempt,
	size_t max, int64_t known);

#endif
