/* api_tasks.c - tasks read: one, many, its attempts, and waiting for its end. */
#include "core/control/api_priv.h"
#include "core/base/clock.h"
#include "core/control/submit.h"
#include <string.h>

#define LOOK_AGAIN_MS 5000 /* an event may be lost: look at the store all the same */

/* ---- a task as JSON ---- */

static void
put_counts(struct sk_str *out, const struct sk_record *r, const int64_t *counts)
{
	struct sk_err err;
	int64_t left = r->array != NULL && r->array[0] != '\0' ? sk_array_count(r->array, &err) : 0;

	sk_json_kstr(out, "array", r->array);
	sk_json_kint(out, "arraySize", r->array_size);
	sk_json_key(out, "counts");
	sk_str_addc(out, '{');
	sk_json_kint(out, "notStarted", left > 0 ? left : 0);
	for (int i = 0; i < SK_N_PHASE; i++)
		sk_json_kint(out, sk_phase_name((enum sk_phase)i), counts[i]);
	sk_str_addc(out, '}');
}

void
sk_call_task(struct sk_call *call, const struct sk_record *r, const int64_t *counts)
{
	struct sk_str *out = &call->out;

	sk_record_json(out, r, call->c->cfg.workers);
	if (counts == NULL || r->array_size == 0)
		return;
	out->len--; /* inside its braces */
	put_counts(out, r, counts);
	sk_str_addc(out, '}');
}

/* ---- several tasks, arrays with their counts ---- */

struct showing {
	struct sk_record **records;
	size_t n, at;
	int64_t (*counts)[SK_N_PHASE]; /* of each record; NULL = none is an array */
	struct sk_op_count op;
	void (*done)(struct sk_call *call);
};

static void count_next(struct sk_call *call);

static void
counted(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct showing *s = call->state;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	memcpy(s->counts[s->at++], s->op.by_phase, sizeof(s->op.by_phase));
	count_next(call);
}

static void
count_next(struct sk_call *call)
{
	struct showing *s = call->state;

	while (s->at < s->n && s->records[s->at]->array_size == 0)
		s->at++;
	if (s->at == s->n) {
		s->done(call);
		return;
	}
	if (s->counts == NULL)
		s->counts = sk_arena_alloc(call->arena, s->n * sizeof(*s->counts));
	s->op = (struct sk_op_count){ .filter = { .parent = s->records[s->at]->id } };
	sk_call_submit(call, &s->op.op, SK_OP_COUNT, counted);
}

static void
show(struct sk_call *call, struct sk_record **records, size_t n, sk_call_fn *done)
{
	struct showing *s = sk_arena_alloc(call->arena, sizeof(*s));

	s->records = records;
	s->n = n;
	s->done = done;
	call->state = s;
	count_next(call);
}

static void
shown_one(struct sk_call *call)
{
	const struct showing *s = call->state;
	const char *etag;

	sk_call_task(call, s->records[0], s->counts != NULL ? s->counts[0] : NULL);
	etag = sk_call_etag(call, s->records[0]);
	sk_call_header(call, "ETag", etag);
	if (call->route->handler == sk_api_get && sk_call_unmodified(call, etag)) {
		sk_str_clear(&call->out);
		sk_call_json(call, 304);
		return;
	}
	sk_call_json(call, 200);
}

void
sk_call_answer_task(struct sk_call *call, const struct sk_record *r)
{
	struct sk_record **one = sk_arena_alloc(call->arena, sizeof(struct sk_record *));

	one[0] = sk_arena_alloc(call->arena, sizeof(**one));
	*one[0] = *r;
	show(call, one, 1, shown_one);
}

static void
answer_task(struct sk_call *call, struct sk_record *r)
{
	sk_call_answer_task(call, r);
}

void
sk_api_get(struct sk_call *call)
{
	sk_call_get(call, answer_task);
}

/* ---- selecting ---- */

static bool
parse_states(const char *list, unsigned *phases, struct sk_arena *a, struct sk_err *err)
{
	const char *near;
	enum sk_phase phase;

	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		const char *word = sk_arena_strndup(a, list, n);

		if (!sk_phase_parse(word, &phase)) {
			near = sk_suggest(word, sk_phase_names);
			sk_fail(err, SK_EINVAL, "state: there is no state %s, %s%s%s", sk_quote(a, word),
				near != NULL ? "did you mean \""
							 : "known are Created, Assigning, Running, Paused, "
							   "Finished, Failed, Cancelled",
				near != NULL ? near : "", near != NULL ? "\"?" : "");
			return false;
		}
		*phases |= 1u << phase;
		list += n + (list[n] == ',');
	}
	return true;
}

bool
sk_selection_filter(const struct sk_selection *s, int64_t now_ms, struct sk_arena *a,
	struct sk_filter *f, struct sk_err *err)
{
	*f = (struct sk_filter){ .class_name = s->class_name,
		.executor = s->executor,
		.label = s->label,
		.id_part = s->id,
		.parent = s->parent,
		.no_elements = !s->elements && s->parent[0] == '\0' };
	if (s->older >= 0)
		f->created_before = now_ms - (int64_t)(s->older * 1000);
	if (s->newer >= 0)
		f->created_after = now_ms - (int64_t)(s->newer * 1000);
	return parse_states(s->state, &f->phases, a, err);
}

static bool
read_selection(struct sk_call *call, struct sk_filter *f)
{
	struct sk_selection s = { .state = sk_call_param(call, "state"),
		.class_name = sk_call_param(call, "class"),
		.executor = sk_call_param(call, "executor"),
		.label = sk_call_param(call, "label"),
		.id = sk_call_param(call, "id"),
		.parent = sk_call_param(call, "parent") };
	struct sk_err err;

	if (!sk_call_seconds(call, "older", &s.older) || !sk_call_seconds(call, "newer", &s.newer) ||
		!sk_call_bool(call, "elements", &s.elements))
		return false;
	if (sk_selection_filter(&s, sk_control_wall_ms(call->c), call->arena, f, &err))
		return true;
	sk_call_error(call, 400, "parameter %s", err.msg);
	return false;
}

static bool
read_order(struct sk_call *call, enum sk_order *order)
{
	static const enum sk_order orders[] = { [SK_API_CREATED_LAST] = SK_NEWEST_FIRST,
		[SK_API_CREATED_FIRST] = SK_OLDEST_FIRST,
		[SK_API_UPDATED] = SK_BY_UPDATE,
		[SK_API_RANK] = SK_BY_RANK };
	int sort;

	if (!sk_call_choice(call, "sort", &sort))
		return false;
	*order = orders[sort];
	return true;
}

/* ---- a list ---- */

struct list_state {
	struct showing show; /* first: what count_next works with */
	const char *next;
};

static void
shown_list(struct sk_call *call)
{
	const struct list_state *s = call->state;
	struct sk_str *out = &call->out;

	sk_str_adds(out, "{\"items\":[");
	for (size_t i = 0; i < s->show.n; i++) {
		sk_json_next(out);
		sk_call_task(call, s->show.records[i], s->show.counts != NULL ? s->show.counts[i] : NULL);
	}
	sk_str_addc(out, ']');
	sk_json_kstr(out, "next", s->next);
	sk_str_addc(out, '}');
	sk_call_json(call, 200);
}

static void
found(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	const struct sk_op_find *find = (const struct sk_op_find *)op;
	struct list_state *s;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	s = sk_arena_alloc(call->arena, sizeof(*s));
	s->show = (struct showing){ .records = find->records, .n = find->n, .done = shown_list };
	s->next = find->next;
	call->state = s;
	count_next(call);
}

void
sk_api_list(struct sk_call *call)
{
	struct sk_op_find *find = sk_arena_alloc(call->arena, sizeof(*find));
	int64_t limit;

	if (!read_selection(call, &find->filter) || !read_order(call, &find->order) ||
		!sk_call_number(call, "limit", &limit))
		return;
	find->limit = (size_t)limit;
	find->after = sk_call_has(call, "cursor") ? sk_call_param(call, "cursor") : NULL;
	sk_call_submit(call, &find->op, SK_OP_FIND, found);
}

/* ---- attempts ---- */

static void
put_known(struct sk_str *out, const char *key, int64_t v)
{
	sk_json_key(out, key);
	if (v > 0)
		sk_json_int(out, v);
	else
		sk_str_adds(out, "null");
}

static void
put_exit(struct sk_str *out, const struct sk_exit *e)
{
	sk_json_key(out, "exit");
	if (!e->known) {
		sk_str_adds(out, "null");
		return;
	}
	sk_str_addc(out, '{');
	sk_json_kstr(out, "reason", sk_reason_name(e->reason));
	sk_json_kint(out, "code", e->code);
	sk_json_kint(out, "signal", e->signal);
	sk_json_kstr(out, "message", e->message);
	sk_str_addc(out, '}');
}

static void
put_attempt(struct sk_str *out, const struct sk_attempt *t)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kint(out, "attempt", t->attempt);
	sk_json_kstr(out, "executor", t->executor[0] != '\0' ? t->executor : NULL);
	put_known(out, "startDateTime", t->start_ms);
	put_known(out, "finishDateTime", t->finish_ms);
	put_exit(out, &t->exit);
	put_known(out, "maxRssKb", t->max_rss_kb);
	put_known(out, "cpuMs", t->cpu_ms);
	sk_str_addc(out, '}');
}

/* The last one, by the task itself: it runs, or ended well and nothing else was kept. */
static struct sk_attempt
last_attempt(const struct sk_record *r)
{
	struct sk_attempt t = { .attempt = r->life.attempt,
		.executor = r->life.executor,
		.start_ms = r->life.phase == SK_ASSIGNING ? 0 : r->start_ms };

	if (sk_phase_live(r->life.phase))
		return t;
	t.finish_ms = r->finish_ms;
	t.exit = r->exit;
	return t;
}

struct attempts {
	struct sk_op_attempts op;
	const struct sk_record *r;
};

static void
attempts_read(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	const struct attempts *t = (const struct attempts *)op;
	struct sk_attempt last = last_attempt(t->r);
	size_t n = t->op.n;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	sk_str_adds(&call->out, "{\"items\":[");
	for (size_t i = 0; i < n; i++)
		put_attempt(&call->out, &t->op.attempts[i]);
	if (last.attempt > 0 && (n == 0 || t->op.attempts[n - 1].attempt < last.attempt))
		put_attempt(&call->out, &last);
	sk_str_adds(&call->out, "],\"next\":null}");
	sk_call_json(call, 200);
}

static void
read_attempts(struct sk_call *call, struct sk_record *r)
{
	struct attempts *t = sk_arena_alloc(call->arena, sizeof(*t));

	t->r = r;
	t->op.id = r->id;
	sk_call_submit(call, &t->op.op, SK_OP_ATTEMPTS, attempts_read);
}

void
sk_api_attempts(struct sk_call *call)
{
	sk_call_get(call, read_attempts);
}

/* ---- waiting ---- */

struct waiting {
	struct sk_waiter waiter;
	int64_t until_ms;
	bool looking, again;
};

static void look(struct sk_call *call);

static void
woken(void *arg)
{
	struct sk_call *call = arg;
	struct waiting *w = call->state;

	if (w->looking)
		w->again = true;
	else
		look(call);
}

static void
stop_waiting(struct sk_call *call)
{
	struct waiting *w = call->state;

	sk_waiter_stop(&w->waiter);
}

static void
looked(struct sk_call *call, struct sk_record *r)
{
	struct waiting *w = call->state;

	w->looking = false;
	if (sk_phase_final(r->life.phase) || sk_boot_ms() >= w->until_ms || call->respond == NULL) {
		sk_call_release(call);
		sk_call_answer_task(call, r);
	} else if (w->again) {
		look(call);
	} else {
		call->idle = true;
	}
}

/* It waits before it looks: what happens in between is not missed. */
static void
look(struct sk_call *call)
{
	struct waiting *w = call->state;
	int64_t again = sk_boot_ms() + LOOK_AGAIN_MS;

	sk_waiter_stop(&w->waiter);
	w->looking = true;
	w->again = false;
	w->waiter.deadline_ms = again < w->until_ms ? again : w->until_ms;
	sk_waiter_start(call->c, &w->waiter);
	sk_call_get(call, looked);
}

void
sk_api_wait(struct sk_call *call)
{
	struct waiting *w = sk_arena_alloc(call->arena, sizeof(*w));
	int64_t ms;

	if (!sk_call_number(call, "ms", &ms))
		return;
	w->until_ms = sk_boot_ms() + ms;
	w->waiter.fn = woken;
	w->waiter.arg = call;
	w->waiter.task = call->id;
	call->state = w;
	call->release = stop_waiting;
	look(call);
}
