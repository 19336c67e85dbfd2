/* task_piece.c - the lines of `skalds task add --file` on their way, so many at once. Each task
 * gets an id before it is sent, so that a piece that was cut may be sent again. */
#include "adapters/json.h"
#include "cmd/bulk.h"
#include "core/base/clock.h"
#include <stdlib.h>
#include <string.h>

#define COMMAND SK_ADD_COMMAND
#define PIECE_BYTES ((size_t)1 << 20)

static void
make_id(struct sk_bulk *b, const struct sk_bulk_line *l, char id[SK_ADD_ID_LEN])
{
	if (b->key != NULL)
		sk_add_derived_id(b->key, l->number, id);
	else
		sk_ulid_make(&b->ulid, sk_wall_ms(), id);
}

/* The line with an id. It is known to be an object with members. */
static void
add_line(struct sk_bulk *b, const struct sk_bulk_line *l, struct sk_str *piece)
{
	const char *p = b->text.p + l->at, *brace = memchr(p, '{', l->len);
	char id[SK_ADD_ID_LEN];

	if (l->id == SK_ID_GIVEN) {
		sk_str_add(piece, p, l->len);
	} else if (l->id == SK_ID_ABSENT && brace != NULL) {
		make_id(b, l, id);
		sk_str_addf(piece, "{\"id\":\"%s\",", id);
		sk_str_add(piece, brace + 1, l->len - (size_t)(brace + 1 - p));
	} else {
		struct sk_arena *a = sk_arena_new();
		struct sk_problems none;
		struct sk_value *v;

		sk_problems_init(&none, a, "");
		make_id(b, l, id);
		v = sk_json_parse(p, l->len, a, &none);
		sk_map_set(a, v, "id", sk_value_string(a, id, strlen(id)));
		sk_value_json(piece, v);
		sk_arena_free(a);
	}
	sk_str_addc(piece, '\n');
}

/* Something that is stored may have its id or its unique key. */
static bool
may_be_there(const struct sk_bulk *b, const struct sk_bulk_line *l)
{
	return l->id == SK_ID_GIVEN || l->unique || b->key != NULL;
}

/* The lines from *next on that fit. */
static void
fill(struct sk_bulk *b, const struct sk_bulk_send *send, struct sk_bulk_piece *p, size_t *next)
{
	sk_str_clear(&p->text);
	for (p->n = 0; *next < b->n && p->n < send->lines; (*next)++) {
		const struct sk_bulk_line *l = &b->lines[*next];

		if (send->known && !may_be_there(b, l))
			continue;
		if (p->n > 0 && p->text.len + l->len >= PIECE_BYTES)
			return;
		p->numbers[p->n++] = l->number;
		add_line(b, l, &p->text);
	}
}

static int
send_piece(struct sk_bulk *b, const struct sk_bulk_send *send, const struct sk_bulk_piece *p)
{
	const struct sk_http_call call = { .method = "POST",
		.path = send->path,
		.content_type = "application/x-ndjson",
		.body = p->text.p,
		.len = p->text.len };
	struct sk_arena *a;
	struct sk_http_answer answer;
	const struct sk_value *v;
	int code = sk_door_ask(b->door, &call, &answer);

	if (code != 0)
		return code;
	a = sk_arena_new();
	if (answer.status / 100 != 2) {
		sk_progress_clear(&b->progress);
		code = sk_door_refused(b->door, &answer, b->file, p->numbers, p->n);
	} else {
		v = sk_answer_parse(COMMAND, &answer.body, a);
		code = v != NULL ? send->take(b, p, v) : SK_EXIT_SKALDS;
	}
	sk_arena_free(a);
	sk_door_release(&answer);
	return code;
}

int
sk_bulk_send(struct sk_bulk *b, const struct sk_bulk_send *send)
{
	struct sk_bulk_piece p = { .text = SK_STR_INIT,
		.numbers = sk_xcalloc(send->lines, sizeof(*p.numbers)) };
	size_t next = 0;
	int code = 0;

	while (code == 0 && (fill(b, send, &p, &next), p.n > 0))
		code = sk_bulk_interrupted() ? 130 : send_piece(b, send, &p);
	free(p.numbers);
	sk_str_release(&p.text);
	return code;
}

void
sk_bulk_say_problems(
	struct sk_bulk *b, const struct sk_bulk_piece *p, const struct sk_value *answer)
{
	struct sk_value *const *list;
	size_t n;

	list = sk_member_list(answer, "problems", &n);
	if (n > 0)
		sk_progress_clear(&b->progress);
	for (size_t i = 0; i < n; i++) {
		int64_t line = sk_member_int(list[i], "line", 0);
		const char *path = sk_member_text(list[i], "path");

		sk_complain(COMMAND, "%s:%zu: %s%s%s", b->file,
			line > 0 && (size_t)line <= p->n ? p->numbers[line - 1] : 0, path,
			*path != '\0' ? ": " : "", sk_member_text(list[i], "message"));
	}
}
