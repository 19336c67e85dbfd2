#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/memory/store.h"
#include "core/base/clock.h"
#include "core/control/parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- classes of the test's own ---- */

struct camera {
	const char *url, *password;
	int64_t fix_frame;
};
struct nothing {
	char none;
};

static const struct sk_field camera_fields[] = { SK_FIELD(struct camera, url, .key = "rtspUrl",
													 .required = true, .doc = "where"),
	SK_FIELD(struct camera, password, .secret = true, .doc = "what nobody sees"),
	SK_FIELD(struct camera, fix_frame, .key = "fixFrame", .def = "5", .bounded = true, .min = 1,
		.max = 100, .doc = "which"),
	SK_FIELDS_END };
static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker camera = {
	.name = "Camera", .fields = camera_fields, .attachment_size = sizeof(struct camera)
};
static const struct sk_worker noop = {
	.name = "Noop", .fields = no_fields, .attachment_size = sizeof(struct nothing)
};
static const struct sk_worker *const workers[] = { &camera, &noop, NULL };

/* ---- a store that can fail ---- */

static void
fail_now(void *arg)
{
	struct failing *f = arg;

	while (f->head != NULL) {
		struct sk_op *op = f->head;

		f->head = op->next;
		sk_fail(&op->err, op->code, "the store says no");
		op->done(op);
	}
}

static void
held_done(struct sk_op *op)
{
	struct failing *f = op->arg;

	f->held = op;
}

static void
hold(struct failing *f, struct sk_op *op)
{
	f->hold = false;
	f->held_done = op->done;
	f->held_arg = op->arg;
	op->done = held_done;
	op->arg = f;
}

void
api_release(struct api_rig *r)
{
	struct failing *f = &r->failing;
	struct sk_op *op = f->held;

	assert_non_null(op);
	f->held = NULL;
	op->done = f->held_done;
	op->arg = f->held_arg;
	op->done(op);
}

static void
failing_submit(struct sk_store *s, struct sk_op *op)
{
	struct failing *f = (struct failing *)s;
	struct sk_op **at = &f->head;

	f->submitted++;
	if (f->hold)
		hold(f, op);
	if (f->code == SK_OK || (f->only >= 0 && (int)op->kind != f->only)) {
		sk_store_submit(f->real, op);
		return;
	}
	op->code = f->code;
	op->next = NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = op;
	sk_timer_set(f->loop, &f->timer, sk_boot_ms());
}

static void
failing_close(struct sk_store *s)
{
	struct failing *f = (struct failing *)s;

	fail_now(f);
	sk_timer_clear(f->loop, &f->timer);
	sk_store_close(f->real);
}

static const struct sk_store_ops failing_ops = { "failing", failing_submit, failing_close };

/* ---- the rig ---- */

static int64_t
wall(void *arg)
{
	return ((struct api_rig *)arg)->wall;
}

static int64_t
boot(void *arg)
{
	return ((struct api_rig *)arg)->boot;
}

static void
hear(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct api_rig *r = arg;
	static const char *const words[] = {
		[SK_TOPIC_ASSIGN] = "ASSIGN", [SK_TOPIC_CANCEL] = "CANCEL", [SK_TOPIC_UPDATE] = "UPDATE"
	};

	sk_str_addf(&r->heard, "%s %s\n",
		topic == SK_TOPIC_EVENT ? sk_event_name(e->kind) : words[topic], e->task);
}

static void
open_ports(struct api_rig *r)
{
	struct sk_err err;

	r->failing = (struct failing){ .store = { &failing_ops },
		.real = sk_store_memory_open(r->loop),
		.loop = r->loop,
		.only = -1,
		.timer = { .fn = fail_now, .arg = &r->failing } };
	r->bus = sk_bus_local_open(&(struct sk_bus_local_config){ .loop = r->loop });
	r->cache = sk_cache_local_open(&(struct sk_cache_local_config){ .loop = r->loop });
	assert_int_equal(r->bus->ops->subscribe(r->bus, (1u << SK_N_TOPIC) - 1, hear, r, &err), SK_OK);
}

int
api_setup_cold(void **state)
{
	struct api_rig *r = sk_xcalloc(1, sizeof(*r));
	struct sk_control_config cfg = { .workers = workers,
		.parse_json = sk_json_parse,
		.name = "test",
		.version = "1.2.3",
		.lease_ms = 10000,
		.reconcile_ms = 5000,
		.data_dir = "",
		.seed = 1,
		.boot_ms = boot,
		.wall_ms = wall,
		.clock_arg = r };
	struct sk_err err;

	r->loop = sk_loop_new(&err);
	assert_non_null(r->loop);
	r->arena = sk_arena_new();
	r->wall = RIG_NOW;
	r->boot = 1000000;
	open_ports(r);
	cfg.loop = r->loop;
	cfg.store = &r->failing.store;
	cfg.bus = r->bus;
	cfg.cache = r->cache;
	r->c = sk_control_new(&cfg);
	*state = r;
	return 0;
}

int
api_setup(void **state)
{
	struct api_rig *r;

	api_setup_cold(state);
	r = *state;
	sk_control_start(r->c);
	api_pump(r);
	assert_true(sk_control_ready(r->c));
	return 0;
}

int
api_teardown(void **state)
{
	struct api_rig *r = *state;

	r->failing.code = SK_OK;
	sk_store_close(&r->failing.store);
	sk_control_free(r->c);
	r->bus->ops->unsubscribe(r->bus, hear, r);
	r->bus->ops->close(r->bus);
	r->cache->ops->close(r->cache);
	sk_loop_free(r->loop);
	sk_str_release(&r->heard);
	for (struct answer *a = r->answers; a != NULL; a = a->next) {
		assert_false(a->streams); /* whoever read was told of the end */
		sk_str_release(&a->body);
		sk_str_release(&a->headers);
		sk_str_release(&a->stream);
	}
	sk_arena_free(r->arena);
	free(r);
	return 0;
}

void
api_pump(struct api_rig *r)
{
	for (int i = 0; i < 40; i++)
		sk_loop_once(r->loop, 0);
}

/* ---- asking ---- */

static void
answered(void *arg, const struct sk_api_response *answer)
{
	struct answer *a = arg;
	struct sk_problems p;

	a->done = true;
	a->streams = answer->stream;
	a->calls++;
	a->status = answer->status;
	sk_str_clear(&a->body);
	sk_str_add(&a->body, answer->body, answer->len);
	for (int i = 0; answer->headers[i] != NULL; i += 2)
		sk_str_addf(&a->headers, "%s: %s\n", answer->headers[i], answer->headers[i + 1]);
	sk_problems_init(&p, a->rig->arena, "");
	if (a->status == 304) /* has no body */
		return;
	a->json = strcmp(answer->content_type, "application/json") == 0
		? sk_json_parse(a->body.p, a->body.len, a->rig->arena, &p)
		: NULL;
	if (strcmp(answer->content_type, "application/json") == 0 && a->json == NULL)
		fail_msg("no JSON: %s", a->body.p);
}

static bool
streamed(void *arg, const char *bytes, size_t n)
{
	struct answer *a = arg;

	assert_true(a->streams);
	if (n == 0)
		a->streams = false;
	if (a->slow) {
		a->streams = false;
		return false;
	}
	sk_str_add(&a->stream, bytes, n);
	a->parts++;
	return true;
}

static struct answer *
begin_with(struct api_rig *r, const struct api_extra *extra, const char *method, const char *path,
	const char *type, const char *key, const char *body)
{
	struct answer *a = sk_arena_alloc(r->arena, sizeof(*a));
	const char *query = strchr(path, '?');
	/* What is borrowed stands in memory that goes away, so that a sanitizer sees who keeps it. */
	char *only = query != NULL ? sk_xstrndup(path, (size_t)(query - path)) : sk_xstrdup(path);
	char *copy = body != NULL ? sk_xstrdup(body) : NULL;
	const struct sk_api_request req = { .method = method,
		.role = extra->role != SK_ROLE_NONE ? extra->role : SK_ROLE_ADMIN,
		.who = extra->who,
		.if_match = extra->if_match,
		.if_none_match = extra->if_none_match,
		.last_event_id = extra->last_event_id,
		.more = extra->no_streams ? NULL : streamed,
		.path = only,
		.query = query != NULL ? query + 1 : "",
		.content_type = type,
		.idempotency_key = key,
		.body = copy != NULL ? copy : "",
		.len = copy != NULL ? strlen(copy) : 0,
		.respond = answered,
		.arg = a };

	a->rig = r;
	a->next = r->answers;
	r->answers = a;
	sk_api_call(r->c, &req);
	free(only);
	free(copy);
	return a;
}

static struct answer *
begin(struct api_rig *r, const char *method, const char *path, const char *type, const char *key,
	const char *body)
{
	return begin_with(
		r, &(struct api_extra){ .role = SK_ROLE_NONE }, method, path, type, key, body);
}

struct answer *
api_begin(
	struct api_rig *r, const char *method, const char *path, const char *type, const char *body)
{
	return begin(r, method, path, type, "", body);
}

static struct answer *
finish(struct api_rig *r, struct answer *a)
{
	for (int i = 0; i < 10000 && !a->done; i++)
		sk_loop_once(r->loop, 0);
	assert_true(a->done);
	api_pump(r);
	assert_int_equal(a->calls, 1);
	return a;
}

struct answer *
api_ask(struct api_rig *r, const char *method, const char *path, const char *body)
{
	return finish(r, begin(r, method, path, body != NULL ? "application/json" : "", "", body));
}

struct answer *
api_begin_with(struct api_rig *r, const struct api_extra *extra, const char *method,
	const char *path, const char *body)
{
	return begin_with(r, extra, method, path, body != NULL ? "application/json" : "", "", body);
}

struct answer *
api_ask_with(struct api_rig *r, const struct api_extra *extra, const char *method, const char *path,
	const char *body)
{
	return finish(r, api_begin_with(r, extra, method, path, body));
}

/* ---- streams ---- */

struct answer *
api_stream(struct api_rig *r, const char *path, const char *last_event_id)
{
	struct answer *a =
		api_ask_with(r, &(struct api_extra){ .last_event_id = last_event_id }, "GET", path, NULL);

	if (a->status != 200)
		fail_msg("%s: %d %s", path, a->status, sk_str_text(&a->body));
	assert_true(api_header(a, "Cache-Control: no-cache"));
	return a;
}

void
api_run_ms(struct api_rig *r, int64_t ms)
{
	int64_t end = sk_boot_ms() + ms;

	do
		sk_loop_once(r->loop, 1);
	while (sk_boot_ms() < end);
}

void
api_streamed(struct answer *a, const char *part)
{
	int64_t end = sk_boot_ms() + 5000;

	while (strstr(sk_str_text(&a->stream), part) == NULL) {
		if (sk_boot_ms() > end)
			fail_msg("no \"%s\" in %s", part, sk_str_text(&a->stream));
		sk_loop_once(a->rig->loop, 1);
	}
}

void
api_forget(struct answer *a)
{
	a->streams = false;
	sk_api_forget(a->rig->c, a);
}

struct answer *
api_post(struct api_rig *r, const char *path, const char *type, const char *key, const char *body)
{
	return finish(r, begin(r, "POST", path, type, key, body));
}

struct answer *
api_ok(struct api_rig *r, int status, const char *method, const char *path, const char *body)
{
	struct answer *a = api_ask(r, method, path, body);

	if (a->status != status)
		fail_msg("%s %s: %d %s", method, path, a->status, sk_str_text(&a->body));
	return a;
}

void
api_wrong(struct api_rig *r, int status, const char *method, const char *path, const char *body,
	const char *part)
{
	struct answer *a = api_ok(r, status, method, path, body);

	if (strstr(a->body.p, part) == NULL)
		fail_msg("%s %s: no \"%s\" in %s", method, path, part, a->body.p);
}

/* ---- answers ---- */

static const struct sk_value *
step(const struct sk_value *v, const char *word)
{
	if (v != NULL && v->kind == SK_LIST)
		return (size_t)atoi(word) < v->u.list.n ? v->u.list.items[atoi(word)] : NULL;
	return sk_map_get(v, word);
}

const char *
api_member(const struct answer *a, const char *path)
{
	const struct sk_value *v = a->json;
	char *words = sk_arena_strdup(a->rig->arena, path), *save = NULL;
	struct sk_str text = SK_STR_INIT;
	const char *copy;

	for (char *w = strtok_r(words, ".", &save); w != NULL; w = strtok_r(NULL, ".", &save))
		v = step(v, w);
	if (v == NULL)
		return "";
	if (v->kind == SK_STRING)
		return v->u.str.s;
	sk_value_json(&text, v);
	copy = sk_arena_strdup(a->rig->arena, sk_str_text(&text));
	sk_str_release(&text);
	return copy;
}

void
api_is(const struct answer *a, const char *path, const char *want)
{
	const char *is = api_member(a, path);

	if (strcmp(is, want) != 0)
		fail_msg("%s is %s and not %s in %s", path, is, want, a->body.p);
}

void
api_has(const struct answer *a, const char *part)
{
	if (strstr(a->body.p, part) == NULL)
		fail_msg("no %s in %s", part, a->body.p);
}

bool
api_header(const struct answer *a, const char *line)
{
	const char *at = strstr(sk_str_text(&a->headers), line);

	return at != NULL && at[strlen(line)] == '\n';
}

/* ---- the store ---- */

static enum sk_code
wait_op(struct api_rig *r, struct sk_op *op, enum sk_op_kind kind)
{
	op->kind = kind;
	op->arena = r->arena;
	return sk_store_wait(r->failing.real, r->loop, op);
}

struct sk_record *
api_stored(struct api_rig *r, const char *id)
{
	struct sk_op_get get = { .ids = &id, .n = 1 };

	assert_int_equal(wait_op(r, &get.op, SK_OP_GET), SK_OK);
	return get.records[0];
}

size_t
api_count(struct api_rig *r)
{
	struct sk_op_count count = { .filter = { .phases = 0 } };
	int64_t n = 0;

	assert_int_equal(wait_op(r, &count.op, SK_OP_COUNT), SK_OK);
	for (int i = 0; i < SK_N_PHASE; i++)
		n += count.by_phase[i];
	return (size_t)n;
}

void
api_store(
	struct api_rig *r, const struct sk_record *rec, unsigned set, const struct sk_attempt *ended)
{
	const struct sk_record *now = api_stored(r, rec->id);
	struct sk_move move = { .id = rec->id,
		.seq = now->seq,
		.expect_attempt = now->life.attempt,
		.expect_phase = now->life.phase,
		.set = set,
		.to = rec,
		.ended = ended };
	struct sk_op_move op = { .moves = &move, .n = 1 };

	assert_int_equal(wait_op(r, &op.op, SK_OP_MOVE), SK_OK);
	assert_int_equal(move.code, SK_OK);
}

void
api_run(struct api_rig *r, const char *id, const char *skald)
{
	struct sk_record *rec = api_stored(r, id);
	const struct sk_life_event assign = {
		.kind = SK_LIFE_ASSIGN, .executor = skald, .incarnation = 7
	};
	struct sk_life_event start = { .kind = SK_LIFE_START, .executor = skald, .incarnation = 7 };
	struct sk_err err;

	assert_non_null(rec);
	assert_int_equal(sk_life_step(&rec->life, &assign, &err), SK_OK);
	start.attempt = rec->life.attempt;
	assert_int_equal(sk_life_step(&rec->life, &start, &err), SK_OK);
	rec->start_ms = r->wall;
	rec->update_ms = r->wall;
	api_store(r, rec, SK_SET_LIFE | SK_SET_START, NULL);
}

void
api_end(struct api_rig *r, const char *id, enum sk_life_kind kind)
{
	struct sk_record *rec = api_stored(r, id);
	struct sk_life_event end = { .kind = kind,
		.executor = rec->life.executor,
		.incarnation = rec->life.incarnation,
		.attempt = rec->life.attempt };
	char executor[64];
	struct sk_err err;

	snprintf(executor, sizeof(executor), "%s", rec->life.executor);
	end.executor = executor;
	assert_int_equal(sk_life_step(&rec->life, &end, &err), SK_OK);
	rec->exit = (struct sk_exit){ .known = true,
		.reason = SK_REASON_EXITED,
		.code = kind == SK_LIFE_FINISH ? 0 : 3,
		.message = kind == SK_LIFE_FINISH ? "" : "it broke" };
	rec->finish_ms = rec->update_ms = r->wall;
	api_store(r, rec, SK_SET_LIFE | SK_SET_EXIT, NULL);
}

void
api_skald(struct api_rig *r, const char *id, enum sk_skald_mode mode, int64_t slots)
{
	static const char *const classes[] = { "Camera", "Noop", NULL };
	struct sk_skald row = { .id = id,
		.incarnation = 7,
		.renewals = 41,
		.mode = mode,
		.version = "1.0",
		.host = "h",
		.slots = slots,
		.cpus = 2,
		.memory_mb = 1000,
		.classes = classes,
		.start_ms = RIG_NOW - 60000,
		.seen_ms = RIG_NOW };

	for (int i = 0; i < 2; i++) {
		struct sk_op_skald_put put = { .skald = &row };

		assert_int_equal(wait_op(r, &put.op, SK_OP_SKALD_PUT), SK_OK);
		row.renewals++;
		sk_skalds_read(r->c, NULL);
		api_pump(r);
	}
}
