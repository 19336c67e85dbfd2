#include "core/run/edge_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/control/submit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static uint64_t
hash_of(const char *id)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *p = id; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return h == 0 || h >= UINT64_MAX - 64 ? 1 : h;
}

/* Its place, or the free one for it. */
static uint64_t
place_of(const struct sk_edge *e, const char *id)
{
	uint64_t h = hash_of(id);
	const struct edge_task *t;

	while ((t = sk_map_find(&e->tasks, h)) != NULL && strcmp(t->id, id) != 0)
		h++;
	return h;
}

struct edge_task *
edge_find(const struct sk_edge *e, const char *id)
{
	return sk_map_find(&e->tasks, place_of(e, id));
}

void
edge_word_free(struct edge_word *w)
{
	if (w != NULL)
		sk_arena_free(w->arena);
}

static void
drop_words(struct edge_task *t)
{
	struct edge_word *w;

	while ((w = t->first) != NULL) {
		t->first = w->next;
		edge_word_free(w);
	}
	t->last_at = &t->first;
	t->n_words = 0;
}

static void
task_free(struct edge_task *t)
{
	drop_words(t);
	edge_word_free(t->last);
	sk_arena_free(t->arena);
	sk_arena_free(t->used_arena);
	free(t->id);
	free(t);
}

/* ---- what the file says ---- */

static const struct sk_worker *
worker_of(const struct sk_edge *e, const char *class_name)
{
	const struct sk_worker *const *w = e->cfg.workers;

	while (*w != NULL && strcmp((*w)->name, class_name) != 0)
		w++;
	return *w;
}

static void
take_file(const struct sk_edge *e, struct edge_task *t, const struct sk_edge_task *f)
{
	struct sk_arena *a = sk_arena_new();
	const struct sk_value *copy = sk_value_copy(a, f->attachments);

	sk_arena_free(t->arena);
	sk_arena_free(t->used_arena);
	t->arena = a;
	t->used_arena = NULL;
	t->class_name = sk_arena_strdup(a, f->class_name);
	t->worker = worker_of(e, f->class_name);
	t->file = t->worker != NULL ? sk_submit_documented(t->worker->fields, copy, a) : copy;
	t->used = t->file;
	t->alone = false;
	t->refused[0] = '\0';
	t->look = e->stores;
}

static struct edge_task *
add_task(struct sk_edge *e, const char *id)
{
	struct edge_task *t = sk_xcalloc(1, sizeof(*t));

	t->id = sk_xstrdup(id);
	t->key = ++e->next_key;
	t->last_at = &t->first;
	sk_map_put(&e->tasks, place_of(e, id), t);
	return t;
}

static void
take_task(struct sk_edge *e, const struct sk_edge_task *f)
{
	struct edge_task *t = edge_find(e, f->id);
	char hash[SK_ACTIVE_HASH_LEN];

	sk_active_hash(f->class_name, f->attachments, hash);
	if (t == NULL)
		t = add_task(e, f->id);
	t->seen = true;
	t->removed = false;
	if (t->arena != NULL && strcmp(t->hash, hash) == 0)
		return;
	memcpy(t->hash, hash, sizeof(hash));
	take_file(e, t, f);
}

void
sk_edge_tasks(struct sk_edge *e, const struct sk_edge_task *tasks, size_t n)
{
	struct edge_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&e->tasks, &i)) != NULL)
		t->seen = false;
	for (size_t k = 0; k < n; k++)
		take_task(e, &tasks[k]);
	for (i = 0; (t = sk_map_each(&e->tasks, &i)) != NULL;)
		if (!t->seen) { /* its end is still told */
			t->removed = true;
			t->look = false;
		}
	e->asked = true;
	edge_step_soon(e);
}

/* ---- words ---- */

void
edge_told(struct edge_task *t)
{
	struct edge_word *w = t->first;

	t->first = w->next;
	if (t->first == NULL)
		t->last_at = &t->first;
	t->n_words--;
	w->next = NULL;
	edge_word_free(t->last);
	t->last = w;
}

static struct edge_word *
word_new(const struct sk_edge *e, const struct edge_task *t, const struct sk_active *a)
{
	struct sk_arena *arena = sk_arena_new();
	struct edge_word *w = sk_arena_alloc(arena, sizeof(*w));

	*w = (struct edge_word){ .arena = arena, .a = *a };
	w->end = a->state > SK_ACTIVE_RUNNING;
	w->a.class_name = sk_arena_strdup(arena, a->class_name);
	w->a.attachments = NULL; /* the file's, when it comes to that */
	w->a.name = t->id;
	w->a.source = "YAML";
	w->a.description =
		sk_arena_printf(arena, "Active TaskWorker from YAML. ClassName: %s", a->class_name);
	w->a.once = true;
	w->a.executor = e->cfg.id;
	w->a.incarnation = (int64_t)e->cfg.incarnation;
	w->a.stage = sk_arena_strdup(arena, a->stage != NULL ? a->stage : "");
	w->a.exit.message = sk_arena_strdup(arena, a->exit.message != NULL ? a->exit.message : "");
	return w;
}

/* What waits and is no end is overtaken by what is true now. */
static void
drop_overtaken(struct edge_task *t)
{
	struct edge_word **at = &t->first;

	while (*at != NULL && (*at)->next != NULL)
		at = &(*at)->next;
	if (*at != NULL && !(*at)->end && *at != t->sent) {
		edge_word_free(*at);
		*at = NULL;
		t->last_at = at;
		t->n_words--;
	}
}

/* The oldest that is not under way. */
static void
drop_oldest(struct edge_task *t)
{
	struct edge_word **at = &t->first, *w;

	if (*at != NULL && *at == t->sent)
		at = &(*at)->next;
	w = *at;
	if (w == NULL)
		return;
	*at = w->next;
	if (w->next == NULL)
		t->last_at = at;
	t->n_words--;
	edge_word_free(w);
}

static void
queue_word(struct sk_edge *e, struct edge_task *t, const struct sk_active *a)
{
	struct edge_word *w = word_new(e, t, a);

	drop_overtaken(t);
	if (t->n_words >= EDGE_MAX_WORDS)
		drop_oldest(t);
	*t->last_at = w;
	t->last_at = &w->next;
	t->n_words++;
	edge_step_soon(e);
}

/* ---- the cache ---- */

static void
note_end(struct sk_edge *e, const struct edge_task *t, const struct sk_active *a, const char *why)
{
	int beat = a->state == SK_ACTIVE_FINISHED ? SK_BEAT_FINISHED
		: a->state == SK_ACTIVE_FAILED		  ? SK_BEAT_FAILED
											  : SK_BEAT_CANCELLED;

	/* monitors of the original go by the keys alone, whatever the store has */
	sk_presence_end(
		e->presence, t->key, t->id, beat, why, a->finish_ms > 0 ? a->finish_ms : sk_wall_ms());
}

static void
note(struct sk_edge *e, const struct edge_task *t, const struct sk_active *a,
	enum sk_edge_note what, const char *why)
{
	switch (what) {
	case SK_EDGE_WAITS:
		break;
	case SK_EDGE_BEGUN:
		sk_presence_begin(e->presence, t->key, t->id, a->class_name);
		break;
	case SK_EDGE_FOUND:
		sk_presence_adopt(e->presence, t->key, t->id, a->class_name);
		break;
	case SK_EDGE_AGAIN:
		sk_presence_drop(e->presence, t->key);
		break;
	case SK_EDGE_OVER:
		note_end(e, t, a, why);
		break;
	}
}

void
sk_edge_say(struct sk_edge *e, const char *id, const struct sk_active *a, enum sk_edge_note what,
	const char *why)
{
	struct edge_task *t = edge_find(e, id);

	if (t == NULL || t->alone)
		return;
	note(e, t, a, what, why);
	if (e->stores)
		queue_word(e, t, a);
}

void
edge_leave_alone(struct sk_edge *e, struct edge_task *t, const char *why)
{
	t->alone = true;
	t->look = false;
	t->sent = NULL;
	drop_words(t);
	sk_presence_forget(e->presence, t->key);
	sk_log_task(SK_WARNING, e->cfg.component, t->id, 0,
		"%s: it runs from the file alone, and nothing is stored of it", why);
}

/* ---- the bus ---- */

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *ev)
{
	struct sk_edge *e = arg;
	struct edge_task *t = edge_find(e, ev->task);

	(void)topic;
	if (t == NULL || t->removed || t->alone ||
		(ev->skald[0] != '\0' && strcmp(ev->skald, e->cfg.id) != 0))
		return;
	t->look = true;
	edge_step_soon(e);
}

static void
look(void *arg)
{
	struct sk_edge *e = arg;
	struct edge_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&e->tasks, &i)) != NULL)
		t->look = !t->removed && !t->alone;
	edge_step_soon(e);
	sk_timer_set(e->cfg.loop, &e->look, sk_boot_ms() + e->cfg.look_ms);
}

/* ---- opening, leaving, closing ---- */

struct sk_edge *
sk_edge_open(const struct sk_edge_config *cfg)
{
	struct sk_edge *e = sk_xcalloc(1, sizeof(*e));
	const struct sk_presence_config presence = { .loop = cfg->loop,
		.cache = cfg->cache,
		.id = cfg->id,
		.mode = cfg->mode,
		.classes = cfg->classes,
		.key_ttl_ms = cfg->key_ttl_ms };
	struct sk_err err = { SK_OK, "" };

	e->cfg = *cfg;
	e->stores = cfg->store != NULL && cfg->mode == SK_MODE_EDGE;
	e->store_done = !e->stores;
	e->look = (struct sk_timer){ .fn = look, .arg = e };
	e->step = (struct sk_timer){ .fn = edge_step, .arg = e };
	e->renew = (struct sk_timer){ .fn = edge_renew, .arg = e };
	if (cfg->present)
		e->presence = sk_presence_open(&presence);
	if (cfg->bus != NULL && cfg->store != NULL &&
		cfg->bus->ops->subscribe(cfg->bus, 1u << SK_TOPIC_UPDATE, heard, e, &err) != SK_OK)
		sk_log(SK_WARNING, cfg->component, "updates are not heard of: %s", err.msg);
	if (e->stores) {
		sk_timer_set(cfg->loop, &e->look, sk_boot_ms() + cfg->look_ms);
		sk_timer_set(cfg->loop, &e->renew, 0);
	}
	return e;
}

void
sk_edge_leave(struct sk_edge *e)
{
	if (e->leaving)
		return;
	e->leaving = true;
	sk_timer_clear(e->cfg.loop, &e->look);
	sk_timer_clear(e->cfg.loop, &e->renew);
	sk_presence_leave(e->presence);
	edge_step_soon(e);
}

bool
sk_edge_gone(const struct sk_edge *e)
{
	return e->leaving && e->store_done && sk_presence_answered(e->presence);
}

void
sk_edge_close(struct sk_edge *e)
{
	struct edge_task *t;
	size_t i = 0;

	if (e == NULL)
		return;
	sk_timer_clear(e->cfg.loop, &e->look);
	sk_timer_clear(e->cfg.loop, &e->step);
	sk_timer_clear(e->cfg.loop, &e->renew);
	if (e->cfg.bus != NULL)
		e->cfg.bus->ops->unsubscribe(e->cfg.bus, heard, e);
	sk_presence_close(e->presence);
	edge_round_free(e->round);
	while ((t = sk_map_each(&e->tasks, &i)) != NULL)
		task_free(t);
	sk_map_release(&e->tasks);
	sk_arena_free(e->row_arena);
	free(e);
}
