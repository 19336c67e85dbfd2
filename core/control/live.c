/* live.c - attempts that are assigned or run: who has them, what room they hold. */
#include "core/control/mixed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sk_live **
place(struct sk_control *c, const char *id, struct sk_live **head)
{
	struct sk_live **p = head;

	*head = sk_map_find(sk_dispatch_live(c), sk_id_hash(id));
	while (*p != NULL && strcmp((*p)->id, id) != 0)
		p = &(*p)->next;
	return p;
}

struct sk_live *
sk_live_find(struct sk_control *c, const char *id)
{
	struct sk_live *head;

	return *place(c, id, &head);
}

static void
hold(struct sk_control *c, struct sk_live *l)
{
	l->agent = sk_skalds_find(c, l->executor);
	if (l->agent != NULL)
		sk_agent_take(l->agent, &l->need);
}

static void
let_go(struct sk_live *l)
{
	if (l->agent != NULL)
		sk_agent_give(l->agent, &l->need);
	l->agent = NULL;
}

void
sk_live_add(
	struct sk_control *c, const char *id, const struct sk_life *life, const struct sk_need *need)
{
	struct sk_live *l = sk_live_find(c, id);
	size_t n = strlen(id) + 1;

	if (l != NULL && l->attempt == life->attempt && strcmp(l->executor, life->executor) == 0)
		return;
	if (l == NULL) {
		l = sk_xcalloc(1, sizeof(*l) + n);
		memcpy(l->id, id, n);
		l->next = sk_map_find(sk_dispatch_live(c), sk_id_hash(id));
		sk_map_put(sk_dispatch_live(c), sk_id_hash(id), l);
	} else
		let_go(l);
	free(l->beat);
	l->beat = c->beats != NULL && life->incarnation == 0 ? sk_beat_new(life) : NULL;
	l->need = *need;
	l->need.labels = NULL; /* both are for choosing, which is done */
	l->need.class_name = NULL;
	l->attempt = life->attempt;
	l->incarnation = life->incarnation;
	l->since_ms = sk_control_boot_ms(c);
	l->started_ms = 0;
	snprintf(l->executor, sizeof(l->executor), "%s", life->executor);
	hold(c, l);
}

bool
sk_live_known(struct sk_control *c, const char *id, uint32_t attempt)
{
	const struct sk_live *l = sk_live_find(c, id);

	return l != NULL && (attempt == 0 || l->attempt == attempt);
}

static bool
end(struct sk_control *c, const char *id, uint32_t attempt, bool over)
{
	struct sk_map *map = sk_dispatch_live(c);
	struct sk_live *head, **p = place(c, id, &head), *l = *p;

	if (l == NULL || (attempt != 0 && l->attempt != attempt))
		return false;
	if (over && l->agent != NULL)
		sk_agent_adapt(
			l->agent, l->need.reusable, sk_control_boot_ms(c) - l->since_ms, c->cfg.mixed);
	let_go(l);
	*p = l->next;
	if (head == NULL)
		sk_map_remove(map, sk_id_hash(id));
	else
		sk_map_put(map, sk_id_hash(id), head);
	free(l->beat);
	free(l);
	return true;
}

bool
sk_live_end(struct sk_control *c, const char *id, uint32_t attempt)
{
	return end(c, id, attempt, false);
}

bool
sk_live_over(struct sk_control *c, const char *id, uint32_t attempt)
{
	return end(c, id, attempt, true);
}

size_t
sk_live_count(const struct sk_control *c)
{
	struct sk_control *any = (struct sk_control *)(uintptr_t)c;
	struct sk_live *l;
	size_t i = 0, n = 0;

	while ((l = sk_map_each(sk_dispatch_live(any), &i)) != NULL)
		for (; l != NULL; l = l->next)
			n++;
	return n;
}

void
sk_live_rehome(struct sk_control *c)
{
	struct sk_live *l;
	size_t i = 0;

	while ((l = sk_map_each(sk_dispatch_live(c), &i)) != NULL)
		for (; l != NULL; l = l->next)
			if (l->agent == NULL)
				hold(c, l);
}

void
sk_live_reset(struct sk_control *c)
{
	struct sk_map *map = sk_dispatch_live(c);
	struct sk_live *l, *next;
	size_t i = 0;

	while ((l = sk_map_each(map, &i)) != NULL)
		for (; l != NULL; l = next) {
			next = l->next;
			let_go(l);
			free(l->beat);
			free(l);
		}
	sk_map_release(map);
	*map = (struct sk_map)SK_MAP_INIT;
}

void
sk_control_each_live(
	const struct sk_control *c, void (*fn)(void *arg, const char *id, uint32_t attempt), void *arg)
{
	struct sk_control *any = (struct sk_control *)(uintptr_t)c;
	const struct sk_live *l;
	size_t i = 0;

	while ((l = sk_map_each(sk_dispatch_live(any), &i)) != NULL)
		for (; l != NULL; l = l->next)
			fn(arg, l->id, l->attempt);
}
