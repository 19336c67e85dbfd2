/* suggest.c - "did you mean …?" (declared in str.h). */
#include "core/base/str.h"
#include <string.h>

#define MAX_WORD 64

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Damerau-Levenshtein with adjacent transpositions, three rows. */
static size_t
distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][MAX_WORD + 1];
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2];

	for (size_t j = 0; j <= nb; j++)
		prev[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *oldest = before;

		cur[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t same = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;

			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		before = prev;
		prev = cur;
		cur = oldest;
	}
	return prev[nb];
}

const char *
sk_suggest(const char *word, const char *const *candidates)
{
	size_t n = strlen(word), best = n / 3 > 1 ? n / 3 : 1;
	const char *found = NULL;

	if (n == 0 || n > MAX_WORD)
		return NULL;
	for (; *candidates != NULL; candidates++) {
		size_t nc = strlen(*candidates), d;

		if (nc > MAX_WORD)
			continue;
		d = distance(word, n, *candidates, nc);
		if (d < best || (d == best && found == NULL)) {
			best = d;
			found = *candidates;
		}
	}
	return found;
}
