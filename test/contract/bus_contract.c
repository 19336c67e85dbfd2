#include "bus_contract.h"
#include "core/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL ((1u << SK_N_TOPIC) - 1)
#define QUIET_MS 20

/* The skald that stands in all events of one test. */
static char me[48];

/* ---- a bus with somebody who listens ---- */

struct heard {
	enum sk_topic topic;
	enum sk_event_kind kind;
	int64_t time_ms;
	char task[64], class_name[64], skald[64], stage[64], message[64];
	uint32_t attempt;
	double progress;
};

struct ear {
	struct heard *list;
	size_t n, cap;
	void (*then)(struct ear *e); /* after each message */
	struct sk_bus *bus;
	struct ear *other;
};

struct rig {
	const struct bus_contract *contract;
	struct sk_loop *loop;
	struct sk_bus *bus;
};

static void
hear(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct ear *ear = arg;
	struct heard *h;

	if (strcmp(e->skald, me) != 0)
		return;
	if (ear->n == ear->cap) {
		ear->cap = ear->cap > 0 ? 2 * ear->cap : 64;
		ear->list = sk_xreallocarray(ear->list, ear->cap, sizeof(*ear->list));
	}
	h = &ear->list[ear->n++];
	*h = (struct heard){ .topic = topic,
		.kind = e->kind,
		.time_ms = e->time_ms,
		.attempt = e->attempt,
		.progress = e->progress };
	snprintf(h->task, sizeof(h->task), "%s", e->task);
	snprintf(h->class_name, sizeof(h->class_name), "%s", e->class_name);
	snprintf(h->skald, sizeof(h->skald), "%s", e->skald);
	snprintf(h->stage, sizeof(h->stage), "%s", e->stage);
	snprintf(h->message, sizeof(h->message), "%s", e->message);
	if (ear->then != NULL)
		ear->then(ear);
}

static void
open_rig(struct rig *r, void **state, bool small)
{
	struct sk_err err;

	static unsigned n;

	snprintf(me, sizeof(me), "s-%d-%lld-%u", (int)getpid(), (long long)sk_wall_ms(), n++);
	r->contract = *state;
	r->loop = sk_loop_new(&err);
	assert_non_null(r->loop);
	r->bus = (small ? r->contract->open_small : r->contract->open)(r->loop);
	assert_non_null(r->bus);
}

static void
close_rig(struct rig *r)
{
	r->bus->ops->close(r->bus);
	sk_loop_free(r->loop);
}

static void
until_ready(struct rig *r)
{
	const int64_t end = sk_boot_ms() + r->contract->patience_ms;

	if (r->contract->ready == NULL)
		return;
	while (!r->contract->ready(r->bus) && sk_boot_ms() < end)
		sk_loop_once(r->loop, 10);
	assert_true(r->contract->ready(r->bus));
}

static void
listen_to(struct rig *r, struct ear *e, unsigned topics)
{
	struct sk_err err = { SK_OK, "" };

	*e = (struct ear){ .bus = r->bus };
	until_ready(r);
	assert_int_equal(r->bus->ops->subscribe(r->bus, topics, hear, e, &err), SK_OK);
	until_ready(r);
}

/* Runs the loop until the ear has heard n messages. */
static void
wait_for(struct rig *r, const struct ear *e, size_t n)
{
	const int64_t end = sk_boot_ms() + r->contract->patience_ms;

	while (e->n < n && sk_boot_ms() < end)
		sk_loop_once(r->loop, 10);
	assert_int_equal(e->n, n);
}

/* Nothing more comes. */
static void
quiet(struct rig *r, const struct ear *e, size_t n)
{
	const int64_t end =
		sk_boot_ms() + (r->contract->quiet_ms > 0 ? r->contract->quiet_ms : QUIET_MS);

	while (sk_boot_ms() < end)
		sk_loop_once(r->loop, 5);
	assert_int_equal(e->n, n);
}

static struct sk_event
about(const char *task, uint32_t attempt)
{
	return (struct sk_event){ .kind = SK_EVENT_STARTED,
		.time_ms = 1700000000000 + attempt,
		.task = task,
		.class_name = "Job",
		.attempt = attempt,
		.skald = me,
		.stage = "",
		.message = "" };
}

static void
publish(struct sk_bus *b, enum sk_topic topic, const char *task, uint32_t attempt)
{
	struct sk_event e = about(task, attempt);

	assert_int_equal(sk_bus_publish(b, topic, &e), SK_OK);
}

/* ---- tests ---- */

static void
a_message_arrives_as_it_was_on_the_loop_and_not_from_within_publish(void **state)
{
	char task[16] = "t1", message[16] = "went well";
	struct sk_event e = { .kind = SK_EVENT_FINISHED,
		.time_ms = 1700000000123,
		.task = task,
		.class_name = "Klasse \xc3\xa4 \"9",
		.attempt = 7,
		.skald = me,
		.progress = 0.25,
		.stage = "packing",
		.message = message };
	struct rig r;
	struct ear ear;

	open_rig(&r, state, false);
	listen_to(&r, &ear, ALL);
	assert_int_equal(sk_bus_publish(r.bus, SK_TOPIC_EVENT, &e), SK_OK);
	assert_int_equal(ear.n, 0);
	memset(task, 'x', sizeof(task) - 1); /* it was copied */
	memset(message, 'x', sizeof(message) - 1);
	wait_for(&r, &ear, 1);
	assert_int_equal(ear.list[0].topic, SK_TOPIC_EVENT);
	assert_int_equal(ear.list[0].kind, SK_EVENT_FINISHED);
	assert_int_equal(ear.list[0].time_ms, 1700000000123);
	assert_int_equal(ear.list[0].attempt, 7);
	assert_true(ear.list[0].progress == 0.25);
	assert_string_equal(ear.list[0].task, "t1");
	assert_string_equal(ear.list[0].class_name, "Klasse \xc3\xa4 \"9");
	assert_string_equal(ear.list[0].skald, me);
	assert_string_equal(ear.list[0].stage, "packing");
	assert_string_equal(ear.list[0].message, "went well");
	quiet(&r, &ear, 1);
	free(ear.list);
	close_rig(&r);
}

static void
assignments_carry_task_attempt_and_skald(void **state)
{
	static const enum sk_topic topics[] = { SK_TOPIC_ASSIGN, SK_TOPIC_CANCEL, SK_TOPIC_UPDATE };
	struct rig r;
	struct ear ear;

	open_rig(&r, state, false);
	listen_to(&r, &ear, ALL);
	for (size_t i = 0; i < 3; i++) {
		publish(r.bus, topics[i], "t1", (uint32_t)i + 1);
		wait_for(&r, &ear, i + 1); /* there is no order between topics */
		assert_int_equal(ear.list[i].topic, topics[i]);
		assert_string_equal(ear.list[i].task, "t1");
		assert_string_equal(ear.list[i].skald, me);
		assert_int_equal(ear.list[i].attempt, i + 1);
	}
	free(ear.list);
	close_rig(&r);
}

static void
each_gets_what_he_has_asked_for(void **state)
{
	struct rig r;
	struct ear all, assigns, none;

	open_rig(&r, state, false);
	listen_to(&r, &all, ALL);
	listen_to(&r, &assigns, 1u << SK_TOPIC_ASSIGN);
	listen_to(&r, &none, 0);
	publish(r.bus, SK_TOPIC_ASSIGN, "t1", 1);
	publish(r.bus, SK_TOPIC_EVENT, "t2", 1);
	publish(r.bus, SK_TOPIC_ASSIGN, "t1", 2);
	wait_for(&r, &all, 3);
	wait_for(&r, &assigns, 2);
	quiet(&r, &none, 0);
	assert_int_equal(assigns.list[0].attempt, 1);
	assert_int_equal(assigns.list[1].attempt, 2);
	free(all.list);
	free(assigns.list);
	close_rig(&r);
}

/* In order per task is all that is hoped for. */
static void
messages_about_a_task_keep_their_order(void **state)
{
	enum { N = 2000, TASKS = 7 };
	uint32_t last[TASKS] = { 0 };
	struct rig r;
	struct ear ear;

	open_rig(&r, state, false);
	listen_to(&r, &ear, ALL);
	for (uint32_t i = 0; i < N; i++) {
		char task[8];

		snprintf(task, sizeof(task), "%u", i % TASKS);
		publish(r.bus, SK_TOPIC_EVENT, task, i + 1);
	}
	wait_for(&r, &ear, N);
	for (size_t i = 0; i < N; i++) {
		unsigned task = (unsigned)atoi(ear.list[i].task);

		assert_true(ear.list[i].attempt > last[task]);
		last[task] = ear.list[i].attempt;
	}
	free(ear.list);
	close_rig(&r);
}

static void
who_comes_late_gets_what_is_published_from_then_on(void **state)
{
	struct rig r;
	struct ear first, late;

	open_rig(&r, state, false);
	listen_to(&r, &first, ALL);
	publish(r.bus, SK_TOPIC_EVENT, "before", 1);
	if (r.contract->ready != NULL)
		wait_for(&r, &first, 1);
	listen_to(&r, &late, ALL);
	publish(r.bus, SK_TOPIC_EVENT, "after", 1);
	wait_for(&r, &first, 2);
	wait_for(&r, &late, 1);
	assert_string_equal(late.list[0].task, "after");
	free(first.list);
	free(late.list);
	close_rig(&r);
}

static void
who_has_left_gets_nothing_more(void **state)
{
	struct rig r;
	struct ear stays, leaves;

	open_rig(&r, state, false);
	listen_to(&r, &stays, ALL);
	listen_to(&r, &leaves, ALL);
	publish(r.bus, SK_TOPIC_EVENT, "t1", 1);
	wait_for(&r, &stays, 1);
	wait_for(&r, &leaves, 1);
	publish(r.bus, SK_TOPIC_EVENT, "t2", 1);
	r.bus->ops->unsubscribe(r.bus, hear, &leaves);
	r.bus->ops->unsubscribe(r.bus, hear, &leaves); /* he is gone already */
	wait_for(&r, &stays, 2);
	quiet(&r, &leaves, 1);
	free(stays.list);
	free(leaves.list);
	close_rig(&r);
}

static void
leave(struct ear *e)
{
	e->bus->ops->unsubscribe(e->bus, hear, e);
}

static void
send_away(struct ear *e)
{
	e->bus->ops->unsubscribe(e->bus, hear, e->other);
}

static void
bring_in(struct ear *e)
{
	struct sk_err err;

	if (e->n == 1)
		assert_int_equal(e->bus->ops->subscribe(e->bus, ALL, hear, e->other, &err), SK_OK);
}

static void
a_callback_may_leave_and_send_others_away(void **state)
{
	struct rig r;
	struct ear once, victim, stays;

	open_rig(&r, state, false);
	listen_to(&r, &once, ALL);
	listen_to(&r, &victim, ALL);
	listen_to(&r, &stays, ALL);
	once.then = leave;
	stays.then = send_away;
	stays.other = &victim;
	for (uint32_t i = 1; i <= 3; i++)
		publish(r.bus, SK_TOPIC_EVENT, "t1", i);
	wait_for(&r, &stays, 3);
	quiet(&r, &once, 1);
	assert_true(victim.n <= 1);
	free(once.list);
	free(victim.list);
	free(stays.list);
	close_rig(&r);
}

static void
a_callback_may_bring_others_in(void **state)
{
	struct rig r;
	struct ear host, guest = { 0 };

	open_rig(&r, state, false);
	listen_to(&r, &host, ALL);
	host.then = bring_in;
	host.other = &guest;
	guest.bus = r.bus;
	publish(r.bus, SK_TOPIC_EVENT, "t1", 1);
	wait_for(&r, &host, 1);
	assert_int_equal(guest.n, 0);
	publish(r.bus, SK_TOPIC_EVENT, "t2", 2);
	wait_for(&r, &host, 2);
	wait_for(&r, &guest, 1);
	assert_string_equal(guest.list[0].task, "t2");
	free(host.list);
	free(guest.list);
	close_rig(&r);
}

static void
echo(struct ear *e)
{
	if (e->list[e->n - 1].attempt < 50)
		publish(e->bus, SK_TOPIC_EVENT, "echo", e->list[e->n - 1].attempt + 1);
}

static bool inside;

static void
never_within(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	assert_false(inside);
	inside = true;
	hear(arg, topic, e);
	inside = false;
}

static void
what_a_callback_publishes_comes_later(void **state)
{
	struct rig r;
	struct sk_err err;
	struct ear ear = { .then = echo };

	open_rig(&r, state, false);
	ear.bus = r.bus;
	assert_int_equal(r.bus->ops->subscribe(r.bus, ALL, never_within, &ear, &err), SK_OK);
	until_ready(&r);
	publish(r.bus, SK_TOPIC_EVENT, "echo", 1);
	wait_for(&r, &ear, 50);
	free(ear.list);
	close_rig(&r);
}

static void
an_event_of_a_skald_has_no_task(void **state)
{
	struct sk_event e = { .kind = SK_EVENT_SKALD,
		.time_ms = 5,
		.task = "",
		.class_name = "",
		.skald = me,
		.stage = "",
		.message = "drains" };
	struct rig r;
	struct ear ear;

	open_rig(&r, state, false);
	listen_to(&r, &ear, ALL);
	assert_int_equal(sk_bus_publish(r.bus, SK_TOPIC_EVENT, &e), SK_OK);
	wait_for(&r, &ear, 1);
	assert_int_equal(ear.list[0].kind, SK_EVENT_SKALD);
	assert_string_equal(ear.list[0].task, "");
	assert_string_equal(ear.list[0].message, "drains");
	free(ear.list);
	close_rig(&r);
}

static void
nobody_needs_to_listen(void **state)
{
	struct rig r;
	struct ear ear;

	open_rig(&r, state, false);
	for (uint32_t i = 0; i < 100; i++)
		publish(r.bus, SK_TOPIC_EVENT, "t1", i);
	sk_loop_once(r.loop, 0);
	listen_to(&r, &ear, ALL);
	publish(r.bus, SK_TOPIC_EVENT, "t2", 1);
	wait_for(&r, &ear, 1);
	assert_string_equal(ear.list[0].task, "t2");
	free(ear.list);
	close_rig(&r);
}

static void
closing_with_messages_on_the_way_is_allowed(void **state)
{
	struct rig r;
	struct ear ear;

	open_rig(&r, state, false);
	listen_to(&r, &ear, ALL);
	for (uint32_t i = 0; i < 1000; i++)
		publish(r.bus, SK_TOPIC_EVENT, "t1", i);
	close_rig(&r);
	assert_int_equal(ear.n, 0);
}

static void
a_full_queue_says_so_and_takes_more_later(void **state)
{
	struct rig r;
	struct ear ear;
	struct sk_event e = about("t1", 1);
	size_t taken = 0;

	if (((const struct bus_contract *)*state)->open_small == NULL)
		skip();
	open_rig(&r, state, true);
	listen_to(&r, &ear, ALL);
	while (taken < 100000 && sk_bus_publish(r.bus, SK_TOPIC_EVENT, &e) == SK_OK)
		taken++;
	assert_in_range(taken, 1, 99999);
	assert_int_equal(sk_bus_publish(r.bus, SK_TOPIC_EVENT, &e), SK_EAGAIN);
	wait_for(&r, &ear, taken);
	quiet(&r, &ear, taken);
	publish(r.bus, SK_TOPIC_EVENT, "t2", 1);
	wait_for(&r, &ear, taken + 1);
	free(ear.list);
	close_rig(&r);
}

int
bus_contract_run(const struct bus_contract *c)
{
	struct bus_contract copy = *c;
#define T(f) cmocka_unit_test_prestate(f, &copy)
	const struct CMUnitTest tests[] = {
		T(a_message_arrives_as_it_was_on_the_loop_and_not_from_within_publish),
		T(assignments_carry_task_attempt_and_skald),
		T(each_gets_what_he_has_asked_for),
		T(messages_about_a_task_keep_their_order),
		T(who_comes_late_gets_what_is_published_from_then_on),
		T(who_has_left_gets_nothing_more),
		T(a_callback_may_leave_and_send_others_away),
		T(a_callback_may_bring_others_in),
		T(what_a_callback_publishes_comes_later),
		T(an_event_of_a_skald_has_no_task),
		T(nobody_needs_to_listen),
		T(closing_with_messages_on_the_way_is_allowed),
		T(a_full_queue_says_so_and_takes_more_later),
	};
#undef T

	return cmocka_run_group_tests_name(c->name, tests, NULL, NULL);
}
