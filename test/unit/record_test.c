/* record_test.c - a stored task: empty, copied, as JSON. */
#include "core/model/record.h"
#include "core/run/worker.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "adapters/json.h"

static struct sk_value *
parsed(struct sk_arena *a, const char *text)
{
	struct sk_problems p;
	struct sk_value *v;

	sk_problems_init(&p, a, "");
	v = sk_json_parse(text, strlen(text), a, &p);
	assert_non_null(v);
	return v;
}

static void
json_is(const struct sk_record *r, const struct sk_worker *const *workers, const char *want)
{
	struct sk_str out = SK_STR_INIT;

	sk_record_json(&out, r, workers);
	assert_string_equal(sk_str_text(&out), want);
	sk_str_release(&out);
}

static void
member_is(const struct sk_record *r, const struct sk_worker *const *workers, const char *key,
	const char *want)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_str out = SK_STR_INIT, member = SK_STR_INIT;
	const struct sk_value *v;

	sk_record_json(&out, r, workers);
	v = sk_map_get(parsed(a, sk_str_text(&out)), key);
	assert_non_null(v);
	sk_value_json(&member, v);
	assert_string_equal(sk_str_text(&member), want);
	sk_str_release(&member);
	sk_str_release(&out);
	sk_arena_free(a);
}

static void
gates_have_names(void **state)
{
	(void)state;
	assert_string_equal(sk_gate_name(SK_GATE_OPEN), "open");
	assert_string_equal(sk_gate_name(SK_GATE_TIME), "time");
	assert_string_equal(sk_gate_name(SK_GATE_DEPENDENCY), "dependency");
	assert_string_equal(sk_gate_name(SK_N_GATE), "unknown");
}

static void
an_empty_task_has_every_member(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	(void)state;
	sk_record_init(&r, a);
	json_is(&r, NULL,
		"{\"id\":\"\",\"className\":\"\",\"name\":null,\"description\":null,\"source\":null,"
		"\"mode\":\"Passive\",\"executor\":null,\"isPersistent\":true,"
		"\"lifecycleStatus\":\"Created\",\"priority\":0,\"dependencies\":null,"
		"\"createDateTime\":0,\"updateDateTime\":0,\"deadlineDateTime\":0,\"attachments\":null,"
		"\"phase\":\"Created\",\"wanted\":\"run\",\"attempt\":0,\"failures\":0,\"maxAttempts\":1,"
		"\"backoffSeconds\":1,\"maxBackoffSeconds\":300,\"nextRetry\":null,"
		"\"executorIncarnation\":null,\"startDateTime\":null,\"finishDateTime\":null,"
		"\"timeoutSeconds\":0,\"graceSeconds\":10,\"notBefore\":null,\"uniqueKey\":null,"
		"\"labels\":null,\"resources\":null,\"onDisconnect\":\"stop\",\"user\":null,\"cwd\":null,"
		"\"progress\":null,\"result\":null,\"exit\":null,\"arrayParent\":null,"
		"\"arrayIndex\":null,\"yamlHash\":null}");
	sk_arena_free(a);
}

static void
fill(struct sk_record *r, struct sk_arena *a)
{
	sk_record_init(r, a);
	r->seq = 7;
	r->id = "t\"1";
	r->class_name = "MyWorker";
	r->life = (struct sk_life){ .phase = SK_FAILED,
		.wanted = SK_WANT_RUN,
		.attempt = 3,
		.failures = 2,
		.max_attempts = 5,
		.executor = "n1",
		.incarnation = UINT64_C(1) << 63 };
	r->priority = 4;
	r->rank_ms = -5;
	r->create_ms = 1000;
	r->update_ms = 2000;
	r->start_ms = 1500;
	r->finish_ms = 1900;
	r->progress = 0.5;
	r->stage = "half";
	r->exit =
		(struct sk_exit){ true, SK_REASON_SIGNALED, .code = -1, .signal = 9, .message = "killed" };
	r->result = "a\0b\xff";
	r->result_len = 4;
	r->unique_key = "k";
	r->array_parent = "p";
	r->array_index = 0;
	r->spec = parsed(a,
		"{\"name\":\"N\",\"source\":\"CLI\",\"mode\":\"Active\",\"isPersistent\":false,"
		"\"dependencies\":[\"x\",\"y\"],\"deadlineDateTime\":99,\"attachments\":{\"b\":1,\"a\":[]},"
		"\"graceSeconds\":2.5,\"labels\":{\"k\":\"v\"},\"resources\":{\"cpus\":2},"
		"\"onDisconnect\":\"continue\",\"user\":\"u\",\"cwd\":\"/\",\"yamlHash\":\"h\","
		"\"env\":{\"PASSWORD\":\"x\"}}");
}

static const char full_json[] =
	"{\"id\":\"t\\\"1\",\"className\":\"MyWorker\",\"name\":\"N\",\"description\":null,"
	"\"source\":\"CLI\",\"mode\":\"Active\",\"executor\":\"n1\",\"isPersistent\":false,"
	"\"lifecycleStatus\":\"Failed\",\"priority\":4,\"dependencies\":[\"x\",\"y\"],"
	"\"createDateTime\":1000,\"updateDateTime\":2000,\"deadlineDateTime\":99,"
	"\"attachments\":{\"b\":1,\"a\":[]},\"phase\":\"Failed\",\"wanted\":\"run\",\"attempt\":3,"
	"\"failures\":2,\"maxAttempts\":5,\"backoffSeconds\":1,\"maxBackoffSeconds\":300,"
	"\"nextRetry\":null,\"executorIncarnation\":-9223372036854775808,\"startDateTime\":1500,"
	"\"finishDateTime\":1900,\"timeoutSeconds\":0,\"graceSeconds\":2.5,\"notBefore\":null,"
	"\"uniqueKey\":\"k\",\"labels\":{\"k\":\"v\"},\"resources\":{\"cpus\":2},"
	"\"onDisconnect\":\"continue\",\"user\":\"u\",\"cwd\":\"/\","
	"\"progress\":{\"value\":0.5,\"stage\":\"half\"},\"result\":\"a\\u0000b\xef\xbf\xbd\","
	"\"exit\":{\"reason\":\"signaled\",\"code\":-1,\"signal\":9,\"message\":\"killed\"},"
	"\"arrayParent\":\"p\",\"arrayIndex\":0,\"yamlHash\":\"h\"}";

static void
a_full_task_is_written_in_the_order_of_the_contract(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	(void)state;
	fill(&r, a);
	json_is(&r, NULL, full_json);
	sk_arena_free(a);
}

/* The original is overwritten and freed: what the copy borrowed would show. */
static void
a_copy_stands_alone(void **state)
{
	struct sk_arena *a = sk_arena_new(), *b = sk_arena_new();
	struct sk_record r, *copy;
	char result[4] = { 'a', 0, 'b', (char)0xff }, id[] = "t\"1", array[] = "1-2";

	(void)state;
	fill(&r, a);
	r.result = result;
	r.id = id;
	r.array = array;
	copy = sk_record_copy(b, &r);
	memset(result, 'x', sizeof(result));
	memset(id, 'x', 3);
	memset(array, 'x', 3);
	sk_arena_free(a);
	json_is(copy, NULL, full_json);
	assert_int_equal(copy->seq, 7);
	assert_int_equal(copy->rank_ms, -5);
	assert_string_equal(copy->array, "1-2");
	assert_int_equal(copy->result[copy->result_len], 0);
	sk_arena_free(b);
}

static void
waiting_is_for_a_time_or_for_the_next_try(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	(void)state;
	sk_record_init(&r, a);
	r.due_ms = 500;
	member_is(&r, NULL, "notBefore", "500");
	member_is(&r, NULL, "nextRetry", "null");
	r.life.attempt = 1;
	member_is(&r, NULL, "notBefore", "null");
	member_is(&r, NULL, "nextRetry", "500");
	r.life.phase = SK_RUNNING;
	member_is(&r, NULL, "nextRetry", "null");
	sk_arena_free(a);
}

struct inner {
	const char *token;
	int64_t n;
};
static const struct sk_field inner_fields[] = { SK_FIELD(struct inner, token, .secret = true,
													.doc = "d"),
	SK_FIELD(struct inner, n, .doc = "d"), SK_FIELDS_END };
struct outer {
	const char *password;
	struct inner one;
	struct sk_list many, words;
};
static const struct sk_field outer_fields[] = { SK_FIELD(struct outer, password, .key = "passWord",
													.secret = true, .doc = "d"),
	SK_FIELD(struct outer, one, .sub = inner_fields, .doc = "d"),
	SK_FIELD(struct outer, many, .item = SK_FIELD_OBJECT, .sub = inner_fields,
		.sub_size = sizeof(struct inner), .doc = "d"),
	SK_FIELD(struct outer, words, .item = SK_FIELD_STRING, .secret = true, .doc = "d"),
	SK_FIELDS_END };

static void
secrets_are_masked_at_any_depth_and_in_both_spellings(void **state)
{
	static const struct sk_worker other = { .name = "Other" },
								  secret = { .name = "Secret", .fields = outer_fields };
	static const struct sk_worker *const workers[] = { &other, &secret, NULL };
	struct sk_arena *a = sk_arena_new();
	struct sk_record r;

	(void)state;
	sk_record_init(&r, a);
	r.class_name = "Secret";
	r.spec = parsed(a,
		"{\"attachments\":{\"passWord\":\"p1\",\"password\":17,\"words\":[\"w\"],"
		"\"one\":{\"token\":\"t\",\"n\":1},\"many\":[{\"token\":\"u\"},{\"n\":2},3],"
		"\"unknown\":{\"token\":\"shown\"}}}");
	member_is(&r, workers, "attachments",
		"{\"passWord\":\"***\",\"password\":\"***\",\"words\":\"***\","
		"\"one\":{\"token\":\"***\",\"n\":1},\"many\":[{\"token\":\"***\"},{\"n\":2},3],"
		"\"unknown\":{\"token\":\"shown\"}}");
	r.spec = parsed(a, "{\"attachments\":{\"password\":null,\"one\":\"no map\"}}");
	member_is(&r, workers, "attachments", "{\"password\":null,\"one\":\"no map\"}");
	r.spec = parsed(a, "{\"attachments\":[1]}");
	member_is(&r, workers, "attachments", "[1]");
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_have_names),
		cmocka_unit_test(an_empty_task_has_every_member),
		cmocka_unit_test(a_full_task_is_written_in_the_order_of_the_contract),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(waiting_is_for_a_time_or_for_the_next_try),
		cmocka_unit_test(secrets_are_masked_at_any_depth_and_in_both_spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
