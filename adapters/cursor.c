#include "adapters/cursor.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = { [SK_OLDEST_FIRST] = 'o',
	[SK_NEWEST_FIRST] = 'n',
	[SK_BY_RANK] = 'r',
	[SK_BY_UPDATE] = 'u',
	[SK_BY_DUE] = 'd' };

int64_t
sk_cursor_key(enum sk_order order, const struct sk_record *r)
{
	switch (order) {
	case SK_BY_RANK:
		return r->rank_ms;
	case SK_BY_UPDATE:
		return r->update_ms;
	case SK_BY_DUE:
		return r->due_ms;
	case SK_OLDEST_FIRST:
	case SK_NEWEST_FIRST:
		break;
	}
	return 0;
}

int
sk_cursor_compare(enum sk_order order, const struct sk_cursor *a, const struct sk_cursor *b)
{
	int up = a->key != b->key ? (a->key > b->key) - (a->key < b->key)
							  : (a->seq > b->seq) - (a->seq < b->seq);

	return order == SK_NEWEST_FIRST || order == SK_BY_UPDATE ? -up : up;
}

const char *
sk_cursor_text(struct sk_arena *a, enum sk_order order, const struct sk_cursor *c)
{
	return sk_arena_printf(a, "%c%" PRId64 ".%" PRIu64, letters[order], c->key, c->seq);
}

bool
sk_cursor_parse(const char *text, enum sk_order order, struct sk_cursor *c)
{
	char *end;

	if (text[0] != letters[order])
		return false;
	errno = 0;
	c->key = strtoimax(text + 1, &end, 10);
	if (errno != 0 || end == text + 1 || *end != '.' || end[1] < '0' || end[1] > '9')
		return false;
	text = end + 1;
	c->seq = strtoumax(text, &end, 10);
	return errno == 0 && *end == '\0';
}

bool
sk_cursor_start(const struct sk_op_find *op, struct sk_cursor *from, bool *given)
{
	*from = (struct sk_cursor){ 0, 0 };
	*given = op->after != NULL || op->behind != NULL;
	if (op->after != NULL)
		return sk_cursor_parse(op->after, op->order, from);
	if (op->behind != NULL)
		*from = (struct sk_cursor){ sk_cursor_key(op->order, op->behind), op->behind->seq };
	return true;
}

bool
sk_cursor_may_skip(const struct sk_op_find *op)
{
	return op->skip == 0 || op->order == SK_OLDEST_FIRST || op->order == SK_NEWEST_FIRST;
}
