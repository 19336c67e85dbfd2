/* problem.h - all the errors of one input in one go, as "file:line:column: path: sentence". */
#ifndef SK_CORE_BASE_PROBLEM_H
#define SK_CORE_BASE_PROBLEM_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/str.h"
#include <stdbool.h>
#include <stddef.h>

/* More problems than this are counted, not kept. */
#define SK_MAX_PROBLEMS 100

struct sk_problem {
	bool warning;
	int line, column; /* 0 when there is none */
	const char *path; /* "TaskWorkers.T1.attachments.fixFrame" or "" */
	const char *text;
};

struct sk_problems {
	const char *file; /* as the user named it; "" for the command line */
	struct sk_arena *arena; /* owns the texts; borrowed */
	struct sk_problem *list;
	size_t n, n_errors, n_warnings; /* n kept, the others counted in full */
};

void sk_problems_init(struct sk_problems *p, struct sk_arena *arena, const char *file);
/* What the input contains may stand in path and text: control characters are escaped here, so
 * that one problem stays one line and no terminal obeys a file. */
void sk_problem(struct sk_problems *p, int line, int column, const char *path, const char *fmt, ...)
	SK_PRINTF(5, 6);
void sk_problem_warning(struct sk_problems *p, int line, int column, const char *path,
	const char *fmt, ...) SK_PRINTF(5, 6);
/* Sort by place: what a person fixes first stands first. */
void sk_problems_sort(struct sk_problems *p);
/* One "file:line:column: path: sentence" a line (warnings: "… warning: …"); parts that are empty
 * or zero are left out; ends with "N more" when some were not kept. */
void sk_problems_text(const struct sk_problems *p, struct sk_str *out);
/* The first error, in one line: what is only a warning never is why. SK_EINVAL. */
void sk_problems_fail(const struct sk_problems *p, struct sk_err *err);
/* {"file":…,"errors":n,"warnings":n,"problems":[{"line","column","path","severity","message"}]} */
void sk_problems_json(const struct sk_problems *p, struct sk_str *out);
/* The same members without the braces, for a caller that adds its own. */
void sk_problems_json_members(const struct sk_problems *p, struct sk_str *out);

/* Append one step of a path ("TaskWorkers" "T1" -> TaskWorkers.T1); odd words are quoted. */
void sk_path_key(struct sk_arena *a, struct sk_str *path, const char *key);

/* Text from outside between double quotes, for a message: cut after 60 characters, quotes and
 * backslashes escaped. Lives in the arena. */
const char *sk_quote(struct sk_arena *a, const char *text);

#endif
