/* edge_test.c - what an edge and a single process do with store, cache and bus: whose attachments
 * count, what is written of a document and what is not, what programs of the original see. */
#include "core/run/edge.h"
#include "adapters/json.h"
#include "adapters/local/bus.h"
#include "adapters/memory/store.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "test/unit/cache_rig.h"
#include "workers/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_ATT "{\"rtspUrl\":\"rtsp://file\",\"fixFrame\":1}"
#define STORE_ATT "{\"rtspUrl\":\"rtsp://store\",\"fixFrame\":2}"
#define EDITED "{\"rtspUrl\":\"rtsp://edited\",\"fixFrame\":4}"
#define INCARNATION 77

/* A store that a test can take away. */
struct away {
	struct sk_store store;
	struct sk_store *inner;
	bool away;
	struct sk_op *ops;
	struct sk_timer timer;
	struct sk_loop *loop;
	size_t n;
};

struct rig {
	struct sk_loop *loop;
	struct away s;
	struct cr c;
	struct sk_bus *bus;
	struct sk_edge *e;
	struct sk_arena *a;
	struct sk_edge_config cfg;
	char given[512]; /* the attachments that the task was given last */
	int n_given, n_answered;
	char hash[SK_ACTIVE_HASH_LEN]; /* of the file's entry */
};
static struct rig rig;

/* ---- the store ---- */

static void
refuse(void *arg)
{
	struct away *s = arg;
	struct sk_op *op;

	while ((op = s->ops) != NULL) {
		s->ops = op->next;
		op->code = SK_EUNAVAIL;
		op->done(op);
	}
}

static void
submit(struct sk_store *store, struct sk_op *op)
{
	struct away *s = (struct away *)store;

	s->n++;
	if (!s->away) {
		sk_store_submit(s->inner, op);
		return;
	}
	op->next = s->ops;
	s->ops = op;
	sk_timer_set(s->loop, &s->timer, 0);
}

static void
close_store(struct sk_store *store)
{
	struct away *s = (struct away *)store;

	refuse(s);
	sk_store_close(s->inner);
}

static const struct sk_store_ops away_ops = {
	.name = "away", .submit = submit, .close = close_store
};

static struct sk_value *
json(struct rig *r, const char *text)
{
	struct sk_problems p;
	struct sk_value *v;

	sk_problems_init(&p, r->a, "");
	v = sk_json_parse(text, strlen(text), r->a, &p);
	assert_non_null(v);
	return v;
}

/* Store a document; spec as JSON. */
static void
put(struct rig *r, const char *class_name, enum sk_phase phase, const char *executor,
	const char *spec)
{
	struct sk_record rec;
	const struct sk_record *list[1] = { &rec };
	struct sk_op_insert op = {
		.op = { .kind = SK_OP_INSERT, .arena = r->a }, .records = list, .n = 1
	};

	sk_record_init(&rec, r->a);
	rec.id = "t1";
	rec.class_name = class_name;
	rec.life.phase = phase;
	rec.life.max_attempts = 3;
	snprintf(rec.life.executor, sizeof(rec.life.executor), "%s", executor);
	rec.create_ms = rec.update_ms = sk_wall_ms();
	rec.spec = json(r, spec);
	assert_int_equal(sk_store_wait(r->s.inner, r->loop, &op.op), SK_OK);
}

static struct sk_record *
stored(struct rig *r)
{
	const char *ids[1] = { "t1" };
	struct sk_op_get op = { .op = { .kind = SK_OP_GET, .arena = r->a }, .ids = ids, .n = 1 };

	assert_int_equal(sk_store_wait(r->s.inner, r->loop, &op.op), SK_OK);
	return op.records[0];
}

static const char *
text(struct rig *r, const struct sk_record *rec, const char *key)
{
	const struct sk_value *v = sk_map_get(rec->spec, key);
	struct sk_str out = SK_STR_INIT;
	const char *s;

	if (v == NULL)
		return "";
	if (v->kind == SK_STRING)
		return v->u.str.s;
	sk_value_json(&out, v);
	s = sk_arena_strdup(r->a, sk_str_text(&out));
	sk_str_release(&out);
	return s;
}

/* Somebody writes into the document. */
static void
change(struct rig *r, const char *attachments, enum sk_phase phase, const char *executor)
{
	struct sk_record *rec = stored(r);
	struct sk_move m = { .id = "t1",
		.expect_attempt = rec->life.attempt,
		.expect_phase = rec->life.phase,
		.set = SK_SET_LIFE | SK_SET_ATTACHMENTS,
		.to = rec };
	struct sk_op_move op = { .op = { .kind = SK_OP_MOVE, .arena = r->a }, .moves = &m, .n = 1 };
	struct sk_value *spec = sk_value_copy(r->a, rec->spec);

	if (attachments != NULL)
		sk_map_set(r->a, spec, "attachments", json(r, attachments));
	rec->spec = spec;
	rec->life.phase = phase;
	snprintf(rec->life.executor, sizeof(rec->life.executor), "%s", executor);
	if (strcmp(executor, "e1") != 0)
		rec->life.incarnation = executor[0] != '\0' ? 5 : 0;
	assert_int_equal(sk_store_wait(r->s.inner, r->loop, &op.op), SK_OK);
	assert_int_equal(m.code, SK_OK);
}

/* ---- the edge ---- */

static void
run(struct rig *r, int64_t ms)
{
	int64_t until = sk_boot_ms() + ms;

	do
		sk_loop_once(r->loop, 2);
	while (sk_boot_ms() < until);
}

static void
given(void *arg, const char *id, const char *hash, const struct sk_value *attachments)
{
	struct rig *r = arg;
	struct sk_str out = SK_STR_INIT;

	assert_string_equal(id, "t1");
	assert_string_equal(hash, r->hash);
	sk_value_json(&out, attachments);
	snprintf(r->given, sizeof(r->given), "%s", out.p);
	sk_str_release(&out);
	r->n_given++;
}

static void
answered(void *arg)
{
	struct rig *r = arg;

	r->n_answered++;
}

static void
load_class(struct rig *r, const char *class_name, const char *attachments)
{
	const struct sk_edge_task t = {
		.id = "t1", .class_name = class_name, .attachments = json(r, attachments)
	};

	sk_active_hash(class_name, t.attachments, r->hash);
	sk_edge_tasks(r->e, &t, 1);
}

static void
load(struct rig *r, const char *attachments)
{
	load_class(r, "MyWorker", attachments);
	run(r, 20);
}

static void
start(struct rig *r)
{
	static const char *const classes[] = { "MyWorker", NULL };

	r->cfg.classes = classes;
	r->e = sk_edge_open(&r->cfg);
}

/* state, with the times that it has. */
static void
say(struct rig *r, int state, enum sk_edge_note what, const char *why)
{
	struct sk_active a = { .class_name = "MyWorker",
		.state = state,
		.start_ms = state != SK_ACTIVE_WAITING ? 1000 : 0,
		.finish_ms = state > SK_ACTIVE_RUNNING ? 2000 : 0,
		.exit = { .known = state > SK_ACTIVE_RUNNING, .reason = SK_REASON_EXITED, .message = "" },
		.stage = "" };

	sk_edge_say(r->e, "t1", &a, what, why);
	run(r, 20);
}

static void
updated(struct rig *r, const char *skald)
{
	const struct sk_event ev = { .kind = SK_EVENT_ASSIGNED,
		.task = "t1",
		.skald = skald,
		.class_name = "",
		.stage = "",
		.message = "" };

	assert_int_equal(sk_bus_publish(r->bus, SK_TOPIC_UPDATE, &ev), SK_OK);
	run(r, 20);
}

static int
set_up(void **state)
{
	struct sk_bus_local_config bus = { .max_events = 0 };
	struct rig *r = &rig;
	struct sk_err err;

	memset(r, 0, sizeof(*r));
	r->a = sk_arena_new();
	r->loop = bus.loop = sk_loop_new(&err);
	r->s = (struct away){ .store = { &away_ops }, .loop = r->loop };
	r->s.inner = sk_store_memory_open(r->loop);
	r->s.timer = (struct sk_timer){ .fn = refuse, .arg = &r->s };
	cr_open(&r->c, r->loop);
	r->bus = sk_bus_local_open(&bus);
	r->cfg = (struct sk_edge_config){ .loop = r->loop,
		.store = &r->s.store,
		.cache = &r->c.cache,
		.present = true,
		.bus = r->bus,
		.component = "edge",
		.id = "e1",
		.version = "1",
		.host = "h",
		.mode = SK_MODE_EDGE,
		.incarnation = INCARNATION,
		.lease_ms = 30000,
		.look_ms = 60000,
		.workers = sk_workers,
		.attachments = given,
		.answered = answered,
		.arg = r };
	*state = r;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *r = *state;

	close_store(&r->s.store);
	cr_close(&r->c);
	sk_edge_close(r->e);
	r->bus->ops->close(r->bus);
	sk_loop_free(r->loop);
	sk_arena_free(r->a);
	return 0;
}

/* ---- documents ---- */

static void
a_missing_document_is_made_as_the_original_makes_it(void **state)
{
	struct rig *r = *state;
	const struct sk_record *rec;

	start(r);
	load(r, FILE_ATT);
	assert_null(stored(r)); /* nothing before it is known how it stands */
	assert_int_equal(r->n_answered, 1);
	say(r, SK_ACTIVE_WAITING, SK_EDGE_WAITS, "");
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	rec = stored(r);
	assert_non_null(rec);
	assert_string_equal(rec->class_name, "MyWorker");
	assert_string_equal(text(r, rec, "name"), "t1");
	assert_string_equal(
		text(r, rec, "description"), "Active TaskWorker from YAML. ClassName: MyWorker");
	assert_string_equal(text(r, rec, "source"), "YAML");
	assert_string_equal(text(r, rec, "mode"), "Active");
	assert_string_equal(text(r, rec, "isPersistent"), "false");
	assert_string_equal(text(r, rec, "attachments"), FILE_ATT);
	assert_string_equal(text(r, rec, "yamlHash"), r->hash);
	assert_int_equal(rec->priority, 0);
	assert_int_equal(rec->life.phase, SK_RUNNING);
	assert_int_equal(rec->life.attempt, 1);
	assert_string_equal(rec->life.executor, "e1");
	assert_int_equal(rec->life.incarnation, INCARNATION);
	assert_int_equal(r->n_given, 0); /* the file's are what it has */
}

static void
an_edit_in_the_store_survives_a_restart(void **state)
{
	struct rig *r = *state;
	char spec[600];

	start(r);
	sk_active_hash("MyWorker", json(r, FILE_ATT), r->hash);
	snprintf(spec, sizeof(spec),
		"{\"mode\":\"Active\",\"source\":\"YAML\",\"attachments\":" STORE_ATT
		",\"yamlHash\":\"%s\"}",
		r->hash);
	put(r, "MyWorker", SK_CANCELLED, "", spec);
	load(r, FILE_ATT);
	assert_int_equal(r->n_answered, 1);
	assert_string_equal(r->given, STORE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	assert_string_equal(text(r, stored(r), "attachments"), STORE_ATT);
	assert_int_equal(stored(r)->life.phase, SK_RUNNING);
	assert_int_equal(r->n_given, 1);
}

static void
a_file_that_was_changed_wins(void **state)
{
	struct rig *r = *state;

	start(r);
	put(r, "MyWorker", SK_FINISHED, "",
		"{\"mode\":\"Active\",\"name\":\"n\",\"attachments\":" STORE_ATT ",\"yamlHash\":\"0123\"}");
	load(r, FILE_ATT);
	assert_int_equal(r->n_given, 0);
	say(r, SK_ACTIVE_WAITING, SK_EDGE_WAITS, "");
	assert_string_equal(text(r, stored(r), "attachments"), FILE_ATT);
	assert_string_equal(text(r, stored(r), "yamlHash"), r->hash);
	assert_string_equal(text(r, stored(r), "name"), "n");
}

/* 5.3: the document wins; its maker's members stay. */
static void
of_a_document_that_the_original_made_the_stored_ones_win(void **state)
{
	struct rig *r = *state;

	start(r);
	put(r, "MyWorker", SK_RUNNING, "python",
		"{\"mode\":\"Active\",\"source\":\"YAML\",\"name\":\"mine\",\"attachments\":" STORE_ATT
		"}");
	load(r, FILE_ATT);
	assert_string_equal(r->given, STORE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	assert_string_equal(text(r, stored(r), "attachments"), STORE_ATT);
	assert_string_equal(text(r, stored(r), "name"), "mine");
	assert_string_equal(text(r, stored(r), "yamlHash"), r->hash);
	assert_string_equal(stored(r)->life.executor, "e1");
	/* a failure is final: nobody dispatches it, whatever its budget was */
	say(r, SK_ACTIVE_FAILED, SK_EDGE_OVER, "why");
	assert_int_equal(stored(r)->life.phase, SK_FAILED);
}

static void
stored_attachments_that_the_class_does_not_take_are_not_used(void **state)
{
	struct rig *r = *state;

	start(r);
	put(r, "MyWorker", SK_CREATED, "",
		"{\"mode\":\"Active\",\"attachments\":{\"rtspUrl\":5,\"nonsense\":true}}");
	load(r, FILE_ATT);
	assert_int_equal(r->n_given, 0);
	assert_int_equal(r->n_answered, 1);
}

/* N10 */
static void
a_document_of_another_class_is_left_alone(void **state)
{
	struct rig *r = *state;

	start(r);
	put(r, "Sleep", SK_FINISHED, "", "{\"mode\":\"Active\",\"attachments\":{\"seconds\":1}}");
	load(r, FILE_ATT);
	assert_int_equal(r->n_answered, 1);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	assert_string_equal(stored(r)->class_name, "Sleep");
	assert_int_equal(stored(r)->life.phase, SK_FINISHED);
	assert_int_equal(stored(r)->life.attempt, 0);
	assert_string_equal(text(r, stored(r), "yamlHash"), "");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "");
	assert_int_equal(r->n_given, 0);
	/* the file is put right: it is a task like any other */
	load_class(r, "Sleep", "{\"seconds\":2}");
	run(r, 20);
	assert_string_equal(r->given, "{\"seconds\":1}");
}

static void
a_document_that_is_dispatched_is_left_alone(void **state)
{
	struct rig *r = *state;

	start(r);
	put(r, "MyWorker", SK_CREATED, "", "{\"mode\":\"Passive\",\"attachments\":" STORE_ATT "}");
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	assert_int_equal(stored(r)->life.phase, SK_CREATED);
	assert_string_equal(stored(r)->life.executor, "");
	assert_int_equal(r->n_given, 0);
}

static void
what_another_skald_has_taken_over_is_not_told_any_more(void **state)
{
	struct rig *r = *state;

	start(r);
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	change(r, NULL, SK_RUNNING, "e2");
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	assert_int_equal(stored(r)->life.phase, SK_RUNNING);
	assert_string_equal(stored(r)->life.executor, "e2");
}

static void
what_was_taken_for_lost_is_said_again(void **state)
{
	struct rig *r = *state;

	r->cfg.look_ms = 50;
	start(r);
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	change(r, NULL, SK_FAILED, "");
	run(r, 150);
	assert_int_equal(stored(r)->life.phase, SK_RUNNING);
	assert_string_equal(stored(r)->life.executor, "e1");
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	assert_int_equal(stored(r)->life.phase, SK_FINISHED);
	change(r, NULL, SK_CANCELLED, ""); /* that is somebody's wish, and it runs no more */
	run(r, 150);
	assert_int_equal(stored(r)->life.phase, SK_CANCELLED);
}

static void
a_store_that_comes_late_hears_all_of_it(void **state)
{
	struct rig *r = *state;
	struct sk_op_attempts op;

	r->s.away = true;
	start(r);
	load(r, FILE_ATT);
	assert_int_equal(r->n_answered, 0);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	say(r, SK_ACTIVE_FAILED, SK_EDGE_AGAIN, "");
	say(r, SK_ACTIVE_WAITING, SK_EDGE_WAITS, "");
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	r->s.away = false;
	run(r, 1200);
	assert_int_equal(r->n_answered, 1);
	assert_int_equal(stored(r)->life.phase, SK_RUNNING);
	op = (struct sk_op_attempts){ .op = { .kind = SK_OP_ATTEMPTS, .arena = r->a }, .id = "t1" };
	assert_int_equal(sk_store_wait(r->s.inner, r->loop, &op.op), SK_OK);
	assert_true(stored(r)->start_ms == 1000);
}

/* ---- updates ---- */

static void
an_event_makes_it_look(void **state)
{
	struct rig *r = *state;

	start(r);
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	change(r, STORE_ATT, SK_RUNNING, "e1");
	updated(r, "somebody");
	assert_int_equal(r->n_given, 0);
	updated(r, "");
	assert_int_equal(r->n_given, 1);
	assert_string_equal(r->given, STORE_ATT);
	change(r, "{\"rtspUrl\":7}", SK_RUNNING, "e1");
	updated(r, "e1");
	assert_int_equal(r->n_given, 1);
	change(r, "{\"rtsp_url\":\"rtsp://snake\",\"fix_frame\":3}", SK_RUNNING, "e1");
	updated(r, "e1");
	assert_int_equal(r->n_given, 2);
	assert_string_equal(r->given, "{\"rtspUrl\":\"rtsp://snake\",\"fixFrame\":3}");
}

static void
without_events_it_looks_now_and_then(void **state)
{
	struct rig *r = *state;

	r->cfg.look_ms = 50;
	r->cfg.bus = NULL;
	start(r);
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	change(r, STORE_ATT, SK_RUNNING, "e1");
	run(r, 150);
	assert_string_equal(r->given, STORE_ATT);
	load(r, EDITED); /* SIGHUP: the file wins, also over that edit */
	run(r, 100);
	assert_string_equal(text(r, stored(r), "attachments"), EDITED);
	assert_int_equal(r->n_given, 1);
}

/* ---- the cache, the row ---- */

static void
its_keys_are_those_of_an_edge_of_the_original(void **state)
{
	struct rig *r = *state;
	struct sk_op_skald_list list = { .op = { .kind = SK_OP_SKALD_LIST, .arena = r->a } };

	start(r);
	load(r, FILE_ATT);
	assert_true(cr_at(&r->c, "field skalds:mode:hash e1 edge") >= 0);
	assert_true(cr_at(&r->c, "field skalds:hash e1 ") > cr_at(&r->c, "field skalds:mode:hash e1"));
	assert_true(cr_get(&r->c, "skalds:e1:heartbeat")[0] != '\0');
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	assert_true(cr_task(&r->c, "t1", "heartbeat")[0] != '\0');
	say(r, SK_ACTIVE_FAILED, SK_EDGE_AGAIN, "x");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "");
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	say(r, SK_ACTIVE_FAILED, SK_EDGE_OVER, "exited with code 5");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "-1");
	assert_string_equal(cr_task(&r->c, "t1", "exception"), "exited with code 5");
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	assert_string_equal(cr_task(&r->c, "t1", "exception"), "");
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "200");
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	say(r, SK_ACTIVE_CANCELLED, SK_EDGE_OVER, "");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "-2");
	assert_int_equal(sk_store_wait(r->s.inner, r->loop, &list.op), SK_OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.skalds[0]->mode, SK_MODE_EDGE);
	assert_false(sk_edge_gone(r->e));
	sk_edge_leave(r->e);
	run(r, 20);
	assert_true(sk_edge_gone(r->e));
	assert_string_equal(cr_get(&r->c, "skalds:e1:all-task"), "");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "-2");
	list = (struct sk_op_skald_list){ .op = { .kind = SK_OP_SKALD_LIST, .arena = r->a } };
	assert_int_equal(sk_store_wait(r->s.inner, r->loop, &list.op), SK_OK);
	assert_int_equal(list.n, 0);
}

static void
whoever_is_away_holds_up_nothing(void **state)
{
	struct rig *r = *state;

	start(r);
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	r->c.away = r->s.away = true;
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	sk_edge_leave(r->e);
	run(r, 1100);
	assert_true(sk_edge_gone(r->e));
}

/* ---- a single process ---- */

static void
a_single_process_stores_nothing_and_is_no_skald(void **state)
{
	struct rig *r = *state;

	r->cfg.mode = SK_MODE_SINGLE;
	r->cfg.id = "[SP]e1";
	r->cfg.look_ms = 50;
	start(r);
	put(r, "MyWorker", SK_CREATED, "", "{\"mode\":\"Passive\",\"attachments\":" STORE_ATT "}");
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	run(r, 1100);
	assert_int_equal(r->n_given, 0);
	assert_int_equal(r->s.n, 0);
	assert_true(cr_at(&r->c, "field ") < 0);
	assert_true(strstr(cr_get(&r->c, "skalds:[SP]e1:all-task"), "\"t1\"") != NULL);
	assert_string_equal(cr_get(&r->c, "skalds:[SP]e1:heartbeat"), "");
	assert_true(cr_task(&r->c, "t1", "heartbeat")[0] != '\0');
	updated(r, "");
	assert_string_equal(r->given, STORE_ATT);
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	assert_int_equal(stored(r)->life.phase, SK_CREATED);
	assert_string_equal(text(r, stored(r), "yamlHash"), "");
	sk_edge_leave(r->e);
	run(r, 20);
	assert_true(sk_edge_gone(r->e));
	assert_string_equal(cr_get(&r->c, "skalds:[SP]e1:all-task"), "");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "200");
}

static void
without_a_store_there_are_only_the_keys(void **state)
{
	struct rig *r = *state;

	r->cfg.store = NULL;
	start(r);
	load(r, FILE_ATT);
	say(r, SK_ACTIVE_RUNNING, SK_EDGE_BEGUN, "");
	say(r, SK_ACTIVE_FINISHED, SK_EDGE_OVER, "");
	updated(r, "");
	assert_string_equal(cr_task(&r->c, "t1", "heartbeat"), "200");
	assert_int_equal(r->s.n, 0);
	sk_edge_leave(r->e);
	run(r, 20);
	assert_true(sk_edge_gone(r->e));
}

static void
the_hash_does_not_depend_on_the_order(void **state)
{
	struct rig *r = *state;
	char a[SK_ACTIVE_HASH_LEN], b[SK_ACTIVE_HASH_LEN];

	sk_active_hash("C", json(r, "{\"x\":{\"p\":1,\"q\":[1,2]},\"y\":\"s\"}"), a);
	sk_active_hash("C", json(r, "{\"y\":\"s\",\"x\":{\"q\":[1,2],\"p\":1}}"), b);
	assert_string_equal(a, b);
	sk_active_hash("C", json(r, "{\"y\":\"s\",\"x\":{\"q\":[2,1],\"p\":1}}"), b);
	assert_string_not_equal(a, b);
	sk_active_hash("D", json(r, "{\"y\":\"s\",\"x\":{\"q\":[1,2],\"p\":1}}"), b);
	assert_string_not_equal(a, b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_missing_document_is_made_as_the_original_makes_it),
		T(an_edit_in_the_store_survives_a_restart),
		T(a_file_that_was_changed_wins),
		T(of_a_document_that_the_original_made_the_stored_ones_win),
		T(stored_attachments_that_the_class_does_not_take_are_not_used),
		T(a_document_of_another_class_is_left_alone),
		T(a_document_that_is_dispatched_is_left_alone),
		T(what_another_skald_has_taken_over_is_not_told_any_more),
		T(what_was_taken_for_lost_is_said_again),
		T(a_store_that_comes_late_hears_all_of_it),
		T(an_event_makes_it_look),
		T(without_events_it_looks_now_and_then),
		T(its_keys_are_those_of_an_edge_of_the_original),
		T(whoever_is_away_holds_up_nothing),
		T(a_single_process_stores_nothing_and_is_no_skald),
		T(without_a_store_there_are_only_the_keys),
		T(the_hash_does_not_depend_on_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
