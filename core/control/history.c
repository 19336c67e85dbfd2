#include "core/control/history_priv.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAVE_EVERY 6 /* points: a minute */

static const char *const parts[HISTORY_PARTS] = { "cpu.percent.", "memory.percent." };

/* ---- points ---- */

/* Where the line is, or belongs. */
static size_t
place_of(const struct sk_history *h, const char *id, bool *there)
{
	size_t low = 0, high = h->n_lines;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(h->lines[mid]->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*there = low < h->n_lines && strcmp(h->lines[low]->id, id) == 0;
	return low;
}

static void
line_free(struct sk_history_line *l)
{
	free(l->id);
	free(l);
}

struct sk_history_line *
sk_history_line(struct sk_history *h, const char *id, bool make)
{
	bool there;
	size_t i = place_of(h, id, &there);
	struct sk_history_line *l;

	if (there || !make || h->n_lines == SK_HISTORY_SKALDS)
		return there ? h->lines[i] : NULL;
	if (h->n_lines == h->cap_lines) {
		h->cap_lines = h->cap_lines > 0 ? h->cap_lines * 2 : 16;
		h->lines = sk_xreallocarray(h->lines, h->cap_lines, sizeof(struct sk_history_line *));
	}
	l = sk_xcalloc(1, sizeof(*l));
	l->id = sk_xstrdup(id);
	memset(l->share, HISTORY_NONE, sizeof(l->share));
	memmove(&h->lines[i + 1], &h->lines[i], (h->n_lines - i) * sizeof(struct sk_history_line *));
	h->lines[i] = l;
	h->n_lines++;
	return l;
}

static void
forget_old(struct sk_history *h, int64_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n_lines; i++)
		if (h->lines[i]->last > now - SK_HISTORY_POINTS)
			h->lines[kept++] = h->lines[i];
		else
			line_free(h->lines[i]);
	h->n_lines = kept;
}

void
sk_history_point(struct sk_history *h, int64_t number)
{
	size_t i = (size_t)(number % SK_HISTORY_POINTS);

	h->at[i] = number;
	for (int s = 0; s < SK_N_SERIES; s++)
		h->values[i][s] = NAN;
	for (size_t k = 0; k < h->n_lines; k++)
		for (int p = 0; p < HISTORY_PARTS; p++)
			h->lines[k]->share[p][i] = HISTORY_NONE;
}

static uint8_t
share_of(double percent)
{
	if (!(percent >= 0))
		return HISTORY_NONE;
	return (uint8_t)(percent < 100 ? percent * 2 + 0.5 : 200);
}

static void
add_skalds(struct sk_history *h, int64_t number)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(h->c, &views), i = (size_t)(number % SK_HISTORY_POINTS);

	for (size_t k = 0; k < n; k++) {
		const struct sk_load *load = &views[k].row->load;
		struct sk_history_line *l;

		if (!load->known || !views[k].online)
			continue;
		l = sk_history_line(h, views[k].row->id, true);
		if (l == NULL)
			continue;
		l->last = number;
		l->share[0][i] = share_of(load->cpu_percent);
		l->share[1][i] = load->memory_total_mb > 0 && load->memory_used_mb >= 0
			? share_of((double)load->memory_used_mb * 100 / (double)load->memory_total_mb)
			: HISTORY_NONE;
	}
}

void
sk_history_add(struct sk_control *c, int64_t number, const double values[SK_N_SERIES])
{
	struct sk_history *h = c->history;

	if (number <= 0)
		return;
	/* the block that ends must be complete in the store: nobody writes it again */
	if (h->unsaved > 0 && h->latest / SK_HISTORY_BLOCK != number / SK_HISTORY_BLOCK)
		sk_history_flush(c);
	forget_old(h, number);
	sk_history_point(h, number);
	memcpy(h->values[number % SK_HISTORY_POINTS], values, sizeof(h->values[0]));
	add_skalds(h, number);
	h->latest = number;
	if (++h->unsaved >= SAVE_EVERY)
		sk_history_flush(c);
}

/* ---- a part of it ---- */

/* A series of one skald, or of the whole. */
struct series {
	const struct sk_history_line *line; /* NULL with part >= 0: nothing is known of it */
	int part; /* of a skald; -1: of the whole: */
	int which;
};

static bool
find_series(struct sk_history *h, const char *name, struct series *s)
{
	*s = (struct series){ .part = -1 };
	for (; s->which < SK_N_SERIES; s->which++)
		if (strcmp(sk_series_name((enum sk_series)s->which), name) == 0)
			return true;
	for (s->part = 0; s->part < HISTORY_PARTS; s->part++) {
		size_t n = strlen(parts[s->part]);

		if (strncmp(name, parts[s->part], n) == 0 && name[n] != '\0') {
			s->line = sk_history_line(h, name + n, false);
			return true;
		}
	}
	return false;
}

/* NAN: not known. */
static double
value_at(const struct sk_history *h, const struct series *s, int64_t number)
{
	size_t i = (size_t)(number % SK_HISTORY_POINTS);
	uint8_t share;

	if (!sk_history_has(h, number))
		return NAN;
	if (s->part < 0)
		return h->values[i][s->which];
	share = s->line != NULL ? s->line->share[s->part][i] : HISTORY_NONE;
	return share != HISTORY_NONE ? (double)share / 2 : NAN;
}

/* The mean of what is known of n points. */
static void
put_mean(struct sk_str *out, const struct sk_history *h, const struct series *s, int64_t number,
	int64_t n)
{
	double sum = 0, v;
	int64_t known = 0;

	for (int64_t k = 0; k < n; k++) {
		v = value_at(h, s, number + k);
		if (!isnan(v)) {
			sum += v;
			known++;
		}
	}
	sk_json_next(out);
	v = known > 0 ? round(sum / (double)known * 1000) / 1000 : NAN;
	if (isnan(v))
		sk_str_adds(out, "null");
	else if (v == floor(v) && fabs(v) < 9e15)
		sk_json_int(out, (int64_t)v);
	else
		sk_json_double(out, v);
}

struct span {
	int64_t first, n; /* number of the first point; how many values an answer has */
	int64_t width; /* points of a value */
};

static struct span
span_of(struct sk_control *c, const struct sk_history_query *q)
{
	int64_t now = sk_control_wall_ms(c) / SK_GAUGES_MS, from = q->since_ms / SK_GAUGES_MS;
	struct span s = { .width = q->step_ms / SK_GAUGES_MS };

	if (from < now - SK_HISTORY_POINTS + 1)
		from = now - SK_HISTORY_POINTS + 1;
	s.first = from / s.width * s.width; /* so that it stays where it is from call to call */
	s.n = now >= s.first ? (now - s.first) / s.width + 1 : 0;
	return s;
}

/* The names one after another, each with its NUL; how many. */
static size_t
split(const char *names, struct sk_str *list)
{
	size_t n = 0;

	for (int i = 0; names[0] == '\0' && i < SK_N_SERIES; i++, n++)
		sk_str_add(
			list, sk_series_name((enum sk_series)i), strlen(sk_series_name((enum sk_series)i)) + 1);
	while (names[0] != '\0') {
		size_t len = strcspn(names, ",");

		sk_str_add(list, names, len);
		sk_str_add(list, "", 1);
		n++;
		names += len + (names[len] == ',');
	}
	return n;
}

static enum sk_code
check(struct sk_history *h, const struct sk_str *list, size_t n, const struct span *span,
	struct sk_err *err)
{
	struct series s;

	if ((int64_t)n * span->n > SK_HISTORY_MAX)
		return sk_fail(err, SK_EINVAL,
			"%zu series of %" PRId64 " points are more than %d: take a longer step, a later since "
			"or fewer series",
			n, span->n, SK_HISTORY_MAX);
	for (const char *p = list->p; p != NULL && p < list->p + list->len; p += strlen(p) + 1)
		if (!find_series(h, p, &s))
			return sk_fail(err, SK_EINVAL,
				"there is no series \"%.100s\": see GET /v1/history without series for the names; "
				"of a skald cpu.percent.ID and memory.percent.ID",
				p);
	return SK_OK;
}

enum sk_code
sk_history_json(
	struct sk_control *c, const struct sk_history_query *q, struct sk_str *out, struct sk_err *err)
{
	struct sk_history *h = c->history;
	struct span span = span_of(c, q);
	struct sk_str list = SK_STR_INIT;
	size_t n = split(q->names, &list);
	enum sk_code code = check(h, &list, n, &span, err);
	const char *p = list.p;

	if (code == SK_OK) {
		sk_str_addc(out, '{');
		sk_json_kint(out, "step", q->step_ms);
		sk_json_kint(out, "start", span.first * SK_GAUGES_MS);
		sk_json_key(out, "series");
		sk_str_addc(out, '{');
	}
	for (size_t i = 0; code == SK_OK && i < n; i++, p += strlen(p) + 1) {
		struct series s;

		(void)find_series(h, p, &s);
		sk_json_key(out, p);
		sk_str_addc(out, '[');
		for (int64_t k = 0; k < span.n; k++)
			put_mean(out, h, &s, span.first + k * span.width, span.width);
		sk_str_addc(out, ']');
	}
	if (code == SK_OK)
		sk_str_adds(out, "}}");
	sk_str_release(&list);
	return code;
}

/* ---- the whole ---- */

struct sk_history *
sk_history_new(struct sk_control *c)
{
	struct sk_history *h = sk_xcalloc(1, sizeof(*h));

	h->c = c;
	h->values = sk_xcalloc(SK_HISTORY_POINTS, sizeof(*h->values));
	return h;
}

void
sk_history_free(struct sk_history *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n_lines; i++)
		line_free(h->lines[i]);
	free(h->lines);
	free(h->values);
	sk_arena_free(h->save_arena);
	sk_arena_free(h->read_arena);
	free(h);
}
