/* words_fuzz.c - what people type behind `task add CLASS`: key=value words by the tables of all
 * classes, durations and times. The first byte chooses the table, words are separated by newlines.
 * What the words became is a map that can be written and read back as JSON. */
#include "adapters/json.h"
#include "cmd/typed.h"
#include "cmd/when.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_times(const char *word)
{
	double seconds = 0;
	int64_t ms = 0;

	if (sk_seconds_parse(word, &seconds) && !(seconds >= 0 && seconds < 4e10))
		abort();
	if (sk_moment_parse(word, 1787393472000, &ms) &&
		(ms < -70000000000000 || ms > 1000000000000000))
		abort();
}

static void
check_map(const struct sk_value *map, struct sk_arena *a)
{
	struct sk_str text = SK_STR_INIT;
	struct sk_problems p;

	sk_problems_init(&p, a, "");
	sk_value_json(&text, map);
	if (sk_json_parse(text.p, text.len, a, &p) == NULL)
		abort();
	sk_str_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *map = sk_value_new(a, SK_MAP);
	struct sk_problems p;
	const char *words[MAX_WORDS];
	size_t classes = 0, k = 0;
	char *text = n > 0 ? sk_arena_strndup(a, (const char *)data + 1, n - 1) : NULL, *save = NULL;

	while (sk_workers[classes] != NULL)
		classes++;
	sk_problems_init(&p, a, "");
	for (char *w = text != NULL ? strtok_r(text, "\n", &save) : NULL; w != NULL && k < MAX_WORDS;
		 w = strtok_r(NULL, "\n", &save)) {
		check_times(w);
		words[k++] = w;
	}
	if (n > 0 &&
		sk_typed_words(
			data[0] % (classes + 1) < classes ? sk_workers[data[0] % (classes + 1)]->fields : NULL,
			map, words, k, a, &p))
		check_map(map, a);
	else if (n > 0 && p.n_errors == 0)
		abort();
	sk_arena_free(a);
	return 0;
}
