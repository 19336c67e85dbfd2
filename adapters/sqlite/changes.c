/* changes.c - what a transaction changes of the columns, written down for those who keep them. */
#include "adapters/sqlite/columns_log.h"
#include <string.h>

static void
add(struct sk_sq_changes *c, const struct sk_sq_change *change, const char *const texts[4])
{
	sk_str_add(&c->bytes, change, sizeof(*change));
	for (int i = 0; i < 4; i++)
		sk_str_add(&c->bytes, texts[i], strlen(texts[i]) + 1);
}

void
sk_sq_changes_insert(struct sk_sq_changes *c, uint64_t seq, const struct sk_record *r)
{
	const struct sk_sq_change change = { .seq = seq,
		.what = SK_SQ_INSERTED,
		.phase = (uint8_t)r->life.phase,
		.gate = (uint8_t)r->gate,
		.wanted = (uint8_t)r->life.wanted,
		.array = r->array_size > 0,
		.create_ms = r->create_ms,
		.update_ms = r->update_ms,
		.rank_ms = r->rank_ms };
	const char *texts[4] = { r->id, r->class_name, r->life.executor, r->array_parent };

	if (c->on)
		add(c, &change, texts);
}

void
sk_sq_changes_move(struct sk_sq_changes *c, uint64_t seq, const struct sk_move *v)
{
	const struct sk_record *to = v->to;
	const struct sk_sq_change change = { .seq = seq,
		.what = SK_SQ_MOVED,
		.set = (uint16_t)v->set,
		.phase = (uint8_t)to->life.phase,
		.gate = (uint8_t)to->gate,
		.wanted = (uint8_t)to->life.wanted,
		.create_ms = to->create_ms,
		.update_ms = to->update_ms,
		.rank_ms = to->rank_ms };
	const char *texts[4] = { "", "", (v->set & SK_SET_LIFE) != 0 ? to->life.executor : "", "" };

	if (c->on)
		add(c, &change, texts);
}

void
sk_sq_changes_remove(struct sk_sq_changes *c, uint64_t seq)
{
	static const char *const texts[4] = { "", "", "", "" };
	const struct sk_sq_change change = { .seq = seq, .what = SK_SQ_REMOVED };

	if (c->on)
		add(c, &change, texts);
}

void
sk_sq_changes_take_back(struct sk_sq_changes *c, size_t len)
{
	if (len >= c->bytes.len)
		return;
	c->bytes.len = len;
	c->bytes.p[len] = '\0';
}
