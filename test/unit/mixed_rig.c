#include "test/unit/mixed_rig.h"
#include "adapters/memory/memory.h"
#include "core/base/clock.h"
#include "core/control/mixed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the cache, when it is away from the controller ---- */

static const struct sk_cache_ops *real; /* what the nodes write through */

struct unanswered {
	void (*value)(void *arg, enum sk_code code, bool found, const void *value, size_t n);
	void (*field)(void *arg, enum sk_code code, const char *field, const void *value, size_t n);
	void (*list)(void *arg, enum sk_code code, const char *const *items, size_t n);
	void *arg;
};

static void
no_value(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct unanswered *u = arg;

	(void)code, (void)found, (void)value, (void)n;
	if (u->value != NULL)
		u->value(u->arg, SK_EUNAVAIL, false, NULL, 0);
	else if (u->field != NULL)
		u->field(u->arg, SK_EUNAVAIL, NULL, NULL, 0);
	else
		u->list(u->arg, SK_EUNAVAIL, NULL, 0);
	free(u);
}

static void
later(struct sk_cache *c, struct unanswered u)
{
	struct unanswered *copy = sk_xmalloc(sizeof(*copy));

	*copy = u;
	real->get(c, "nothing", no_value, copy);
}

static void
away_get(struct sk_cache *c, const char *key,
	void (*fn)(void *arg, enum sk_code code, bool found, const void *value, size_t n), void *arg)
{
	(void)key;
	later(c, (struct unanswered){ .value = fn, .arg = arg });
}

static void
away_fields(struct sk_cache *c, const char *key,
	void (*fn)(void *arg, enum sk_code code, const char *field, const void *value, size_t n),
	void *arg)
{
	(void)key;
	later(c, (struct unanswered){ .field = fn, .arg = arg });
}

static void
away_list(struct sk_cache *c, const char *key,
	void (*fn)(void *arg, enum sk_code code, const char *const *items, size_t n), void *arg)
{
	(void)key;
	later(c, (struct unanswered){ .list = fn, .arg = arg });
}

static void
away_remove(struct sk_cache *c, const char *key)
{
	(void)c, (void)key;
}

void
mixed_cache_away(struct mixed_rig *m, bool away)
{
	static struct sk_cache_ops ops;

	ops = *real;
	if (away) {
		ops.get = away_get;
		ops.get_fields = away_fields;
		ops.get_list = away_list;
		ops.remove = away_remove;
	}
	m->g.cache->ops = &ops;
}

void
mixed_put(struct mixed_rig *m, const char *key, const char *value, int64_t ttl_ms)
{
	real->put(m->g.cache, key, value, strlen(value), ttl_ms);
}

struct wanted {
	bool done;
	char value[256];
};

static void
value_came(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct wanted *w = arg;

	(void)code;
	w->done = true;
	if (found)
		snprintf(w->value, sizeof(w->value), "%.*s", (int)n, (const char *)value);
}

const char *
mixed_value(struct mixed_rig *m, const char *key)
{
	static struct wanted w;

	w = (struct wanted){ .done = false };
	real->get(m->g.cache, key, value_came, &w);
	while (!w.done)
		sk_loop_once(m->g.loop, 10);
	return w.value;
}

/* ---- workers of the original ---- */

struct py_worker *
py_worker(struct py *p, const char *id)
{
	for (int i = 0; i < PY_WORKERS; i++)
		if (p->workers[i].used && strcmp(p->workers[i].id, id) == 0)
			return &p->workers[i];
	return NULL;
}

static void
put_task_key(
	struct mixed_rig *m, const char *pattern, const char *id, const char *value, int64_t ttl_ms)
{
	char key[128];

	snprintf(key, sizeof(key), pattern, id);
	mixed_put(m, key, value, ttl_ms);
}

static void
put_beat(struct mixed_rig *m, const char *id, int64_t ttl_ms)
{
	char number[16];

	m->random = m->random * 1103515245u + 12345u;
	snprintf(number, sizeof(number), "%u", (m->random >> 16) % 200);
	put_task_key(m, SK_KEY_TASK_HEARTBEAT, id, number, ttl_ms);
}

static void
start_worker(struct mixed_rig *m, struct py *p, const char *id)
{
	struct py_worker *w = p->workers;

	while (w->used)
		w++;
	assert_true(w < p->workers + PY_WORKERS);
	*w = (struct py_worker){ .used = true, .start_ms = m->g.boot_ms + p->slow_ms, .end = p->end };
	w->end_ms = p->run_ms > 0 ? w->start_ms + p->run_ms : 0;
	snprintf(w->id, sizeof(w->id), "%s", id);
	p->started++;
}

static void
end_worker(struct mixed_rig *m, struct py_worker *w, const char *value)
{
	w->used = false;
	if (value == NULL || m->g.boot_ms < w->start_ms)
		return;
	if (strcmp(value, "-1") == 0)
		put_task_key(m, SK_KEY_TASK_EXCEPTION, w->id, "Traceback\nValueError: no", 0);
	put_task_key(m, SK_KEY_TASK_HEARTBEAT, w->id, value, 3600000);
}

static void
work(struct mixed_rig *m, struct py_worker *w)
{
	if (w->dead || m->g.boot_ms < w->start_ms)
		return;
	if (w->end_ms > 0 && m->g.boot_ms >= w->end_ms)
		end_worker(m, w, w->end);
	else if ((m->g.boot_ms - w->start_ms) % 3000 == 0)
		put_beat(m, w->id, 8000);
}

/* ---- nodes of the original ---- */

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct py *p = arg;
	bool mine = e->skald[0] == '\0' || strcmp(e->skald, p->id) == 0;

	if (p->dead || p->deaf)
		return;
	p->assigned += mine && topic == SK_TOPIC_ASSIGN;
	p->cancelled += mine && topic == SK_TOPIC_CANCEL;
	p->updated += mine && topic == SK_TOPIC_UPDATE;
	sk_str_addc(&p->heard, topic == SK_TOPIC_ASSIGN ? 'a' : topic == SK_TOPIC_CANCEL ? 'c' : 'u');
	sk_str_add(&p->heard, e->task, strlen(e->task) + 1);
}

/* Its own table decides what an event means; who a task belongs to says the store (2.7, 4.5). */
static void
obey(struct mixed_rig *m, struct py *p, char what, const char *id)
{
	struct py_worker *w = py_worker(p, id);
	const struct sk_memory_row *row = sk_memory_row((struct sk_memory *)m->g.store, id);

	if (what == 'c' && w != NULL && w->dead)
		w->used = false;
	else if (what == 'c' && w != NULL && !w->stubborn)
		end_worker(m, w, "-2");
	else if (what == 'a' && w != NULL) {
		put_beat(m, id, 0); /* known: its state is reset, and nothing else */
		put_task_key(m, SK_KEY_TASK_EXCEPTION, id, "", 0);
	} else if (what == 'a' && row != NULL && strcmp(row->r->life.executor, p->id) == 0)
		start_worker(m, p, id);
}

static void
obey_all(struct mixed_rig *m, struct py *p)
{
	struct sk_str all = p->heard;

	p->heard = (struct sk_str)SK_STR_INIT;
	for (const char *at = all.p; at != NULL && at < all.p + all.len; at += strlen(at) + 1)
		obey(m, p, at[0], at + 1);
	sk_str_release(&all);
}

static void
write_tasks(struct mixed_rig *m, struct py *p)
{
	struct sk_beat_task tasks[PY_WORKERS];
	struct sk_str json = SK_STR_INIT;
	char key[128];
	size_t n = 0, classes = 0;

	for (int i = 0; i < PY_WORKERS; i++)
		if (p->workers[i].used)
			tasks[n++] = (struct sk_beat_task){ p->workers[i].id, "Job" };
	sk_beat_tasks_json(&json, tasks, n, m->g.now_ms);
	snprintf(key, sizeof(key), SK_KEY_SKALD_TASKS, p->id);
	mixed_put(m, key, sk_str_text(&json), 3600000);
	sk_str_release(&json);
	while (p->classes[classes] != NULL)
		classes++;
	snprintf(key, sizeof(key), SK_KEY_SKALD_CLASSES, p->id);
	real->put_list(m->g.cache, key, p->classes, classes, 3600000);
}

static void
write_self(struct mixed_rig *m, struct py *p)
{
	char key[128], number[32];

	if (p->mode != NULL)
		real->put_field(m->g.cache, SK_KEY_MODES, p->id, p->mode, strlen(p->mode), 3600000);
	snprintf(number, sizeof(number), "%lld", (long long)(m->g.now_ms + p->skew_ms));
	real->put_field(m->g.cache, SK_KEY_SKALDS, p->id, number, strlen(number), 3600000);
	m->random = m->random * 1103515245u + 12345u;
	snprintf(number, sizeof(number), "%u", (m->random >> 16) % 200);
	snprintf(key, sizeof(key), SK_KEY_SKALD_HEARTBEAT, p->id);
	mixed_put(m, key, number, 8000);
	write_tasks(m, p);
}

struct py *
mixed_py(struct mixed_rig *m)
{
	struct py *p = &m->py[m->n_py];
	struct sk_err err;

	*p = (struct py){ .mode = "node", .classes = { "Job", NULL }, .slow_ms = 2000, .end = "200" };
	snprintf(p->id, sizeof(p->id), "py%d", m->n_py++);
	p->g = &m->g;
	assert_int_equal(
		m->g.bus->ops->subscribe(m->g.bus,
			1u << SK_TOPIC_ASSIGN | 1u << SK_TOPIC_CANCEL | 1u << SK_TOPIC_UPDATE, heard, p, &err),
		SK_OK);
	return p;
}

/* ---- time ---- */

static void
tick_once(struct mixed_rig *m)
{
	struct sk_control *c = m->g.control;

	m->g.boot_ms += 1000;
	m->g.now_ms += 1000;
	m->ticks++;
	for (int i = 0; i < m->n_py; i++) {
		struct py *p = &m->py[i];

		if (p->dead)
			continue;
		obey_all(m, p);
		for (int k = 0; k < PY_WORKERS; k++)
			if (p->workers[k].used)
				work(m, &p->workers[k]);
		if (m->ticks % 3 == 0)
			write_self(m, p);
	}
	if (m->silent)
		return;
	sk_originals_look(c);
	sk_beats_look(c);
	if (m->ticks % 5 == 0) {
		sk_skalds_read(c, NULL);
		sk_monitor_look(c, NULL);
		sk_strangers_look(c);
	}
	sk_waits_look(c);
	control_rig_run(&m->g, 7);
}

void
mixed_tick(struct mixed_rig *m, int n)
{
	while (n-- > 0)
		tick_once(m);
}

bool
mixed_until(struct mixed_rig *m, int n, const char *id, enum sk_phase phase)
{
	while (control_rig_phase(&m->g, id) != phase) {
		if (n-- == 0)
			return false;
		tick_once(m);
	}
	return true;
}

void
mixed_open(struct mixed_rig *m, enum sk_strategy strategy)
{
	memset(m, 0, sizeof(*m));
	control_rig_open_mixed(&m->g, strategy, 30000);
	real = m->g.cache->ops;
	m->random = 1;
}

void
mixed_close(struct mixed_rig *m)
{
	m->g.cache->ops = real;
	for (int i = 0; i < m->n_py; i++) {
		m->g.bus->ops->unsubscribe(m->g.bus, heard, &m->py[i]);
		sk_str_release(&m->py[i].heard);
	}
	control_rig_close(&m->g);
}

/* The row of a skald of ours, as it renews it. */
void
mixed_row(struct mixed_rig *m, const char *id, uint64_t incarnation, uint64_t renewals)
{
	static const char *const classes[] = { "Job", NULL };
	struct sk_arena *a = sk_arena_new();
	const struct sk_skald row = { .id = id,
		.incarnation = incarnation,
		.renewals = renewals,
		.mode = SK_MODE_NODE,
		.version = "test",
		.host = "here",
		.slots = 4,
		.cpus = 4,
		.memory_mb = 4096,
		.classes = classes };
	struct sk_op_skald_put op = {
		.op = { .kind = SK_OP_SKALD_PUT, .arena = a }, .skald = &row, .take = true
	};

	assert_int_equal(sk_store_wait(m->g.store, m->g.loop, &op.op), SK_OK);
	sk_arena_free(a);
}

/* ---- tasks ---- */

void
mixed_foreign(struct mixed_rig *m, const char *id, enum sk_phase status, const char *executor,
	const char *mode)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_value *spec = sk_value_new(a, SK_MAP);
	struct sk_record r;
	const struct sk_record *records[1] = { &r };
	struct sk_op_insert op = {
		.op = { .kind = SK_OP_INSERT, .arena = a }, .records = records, .n = 1
	};

	sk_record_init(&r, a);
	r.id = id;
	r.class_name = "Job";
	r.foreign = true;
	r.life = (struct sk_life){ .phase = status, .max_attempts = 3 };
	snprintf(r.life.executor, sizeof(r.life.executor), "%s", executor);
	r.create_ms = r.update_ms = r.rank_ms = m->g.now_ms;
	sk_map_set(a, spec, "mode", sk_value_string(a, mode, strlen(mode)));
	r.spec = spec;
	assert_int_equal(sk_store_wait(m->g.store, m->g.loop, &op.op), SK_OK);
	sk_arena_free(a);
}

void
mixed_overwrite(struct mixed_rig *m, const char *id, enum sk_phase status)
{
	struct sk_record *r = sk_memory_row((struct sk_memory *)m->g.store, id)->r;

	if (r->foreign) {
		r->life.phase = status;
		return;
	}
	r->status = status;
	r->disputed = status != r->life.phase;
}

const struct sk_record *
mixed_get(struct mixed_rig *m, const char *id)
{
	return sk_memory_row((struct sk_memory *)m->g.store, id)->r;
}

void
mixed_event(struct mixed_rig *m, enum sk_topic topic, const char *id)
{
	const struct sk_event e = {
		.task = id, .class_name = "", .skald = "", .stage = "", .message = ""
	};

	assert_int_equal(sk_bus_publish(m->g.bus, topic, &e), SK_OK);
}

void
mixed_add(struct mixed_rig *m, const char *id, const char *const *pairs)
{
	assert_int_equal(control_rig_add(&m->g, id, 0, pairs), SK_OK);
}
