/* dotenv.h - the .env file: KEY=VALUE lines.
 *
 *	# a comment
 *	export KEY=plain text # a comment after blanks
 *	KEY='as it stands, even ${THIS}'
 *	KEY="with \n \t \" \\ \$ and ${OTHER} or ${OTHER:-default}"
 *
 * Quoted values may span lines. ${NAME} is the environment's value, else an earlier line's, else
 * blank. A key without "=" counts as not there. The last line of a key wins. */
#ifndef SK_CMD_DOTENV_H
#define SK_CMD_DOTENV_H

#include "core/base/mem.h"
#include <stddef.h>

#define SK_DOTENV_MAX 65536

struct sk_dotenv_line {
	const char *key, *value;
	int line;
};

struct sk_dotenv_problem {
	int line;
	const char *text; /* never contains a value */
};

struct sk_dotenv {
	struct sk_dotenv_line *lines;
	size_t n;
	struct sk_dotenv_problem *problems;
	size_t n_problems;
};

/* Parse n bytes; wrong lines become problems, the others count. Everything lives in the arena. */
void sk_dotenv_parse(struct sk_dotenv *d, const char *text, size_t n, struct sk_arena *a);
/* The file's text (NUL-terminated, in the arena) and its length. SK_ENOENT when there is none. */
enum sk_code sk_dotenv_read(const char *path, struct sk_arena *a, const char **text, size_t *n,
	struct sk_err *err) SK_CHECKED;
/* The last line of a key, or NULL. */
const struct sk_dotenv_line *sk_dotenv_find(const struct sk_dotenv *d, const char *key);

#endif
