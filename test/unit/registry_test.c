/* registry_test.c - what every worker class has to keep to. */
#include "core/base/mem.h"
#include "core/model/field.h"
#include "workers/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
the_table_is_sorted_by_name_and_names_are_unique(void **state)
{
	(void)state;
	assert_non_null(sk_workers[0]);
	for (size_t i = 1; sk_workers[i] != NULL; i++)
		assert_true(strcmp(sk_workers[i - 1]->name, sk_workers[i]->name) < 0);
}

static void
every_class_of_the_product_is_there(void **state)
{
	static const char *const names[] = { "ComplexWorker", "Exec", "Fail", "MyWorker", "Noop",
		"Sleep" };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_non_null(sk_worker_find(names[i]));
	while (sk_workers[n] != NULL)
		n++;
	assert_int_equal(n, sizeof names / sizeof *names);
}

static void
a_class_is_found_by_its_exact_name_only(void **state)
{
	(void)state;
	for (size_t i = 0; sk_workers[i] != NULL; i++)
		assert_ptr_equal(sk_worker_find(sk_workers[i]->name), sk_workers[i]);
	assert_null(sk_worker_find("myworker"));
	assert_null(sk_worker_find("MyWorke"));
	assert_null(sk_worker_find("MyWorkers"));
	assert_null(sk_worker_find(""));
}

static void
a_compiled_class_has_a_main_hook_and_a_program_has_none(void **state)
{
	(void)state;
	for (size_t i = 0; sk_workers[i] != NULL; i++) {
		const struct sk_worker *w = sk_workers[i];
		assert_true(w->doc != NULL && w->doc[0] != '\0');
		assert_true(w->attachment_size > 0 || w->fields[0].kind == SK_FIELD_END);
		if (w->kind == SK_WORKER_COMPILED)
			assert_non_null(w->run);
		else
			assert_null(w->run);
	}
}

static const char *
key_of(const struct sk_field *f)
{
	return f->key != NULL ? f->key : f->name;
}

static void
check_field(const struct sk_field *f)
{
	assert_true(f->name != NULL && f->name[0] != '\0');
	assert_true(f->doc != NULL && f->doc[0] != '\0');
	assert_true(f->doc[strlen(f->doc) - 1] != '.');
	if (f->bounded)
		assert_true(f->min <= f->max);
	if (f->required)
		assert_null(f->def);
	if (f->kind == SK_FIELD_ENUM)
		assert_non_null(f->choices);
	if (f->kind == SK_FIELD_LIST)
		assert_true(f->item != SK_FIELD_END);
}

static void
check_fields(const struct sk_field *fields, size_t size)
{
	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++) {
		check_field(f);
		assert_true(f->offset < size);
		for (const struct sk_field *g = fields; g != f; g++) {
			assert_string_not_equal(key_of(f), key_of(g));
			assert_string_not_equal(f->name, key_of(g));
			assert_string_not_equal(key_of(f), g->name);
		}
		if (f->sub != NULL)
			check_fields(f->sub, f->sub_size);
	}
}

static void
every_field_is_documented_and_sound(void **state)
{
	(void)state;
	for (size_t i = 0; sk_workers[i] != NULL; i++)
		check_fields(sk_workers[i]->fields, sk_workers[i]->attachment_size);
}

/* Values for the required fields only: what is left are the defaults, which must pass their own
 * bounds. */
static struct sk_value *
required_only(struct sk_arena *a, const struct sk_field *fields)
{
	struct sk_value *map = sk_value_new(a, SK_MAP);

	for (const struct sk_field *f = fields; f->kind != SK_FIELD_END; f++) {
		if (!f->required)
			continue;
		if (f->kind == SK_FIELD_STRING)
			sk_map_set(a, map, key_of(f), sk_value_string(a, "x", 1));
		else if (f->kind == SK_FIELD_INT || f->kind == SK_FIELD_FLOAT)
			sk_map_set(a, map, key_of(f), sk_value_int(a, 1));
		else
			fail_msg("%s: a required field of this kind needs a value here", f->name);
	}
	return map;
}

static void
the_defaults_decode(void **state)
{
	(void)state;
	for (size_t i = 0; sk_workers[i] != NULL; i++) {
		const struct sk_worker *w = sk_workers[i];
		struct sk_arena *a = sk_arena_new();
		struct sk_problems p;
		void *att = sk_arena_alloc(a, w->attachment_size);
		sk_problems_init(&p, a, "");
		assert_true(sk_fields_decode(w->fields, required_only(a, w->fields), att,
			w->attachment_size, a, "attachments", false, &p));
		assert_int_equal(p.n_errors + p.n_warnings, 0);
		sk_arena_free(a);
	}
}

static void
a_missing_required_field_is_named(void **state)
{
	const struct sk_worker *w = sk_worker_find("MyWorker");
	struct sk_arena *a = sk_arena_new();
	struct sk_str text = SK_STR_INIT;
	struct sk_problems p;

	(void)state;
	sk_problems_init(&p, a, "");
	assert_false(sk_fields_decode(w->fields, NULL, sk_arena_alloc(a, w->attachment_size),
		w->attachment_size, a, "attachments", false, &p));
	sk_problems_text(&p, &text);
	assert_non_null(strstr(sk_str_text(&text), "rtspUrl"));
	assert_non_null(strstr(sk_str_text(&text), "fixFrame"));
	sk_str_release(&text);
	sk_arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sorted_by_name_and_names_are_unique),
		cmocka_unit_test(every_class_of_the_product_is_there),
		cmocka_unit_test(a_class_is_found_by_its_exact_name_only),
		cmocka_unit_test(a_compiled_class_has_a_main_hook_and_a_program_has_none),
		cmocka_unit_test(every_field_is_documented_and_sound),
		cmocka_unit_test(the_defaults_decode),
		cmocka_unit_test(a_missing_required_field_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
