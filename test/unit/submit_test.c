/* submit_test.c - a task as people give it: what becomes of it, and every mistake at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/json.h"
#include "core/control/submit.h"
#include "input_rig.h"
#include <stdlib.h>
#include <string.h>

#define NOW 1700000000000

/* Classes of the test's own: nothing here depends on what the product compiles in. */
struct camera {
	const char *url;
	int64_t fix_frame;
};
struct pair {
	int64_t a, b;
};
struct nothing {
	char none;
};

static const struct sk_field camera_fields[] = {
	SK_FIELD(struct camera, url, .key = "rtspUrl", .required = true, .doc = "where"),
	SK_FIELD(struct camera, fix_frame, .key = "fixFrame", .def = "5", .doc = "which"), SK_FIELDS_END
};
static const struct sk_field pair_fields[] = { SK_FIELD(struct pair, a, .doc = "one"),
	SK_FIELD(struct pair, b, .doc = "other"), SK_FIELDS_END };
static const struct sk_field no_fields[] = { SK_FIELDS_END };

static enum sk_code
pair_check(const void *att, struct sk_err *err)
{
	const struct pair *p = att;

	return p->a > p->b ? sk_fail(err, SK_EINVAL, "a is larger than b") : SK_OK;
}

static const struct sk_worker camera = {
	.name = "Camera", .fields = camera_fields, .attachment_size = sizeof(struct camera)
};
static const struct sk_worker noop = {
	.name = "Noop", .fields = no_fields, .attachment_size = sizeof(struct nothing)
};
static const struct sk_worker pair = { .name = "Pair",
	.fields = pair_fields,
	.attachment_size = sizeof(struct pair),
	.check = pair_check };
static const struct sk_worker *const workers[] = { &camera, &noop, &pair, NULL };

static struct sk_ulid ulid;

static bool
submit(struct input *in, const char *text, struct sk_record *r)
{
	struct sk_submit_context ctx = {
		.workers = workers, .now_ms = NOW, .ulid = &ulid, .source = "TEST"
	};
	bool ok;

	input_open(in, sk_json_parse, text, strlen(text));
	assert_non_null(in->value);
	ok = sk_submit_record(&ctx, in->value, in->arena, r, &in->problems);
	assert_int_equal(ok, in->problems.n_errors == 0);
	return ok;
}

static void
good(struct input *in, const char *text, struct sk_record *r)
{
	bool ok = submit(in, text, r);

	input_problems_are(in, "");
	assert_true(ok);
}

static void
wrong(const char *text, const char *problems)
{
	struct sk_record r;
	struct input in;

	assert_false(submit(&in, text, &r));
	input_problems_are(&in, problems);
	input_close(&in);
}

static void
spec_is(const char *text, const char *want)
{
	struct sk_str json = SK_STR_INIT;
	struct sk_record r;
	struct input in;

	good(&in, text, &r);
	sk_value_json(&json, r.spec);
	assert_string_equal(sk_str_text(&json), want);
	sk_str_release(&json);
	input_close(&in);
}

/* ---- what becomes of it ---- */

static void
the_table_is_right(void **state)
{
	struct sk_err err;

	(void)state;
	if (sk_fields_check(sk_submit_fields, &err) != SK_OK)
		fail_msg("%s", err.msg);
}

static void
a_class_is_enough(void **state)
{
	struct sk_record r, other;
	struct input in, in2;

	(void)state;
	good(&in, "{\"className\":\"Noop\"}", &r);
	good(&in2, "{\"className\":\"Noop\"}", &other);
	assert_int_equal(strlen(r.id), 26);
	assert_true(strcmp(r.id, other.id) < 0);
	assert_string_equal(r.class_name, "Noop");
	assert_int_equal(r.life.phase, SK_CREATED);
	assert_int_equal(r.life.wanted, SK_WANT_RUN);
	assert_int_equal(r.life.attempt, 0);
	assert_int_equal(r.life.max_attempts, 3);
	assert_int_equal(r.gate, SK_GATE_OPEN);
	assert_int_equal(r.create_ms, NOW);
	assert_int_equal(r.update_ms, NOW);
	assert_int_equal(r.rank_ms, NOW);
	assert_null(r.array);
	assert_string_equal(r.unique_key, "");
	input_close(&in);
	input_close(&in2);
}

static void
every_member_finds_its_place(void **state)
{
	struct sk_record r;
	struct sk_spec spec;
	struct sk_err err;
	struct input in;

	(void)state;
	good(&in,
		"{\"id\":\"t1\",\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"u\"},\"name\":"
		"\"n\","
		"\"description\":\"d\",\"priority\":2,\"dependencies\":[\"a\",\"b\"],"
		"\"dependencyPolicy\":\"run\",\"deadlineDateTime\":1700000100000,"
		"\"notBefore\":1700000050000,\"maxAttempts\":7,\"backoffSeconds\":2,"
		"\"maxBackoffSeconds\":4.5,\"timeoutSeconds\":60,\"graceSeconds\":1,\"uniqueKey\":\"k\","
		"\"labels\":{\"x\":\"y\"},\"resources\":{\"cpus\":0.5,\"memoryMb\":100,\"gpus\":1,"
		"\"labels\":{\"zone\":\"1\"}},\"onDisconnect\":\"continue\",\"user\":\"nobody\","
		"\"cwd\":\"/tmp\",\"env\":{\"A\":\"b\"},\"source\":\"me\",\"isPersistent\":false}",
		&r);
	assert_string_equal(r.id, "t1");
	assert_int_equal(r.priority, 2);
	assert_int_equal(r.rank_ms, NOW - 2 * SK_PRIORITY_MS);
	assert_int_equal(r.life.max_attempts, 7);
	assert_int_equal(r.gate, SK_GATE_DEPENDENCY);
	assert_int_equal(r.due_ms, 1700000050000);
	assert_string_equal(r.unique_key, "k");
	assert_true(sk_spec_decode(r.spec, in.arena, &spec, &err));
	assert_string_equal(spec.name, "n");
	assert_string_equal(spec.description, "d");
	assert_string_equal(spec.source, "me");
	assert_false(spec.is_persistent);
	assert_int_equal(spec.mode, SK_TASK_PASSIVE);
	assert_int_equal(spec.dependencies.n, 2);
	assert_string_equal(((const char **)spec.dependencies.items)[1], "b");
	assert_int_equal(spec.dependency_policy, SK_DEP_RUN);
	assert_int_equal(spec.deadline_ms, 1700000100000);
	assert_non_null(sk_map_get(spec.attachments, "rtspUrl"));
	assert_true(spec.backoff_s == 2 && spec.max_backoff_s == 4.5 && spec.timeout_s == 60 &&
		spec.grace_s == 1);
	assert_true(spec.resources.cpus == 0.5);
	assert_int_equal(spec.resources.memory_mb, 100);
	assert_int_equal(spec.resources.gpus, 1);
	assert_non_null(sk_map_get(spec.resources.labels, "zone"));
	assert_int_equal(spec.on_disconnect, SK_DISCONNECT_CONTINUE);
	assert_string_equal(spec.user, "nobody");
	assert_string_equal(spec.cwd, "/tmp");
	assert_non_null(sk_map_get(spec.env, "A"));
	assert_non_null(sk_map_get(spec.labels, "x"));
	input_close(&in);
}

static void
a_spec_holds_what_was_given_and_the_documented_names(void **state)
{
	(void)state;
	spec_is("{\"className\":\"Noop\"}", "{\"source\":\"TEST\"}");
	spec_is("{\"className\":\"Noop\",\"name\":null,\"attachments\":{},\"labels\":null}",
		"{\"source\":\"TEST\"}");
	spec_is("{\"class_name\":\"Camera\",\"attachments\":{\"url\":\"u\",\"fixFrame\":1},"
			"\"timeout_s\":5,\"resources\":{\"memory_mb\":7}}",
		"{\"timeoutSeconds\":5,\"resources\":{\"memoryMb\":7},\"attachments\":{\"rtspUrl\":\"u\","
		"\"fixFrame\":1},\"source\":\"TEST\"}");
	spec_is("{\"className\":\"Noop\",\"uniqueKey\":\"k\",\"priority\":3,\"source\":\"X\"}",
		"{\"source\":\"X\"}");
}

static void
times_decide_the_gate(void **state)
{
	struct sk_record r;
	struct input in;

	(void)state;
	good(&in, "{\"className\":\"Noop\",\"delaySeconds\":1.5}", &r);
	assert_int_equal(r.gate, SK_GATE_TIME);
	assert_int_equal(r.due_ms, NOW + 1500);
	input_close(&in);
	good(&in, "{\"className\":\"Noop\",\"notBefore\":1700000000001}", &r);
	assert_int_equal(r.gate, SK_GATE_TIME);
	assert_int_equal(r.due_ms, NOW + 1);
	input_close(&in);
	good(&in, "{\"className\":\"Noop\",\"notBefore\":1700000000000}", &r);
	assert_int_equal(r.gate, SK_GATE_OPEN);
	assert_int_equal(r.due_ms, 0);
	input_close(&in);
	good(&in, "{\"className\":\"Noop\",\"dependencies\":[\"x\"]}", &r);
	assert_int_equal(r.gate, SK_GATE_DEPENDENCY);
	assert_int_equal(r.due_ms, 0);
	input_close(&in);
}

static void
an_array_has_its_ranges_and_its_size(void **state)
{
	struct sk_record r;
	struct input in;

	(void)state;
	good(&in, "{\"className\":\"Noop\",\"array\":\"0-9,20\"}", &r);
	assert_string_equal(r.array, "0-9,20");
	assert_int_equal(r.array_size, 11);
	input_close(&in);
	good(&in, "{\"className\":\"Noop\",\"array\":null}", &r);
	assert_null(r.array);
	assert_int_equal(r.array_size, 0);
	input_close(&in);
}

static void
without_a_maker_of_ids_the_caller_finds_one(void **state)
{
	struct sk_submit_context ctx = { .workers = workers, .now_ms = NOW };
	const char *text = "{\"className\":\"Noop\"}";
	struct sk_record r;
	struct input in;

	(void)state;
	input_open(&in, sk_json_parse, text, strlen(text));
	assert_true(sk_submit_record(&ctx, in.value, in.arena, &r, &in.problems));
	assert_string_equal(r.id, "");
	assert_int_equal(r.spec->u.map.n, 0);
	input_close(&in);
}

/* ---- mistakes ---- */

static void
members_and_classes_are_suggested(void **state)
{
	(void)state;
	wrong("{\"clasName\":\"Noop\"}",
		"f:1:1: missing key \"className\" (string)\n"
		"f:1:2: clasName: unknown key, did you mean \"className\"?\n");
	wrong("{\"className\":\"noop\"}",
		"f:1:14: className: unknown class \"noop\", did you mean \"Noop\"?\n");
	wrong("{\"className\":\"Zebra\"}",
		"f:1:14: className: unknown class \"Zebra\", known are: Camera, Noop, Pair\n");
	wrong("[]", "f:1:1: expected a task (a map), got a list\n");
	wrong("{\"className\":null}", "f:1:14: className: expected string, got null\n");
}

static void
attachments_are_checked_by_the_class(void **state)
{
	(void)state;
	wrong("{\"className\":\"Camera\"}", "f:1:1: attachments: missing key \"rtspUrl\" (string)\n");
	wrong("{\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":1,\"fixFrane\":2}}",
		"f:1:48: attachments.rtspUrl: expected string, got 1 (write it in quotes)\n"
		"f:1:50: attachments.fixFrane: unknown key, did you mean \"fixFrame\"?\n");
	wrong("{\"className\":\"Camera\",\"attachments\":[]}",
		"f:1:37: attachments: expected map, got a list\n");
	wrong("{\"className\":\"Pair\",\"attachments\":{\"a\":2,\"b\":1}}",
		"f:1:35: attachments: a is larger than b\n");
}

static void
all_problems_are_told_at_once(void **state)
{
	(void)state;
	wrong("{\"id\":\"a/b\",\n\"className\":\"Nop\",\n\"priority\":11,\n\"maxAttempts\":0,\n"
		  "\"labels\":{\"a=b\":\"c\",\"d\":1},\n\"env\":{\"SKALDS_TASK_ID\":\"x\"},\n\"array\":\"5-"
		  "1\","
		  "\n\"onDisconnect\":\"stp\"}",
		"f:1:7: id: an id cannot contain any of * ? [ ] : /\n"
		"f:2:13: className: unknown class \"Nop\", did you mean \"Noop\"?\n"
		"f:3:12: priority: must be 0 to 10, got 11\n"
		"f:4:15: maxAttempts: must be 1 to 1000000, got 0\n"
		"f:5:17: labels.a=b: a label's name cannot contain = or ,\n"
		"f:5:25: labels.d: expected string, got integer: put it in quotes\n"
		"f:6:25: env.SKALDS_TASK_ID: this variable is set by skalds\n"
		"f:7:9: array: indices must ascend, but 1 comes after 5\n"
		"f:8:16: onDisconnect: expected one of stop, continue, got \"stp\" (did you mean "
		"\"stop\"?)\n");
}

static void
dependencies_are_other_tasks_and_each_once(void **state)
{
	(void)state;
	wrong("{\"className\":\"Noop\",\"id\":\"x\",\"dependencies\":[\"y\",\"x\"]}",
		"f:1:50: dependencies: the task cannot depend on itself\n");
	wrong("{\"className\":\"Noop\",\"dependencies\":[\"y\",\"x\",\"y\"]}",
		"f:1:36: dependencies: \"y\" is named twice\n");
	wrong("{\"className\":\"Noop\",\"dependencies\":[\"\"]}",
		"f:1:37: dependencies: an id has 1 to 255 bytes\n");
	wrong("{\"className\":\"Noop\",\"dependencies\":[1]}",
		"f:1:37: dependencies[0]: expected string, got 1 (write it in quotes)\n");
}

static void
times_must_make_sense(void **state)
{
	(void)state;
	wrong("{\"className\":\"Noop\",\"deadlineDateTime\":1700000000000}",
		"f:1:40: deadlineDateTime: is in the past\n");
	wrong("{\"className\":\"Noop\",\"deadlineDateTime\":1700000000500,\"delaySeconds\":1}",
		"f:1:40: deadlineDateTime: is before the task may start\n");
	wrong("{\"className\":\"Noop\",\"deadlineDateTime\":1700000000500,\"notBefore\":1700000000500}",
		"f:1:40: deadlineDateTime: is before the task may start\n");
	wrong("{\"className\":\"Noop\",\"notBefore\":1800000000000,\"delaySeconds\":1}",
		"f:1:62: delaySeconds: notBefore and delaySeconds exclude each other\n");
	wrong("{\"className\":\"Noop\",\"notBefore\":\"2030-01-01\"}",
		"f:1:33: notBefore: expected integer, got \"2030-01-01\"\n");
	wrong("{\"className\":\"Noop\",\"deadlineDateTime\":-1}",
		"f:1:40: deadlineDateTime: must be 0 to 253402300799999, got -1\n");
	wrong("{\"className\":\"Noop\",\"backoffSeconds\":400}",
		"f:1:38: backoffSeconds: backoffSeconds (400) is larger than maxBackoffSeconds (300)\n");
	wrong("{\"className\":\"Noop\",\"delaySeconds\":-1}",
		"f:1:36: delaySeconds: must be 0 to 315360000, got -1\n");
}

static void
maps_of_strings_are_that(void **state)
{
	(void)state;
	wrong("{\"className\":\"Noop\",\"labels\":[]}",
		"f:1:30: labels: expected map of strings, got a list\n");
	wrong("{\"className\":\"Noop\",\"labels\":{\"\":\"x\"}}",
		"f:1:34: labels.\"\": a label's name has 1 to 255 bytes\n");
	wrong("{\"className\":\"Noop\",\"labels\":{\"a\":\"x\\u0007\"}}",
		"f:1:35: labels.a: a label cannot contain control characters\n");
	wrong("{\"className\":\"Noop\",\"resources\":{\"labels\":{\"a\":null}}}",
		"f:1:48: resources.labels.a: expected string, got null: put it in quotes\n");
	wrong("{\"className\":\"Noop\",\"env\":{\"A=B\":\"\"}}",
		"f:1:34: env.A=B: this cannot name a variable\n");
	wrong("{\"className\":\"Noop\",\"cwd\":\"tmp\"}", "f:1:27: cwd: must be an absolute path\n");
}

/* The value of a variable may be a secret, whatever its type. */
static void
no_value_of_a_variable_stands_in_a_message(void **state)
{
	(void)state;
	wrong("{\"className\":\"Noop\",\"env\":{\"PIN\":1234}}",
		"f:1:34: env.PIN: expected string, got integer: put it in quotes\n");
}

static void
sizes_are_bounded(void **state)
{
	char *big =
		repeated("{\"className\":\"Camera\",\"attachments\":{\"rtspUrl\":\"", "x", 200000, "\"}}");
	char *long_id =
		repeated("{\"className\":\"Noop\",\"array\":\"1-2\",\"id\":\"", "i", 239, "\"}");
	char *fits = repeated("{\"className\":\"Noop\",\"array\":\"1-2\",\"id\":\"", "i", 238, "\"}");
	char *labels = repeated("{\"className\":\"Noop\",\"labels\":{\"a\":\"", "x", 256, "\"}}");
	struct sk_record r;
	struct input in;

	(void)state;
	wrong(big,
		"f:1:37: attachments: 200047 bytes with the environment, at most 196608 are "
		"possible\n");
	wrong(long_id, "f:1:40: id: the id of an array has at most 238 bytes\n");
	wrong(labels, "f:1:35: labels.a: a label's value has at most 255 bytes\n");
	good(&in, fits, &r);
	input_close(&in);
	free(big);
	free(long_id);
	free(fits);
	free(labels);
}

/* ---- the same task? ---- */

static bool
same(const char *stored, const char *submitted)
{
	struct sk_record x, y;
	struct input in, in2;
	bool result;

	good(&in, stored, &x);
	good(&in2, submitted, &y);
	x.create_ms -= 5000;
	x.life.phase = SK_RUNNING;
	result = sk_submit_same(&x, &y);
	input_close(&in);
	input_close(&in2);
	return result;
}

static void
the_same_task_sent_twice_is_known(void **state)
{
	(void)state;
	assert_true(
		same("{\"id\":\"a\",\"className\":\"Noop\"}", "{\"className\":\"Noop\",\"id\":\"a\"}"));
	assert_true(same("{\"id\":\"a\",\"className\":\"Noop\",\"delaySeconds\":1,\"source\":\"CLI\"}",
		"{\"id\":\"a\",\"className\":\"Noop\",\"delaySeconds\":3}"));
	assert_true(same("{\"id\":\"a\",\"className\":\"Noop\",\"labels\":{\"x\":\"1\",\"y\":\"2\"}}",
		"{\"id\":\"a\",\"className\":\"Noop\",\"labels\":{\"y\":\"2\",\"x\":\"1\"},\"name\":"
		"null}"));
	assert_false(
		same("{\"id\":\"a\",\"className\":\"Noop\"}", "{\"id\":\"b\",\"className\":\"Noop\"}"));
	assert_false(
		same("{\"id\":\"a\",\"className\":\"Noop\"}", "{\"id\":\"a\",\"className\":\"Pair\"}"));
	assert_false(same("{\"id\":\"a\",\"className\":\"Noop\"}",
		"{\"id\":\"a\",\"className\":\"Noop\",\"priority\":1}"));
	assert_false(same("{\"id\":\"a\",\"className\":\"Noop\"}",
		"{\"id\":\"a\",\"className\":\"Noop\",\"maxAttempts\":1}"));
	assert_false(same("{\"id\":\"a\",\"className\":\"Noop\"}",
		"{\"id\":\"a\",\"className\":\"Noop\",\"uniqueKey\":\"u\"}"));
	assert_false(same("{\"id\":\"a\",\"className\":\"Pair\",\"attachments\":{\"a\":1,\"b\":2}}",
		"{\"id\":\"a\",\"className\":\"Pair\",\"attachments\":{\"a\":1,\"b\":3}}"));
	assert_false(same("{\"id\":\"a\",\"className\":\"Noop\"}",
		"{\"id\":\"a\",\"className\":\"Noop\",\"array\":\"1\"}"));
}

static void
an_array_that_has_begun_is_the_same(void **state)
{
	const char *text = "{\"id\":\"a\",\"className\":\"Noop\",\"array\":\"0-9,20\"}";
	struct sk_record stored, again;
	struct input in, in2;

	(void)state;
	good(&in, text, &stored);
	good(&in2, text, &again);
	stored.array = "7-9,20";
	assert_true(sk_submit_same(&stored, &again));
	stored.array = "";
	assert_true(sk_submit_same(&stored, &again));
	stored.array = "10";
	assert_false(sk_submit_same(&stored, &again));
	input_close(&in);
	input_close(&in2);
}

/* ---- ranges ---- */

static void
counts(const char *text, int64_t n)
{
	struct sk_err err;

	assert_int_equal(sk_array_count(text, &err), n);
}

static void
refuses(const char *text, const char *part)
{
	struct sk_err err = { .msg = "" };

	assert_int_equal(sk_array_count(text, &err), -1);
	assert_non_null(strstr(err.msg, part));
}

static void
ranges_are_counted(void **state)
{
	(void)state;
	counts("0", 1);
	counts("0-99", 100);
	counts("1-10,20", 11);
	counts("1,2,3-3", 3);
	counts("9007199254740992", 1);
	counts("1-10000000", 10000000);
	refuses("", "expected indices");
	refuses("1,", "expected indices");
	refuses(",1", "expected indices");
	refuses("a", "expected indices");
	refuses("-1", "expected indices");
	refuses("1-", "expected indices");
	refuses("1--2", "expected indices");
	refuses("1 ,2", "expected indices");
	refuses("9007199254740993", "2^53");
	refuses("99999999999999999999999999", "2^53");
	refuses("2,1", "1 comes after 2");
	refuses("1-3,3", "3 comes after 3");
	refuses("0-10000000", "10000000 elements");
}

static void
takes(const char *text, size_t max, const char *taken, const char *left)
{
	struct sk_str rest = SK_STR_INIT, got = SK_STR_INIT;
	int64_t idx[64];
	size_t n = sk_array_take(text, max, idx, &rest);

	for (size_t i = 0; i < n; i++)
		sk_str_addf(&got, "%s%lld", i > 0 ? " " : "", (long long)idx[i]);
	assert_string_equal(sk_str_text(&got), taken);
	assert_string_equal(sk_str_text(&rest), left);
	sk_str_release(&rest);
	sk_str_release(&got);
}

static void
indices_are_taken_off_the_front(void **state)
{
	(void)state;
	takes("0-99,120", 3, "0 1 2", "3-99,120");
	takes("5-6,9", 1, "5", "6,9");
	takes("5-6,9", 2, "5 6", "9");
	takes("5-6,9", 3, "5 6 9", "");
	takes("5-6,9", 60, "5 6 9", "");
	takes("5-7", 1, "5", "6-7");
	takes("5", 0, "", "5");
	takes("", 5, "", "");
}

static void
parts_of_ranges_are_known(void **state)
{
	(void)state;
	assert_true(sk_array_within("", "1"));
	assert_true(sk_array_within("1", "1"));
	assert_true(sk_array_within("3-4,7", "1-5,7-9"));
	assert_true(sk_array_within("3-8", "1-5,6-9"));
	assert_true(sk_array_within("2-3,5-6", "1-9"));
	assert_true(sk_array_within("3-8,9", "1-5,6-9"));
	assert_false(sk_array_within("1", ""));
	assert_false(sk_array_within("3-8", "1-5,7-9"));
	assert_false(sk_array_within("0-2", "1-5"));
	assert_false(sk_array_within("10", "1-9"));
	assert_false(sk_array_within("5-10", "1-9"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_right),
		cmocka_unit_test(a_class_is_enough),
		cmocka_unit_test(every_member_finds_its_place),
		cmocka_unit_test(a_spec_holds_what_was_given_and_the_documented_names),
		cmocka_unit_test(times_decide_the_gate),
		cmocka_unit_test(an_array_has_its_ranges_and_its_size),
		cmocka_unit_test(without_a_maker_of_ids_the_caller_finds_one),
		cmocka_unit_test(members_and_classes_are_suggested),
		cmocka_unit_test(attachments_are_checked_by_the_class),
		cmocka_unit_test(all_problems_are_told_at_once),
		cmocka_unit_test(dependencies_are_other_tasks_and_each_once),
		cmocka_unit_test(times_must_make_sense),
		cmocka_unit_test(maps_of_strings_are_that),
		cmocka_unit_test(no_value_of_a_variable_stands_in_a_message),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(the_same_task_sent_twice_is_known),
		cmocka_unit_test(an_array_that_has_begun_is_the_same),
		cmocka_unit_test(ranges_are_counted),
		cmocka_unit_test(indices_are_taken_off_the_front),
		cmocka_unit_test(parts_of_ranges_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
