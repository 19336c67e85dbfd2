/* task_check.c - the lines of `skalds task add --file`, checked before anything is stored. */
#include "adapters/json.h"
#include "cmd/bulk.h"
#include "core/control/api.h"
#include "core/control/submit.h"
#include "workers/registry.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND SK_ADD_COMMAND
#define MAX_LINE (SK_API_MAX_BODY - 256) /* an id is added */

bool
sk_bulk_interrupted(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
		(sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1);
}

/* The same id or unique key on two lines is a mistake that the other side would see piece by piece
 * only. */
static bool
is_new(const struct sk_map *m, const char *text, const char *path, struct sk_problems *p)
{
	uintptr_t before = (uintptr_t)sk_map_find(m, sk_map_key(text));

	if (before != 0)
		sk_problem(p, 0, 0, path, "line %zu has the same %s", (size_t)before, path);
	return before == 0;
}

static void
remember(struct sk_map *m, const char *text, size_t number)
{
	sk_map_put(m, sk_map_key(text), (void *)(uintptr_t)number);
}

/* Those that no line before adds are looked at when all lines are known. */
static void
keep_dependencies(struct sk_bulk *b, const struct sk_value *list, size_t number)
{
	for (size_t i = 0; list != NULL && list->kind == SK_LIST && i < list->u.list.n; i++) {
		const char *id = list->u.list.items[i]->u.str.s;

		if (sk_map_find(&b->ids, sk_map_key(id)) != NULL)
			continue;
		if (b->n_deps == b->cap_deps) {
			b->cap_deps = b->cap_deps > 0 ? b->cap_deps * 2 : 64;
			b->deps = sk_xreallocarray(b->deps, b->cap_deps, sizeof(*b->deps));
		}
		b->deps[b->n_deps++] = (struct sk_bulk_dep){ number, sk_xstrdup(id) };
	}
}

static void
say_problems(struct sk_bulk *b, const struct sk_problems *p, size_t number)
{
	sk_progress_clear(&b->progress);
	for (size_t i = 0; i < p->n; i++)
		if (!p->list[i].warning)
			sk_complain(COMMAND, "%s:%zu: %s%s%s", b->file, number, p->list[i].path,
				*p->list[i].path != '\0' ? ": " : "", p->list[i].text);
}

/* False after problems. */
static bool
is_right(struct sk_bulk *b, struct sk_bulk_line *l, struct sk_arena *a, struct sk_problems *p)
{
	const struct sk_submit_context ctx = { .workers = sk_workers, .now_ms = b->progress.wall_ms };
	const struct sk_value *id;
	struct sk_value *v;
	struct sk_record record;

	if (l->len > MAX_LINE) {
		sk_problem(p, 0, 0, "", "the line has more than 4 MiB");
		return false;
	}
	v = sk_json_parse(b->text.p + l->at, l->len, a, p);
	if (v == NULL || !sk_submit_record(&ctx, v, a, &record, p))
		return false;
	id = sk_map_get(v, "id");
	l->id = id == NULL ? SK_ID_ABSENT : id->kind == SK_NULL ? SK_ID_NULL : SK_ID_GIVEN;
	l->unique = record.unique_key[0] != '\0';
	if ((l->id == SK_ID_GIVEN && !is_new(&b->ids, record.id, "id", p)) ||
		(l->unique && !is_new(&b->keys, record.unique_key, "uniqueKey", p)))
		return false;
	if (l->id == SK_ID_GIVEN)
		remember(&b->ids, record.id, l->number);
	if (l->unique)
		remember(&b->keys, record.unique_key, l->number);
	keep_dependencies(b, sk_map_get(record.spec, "dependencies"), l->number);
	return true;
}

static void
keep(struct sk_bulk *b, const struct sk_bulk_line *l)
{
	if (b->n == b->cap) {
		b->cap = b->cap > 0 ? b->cap * 2 : 1024;
		b->lines = sk_xreallocarray(b->lines, b->cap, sizeof(*b->lines));
	}
	b->lines[b->n++] = *l;
}

static void
check_line(struct sk_bulk *b, struct sk_bulk_line *l)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_problems p;

	sk_problems_init(&p, a, "");
	b->seen++;
	if (is_right(b, l, a, &p))
		keep(b, l);
	else {
		b->bad++;
		say_problems(b, &p, l->number);
	}
	sk_arena_free(a);
}

static bool
is_blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr(" \t\r", p[i]) == NULL)
			return false;
	return true;
}

/* 0, or 130. */
static int
check_lines(struct sk_bulk *b)
{
	const char *text = sk_str_text(&b->text), *end = text + b->text.len;
	const char *p = text;

	if (b->text.len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (size_t number = 1; p < end; number++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl != NULL ? nl : end) - p);
		struct sk_bulk_line l = { .at = (size_t)(p - text), .number = number };

		l.len = n > MAX_LINE ? MAX_LINE + 1 : (uint32_t)n;
		if (!is_blank(p, n))
			check_line(b, &l);
		p += n + 1;
		if (number % 1000 == 0) {
			sk_progress_part(&b->progress, "checked", (size_t)(p - text), b->text.len);
			if (sk_bulk_interrupted())
				return 130;
		}
	}
	return 0;
}

/* ---- dependencies ---- */

/* A line that was kept is wrong after all. */
static void
mark_wrong(struct sk_bulk *b, size_t number)
{
	size_t low = 0, high = b->n;

	while (low + 1 < high) {
		size_t mid = (low + high) / 2;

		*(b->lines[mid].number <= number ? &low : &high) = mid;
	}
	b->bad += b->lines[low].wrong ? 0 : 1;
	b->lines[low].wrong = true;
}

static void SK_PRINTF(3, 4) wrong_line(struct sk_bulk *b, size_t number, const char *fmt, ...)
{
	struct sk_str s = SK_STR_INIT;
	va_list ap;

	mark_wrong(b, number);
	va_start(ap, fmt);
	sk_str_vaddf(&s, fmt, ap);
	va_end(ap);
	sk_progress_clear(&b->progress);
	sk_complain(COMMAND, "%s:%zu: dependencies: %s", b->file, number, sk_str_text(&s));
	sk_str_release(&s);
}

/* Is there such a task? 0: *known tells; else an exit code. */
static int
ask_for(struct sk_bulk *b, const char *id, bool *known)
{
	struct sk_http_call call = { .method = "GET" };
	struct sk_http_answer answer;
	struct sk_str path = SK_STR_INIT;
	int code;

	sk_url_task(&path, id, "");
	call.path = path.p;
	code = sk_door_ask(b->door, &call, &answer);
	if (code == 0) {
		*known = answer.status != 404;
		if (answer.status != 404 && answer.status / 100 != 2)
			code = sk_door_refused(b->door, &answer, NULL, NULL, 0);
		sk_door_release(&answer);
	}
	sk_str_release(&path);
	return code;
}

/* A piece that is sent must not depend on one that is sent later, nor on what does not exist: it
 * would be refused when others are stored already. */
static int
check_dependencies(struct sk_bulk *b)
{
	struct sk_map asked = SK_MAP_INIT; /* hash of an id -> "known" or "unknown" */
	int code = 0;

	for (size_t i = 0; code == 0 && i < b->n_deps; i++) {
		const struct sk_bulk_dep *dep = &b->deps[i];
		uint64_t key = sk_map_key(dep->id);
		uintptr_t line = (uintptr_t)sk_map_find(&b->ids, key);
		uintptr_t answer = (uintptr_t)sk_map_find(&asked, key);
		bool known = true;

		if (line != 0) {
			wrong_line(b, dep->line, "\"%.100s\" is added by line %zu: it must stand before",
				dep->id, (size_t)line);
			continue;
		}
		if (answer == 0 && b->door != NULL) {
			code = ask_for(b, dep->id, &known);
			answer = known ? 1 : 2;
			sk_map_put(&asked, key, (void *)answer);
		}
		if (answer == 2)
			wrong_line(b, dep->line, "there is no task \"%.100s\"", dep->id);
		if (sk_bulk_interrupted())
			code = 130;
	}
	sk_map_release(&asked);
	return code;
}

static void
drop_wrong(struct sk_bulk *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++)
		if (!b->lines[i].wrong)
			b->lines[kept++] = b->lines[i];
	b->n = kept;
}

/* ---- what is stored already ---- */

static int
take_look(struct sk_bulk *b, const struct sk_bulk_piece *p, const struct sk_value *answer)
{
	struct sk_value *const *problems;
	size_t n;

	sk_bulk_say_problems(b, p, answer);
	problems = sk_member_list(answer, "problems", &n);
	for (size_t i = 0; i < n; i++) {
		int64_t line = sk_member_int(problems[i], "line", 0);

		if (line > 0 && (size_t)line <= p->n)
			mark_wrong(b, p->numbers[line - 1]);
	}
	sk_progress_draw(&b->progress, "compared", p->numbers[p->n - 1], b->lines[b->n - 1].number);
	return 0;
}

/* A piece is stored as a whole or not at all: one that is refused must not come behind others that
 * are stored already. Of a piece no more than so many lines are told. */
static int
look_for_others(struct sk_bulk *b)
{
	const struct sk_bulk_send send = { .path = "/v1/tasks?dry_run=1&skip_invalid=1&part=1",
		.lines = SK_MAX_PROBLEMS,
		.known = true,
		.take = take_look };

	if (b->door == NULL || b->n <= send.lines) /* few are refused together, and all told */
		return 0;
	sk_progress_start(&b->progress);
	return sk_bulk_send(b, &send);
}

int
sk_bulk_check(struct sk_bulk *b)
{
	char shown[2][SK_COUNT_LEN];
	size_t mistakes;
	int code = check_lines(b);

	if (code == 0)
		code = check_dependencies(b);
	drop_wrong(b);
	mistakes = b->bad;
	if (code == 0)
		code = look_for_others(b);
	sk_progress_clear(&b->progress);
	if (code != 0)
		return code;
	drop_wrong(b);
	if (b->bad == 0 || (sk_arg_set(b->args, "skip-invalid") && b->n > 0))
		return 0;
	sk_complain(COMMAND, "%s of %s lines are wrong; nothing was stored",
		sk_count_text((int64_t)b->bad, shown[0]), sk_count_text((int64_t)b->seen, shown[1]));
	return mistakes > 0 ? SK_EXIT_USAGE : SK_EXIT_FAILED;
}
