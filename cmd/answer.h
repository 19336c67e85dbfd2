/* answer.h - reading what the door answers: members of JSON objects, tasks as people see them. */
#ifndef SK_CMD_ANSWER_H
#define SK_CMD_ANSWER_H

#include "core/base/str.h"
#include "core/base/value.h"
#include <stdbool.h>
#include <stdint.h>

/* The body as a tree; NULL when it is not what the door speaks, which is said. */
struct sk_value *
sk_answer_parse(const char *command, const struct sk_str *body, struct sk_arena *a);

/* Members by name, with a dot for each step ("exit.code"). What is absent, null or of another kind
 * is "", the default or NULL; v may be NULL. */
const struct sk_value *sk_member(const struct sk_value *v, const char *path);
const char *sk_member_text(const struct sk_value *v, const char *path);
int64_t sk_member_int(const struct sk_value *v, const char *path, int64_t none);
double sk_member_num(const struct sk_value *v, const char *path);
bool sk_member_bool(const struct sk_value *v, const char *path);
/* The items of a list, and how many; NULL and 0 when it is none. */
struct sk_value *const *sk_member_list(const struct sk_value *v, const char *path, size_t *n);

/* Append text percent-encoded, as one part of a path or a query. */
void sk_url_add(struct sk_str *url, const char *text);
/* "/v1/tasks/<id><rest>". */
void sk_url_task(struct sk_str *url, const char *id, const char *rest);

/* Finished, Failed or Cancelled. */
bool sk_task_final(const struct sk_value *task);
/* The code of a task that is final, as `run-one` gives it (cli.md). */
int sk_task_code(const struct sk_value *task);
/* Its state in a word: the phase, or what it is about to become (Cancelling, Pausing, Resuming). */
const char *sk_task_state(const struct sk_value *task);
/* How it ended, as a sentence without a subject ("exited with code 3"); nothing when it has not. */
void sk_task_ending(const struct sk_value *exit, struct sk_str *out);

/* "340 ms", "3.2 s", "12m05s"; "" for what is negative. */
void sk_age_text(int64_t ms, char out[16]);
/* Local time, "2026-08-22 10:11:12"; "" for 0. */
#define SK_LOCAL_LEN 24
void sk_local_text(int64_t wall_ms, char out[SK_LOCAL_LEN]);
/* 1234567 -> "1,234,567". */
#define SK_COUNT_LEN 32
const char *sk_count_text(int64_t n, char out[SK_COUNT_LEN]);

#endif
