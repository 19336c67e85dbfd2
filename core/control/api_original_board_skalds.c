/* api_original_board_skalds.c - skald_status and skald_heartbeat (skalds-protocol.md 8.7). */
#include "core/base/clock.h"
#include "core/control/api_original_board.h"
#include <stdlib.h>
#include <string.h>

struct sk_board_skald {
	char *id;
	bool online;
	int64_t beat;
	int64_t told_ms; /* boot clock: its last heartbeat */
};

/* ---- what each does ---- */

/* Attempts in the order of who has them; made when it is needed first. */
struct doing {
	const struct sk_live **list; /* NULL: not yet */
	size_t n;
};

static int
by_executor(const void *a, const void *b)
{
	const struct sk_live *const *x = a, *const *y = b;
	int order = strcmp((*x)->executor, (*y)->executor);

	return order != 0 ? order : strcmp((*x)->id, (*y)->id);
}

static void
list_doing(struct sk_control *c, struct doing *d)
{
	const struct sk_live *l;
	size_t i = 0;

	*d = (struct doing){ .list = sk_xcalloc(sk_live_count(c) + 1, sizeof(struct sk_live *)) };
	while ((l = sk_map_each(sk_dispatch_live(c), &i)) != NULL)
		for (; l != NULL; l = l->next)
			d->list[d->n++] = l;
	qsort(d->list, d->n, sizeof(struct sk_live *), by_executor);
}

static size_t
first_of(const struct doing *d, const char *skald)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(d->list[mid]->executor, skald) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* As the skald says itself, if it is one of the original. */
static void
put_tasks(struct sk_board *b, struct sk_str *out, const char *skald, struct doing *d)
{
	const char *const *its = sk_originals_tasks(b->c, skald);

	if (its == NULL && d->list == NULL)
		list_doing(b->c, d);
	sk_json_key(out, "tasks");
	sk_str_addc(out, '[');
	for (; its != NULL && *its != NULL; its++) {
		sk_json_next(out);
		sk_json_string(out, *its);
	}
	if (sk_originals_tasks(b->c, skald) == NULL)
		for (size_t i = first_of(d, skald); i < d->n && strcmp(d->list[i]->executor, skald) == 0;
			 i++) {
			sk_json_next(out);
			sk_json_string(out, d->list[i]->id);
		}
	sk_str_addc(out, ']');
}

/* ---- telling ---- */

static const char *
status_of(bool online)
{
	return online ? "online" : "offline";
}

static void
tell_status(struct sk_board *b, struct sk_sse *s, const char *id, bool online, int64_t tasks)
{
	sk_board_begin(b, s, "skald_status", "skaldId", id);
	sk_json_kstr(&s->text, "status", status_of(online));
	sk_json_kint(&s->text, "taskCount", tasks);
	sk_board_end(b, s, id);
}

static void
tell_beat(struct sk_board *b, struct sk_sse *s, const struct sk_board_skald *k, struct doing *d)
{
	sk_board_begin(b, s, "skald_heartbeat", "skaldId", k->id);
	sk_json_kint(&s->text, "heartbeat", k->beat);
	sk_json_kstr(&s->text, "status", status_of(k->online));
	put_tasks(b, &s->text, k->id, d);
	sk_board_end(b, s, k->id);
}

/* ---- looking ---- */

/* What stood on the board of this skald, taken off; zeroed when it is new. Both lists are in the
 * order of ids: whoever is passed over has gone. */
static struct sk_board_skald
take_off(struct sk_board *b, size_t *at, const char *id)
{
	struct sk_board_skald none = { .id = NULL };

	while (*at < b->n_skalds && strcmp(b->skald_list[*at].id, id) < 0) {
		tell_status(b, &b->skalds, b->skald_list[*at].id, false, 0);
		free(b->skald_list[(*at)++].id);
	}
	if (*at < b->n_skalds && strcmp(b->skald_list[*at].id, id) == 0)
		return b->skald_list[(*at)++];
	return none;
}

static void
look_at(struct sk_board *b, struct sk_board_skald *k, const struct sk_skald_view *v, bool beats,
	struct doing *d)
{
	int64_t beat = (int64_t)(v->row->renewals % 200), now = sk_boot_ms();
	bool fresh = k->id == NULL;

	if (fresh)
		k->id = sk_xstrdup(v->row->id);
	if (fresh || k->online != v->online)
		tell_status(b, &b->skalds, k->id, v->online, v->tasks);
	k->online = v->online;
	if (!fresh && (!beats || beat == k->beat || now - k->told_ms < SK_BOARD_BEAT_MS))
		return;
	k->beat = beat;
	k->told_ms = now;
	tell_beat(b, &b->skalds, k, d);
}

void
sk_board_skalds(struct sk_board *b, bool beats)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(b->c, &views), at = 0;
	struct sk_board_skald *list = sk_xcalloc(n + 1, sizeof(*list));
	struct doing d = { .list = NULL };

	for (size_t i = 0; i < n; i++) {
		list[i] = take_off(b, &at, views[i].row->id);
		look_at(b, &list[i], &views[i], beats, &d);
	}
	for (; at < b->n_skalds; at++) {
		tell_status(b, &b->skalds, b->skald_list[at].id, false, 0);
		free(b->skald_list[at].id);
	}
	free(b->skald_list);
	b->skald_list = list;
	b->n_skalds = n;
	free(d.list);
}

void
sk_board_all_skalds(struct sk_board *b)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(b->c, &views);
	struct doing d = { .list = NULL };

	for (size_t i = 0; i < b->n_skalds && i < n; i++) {
		tell_status(b, &b->all, b->skald_list[i].id, b->skald_list[i].online, views[i].tasks);
		tell_beat(b, &b->all, &b->skald_list[i], &d);
	}
	free(d.list);
}

void
sk_board_skalds_free(struct sk_board *b)
{
	for (size_t i = 0; i < b->n_skalds; i++)
		free(b->skald_list[i].id);
	free(b->skald_list);
}
