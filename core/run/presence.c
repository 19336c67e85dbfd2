#include "core/run/presence.h"
#include "core/base/clock.h"
#include "core/base/map.h"
#include "core/model/beat.h"
#include <stdlib.h>
#include <string.h>

#define PARTS 10 /* of a period: tasks have their beats in one of them each */
#define TTL_MS 3600000
#define BEATS 200
#define TRIES 3 /* that a final value which was written and is not there is written again */

/* A task that runs here. */
struct being {
	struct being *prev, *next; /* of its part */
	uint64_t key;
	unsigned part;
	int beat;
	const char *id, *class_name;
	char heartbeat[]; /* the key; id and class behind it */
};

/* An end that the cache may not have yet. */
struct ending {
	struct ending *prev, *next;
	struct sk_presence *p;
	char *id, *text;
	int beat;
	int64_t end_ms; /* wall clock */
	int64_t until_ms; /* boot clock: nobody is interested beyond it */
	int tries;
	bool asking, over; /* over: free it when it is answered */
};

struct sk_presence {
	struct sk_presence_config cfg;
	struct sk_timer timer;
	unsigned part; /* that is next */
	int beat;
	struct sk_map tasks;
	struct being *parts[PARTS];
	unsigned next_part; /* of the next task */
	bool changed; /* the list of tasks */
	struct sk_str list;
	struct sk_beat_task *items; /* what the list is made of */
	struct ending *endings;
	size_t n_classes;
	bool left, gone;
	char *heartbeat, *all_tasks, *classes; /* keys */
};

/* ---- keys and values ---- */

void
sk_key_of(struct sk_str *out, const char *format, const char *id)
{
	const char *hole = strstr(format, "%s");

	sk_str_clear(out);
	sk_str_add(out, format, (size_t)(hole - format));
	sk_str_adds(out, id);
	sk_str_adds(out, hole + 2);
}

static char *
own_key(const char *format, const char *id)
{
	struct sk_str s = SK_STR_INIT;

	sk_key_of(&s, format, id);
	return s.p;
}

static void
put_number(struct sk_presence *p, const char *key, int64_t v, int64_t ttl_ms)
{
	char text[SK_BEAT_LEN];
	size_t n = sk_beat_text(text, v);

	p->cfg.cache->ops->put(p->cfg.cache, key, text, n, ttl_ms);
}

/* A sequence goes on where the clock is: one process after another does not say the same again. */
static int
first_beat(void)
{
	return (int)(sk_boot_ms() / SK_BEAT_PERIOD_MS % BEATS);
}

/* ---- the skald ---- */

static void
say_mode_and_activity(struct sk_presence *p)
{
	struct sk_cache *c = p->cfg.cache;
	const char *mode = p->cfg.mode == SK_MODE_NODE ? "node" : "edge";
	char text[SK_BEAT_LEN];
	size_t n = sk_beat_text(text, sk_wall_ms());

	c->ops->put_field(c, SK_KEY_MODES, p->cfg.id, mode, strlen(mode), p->cfg.key_ttl_ms);
	c->ops->put_field(c, SK_KEY_SKALDS, p->cfg.id, text, n, p->cfg.key_ttl_ms);
}

static void
build_list(struct sk_presence *p, int64_t now)
{
	const struct being *b;
	size_t i = 0, n = 0;

	p->items = sk_xreallocarray(p->items, p->tasks.n + 1, sizeof(*p->items));
	while ((b = sk_map_each(&p->tasks, &i)) != NULL)
		p->items[n++] = (struct sk_beat_task){ b->id, b->class_name };
	sk_str_clear(&p->list);
	sk_beat_tasks_json(&p->list, p->items, n, now);
	p->changed = false;
}

/* The same tasks as a second ago have another time at the end only: "…:1795240643673}". */
static void
say_tasks(struct sk_presence *p)
{
	int64_t now = sk_wall_ms();
	char text[SK_BEAT_LEN];
	size_t n = sk_beat_text(text, now);

	if (p->changed || p->list.len < n + 2 || p->list.p[p->list.len - n - 2] != ':')
		build_list(p, now);
	else
		memcpy(p->list.p + p->list.len - n - 1, text, n);
	p->cfg.cache->ops->put(p->cfg.cache, p->all_tasks, p->list.p, p->list.len, p->cfg.key_ttl_ms);
}

static void
say_skald(struct sk_presence *p)
{
	struct sk_cache *c = p->cfg.cache;

	if (p->cfg.mode != SK_MODE_SINGLE) {
		say_mode_and_activity(p);
		p->beat = sk_beat_next(p->beat);
		put_number(p, p->heartbeat, p->beat, SK_BEAT_TTL_MS);
	}
	say_tasks(p);
	c->ops->put_list(c, p->classes, p->cfg.classes, p->n_classes, p->cfg.key_ttl_ms);
}

/* ---- tasks ---- */

static void
beat(struct sk_presence *p, struct being *b)
{
	b->beat = sk_beat_next(b->beat);
	put_number(p, b->heartbeat, b->beat, SK_BEAT_TTL_MS);
}

static struct being *
being_new(uint64_t key, const char *id, const char *class_name)
{
	struct sk_str name = SK_STR_INIT;
	size_t id_len = strlen(id) + 1, class_len = strlen(class_name) + 1;
	struct being *b;

	sk_key_of(&name, SK_KEY_TASK_HEARTBEAT, id);
	b = sk_xcalloc(1, sizeof(*b) + name.len + 1 + id_len + class_len);
	memcpy(b->heartbeat, name.p, name.len + 1);
	b->id = memcpy(b->heartbeat + name.len + 1, id, id_len);
	b->class_name = memcpy(b->heartbeat + name.len + 1 + id_len, class_name, class_len);
	b->key = key;
	b->beat = first_beat();
	sk_str_release(&name);
	return b;
}

static void
add(struct sk_presence *p, uint64_t key, const char *id, const char *class_name)
{
	struct being *b = being_new(key, id, class_name);

	b->part = p->next_part;
	p->next_part = (p->next_part + 1) % PARTS;
	b->next = p->parts[b->part];
	if (b->next != NULL)
		b->next->prev = b;
	p->parts[b->part] = b;
	sk_map_put(&p->tasks, key, b);
	p->changed = true;
	beat(p, b);
}

static void
take_away(struct sk_presence *p, struct being *b)
{
	*(b->prev != NULL ? &b->prev->next : &p->parts[b->part]) = b->next;
	if (b->next != NULL)
		b->next->prev = b->prev;
	sk_map_remove(&p->tasks, b->key);
	p->changed = true;
	free(b);
}

/* ---- ends that nothing else tells of ---- */

static void
ending_free(struct ending *e)
{
	free(e->id);
	free(e->text);
	free(e);
}

static void
ending_remove(struct ending *e)
{
	*(e->prev != NULL ? &e->prev->next : &e->p->endings) = e->next;
	if (e->next != NULL)
		e->next->prev = e->prev;
	ending_free(e);
}

/* The time first: who sees that it is final shall see since when. */
static void
put_end(struct sk_presence *p, const char *id, int value, const char *text, int64_t end_ms)
{
	struct sk_cache *c = p->cfg.cache;
	struct sk_str key = SK_STR_INIT;

	if (end_ms > 0) {
		sk_key_of(&key, SK_KEY_ENDED, id);
		put_number(p, key.p, end_ms, p->cfg.key_ttl_ms);
	}
	if (value == SK_BEAT_FAILED) {
		sk_key_of(&key, SK_KEY_TASK_EXCEPTION, id);
		c->ops->put(c, key.p, text, strlen(text), p->cfg.key_ttl_ms);
	}
	sk_key_of(&key, SK_KEY_TASK_HEARTBEAT, id);
	put_number(p, key.p, value, p->cfg.key_ttl_ms);
	sk_str_release(&key);
}

/* What is there now is ours or newer: both will do. What is not there although the cache answers
 * found no room, or somebody removed it. */
static void
answered(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct ending *e = arg;

	(void)value;
	(void)n;
	e->asking = false;
	if (code == SK_OK && !found)
		e->tries++;
	if (e->over || (code == SK_OK && (found || e->tries >= TRIES)))
		ending_remove(e);
}

static void
ask(struct ending *e)
{
	struct sk_cache *c = e->p->cfg.cache;
	struct sk_str key = SK_STR_INIT;

	sk_key_of(&key, SK_KEY_TASK_HEARTBEAT, e->id);
	e->asking = true;
	c->ops->get(c, key.p, answered, e);
	sk_str_release(&key);
}

static void
write_ends_again(struct sk_presence *p)
{
	struct ending *e = p->endings, *next;
	int64_t now = sk_boot_ms();

	for (; e != NULL; e = next) {
		next = e->next;
		if (e->asking || e->over)
			continue;
		if (now >= e->until_ms) {
			ending_remove(e);
			continue;
		}
		put_end(p, e->id, e->beat, e->text, e->end_ms);
		ask(e);
	}
}

/* It runs again: how it ended before is over. */
static void
forget_ending(struct sk_presence *p, const char *id)
{
	struct ending *e = p->endings, *next;

	for (; e != NULL; e = next) {
		next = e->next;
		if (strcmp(e->id, id) != 0)
			continue;
		e->over = true;
		if (!e->asking)
			ending_remove(e);
	}
}

static void
watch_ending(struct sk_presence *p, const char *id, int value, const char *text, int64_t end_ms)
{
	struct ending *e = sk_xcalloc(1, sizeof(*e));

	*e = (struct ending){ .p = p,
		.id = sk_xstrdup(id),
		.text = sk_xstrdup(text),
		.beat = value,
		.end_ms = end_ms,
		.until_ms = sk_boot_ms() + p->cfg.key_ttl_ms,
		.next = p->endings };
	if (e->next != NULL)
		e->next->prev = e;
	p->endings = e;
	ask(e);
}

/* ---- time ---- */

static void
tick(void *arg)
{
	struct sk_presence *p = arg;
	bool busy = p->tasks.n > 0;

	if (p->part == 0 || !busy) {
		p->part = 0;
		if (!p->left)
			say_skald(p);
		write_ends_again(p);
	}
	for (struct being *b = p->parts[p->part]; b != NULL; b = b->next)
		beat(p, b);
	p->part = busy ? (p->part + 1) % PARTS : 0;
	if (!p->left || busy || p->endings != NULL)
		sk_timer_set(p->cfg.loop, &p->timer,
			sk_boot_ms() + (busy ? SK_BEAT_PERIOD_MS / PARTS : SK_BEAT_PERIOD_MS));
}

/* ---- for others ---- */

void
sk_presence_begin(struct sk_presence *p, uint64_t key, const char *id, const char *class_name)
{
	struct sk_str exception = SK_STR_INIT;

	if (p == NULL || sk_map_find(&p->tasks, key) != NULL)
		return;
	forget_ending(p, id);
	sk_key_of(&exception, SK_KEY_TASK_EXCEPTION, id);
	p->cfg.cache->ops->remove(p->cfg.cache, exception.p);
	sk_str_release(&exception);
	add(p, key, id, class_name);
}

void
sk_presence_adopt(struct sk_presence *p, uint64_t key, const char *id, const char *class_name)
{
	if (p != NULL && sk_map_find(&p->tasks, key) == NULL)
		add(p, key, id, class_name);
}

void
sk_presence_end(struct sk_presence *p, uint64_t key, const char *id, int value, const char *text,
	int64_t end_ms)
{
	struct being *b = p != NULL ? sk_map_find(&p->tasks, key) : NULL;

	if (p == NULL)
		return;
	put_end(p, id, value, text, end_ms);
	if (end_ms > 0)
		watch_ending(p, id, value, text, end_ms);
	if (b != NULL)
		take_away(p, b);
}

void
sk_presence_drop(struct sk_presence *p, uint64_t key)
{
	struct being *b = p != NULL ? sk_map_find(&p->tasks, key) : NULL;

	if (b == NULL)
		return;
	p->cfg.cache->ops->remove(p->cfg.cache, b->heartbeat);
	take_away(p, b);
}

void
sk_presence_forget(struct sk_presence *p, uint64_t key)
{
	struct being *b = p != NULL ? sk_map_find(&p->tasks, key) : NULL;

	if (b != NULL)
		take_away(p, b);
}

struct sk_presence *
sk_presence_open(const struct sk_presence_config *cfg)
{
	struct sk_presence *p = sk_xcalloc(1, sizeof(*p));

	p->cfg = *cfg;
	if (p->cfg.key_ttl_ms <= 0)
		p->cfg.key_ttl_ms = TTL_MS;
	while (cfg->classes[p->n_classes] != NULL)
		p->n_classes++;
	p->heartbeat = own_key(SK_KEY_SKALD_HEARTBEAT, cfg->id);
	p->all_tasks = own_key(SK_KEY_SKALD_TASKS, cfg->id);
	p->classes = own_key(SK_KEY_SKALD_CLASSES, cfg->id);
	p->beat = first_beat();
	p->changed = true;
	p->timer = (struct sk_timer){ .fn = tick, .arg = p };
	tick(p);
	return p;
}

/* What was written before has arrived, or never will. */
static void
heard_last(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct sk_presence *p = arg;

	(void)code;
	(void)found;
	(void)value;
	(void)n;
	p->gone = true;
}

void
sk_presence_leave(struct sk_presence *p)
{
	struct sk_cache *c = p != NULL ? p->cfg.cache : NULL;

	if (p == NULL || p->left)
		return;
	p->left = true;
	if (p->cfg.mode != SK_MODE_SINGLE) {
		c->ops->remove_field(c, SK_KEY_SKALDS, p->cfg.id);
		c->ops->remove_field(c, SK_KEY_MODES, p->cfg.id);
		c->ops->remove(c, p->heartbeat);
	}
	c->ops->remove(c, p->all_tasks);
	c->ops->remove(c, p->classes);
	c->ops->get(c, p->heartbeat, heard_last, p);
}

bool
sk_presence_gone(const struct sk_presence *p)
{
	return p == NULL || (p->gone && p->endings == NULL);
}

bool
sk_presence_answered(const struct sk_presence *p)
{
	return p == NULL || p->gone;
}

void
sk_presence_close(struct sk_presence *p)
{
	struct ending *e, *next;
	struct being *b;
	size_t i = 0;

	if (p == NULL)
		return;
	sk_timer_clear(p->cfg.loop, &p->timer);
	while ((b = sk_map_each(&p->tasks, &i)) != NULL)
		free(b);
	sk_map_release(&p->tasks);
	for (e = p->endings; e != NULL; e = next) {
		next = e->next;
		ending_free(e);
	}
	sk_str_release(&p->list);
	free(p->items);
	free(p->heartbeat);
	free(p->all_tasks);
	free(p->classes);
	free(p);
}
