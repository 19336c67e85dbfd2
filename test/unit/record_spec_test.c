/* record_spec_test.c - what a store holds, decoded; resources; back-off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/json.h"
#include "core/model/record_spec.h"
#include "input_rig.h"
#include <string.h>

static bool
decode(struct input *in, const char *text, struct sk_spec *out, struct sk_err *err)
{
	input_open(in, sk_json_parse, text, strlen(text));
	assert_non_null(in->value);
	return sk_spec_decode(in->value, in->arena, out, err);
}

static void
refused(const char *text, const char *sentence)
{
	struct sk_err err = { .msg = "" };
	struct sk_spec s;
	struct input in;

	assert_false(decode(&in, text, &s, &err));
	assert_string_equal(err.msg, sentence);
	input_close(&in);
}

static void
the_table_is_right(void **state)
{
	struct sk_err err;

	(void)state;
	if (sk_fields_check(sk_spec_fields, &err) != SK_OK)
		fail_msg("%s", err.msg);
}

static void
absent_members_have_their_defaults(void **state)
{
	struct sk_spec s;
	struct sk_err err;
	struct input in;

	(void)state;
	assert_true(decode(&in, "{}", &s, &err));
	assert_string_equal(s.name, "");
	assert_int_equal(s.mode, SK_TASK_PASSIVE);
	assert_true(s.is_persistent);
	assert_int_equal(s.dependencies.n, 0);
	assert_int_equal(s.dependency_policy, SK_DEP_CANCEL);
	assert_int_equal(s.deadline_ms, 0);
	assert_null(s.attachments);
	assert_true(s.backoff_s == 1 && s.max_backoff_s == 300 && s.timeout_s == 0 && s.grace_s == 10);
	assert_null(s.labels);
	assert_null(s.env);
	assert_int_equal(s.on_disconnect, SK_DISCONNECT_STOP);
	assert_true(s.resources.cpus == 0 && s.resources.memory_mb == 0 && s.resources.gpus == 0);
	assert_string_equal(s.yaml_hash, "");
	input_close(&in);
}

static void
unknown_members_are_ignored_and_null_is_absent(void **state)
{
	struct sk_spec s;
	struct sk_err err;
	struct input in;

	(void)state;
	assert_true(decode(&in,
		"{\"title\":1,\"name\":null,\"attachments\":null,\"resources\":null,\"mode\":\"Active\","
		"\"dependencies\":null,\"env\":null,\"nam\":2}",
		&s, &err));
	assert_int_equal(s.mode, SK_TASK_ACTIVE);
	assert_null(s.attachments);
	input_close(&in);
}

static void
a_wrong_type_is_refused(void **state)
{
	(void)state;
	refused("{\"x\":1,\"name\":5}", "name: expected string, got 5 (write it in quotes)");
	refused("{\"attachments\":[]}", "attachments: expected map");
	refused("{\"labels\":{\"a\":1}}", "labels: expected map of strings");
	refused("{\"env\":\"A=b\"}", "env: expected map of strings");
	refused("{\"resources\":{\"labels\":[]}}", "resources.labels: expected map of strings");
	refused("{\"graceSeconds\":-1}", "graceSeconds: must be 0 to 86400, got -1");
	refused("{\"mode\":\"active\"}",
		"mode: expected one of Active, Passive, PassiveProcess, got \"active\" (did you mean "
		"\"Active\"?)");
	refused("[]", "expected map, got a list");
}

static void
resources_are(const char *text, double cpus, int64_t memory, int64_t gpus, bool labels)
{
	struct sk_spec_resources r;
	struct input in;

	input_open(&in, sk_json_parse, text, strlen(text));
	sk_spec_resources(in.value, &r);
	assert_true(r.cpus == cpus);
	assert_int_equal(r.memory_mb, memory);
	assert_int_equal(r.gpus, gpus);
	assert_int_equal(r.labels != NULL, labels);
	input_close(&in);
}

static void
resources_alone(void **state)
{
	(void)state;
	resources_are("{}", 0, 0, 0, false);
	resources_are("{\"resources\":null}", 0, 0, 0, false);
	resources_are("{\"resources\":{\"cpus\":1.5,\"memoryMb\":64,\"gpus\":2,\"labels\":{}}}", 1.5,
		64, 2, true);
	resources_are("{\"resources\":{\"cpus\":2,\"memoryMb\":null,\"gpus\":\"x\",\"labels\":[]}}", 2,
		0, 0, false);
	resources_are("{\"resources\":{\"cpus\":-1,\"memoryMb\":1e300}}", 0, 16777216, 0, false);
}

static void
pauses_double_up_to_the_cap_and_are_spread(void **state)
{
	struct sk_spec s = { .backoff_s = 1, .max_backoff_s = 300 };

	(void)state;
	assert_int_equal(sk_spec_backoff_ms(&s, 0, 0.5), 0);
	assert_int_equal(sk_spec_backoff_ms(&s, 1, 0.5), 1000);
	assert_int_equal(sk_spec_backoff_ms(&s, 2, 0.5), 2000);
	assert_int_equal(sk_spec_backoff_ms(&s, 3, 0), 3000);
	assert_int_equal(sk_spec_backoff_ms(&s, 3, 1), 5000);
	assert_int_equal(sk_spec_backoff_ms(&s, 9, 0.5), 256000);
	assert_int_equal(sk_spec_backoff_ms(&s, 10, 0.5), 300000);
	assert_int_equal(sk_spec_backoff_ms(&s, UINT32_MAX, 0.5), 300000);
	s.backoff_s = 0;
	assert_int_equal(sk_spec_backoff_ms(&s, 50, 1), 0);
	s.backoff_s = s.max_backoff_s = SK_TEN_YEARS_S;
	assert_int_equal(sk_spec_backoff_ms(&s, 5000, 1), 394200000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_right),
		cmocka_unit_test(absent_members_have_their_defaults),
		cmocka_unit_test(unknown_members_are_ignored_and_null_is_absent),
		cmocka_unit_test(a_wrong_type_is_refused),
		cmocka_unit_test(resources_alone),
		cmocka_unit_test(pauses_double_up_to_the_cap_and_are_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
