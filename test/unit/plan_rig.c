#include "test/unit/plan_rig.h"
#include "core/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT_S 300.0 /* maxBackoffSeconds unless told */

static enum sk_code
update(struct sk_run *run, void *now, const void *old, struct sk_err *err)
{
	(void)run;
	(void)now;
	(void)old;
	(void)err;
	return SK_OK;
}

const struct sk_worker plan_plain = { .name = "Plain" };
const struct sk_worker plan_live = { .name = "Live", .update = update };

/* ---- files ---- */

void
file_begin(struct plan_file *f, size_t cap)
{
	f->arena = sk_arena_new();
	f->list = (struct sk_task_list){ sk_arena_alloc(f->arena, cap * sizeof(*f->list.items)), 0 };
	f->cap = cap;
}

void
file_set(const struct plan_file *f, struct sk_task_spec *t, int64_t n)
{
	struct sk_value *map = sk_value_new(f->arena, SK_MAP);

	sk_map_set(f->arena, map, "n", sk_value_int(f->arena, n));
	t->attachments = map;
}

void
file_class(struct sk_task_spec *t, const struct sk_worker *worker)
{
	t->worker = worker;
	t->class_name = worker->name;
}

struct sk_task_spec *
file_task(struct plan_file *f, const char *id)
{
	struct sk_task_spec *t = &f->list.items[f->list.n++];

	assert_true(f->list.n <= f->cap);
	*t = (struct sk_task_spec){
		.id = sk_arena_strdup(f->arena, id),
		.is_persistent = true,
		.grace_s = 10,
		.retry = { .max_attempts = 1, .backoff_s = 1, .max_backoff_s = LIMIT_S },
	};
	file_class(t, &plan_plain);
	file_set(f, t, 1);
	return t;
}

/* The next of some names divided by blanks, in the arena; NULL at the end. */
static const char *
next_name(struct sk_arena *a, const char **names)
{
	size_t len;
	const char *at = *names + strspn(*names, " ");

	len = strcspn(at, " ");
	*names = at + len;
	return len > 0 ? sk_arena_strndup(a, at, len) : NULL;
}

void
file_depends(const struct plan_file *f, struct sk_task_spec *t, const char *ids)
{
	const char **items = sk_arena_alloc(f->arena, (strlen(ids) + 1) * sizeof(*items));

	t->dependencies = (struct sk_list){ .items = items, .n = 0 };
	for (const char *id; (id = next_name(f->arena, &ids)) != NULL; t->dependencies.n++)
		items[t->dependencies.n] = id;
}

/* ---- effects ---- */

static void
note(struct sk_str *log, const char *fmt, ...)
{
	va_list ap;

	if (log->len > 0)
		sk_str_adds(log, ", ");
	va_start(ap, fmt);
	sk_str_vaddf(log, fmt, ap);
	va_end(ap);
}

static void
on_start(void *arg, struct sk_plan_task *t)
{
	struct plan_rig *r = arg;

	note(&r->did, "start %s/%u", t->spec.id, t->attempt);
}

static void
on_stop(void *arg, struct sk_plan_task *t, enum sk_reason reason)
{
	struct plan_rig *r = arg;

	note(&r->did, "stop %s/%u %s", t->spec.id, t->attempt, sk_reason_name(reason));
}

static void
on_update(void *arg, struct sk_plan_task *t)
{
	struct plan_rig *r = arg;
	const struct sk_value *n = sk_map_get(t->spec.attachments, "n");

	note(&r->did, "update %s/%u n=%lld", t->spec.id, t->attempt, (long long)n->u.i);
}

static void
on_forget(void *arg, struct sk_plan_task *t)
{
	struct plan_rig *r = arg;

	note(&r->did, "forget %s", t->spec.id);
}

static void
on_event(void *arg, const struct sk_plan_task *t, const char *name)
{
	struct plan_rig *r = arg;

	note(&r->told, "%s/%u %s", t->spec.id, t->attempt, name);
}

static const struct sk_plan_ops ops = {
	.start = on_start,
	.stop = on_stop,
	.update = on_update,
	.forget = on_forget,
	.event = on_event,
};

void
rig_text_is(struct sk_str *log, const char *text, const char *file, int line)
{
	if (strcmp(sk_str_text(log), text) != 0) {
		print_error("\"%s\", expected \"%s\"\n", sk_str_text(log), text);
		_fail(file, line);
	}
	sk_str_clear(log);
}

/* ---- the plan ---- */

void
rig_new(struct plan_rig *r, const struct sk_plan_limits *limits)
{
	static const struct sk_plan_limits none = { 0, 0, 0 };

	*r = (struct plan_rig){ .now_ms = 1000000 };
	r->plan = sk_plan_new(limits != NULL ? limits : &none, &ops, r);
}

void
rig_free(struct plan_rig *r)
{
	rig_counts_hold(r);
	sk_plan_free(r->plan);
	sk_str_release(&r->did);
	sk_str_release(&r->told);
}

void
rig_reborn(struct plan_rig *r, const struct sk_plan_limits *limits)
{
	int64_t now_ms = r->now_ms;

	rig_free(r);
	rig_new(r, limits);
	r->now_ms = now_ms;
}

void
rig_load(struct plan_rig *r, struct plan_file *f)
{
	sk_plan_load(r->plan, &f->list, f->arena, r->now_ms);
	rig_counts_hold(r);
}

void
rig_load_ids(struct plan_rig *r, const char *ids)
{
	struct plan_file f;

	file_begin(&f, strlen(ids) + 1);
	for (const char *id; (id = next_name(f.arena, &ids)) != NULL;)
		file_task(&f, id);
	rig_load(r, &f);
	rig_tick(r);
}

int64_t
rig_tick(struct plan_rig *r)
{
	int64_t next = sk_plan_tick(r->plan, r->now_ms);

	rig_counts_hold(r);
	assert_true(next == -1 || next > r->now_ms);
	return next;
}

int64_t
rig_later(struct plan_rig *r, int64_t ms)
{
	r->now_ms += ms;
	return rig_tick(r);
}

struct sk_plan_task *
rig_find(const struct plan_rig *r, const char *id)
{
	size_t n;
	struct sk_plan_task *const *tasks = sk_plan_tasks(r->plan, &n);
	struct sk_plan_task *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (strcmp(tasks[i]->spec.id, id) == 0 && (found == NULL || found->removed))
			found = tasks[i];
	return found;
}

enum sk_plan_state
rig_state(const struct plan_rig *r, const char *id)
{
	const struct sk_plan_task *t = rig_find(r, id);

	if (t == NULL)
		fail_msg("there is no task %s", id);
	return t->state;
}

void
rig_started(struct plan_rig *r, const char *id)
{
	const struct sk_plan_task *t = rig_find(r, id);
	const struct sk_task_report rep = {
		.id = id,
		.class_name = t->spec.class_name,
		.state = SK_T_RUNNING,
		.pid = 4711,
		.failures = t->failures,
		.start_boot_ms = r->now_ms,
	};

	sk_plan_started(r->plan, t->key, t->attempt, &rep);
	rig_counts_hold(r);
}

void
rig_ends(struct plan_rig *r, const char *id, enum sk_reason reason, int32_t code)
{
	const struct sk_plan_task *t = rig_find(r, id);
	const struct sk_task_report rep = {
		.id = id,
		.class_name = t->spec.class_name,
		.state = SK_T_ENDED,
		.reason = reason,
		.code = code,
		.failures = t->failures,
		.end_boot_ms = r->now_ms,
		.start_boot_ms = reason == SK_REASON_START_FAILED ? 0 : t->start_boot_ms,
		.message = "why",
	};

	sk_plan_exited(r->plan, t->key, t->attempt, &rep, r->now_ms);
	rig_counts_hold(r);
}

void
rig_runs(struct plan_rig *r, const char *id, int64_t run_ms, int32_t code)
{
	rig_started(r, id);
	r->now_ms += run_ms;
	rig_exits(r, id, code);
}

void
rig_adopt(struct plan_rig *r, const struct rig_known *k)
{
	char *id = sk_xstrdup(k->id); /* reports are gone when the call returns */
	const struct sk_task_report rep = {
		.id = id,
		.class_name = k->class_name != NULL ? k->class_name : "Plain",
		.spec_hash = k->spec_hash,
		.state = k->state,
		.reason = k->reason,
		.code = k->code,
		.failures = k->failures,
		.start_boot_ms = k->start_ms,
		.end_boot_ms = k->end_ms,
		.pid = 4711,
	};

	sk_plan_adopt(r->plan, k->key, k->attempt, &rep, k->settled, r->now_ms);
	free(id);
	rig_counts_hold(r);
}

void
rig_counts_hold(const struct plan_rig *r)
{
	size_t n, count[SK_P_SKIPPED + 1] = { 0 }, sum = 0;
	struct sk_plan_task *const *tasks = sk_plan_tasks(r->plan, &n);

	for (size_t i = 0; i < n; i++) {
		count[tasks[i]->state]++;
		assert_ptr_equal(sk_plan_find(r->plan, tasks[i]->key), tasks[i]);
	}
	for (enum sk_plan_state s = SK_P_WAITING; s <= SK_P_SKIPPED; s++) {
		assert_int_equal(sk_plan_count(r->plan, s), count[s]);
		sum += count[s];
	}
	assert_int_equal(sum, n);
}
