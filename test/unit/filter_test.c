/* filter_test.c - each member of a filter alone, all together; each bit of a patch alone. */
#include "core/ports.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "adapters/json.h"

static const struct sk_value *
parsed(struct sk_arena *a, const char *text)
{
	struct sk_problems p;
	struct sk_value *v;

	sk_problems_init(&p, a, "");
	v = sk_json_parse(text, strlen(text), a, &p);
	assert_non_null(v);
	return v;
}

static struct sk_record
example(struct sk_arena *a)
{
	struct sk_record r;

	sk_record_init(&r, a);
	r.id = "Task-One";
	r.class_name = "MyWorker";
	r.life.phase = SK_RUNNING;
	r.life.wanted = SK_WANT_PAUSE;
	strcpy(r.life.executor, "n1");
	r.gate = SK_GATE_TIME;
	r.due_ms = 50;
	r.create_ms = 100;
	r.update_ms = 200;
	r.finish_ms = 300;
	r.array_parent = "p";
	r.array_size = 3;
	r.spec = parsed(a,
		"{\"labels\":{\"team\":\"red\",\"a\":\"b=c\",\"empty\":\"\",\"n\":1},"
		"\"dependencies\":[\"d1\",7,\"d2\"]}");
	return r;
}

static void
each_member_restricts(void **state)
{
	static const struct {
		struct sk_filter f;
		bool want;
	} cases[] = {
		{ { .phases = 0 }, true },
		{ { .phases = 1u << SK_RUNNING | 1u << SK_CREATED }, true },
		{ { .phases = 1u << SK_CREATED }, false },
		{ { .gates = 1u << SK_GATE_TIME }, true },
		{ { .gates = 1u << SK_GATE_OPEN }, false },
		{ { .wanted_run = true }, false },
		{ { .class_name = "MyWorker" }, true },
		{ { .class_name = "myworker" }, false },
		{ { .class_name = "MyWork" }, false },
		{ { .executor = "n1" }, true },
		{ { .executor = "n" }, false },
		{ { .executor = "" }, true },
		{ { .label = "team=red" }, true },
		{ { .label = "team" }, true },
		{ { .label = "team=blue" }, false },
		{ { .label = "tea" }, false },
		{ { .label = "a=b=c" }, true },
		{ { .label = "a=b" }, false },
		{ { .label = "empty=" }, true },
		{ { .label = "team=" }, false },
		{ { .label = "n" }, true },
		{ { .label = "n=1" }, false },
		{ { .id_part = "sK-oN" }, true },
		{ { .id_part = "Task-One" }, true },
		{ { .id_part = "ask_One" }, false },
		{ { .id_part = "Task-OneX" }, false },
		{ { .class_part = "worker" }, true },
		{ { .class_part = "walker" }, false },
		{ { .parent = "p" }, true },
		{ { .parent = "q" }, false },
		{ { .depends_on = "d2" }, true },
		{ { .depends_on = "d3" }, false },
		{ { .depends_on = "7" }, false },
		{ { .no_elements = true }, false },
		{ { .arrays = true }, true },
		{ { .created_after = 99 }, true },
		{ { .created_after = 100 }, false },
		{ { .created_before = 101 }, true },
		{ { .created_before = 100 }, false },
		{ { .updated_after = 200 }, true },
		{ { .updated_after = 201 }, false },
		{ { .due_before = 50 }, true },
		{ { .due_before = 49 }, false },
		{ { .finished_before = 301 }, true },
		{ { .finished_before = 300 }, false },
		{ { .class_name = "MyWorker", .executor = "n1", .label = "team", .parent = "p" }, true },
		{ { .class_name = "MyWorker", .executor = "n1", .label = "team", .parent = "q" }, false },
	};
	struct sk_arena *a = sk_arena_new();
	struct sk_record r = example(a);

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sk_filter_match(&cases[i].f, &r) != cases[i].want)
			fail_msg("case %u", i);
	sk_arena_free(a);
}

/* Mixed fleets: who made it, who wrote its status. */
static void
makers_restrict(void **state)
{
	const struct sk_filter foreign = { .foreign = true }, edges = { .foreign_active = true },
						   disputed = { .disputed = true };
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	(void)state;
	sk_record_init(&r, a);
	r.spec = parsed(a, "{\"mode\":\"Active\"}");
	assert_false(sk_filter_match(&foreign, &r));
	assert_false(sk_filter_match(&edges, &r));
	assert_false(sk_filter_match(&disputed, &r));
	r.foreign = r.disputed = true;
	assert_true(sk_filter_match(&foreign, &r));
	assert_true(sk_filter_match(&edges, &r));
	assert_true(sk_filter_match(&disputed, &r));
	r.spec = parsed(a, "{\"mode\":\"Passive\"}");
	assert_true(sk_filter_match(&foreign, &r));
	assert_false(sk_filter_match(&edges, &r));
	sk_arena_free(a);
}

/* A status alone adopts nothing; every other change does, and with the phase the status is right. */
static void
a_patch_adopts(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r, to;

	(void)state;
	sk_record_init(&r, a);
	sk_record_init(&to, a);
	to.status = SK_FINISHED;
	to.life.phase = SK_ASSIGNING;
	r.foreign = true;
	sk_patch_apply(&r, SK_SET_STATUS, &to);
	assert_true(r.foreign);
	assert_int_equal(r.life.phase, SK_FINISHED);
	r.disputed = true;
	sk_patch_apply(&r, SK_SET_PROGRESS, &to);
	assert_false(r.foreign);
	assert_true(r.disputed);
	sk_patch_apply(&r, SK_SET_STATUS, &to); /* not of ours */
	assert_int_equal(r.life.phase, SK_FINISHED);
	sk_patch_apply(&r, SK_SET_LIFE, &to);
	assert_int_equal(r.life.phase, SK_ASSIGNING);
	assert_false(r.disputed);
	sk_arena_free(a);
}

static void
what_is_not_there_does_not_pass(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	(void)state;
	sk_record_init(&r, a);
	assert_false(sk_filter_match(&(struct sk_filter){ .label = "a" }, &r));
	assert_false(sk_filter_match(&(struct sk_filter){ .depends_on = "a" }, &r));
	assert_false(sk_filter_match(&(struct sk_filter){ .finished_before = INT64_MAX }, &r));
	assert_false(sk_filter_match(&(struct sk_filter){ .arrays = true }, &r));
	assert_true(sk_filter_match(&(struct sk_filter){ .no_elements = true }, &r));
	r.spec = parsed(a, "{\"labels\":[\"a\"],\"dependencies\":\"a\"}");
	assert_false(sk_filter_match(&(struct sk_filter){ .label = "a" }, &r));
	assert_false(sk_filter_match(&(struct sk_filter){ .depends_on = "a" }, &r));
	sk_arena_free(a);
}

/* Everything in it differs from example(). */
static struct sk_record
changed(struct sk_arena *a)
{
	struct sk_record r;

	sk_record_init(&r, a);
	r.id = "other";
	r.class_name = "Other";
	r.life = (struct sk_life){ .phase = SK_FAILED,
		.wanted = SK_WANT_CANCEL,
		.attempt = 8,
		.failures = 9,
		.max_attempts = 10,
		.executor = "n2",
		.incarnation = 11 };
	r.priority = 5;
	r.rank_ms = 12;
	r.gate = SK_GATE_DEPENDENCY;
	r.due_ms = 13;
	r.create_ms = 14;
	r.update_ms = 15;
	r.start_ms = 16;
	r.finish_ms = 17;
	r.progress = 0.75;
	r.stage = "s";
	r.exit = (struct sk_exit){ true, SK_REASON_OOM, 18, 19, "m" };
	r.result = "r";
	r.result_len = 1;
	r.unique_key = "u";
	r.array = "1";
	r.array_size = 20;
	r.array_parent = "z";
	r.array_index = 21;
	r.spec = parsed(a, "{\"x\":1}");
	return r;
}

static void
text_of(const struct sk_record *r, struct sk_str *out)
{
	sk_str_clear(out);
	sk_record_json(out, r, NULL);
	sk_str_addf(out, " rank=%lld gate=%s due=%lld array=%s/%lld spec=", (long long)r->rank_ms,
		sk_gate_name(r->gate), (long long)r->due_ms, r->array != NULL ? r->array : "-",
		(long long)r->array_size);
	sk_value_json(out, r->spec);
}

/* What the bit shall do, done by hand. */
static void
by_hand(struct sk_record *r, enum sk_patch_bits bit, const struct sk_record *to)
{
	uint32_t max = r->life.max_attempts;

	r->update_ms = to->update_ms;
	switch (bit) {
	case SK_SET_LIFE:
		r->life = to->life;
		r->life.max_attempts = max;
		break;
	case SK_SET_GATE:
		r->gate = to->gate, r->due_ms = to->due_ms;
		break;
	case SK_SET_START:
		r->start_ms = to->start_ms, r->progress = 0, r->stage = "";
		break;
	case SK_SET_EXIT:
		r->exit = to->exit, r->finish_ms = to->finish_ms;
		break;
	case SK_SET_RESULT:
		r->result = to->result, r->result_len = to->result_len;
		break;
	case SK_SET_PROGRESS:
		r->progress = to->progress, r->stage = to->stage;
		break;
	case SK_SET_ATTACHMENTS:
		r->spec = to->spec;
		break;
	case SK_SET_ARRAY:
		r->array = to->array;
		break;
	case SK_SET_RANK:
		r->priority = to->priority, r->rank_ms = to->rank_ms;
		break;
	case SK_SET_CREATED:
		r->create_ms = to->create_ms;
		break;
	case SK_SET_STATUS: /* of foreign ones alone: a_patch_adopts */
		break;
	}
}

static void
each_bit_changes_its_members_alone(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record to = changed(a);
	struct sk_str got = SK_STR_INIT, want = SK_STR_INIT, before = SK_STR_INIT;

	(void)state;
	for (unsigned bit = SK_SET_LIFE; bit <= SK_SET_CREATED; bit <<= 1) {
		struct sk_record r = example(a), hand = example(a);

		r.progress = hand.progress = 0.1;
		r.stage = hand.stage = "before";
		r.start_ms = hand.start_ms = 1;
		r.update_ms = hand.update_ms = to.update_ms;
		text_of(&r, &before);
		sk_patch_apply(&r, bit, &to);
		by_hand(&hand, (enum sk_patch_bits)bit, &to);
		text_of(&r, &got);
		text_of(&hand, &want);
		assert_string_equal(sk_str_text(&got), sk_str_text(&want));
		assert_string_not_equal(sk_str_text(&got), sk_str_text(&before));
	}
	sk_str_release(&got);
	sk_str_release(&want);
	sk_str_release(&before);
	sk_arena_free(a);
}

static void
no_bit_changes_the_time_of_the_update(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record to = changed(a), r = example(a), hand = example(a);
	struct sk_str got = SK_STR_INIT, want = SK_STR_INIT;

	(void)state;
	hand.update_ms = to.update_ms;
	sk_patch_apply(&r, 0, &to);
	text_of(&r, &got);
	text_of(&hand, &want);
	assert_string_equal(sk_str_text(&got), sk_str_text(&want));
	sk_str_release(&got);
	sk_str_release(&want);
	sk_arena_free(a);
}

static void
a_start_with_progress_keeps_the_progress(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record to = changed(a), r = example(a);

	(void)state;
	sk_patch_apply(&r, SK_SET_START | SK_SET_PROGRESS, &to);
	assert_int_equal(r.start_ms, 16);
	assert_true(r.progress == 0.75);
	assert_string_equal(r.stage, "s");
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_restricts),
		cmocka_unit_test(makers_restrict),
		cmocka_unit_test(a_patch_adopts),
		cmocka_unit_test(what_is_not_there_does_not_pass),
		cmocka_unit_test(each_bit_changes_its_members_alone),
		cmocka_unit_test(no_bit_changes_the_time_of_the_update),
		cmocka_unit_test(a_start_with_progress_keeps_the_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
