/* task_json_fuzz.c - any JSON as a task that somebody submits. What is accepted is a record that can
 * be read, written as JSON, and known again when it is sent twice. */
#include "adapters/json.h"
#include "core/control/submit.h"
#include "core/model/task.h"
#include "workers/registry.h"
#include <stdlib.h>
#include <string.h>

#define NOW 1700000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_array(const struct sk_record *r)
{
	struct sk_str rest = SK_STR_INIT;
	struct sk_err err;
	int64_t idx[16], left;
	size_t taken;

	if (r->array == NULL) {
		if (r->array_size != 0)
			abort();
		return;
	}
	if (sk_array_count(r->array, &err) != r->array_size || !sk_array_within(r->array, r->array))
		abort();
	taken = sk_array_take(r->array, 16, idx, &rest);
	left = rest.len > 0 ? sk_array_count(rest.p, &err) : 0;
	if (left + (int64_t)taken != r->array_size || !sk_array_within(sk_str_text(&rest), r->array))
		abort();
	for (size_t i = 1; i < taken; i++)
		if (idx[i] <= idx[i - 1])
			abort();
	sk_str_release(&rest);
}

static void
check_record(const struct sk_record *r, struct sk_arena *a)
{
	struct sk_str text = SK_STR_INIT;
	struct sk_problems p;
	struct sk_spec spec;
	struct sk_err err;

	if (sk_task_id_problem(r->id) != NULL || r->life.phase != SK_CREATED ||
		r->life.max_attempts < 1 || r->priority < 0 || r->priority > 10)
		abort();
	if (r->gate == SK_GATE_TIME && r->due_ms <= NOW)
		abort();
	if (!sk_spec_decode(r->spec, a, &spec, &err))
		abort();
	if (sk_spec_backoff_ms(&spec, 1000, 1) < 0 ||
		(spec.deadline_ms != 0 && spec.deadline_ms <= NOW))
		abort();
	if (!sk_submit_same(r, sk_record_copy(a, r)))
		abort();
	sk_record_json(&text, r, sk_workers);
	sk_problems_init(&p, a, "");
	if (sk_json_parse(text.p, text.len, a, &p) == NULL)
		abort();
	sk_str_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_ulid ulid = { 0 };
	const struct sk_submit_context ctx = {
		.workers = sk_workers, .now_ms = NOW, .ulid = &ulid, .source = "FUZZ"
	};
	struct sk_str text = SK_STR_INIT;
	struct sk_problems p;
	struct sk_record r;
	const struct sk_value *v;

	sk_problems_init(&p, a, "");
	v = sk_json_parse((const char *)data, n, a, &p);
	if (v != NULL && sk_submit_record(&ctx, v, a, &r, &p)) {
		check_record(&r, a);
		check_array(&r);
	} else if (p.n_errors == 0) {
		abort();
	}
	sk_problems_text(&p, &text);
	sk_str_release(&text);
	sk_arena_free(a);
	return 0;
}
