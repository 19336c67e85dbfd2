/* mem_test.c - allocation that never returns NULL, and arenas. */
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
nothing_is_allocated_as_something(void **state)
{
	void *p = sk_xmalloc(0), *q = sk_xcalloc(0, 8), *r = sk_xcalloc(8, 0);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	assert_non_null(r);
	p = sk_xrealloc(p, 0);
	assert_non_null(p);
	q = sk_xreallocarray(q, 0, 8);
	assert_non_null(q);
	free(p);
	free(q);
	free(r);
}

static void
text_is_copied_up_to_its_end_or_the_limit(void **state)
{
	const char raw[4] = { 'a', 'b', 'c', 'd' }; /* no NUL: the limit must hold */
	char *a = sk_xstrdup("text"), *b = sk_xstrndup("text", 2), *c = sk_xstrndup("text", 99);
	char *d = sk_xstrndup(raw, sizeof(raw)), *e = sk_xasprintf("%d-%s", 7, "x"),
		 *f = sk_xstrdup("");

	(void)state;
	assert_string_equal(a, "text");
	assert_string_equal(b, "te");
	assert_string_equal(c, "text");
	assert_memory_equal(d, "abcd", 5);
	assert_string_equal(e, "7-x");
	assert_string_equal(f, "");
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
	free(f);
}

/* ---- no memory ---- */

/* Under a sanitizer, too, malloc shall return NULL for what does not fit, as it does elsewhere. */
const char *__asan_default_options(void); /* NOLINT(bugprone-reserved-identifier) */
const char *
__asan_default_options(void) /* NOLINT(bugprone-reserved-identifier) */
{
	return "allocator_may_return_null=1";
}

enum way { MALLOC, CALLOC, REALLOC, ARRAY, ARENA };

/* Bad sizes on purpose: through a variable that no compiler sees through. */
static void
ask_for(enum way way, volatile size_t n)
{
	switch (way) {
	case MALLOC:
		free(sk_xmalloc(n));
		break;
	case CALLOC:
		free(sk_xcalloc(n, n));
		break;
	case REALLOC:
		free(sk_xrealloc(sk_xmalloc(1), n));
		break;
	case ARRAY:
		free(sk_xreallocarray(NULL, n, 16));
		break;
	case ARENA:
		sk_arena_alloc(sk_arena_new(), n);
		break;
	}
}

static void
what_does_not_fit_ends_the_process_with_71_and_a_word(void **state)
{
	(void)state;
	for (enum way way = MALLOC; way <= ARENA; way++) {
		int ends[2], status;
		char text[4096] = "";
		ssize_t n;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		fflush(NULL);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			dup2(ends[1], STDERR_FILENO);
			ask_for(way, way == CALLOC ? SIZE_MAX / 2 : SIZE_MAX - 7);
			_exit(0);
		}
		close(ends[1]);
		for (size_t at = 0; (n = read(ends[0], text + at, sizeof(text) - 1 - at)) > 0;
			 at += (size_t)n)
			;
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 71);
		assert_non_null(strstr(text, "skalds: out of memory\n"));
	}
}

/* ---- arenas ---- */

static void
arena_memory_is_zero_aligned_and_apart(void **state)
{
	enum { N = 3000 };
	static char *blocks[N];
	static size_t sizes[N];
	struct sk_arena *a = sk_arena_new();

	(void)state;
	srand(7);
	for (size_t i = 0; i < N; i++) {
		sizes[i] = i % 500 == 499 ? (size_t)rand() % 3000000 : (size_t)rand() % 100;
		blocks[i] = sk_arena_alloc(a, sizes[i]);
		assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < sizes[i]; k++)
			if (blocks[i][k] != 0)
				fail_msg("block %zu is not zero", i);
		memset(blocks[i], (int)(i & 0x7f), sizes[i]);
	}
	for (size_t i = 0; i < N; i++) /* nobody wrote into another's */
		for (size_t k = 0; k < sizes[i]; k++)
			if (blocks[i][k] != (char)(i & 0x7f))
				fail_msg("block %zu was overwritten", i);
	sk_arena_free(a);
}

static void
arena_text_is_copied(void **state)
{
	const char raw[3] = { 'x', 'y', 'z' };
	struct sk_arena *a = sk_arena_new();
	char *large;

	(void)state;
	assert_string_equal(sk_arena_strdup(a, "abc"), "abc");
	assert_string_equal(sk_arena_strdup(a, ""), "");
	assert_string_equal(sk_arena_strndup(a, "abc", 2), "ab");
	assert_string_equal(sk_arena_strndup(a, "abc", 9), "abc");
	assert_memory_equal(sk_arena_strndup(a, raw, 3), "xyz", 4);
	assert_string_equal(sk_arena_printf(a, "%s/%d", "a", 5), "a/5");
	large = sk_arena_printf(a, "%100000d", 1);
	assert_int_equal(strlen(large), 100000);
	sk_arena_free(a);
	sk_arena_free(NULL);
}

static void
an_arena_that_is_reset_begins_anew_in_the_same_place(void **state)
{
	struct sk_arena *a = sk_arena_new();
	char *first = sk_arena_strdup(a, "first");

	(void)state;
	for (int round = 0; round < 3; round++) {
		sk_arena_reset(a);
		assert_ptr_equal(sk_arena_alloc(a, 6), first);
		assert_memory_equal(first, "\0\0\0\0\0", 6); /* zeroed again */
		memset(first, 'x', 6);
		for (int i = 0; i < 100; i++)
			memset(sk_arena_alloc(a, 5000), 'x', 5000);
	}
	sk_arena_free(a);
	a = sk_arena_new();
	sk_arena_reset(a); /* nothing in it yet */
	memset(sk_arena_alloc(a, 1000000), 'x', 1000000);
	sk_arena_reset(a); /* a first block as large as that is given back */
	memset(sk_arena_alloc(a, 10), 'x', 10);
	sk_arena_reset(a);
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allocated_as_something),
		cmocka_unit_test(text_is_copied_up_to_its_end_or_the_limit),
		cmocka_unit_test(what_does_not_fit_ends_the_process_with_71_and_a_word),
		cmocka_unit_test(arena_memory_is_zero_aligned_and_apart),
		cmocka_unit_test(arena_text_is_copied),
		cmocka_unit_test(an_arena_that_is_reset_begins_anew_in_the_same_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
