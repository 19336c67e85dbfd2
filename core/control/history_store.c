/* history_store.c - blocks of the history as settings of the store, and back.
 *
 * A block is text: first "1 <number of the block>", then a line for each series. "v NAME a,b,,c…":
 * its values, nothing for what is not known. "s ID HEX HEX": of a skald (the id percent-encoded)
 * the shares of processors and memory, two digits a point. Names that are not known are passed
 * over, so versions may differ. */
#include "core/base/log.h"
#include "core/control/history_priv.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 1

static const char *
name_of(struct sk_arena *a, int64_t block)
{
	return sk_arena_printf(a, "history.%" PRId64, block % SK_HISTORY_BLOCKS);
}

/* ---- writing ---- */

static void
put_series(const struct sk_history *h, int64_t block, int s, struct sk_str *out)
{
	sk_str_addf(out, "v %s ", sk_series_name((enum sk_series)s));
	for (int64_t i = 0; i < SK_HISTORY_BLOCK; i++) {
		int64_t number = block * SK_HISTORY_BLOCK + i;
		double v = sk_history_has(h, number) ? h->values[number % SK_HISTORY_POINTS][s] : NAN;

		if (i > 0)
			sk_str_addc(out, ',');
		if (!isnan(v))
			sk_str_addf(out, "%.10g", v);
	}
	sk_str_addc(out, '\n');
}

static void
put_line(
	const struct sk_history *h, int64_t block, const struct sk_history_line *l, struct sk_str *out)
{
	sk_str_adds(out, "s ");
	sk_str_add_percent(out, l->id, "-_.");
	for (int p = 0; p < HISTORY_PARTS; p++) {
		sk_str_addc(out, ' ');
		for (int64_t i = 0; i < SK_HISTORY_BLOCK; i++) {
			int64_t number = block * SK_HISTORY_BLOCK + i;
			bool known = sk_history_has(h, number);

			sk_str_addf(
				out, "%02x", known ? l->share[p][number % SK_HISTORY_POINTS] : HISTORY_NONE);
		}
	}
	sk_str_addc(out, '\n');
}

static const char *
encode(const struct sk_history *h, int64_t block, struct sk_arena *a)
{
	struct sk_str out = SK_STR_INIT;
	const char *text;

	sk_str_addf(&out, "%d %" PRId64 "\n", FORMAT, block);
	for (int s = 0; s < SK_N_SERIES; s++)
		put_series(h, block, s, &out);
	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i]->last >= block * SK_HISTORY_BLOCK)
			put_line(h, block, h->lines[i], &out);
	text = sk_arena_strndup(a, out.p, out.len);
	sk_str_release(&out);
	return text;
}

static void
saved(struct sk_op *op)
{
	struct sk_history *h = op->arg;

	h->saving = false;
	if (op->code != SK_OK && op->code != SK_ECANCELED)
		sk_log(SK_DEBUG, "monitor", "the history could not be stored: %s", op->err.msg);
	sk_arena_free(h->save_arena);
	h->save_arena = NULL;
}

/* One that is under way need not be waited for: the next comes in a minute. */
void
sk_history_flush(struct sk_control *c)
{
	struct sk_history *h = c->history;

	if (h->unsaved == 0 || h->saving || h->reading || !h->known || !sk_control_leads(c))
		return;
	h->saving = true;
	h->unsaved = 0;
	h->save_arena = sk_arena_new();
	h->save = (struct sk_op_setting){
		.op = { .kind = SK_OP_SETTING_PUT, .done = saved, .arg = h, .arena = h->save_arena },
		.name = name_of(h->save_arena, h->latest / SK_HISTORY_BLOCK),
		.value = encode(h, h->latest / SK_HISTORY_BLOCK, h->save_arena)
	};
	sk_control_lead_submit(c, &h->save.op);
}

/* ---- reading ---- */

/* A line, or a word of it, NUL-terminated in place; NULL at the end. */
static char *
next_part(char **at, char end)
{
	char *begin = *at, *stop;

	if (begin == NULL || *begin == '\0')
		return NULL;
	stop = strchr(begin, end);
	if (stop != NULL)
		*stop = '\0';
	*at = stop != NULL ? stop + 1 : NULL;
	return begin;
}

/* Which points of the block are to be taken: those that are not known here, and not old. */
struct taking {
	int64_t first;
	bool wanted[SK_HISTORY_BLOCK];
};

static void
take_values(struct sk_history *h, const struct taking *t, int s, char *list)
{
	for (int i = 0; i < SK_HISTORY_BLOCK && list != NULL; i++) {
		char *word = list, *end;
		double v;

		list = strchr(list, ',');
		if (list != NULL)
			*list++ = '\0';
		v = strtod(word, &end);
		if (t->wanted[i] && end != word && isfinite(v))
			h->values[(t->first + i) % SK_HISTORY_POINTS][s] = v;
	}
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encoded by us: lower case never is. */
static void
decode_id(char *id)
{
	char *to = id;

	for (; *id != '\0'; id++) {
		int high = id[0] == '%' ? digit((char)(id[1] | 0x20)) : -1;
		int low = high >= 0 ? digit((char)(id[2] | 0x20)) : -1;

		if (low > 0 || (low == 0 && high > 0)) {
			*to++ = (char)(high * 16 + low);
			id += 2;
		} else
			*to++ = *id;
	}
	*to = '\0';
}

static void
take_shares(const struct taking *t, struct sk_history_line *l, int p, const char *hex)
{
	if (strlen(hex) != (size_t)2 * SK_HISTORY_BLOCK)
		return;
	for (size_t i = 0; i < SK_HISTORY_BLOCK; i++) {
		int64_t number = t->first + (int64_t)i;
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
		uint8_t share = high >= 0 && low >= 0 ? (uint8_t)(high * 16 + low) : HISTORY_NONE;

		if (!t->wanted[i] || share == HISTORY_NONE)
			continue;
		l->share[p][number % SK_HISTORY_POINTS] = share;
		if (l->last < number)
			l->last = number;
	}
}

static void
take_line(struct sk_history *h, const struct taking *t, char *line)
{
	char *kind = next_part(&line, ' '), *name = next_part(&line, ' ');

	if (kind == NULL || name == NULL)
		return;
	if (strcmp(kind, "v") == 0) {
		for (int s = 0; s < SK_N_SERIES; s++)
			if (strcmp(sk_series_name((enum sk_series)s), name) == 0)
				take_values(h, t, s, line);
	} else if (strcmp(kind, "s") == 0) {
		struct sk_history_line *l;

		decode_id(name);
		l = sk_history_line(h, name, true);
		for (int p = 0; l != NULL && p < HISTORY_PARTS; p++) {
			const char *hex = next_part(&line, ' ');

			if (hex != NULL)
				take_shares(t, l, p, hex);
		}
	}
}

/* The block that stands there may be of another day. */
static void
take_block(struct sk_history *h, int64_t block, char *text)
{
	int64_t now = sk_control_wall_ms(h->c) / SK_GAUGES_MS, number = 0;
	struct taking t = { .first = block * SK_HISTORY_BLOCK };
	char *head = next_part(&text, '\n'), *line;
	int format = 0;

	if (head == NULL || sscanf(head, "%d %" SCNd64, &format, &number) != 2 || format != FORMAT ||
		number != block)
		return;
	for (int64_t i = 0; i < SK_HISTORY_BLOCK; i++) {
		int64_t point = t.first + i;

		t.wanted[i] = point > now - SK_HISTORY_POINTS && point <= now && !sk_history_has(h, point);
		if (t.wanted[i])
			sk_history_point(h, point);
	}
	while ((line = next_part(&text, '\n')) != NULL)
		take_line(h, &t, line);
}

static void
tell(struct sk_history *h, enum sk_code code)
{
	void (*fn)(void *, enum sk_code) = h->fn;

	h->fn = NULL;
	if (fn != NULL)
		fn(h->arg, code);
}

static void read_block(struct sk_history *h);

static void
block_read(struct sk_op *op)
{
	struct sk_history *h = op->arg;
	int64_t now = sk_control_wall_ms(h->c) / SK_GAUGES_MS / SK_HISTORY_BLOCK;
	enum sk_code code = op->code;

	if (code == SK_OK)
		take_block(h, h->block, sk_arena_strdup(h->read_arena, h->read.value));
	sk_arena_reset(h->read_arena);
	if (code == SK_OK && h->c->stopped)
		code = SK_ECANCELED;
	if (code == SK_OK && ++h->block <= now) {
		read_block(h);
		return;
	}
	h->reading = false;
	h->known = h->known || code == SK_OK;
	sk_arena_free(h->read_arena);
	h->read_arena = NULL;
	tell(h, code);
}

static void
read_block(struct sk_history *h)
{
	h->read = (struct sk_op_setting){
		.op = { .kind = SK_OP_SETTING_GET, .done = block_read, .arg = h, .arena = h->read_arena },
		.name = name_of(h->read_arena, h->block)
	};
	sk_store_submit(h->c->cfg.store, &h->read.op);
}

void
sk_history_read(struct sk_control *c)
{
	struct sk_history *h = c->history;

	if (h->reading)
		return;
	h->reading = true;
	h->block = sk_control_wall_ms(c) / SK_GAUGES_MS / SK_HISTORY_BLOCK - SK_HISTORY_BLOCKS + 1;
	h->block = h->block > 0 ? h->block : 0;
	h->read_arena = sk_arena_new();
	read_block(h);
}

bool
sk_history_known(const struct sk_control *c)
{
	return c->history->known;
}

void
sk_history_when_known(struct sk_control *c, void (*fn)(void *arg, enum sk_code code), void *arg)
{
	struct sk_history *h = c->history;

	if (h->known) {
		fn(arg, SK_OK);
		return;
	}
	tell(h, SK_ECANCELED);
	h->fn = fn;
	h->arg = arg;
	sk_history_read(c);
}

void
sk_history_forget(struct sk_control *c, const void *arg)
{
	if (c->history->arg == arg)
		c->history->fn = NULL;
}
