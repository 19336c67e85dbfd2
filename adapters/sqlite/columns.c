/* columns.c - the columns: made from the table, and following what transactions change. */
#include "adapters/sqlite/columns.h"
#include "adapters/sqlite/columns_log.h"
#include "adapters/sqlite/sqlite.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static uint64_t
next_key(uint64_t key)
{
	return key + 1 < UINT64_MAX ? key + 1 : 1;
}

/* Its number; SIZE_MAX and the key where it belongs when it is not there. */
static size_t
look_for(const struct sk_sq_names *names, const char *text, uint64_t *key)
{
	const void *at;

	for (*key = sk_map_key(text); (at = sk_map_find(&names->by_text, *key)) != NULL;
		 *key = next_key(*key)) {
		size_t number = (size_t)(uintptr_t)at - 1;

		if (strcmp(names->texts[number], text) == 0)
			return number;
	}
	return SIZE_MAX;
}

size_t
sk_sq_names_find(const struct sk_sq_names *names, const char *text)
{
	uint64_t key;

	return look_for(names, text, &key);
}

static uint32_t
number_of(struct sk_sq_names *names, const char *text)
{
	uint64_t key;
	size_t number = look_for(names, text, &key);

	if (number != SIZE_MAX)
		return (uint32_t)number;
	if (names->n == names->cap) {
		names->cap = names->cap > 0 ? names->cap * 2 : 16;
		names->texts = sk_xreallocarray(names->texts, names->cap, sizeof(*names->texts));
	}
	names->texts[names->n++] = sk_xstrdup(text);
	sk_map_put(&names->by_text, key, (void *)(uintptr_t)names->n);
	return (uint32_t)(names->n - 1);
}

static void
release_names(struct sk_sq_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->texts[i]);
	free(names->texts);
	sk_map_release(&names->by_text);
}

/* ---- rows ---- */

size_t
sk_sq_columns_row(const struct sk_sq_columns *c, uint64_t seq)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->seq[middle] < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
grow(struct sk_sq_columns *c)
{
	size_t cap = c->cap = c->cap > 0 ? c->cap + c->cap / 4 : 4096;

	c->seq = sk_xreallocarray(c->seq, cap, sizeof(*c->seq));
	c->state = sk_xreallocarray(c->state, cap, sizeof(*c->state));
	c->kind = sk_xreallocarray(c->kind, cap, sizeof(*c->kind));
	c->class_name = sk_xreallocarray(c->class_name, cap, sizeof(*c->class_name));
	c->executor = sk_xreallocarray(c->executor, cap, sizeof(*c->executor));
	c->parent = sk_xreallocarray(c->parent, cap, sizeof(*c->parent));
	c->create_ms = sk_xreallocarray(c->create_ms, cap, sizeof(*c->create_ms));
	c->update_ms = sk_xreallocarray(c->update_ms, cap, sizeof(*c->update_ms));
	c->rank_ms = sk_xreallocarray(c->rank_ms, cap, sizeof(*c->rank_ms));
	c->id_at = sk_xreallocarray(c->id_at, cap, sizeof(*c->id_at));
}

static void
add_id(struct sk_sq_columns *c, const char *id)
{
	c->id_at[c->n] = (uint32_t)c->ids.len;
	for (; *id != '\0'; id++) {
		char lower = *id >= 'A' && *id <= 'Z' ? (char)(*id + 'a' - 'A') : *id;

		sk_str_addc(&c->ids, lower);
		c->letters[(unsigned char)lower]++;
	}
	sk_str_addc(&c->ids, '\n');
}

/* texts: id, class, executor, parent. */
static void
add_row(struct sk_sq_columns *c, const struct sk_sq_change *change, const char *const texts[4])
{
	size_t i = c->n;

	if (c->n == c->cap)
		grow(c);
	c->seq[i] = change->seq;
	c->state[i] = sk_sq_state(change->phase, change->gate, change->wanted);
	c->kind[i] = (uint8_t)((sk_sq_is_element(change->seq) ? SK_SQ_ELEMENT : 0) |
		(change->array ? SK_SQ_ARRAY : 0));
	c->class_name[i] = number_of(&c->classes, texts[1]);
	c->executor[i] = number_of(&c->executors, texts[2]);
	c->parent[i] = number_of(&c->parents, texts[3]);
	c->create_ms[i] = change->create_ms;
	c->update_ms[i] = change->update_ms;
	c->rank_ms[i] = change->rank_ms;
	add_id(c, texts[0]);
	c->n++;
}

/* ---- following ---- */

static void
move_row(struct sk_sq_columns *c, size_t i, const struct sk_sq_change *change, const char *executor)
{
	unsigned old = c->state[i] - 1u, phase = old % SK_N_PHASE;
	unsigned gate = old / SK_N_PHASE % SK_N_GATE, wanted = old / SK_N_PHASE / SK_N_GATE;

	if ((change->set & SK_SET_LIFE) != 0) {
		phase = change->phase;
		wanted = change->wanted;
		c->executor[i] = number_of(&c->executors, executor);
	}
	if ((change->set & SK_SET_GATE) != 0)
		gate = change->gate;
	c->state[i] = sk_sq_state(phase, gate, wanted);
	if ((change->set & SK_SET_RANK) != 0)
		c->rank_ms[i] = change->rank_ms;
	if ((change->set & SK_SET_CREATED) != 0)
		c->create_ms[i] = change->create_ms;
	c->update_ms[i] = change->update_ms;
}

/* A row that is not there: made and gone again before the table was read. */
static void
follow_one(struct sk_sq_columns *c, const struct sk_sq_change *change, const char *const texts[4])
{
	size_t i = sk_sq_columns_row(c, change->seq);
	bool there = i < c->n && c->seq[i] == change->seq && c->state[i] != 0;

	if (change->what == SK_SQ_INSERTED && i == c->n)
		add_row(c, change, texts);
	else if (change->what == SK_SQ_MOVED && there)
		move_row(c, i, change, texts[2]);
	else if (change->what == SK_SQ_REMOVED && there) {
		c->state[i] = 0;
		c->gone++;
	}
}

void
sk_sq_columns_follow(struct sk_sq_columns *c, const char *bytes, size_t n)
{
	const char *end = bytes + n;

	while (bytes < end) {
		struct sk_sq_change change;
		const char *texts[4];

		memcpy(&change, bytes, sizeof(change));
		bytes += sizeof(change);
		for (int i = 0; i < 4; i++) {
			texts[i] = bytes;
			bytes += strlen(bytes) + 1;
		}
		follow_one(c, &change, texts);
	}
}

bool
sk_sq_columns_worn(const struct sk_sq_columns *c)
{
	return c->gone > 10000 && c->gone > c->n / 2;
}

/* ---- making ---- */

static const char *
text_at(const struct sk_sq_use *u, int i)
{
	const unsigned char *text = sqlite3_column_text(u->st, i);

	return text != NULL ? (const char *)text : "";
}

/* A number that somebody else wrote is none of ours: reading the row tells. */
static uint8_t
small_at(const struct sk_sq_use *u, int i, int limit)
{
	int n = sqlite3_column_int(u->st, i);

	return (uint8_t)(n >= 0 && n < limit ? n : 0);
}

static void
add_from_table(struct sk_sq_columns *c, const struct sk_sq_use *u)
{
	const char *texts[4] = { text_at(u, 8), text_at(u, 9), text_at(u, 10), text_at(u, 11) };
	const struct sk_sq_change change = { .seq = (uint64_t)sqlite3_column_int64(u->st, 0),
		.phase = small_at(u, 1, SK_N_PHASE),
		.gate = small_at(u, 2, SK_N_GATE),
		.wanted = small_at(u, 3, SK_WANT_CANCEL + 1),
		.array = sqlite3_column_int64(u->st, 4) > 0,
		.create_ms = sqlite3_column_int64(u->st, 5),
		.update_ms = sqlite3_column_int64(u->st, 6),
		.rank_ms = sqlite3_column_int64(u->st, 7) };

	add_row(c, &change, texts);
}

enum sk_code
sk_sq_columns_make(struct sk_sq_columns *c, struct sk_sq_db *db, struct sk_err *err)
{
	struct sk_sq_use u;
	enum sk_code code;
	bool row;

	sk_sq_columns_release(c);
	u = sk_sq_fixed(db,
		"SELECT seq, phase, gate, wanted, array_size, create_ms, update_ms, rank_ms, id, class,"
		" executor, parent FROM task NOT INDEXED ORDER BY seq");
	while ((code = sk_sq_row(&u, &row, err)) == SK_OK && row)
		add_from_table(c, &u);
	sk_sq_done(&u);
	c->made = code == SK_OK;
	return code;
}

void
sk_sq_columns_release(struct sk_sq_columns *c)
{
	free(c->seq);
	free(c->state);
	free(c->kind);
	free(c->class_name);
	free(c->executor);
	free(c->parent);
	free(c->create_ms);
	free(c->update_ms);
	free(c->rank_ms);
	free(c->id_at);
	sk_str_release(&c->ids);
	release_names(&c->classes);
	release_names(&c->executors);
	release_names(&c->parents);
	*c = (struct sk_sq_columns){ .made = false };
}
