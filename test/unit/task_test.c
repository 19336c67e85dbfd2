/* task_test.c - files of tasks: what is right, and every error at its exact place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/yaml.h"
#include "core/model/task.h"
#include "input_rig.h"
#include "workers/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two classes of the test's own: nothing here depends on what the product compiles in. */
struct camera {
	const char *url;
	int64_t fix_frame;
};
struct pair {
	int64_t a, b;
};

static const struct sk_field camera_fields[] = { SK_FIELD(struct camera, url, .key = "rtspUrl",
													 .required = true, .doc = "where"),
	SK_FIELD(struct camera, fix_frame, .key = "fixFrame", .required = true, .doc = "which"),
	SK_FIELDS_END };

static const struct sk_field pair_fields[] = { SK_FIELD(struct pair, a, .doc = "one"),
	SK_FIELD(struct pair, b, .doc = "other"), SK_FIELDS_END };

static enum sk_code
pair_check(const void *att, struct sk_err *err)
{
	const struct pair *p = att;

	return p->a > p->b ? sk_fail(err, SK_EINVAL, "a is larger than b") : SK_OK;
}

static const struct sk_worker camera = {
	.name = "Camera", .doc = "d", .fields = camera_fields, .attachment_size = sizeof(struct camera)
};
static const struct sk_worker pair = { .name = "Pair",
	.doc = "d",
	.fields = pair_fields,
	.attachment_size = sizeof(struct pair),
	.check = pair_check };
static const struct sk_worker *const workers[] = { &camera, &pair, NULL };

static bool
load(struct input *in, const char *text, bool lenient, struct sk_task_list *tasks)
{
	bool ok;

	input_open(in, sk_yaml_parse, text, strlen(text));
	ok = sk_task_file(in->value, workers, lenient, in->arena, tasks, &in->problems);
	assert_int_equal(ok, in->problems.n_errors == 0);
	return ok;
}

static void
wrong(const char *text, const char *problems)
{
	struct sk_task_list tasks;
	struct input in;

	load(&in, text, false, &tasks);
	input_problems_are(&in, problems);
	input_close(&in);
}

/* One task T1 of class Pair with more lines; they start in line 4, column 5. */
static void
entry(const char *lines, const char *problems)
{
	struct sk_str s = SK_STR_INIT;

	sk_str_addf(&s, "TaskWorkers:\n  T1:\n    className: Pair\n%s", lines);
	wrong(s.p, problems);
	sk_str_release(&s);
}

static void
a_task_has_defaults(void **state)
{
	struct sk_task_list tasks;
	struct input in;
	struct sk_task_spec *t;

	(void)state;
	assert_true(load(&in, "TaskWorkers:\n  T1: {className: Pair}\n", false, &tasks));
	assert_int_equal(tasks.n, 1);
	t = &tasks.items[0];
	assert_string_equal(t->id, "T1");
	assert_string_equal(t->class_name, "Pair");
	assert_ptr_equal(t->worker, &pair);
	assert_int_equal(t->attachments->kind, SK_MAP);
	assert_int_equal(t->attachments->u.map.n, 0);
	assert_true(t->is_persistent);
	assert_true(t->timeout_s == 0 && t->grace_s == 10);
	assert_int_equal(t->retry.max_attempts, 1);
	assert_true(t->retry.backoff_s == 1 && t->retry.max_backoff_s == 300);
	assert_int_equal(t->restart, SK_RESTART_NEVER);
	assert_int_equal(t->dependencies.n, 0);
	assert_int_equal(t->priority, 0);
	assert_true(t->resources.cpus == 0 && t->resources.memory_mb == 0);
	assert_int_equal(t->line * 100 + t->column, 203);
	input_close(&in);
}

static void
a_task_has_everything(void **state)
{
	struct sk_task_list tasks;
	struct input in;
	struct sk_task_spec *t;

	(void)state;
	assert_true(load(&in,
		"TaskWorkers:\n  Z: {class_name: Pair}\n  42:\n    className: Pair\n"
		"    attachments: {a: 1, b: 2}\n    isPersistent: false\n    timeoutSeconds: 315360000\n"
		"    graceSeconds: 0.5\n    retry: {maxAttempts: 3, backoffSeconds: 0, maxBackoffSeconds: "
		"9}\n"
		"    restart: never\n    dependencies: [Z]\n    priority: 10\n"
		"    resources: {cpus: 1.5, memoryMb: 64}\n",
		false, &tasks));
	assert_int_equal(tasks.n, 2);
	assert_string_equal(tasks.items[0].id, "Z");
	t = &tasks.items[1];
	assert_string_equal(t->id, "42");
	assert_int_equal(sk_map_get(t->attachments, "b")->u.i, 2);
	assert_false(t->is_persistent);
	assert_true(t->timeout_s == 315360000 && t->grace_s == 0.5);
	assert_int_equal(t->retry.max_attempts, 3);
	assert_string_equal(((const char **)t->dependencies.items)[0], "Z");
	assert_int_equal(t->priority, 10);
	assert_true(t->resources.cpus == 1.5 && t->resources.memory_mb == 64);
	input_close(&in);
}

static void
the_document_has_its_form(void **state)
{
	(void)state;
	wrong("hello\n", "f:1:1: expected map with TaskWorkers, got \"hello\"\n");
	wrong("- a\n", "f:1:1: expected map with TaskWorkers, got a list\n");
	wrong("a: 1\nb: 2\n", "f:1:1: missing key \"TaskWorkers\"\n");
	wrong("v: 1\ntaskWorker:\n  a: 1\n",
		"f:2:1: taskWorker: unknown key, did you mean \"TaskWorkers\"?\n");
	wrong("TaskWorkers:\n", "f:1:1: TaskWorkers: expected map of tasks, got nothing\n");
	wrong("TaskWorkers: 7\n", "f:1:14: TaskWorkers: expected map of tasks, got 7\n");
	wrong("x: 1\nTaskWorkers: {}\n",
		"f:1:1: warning: x: unknown top-level key, ignored\n"
		"f:2:1: warning: TaskWorkers: there is no task\n");
	wrong("TaskWorkers:\n  T1:\n  T2: x\n  T3: []\n",
		"f:2:3: TaskWorkers.T1: expected map with className, got nothing\n"
		"f:3:7: TaskWorkers.T2: expected map with className, got \"x\"\n"
		"f:4:7: TaskWorkers.T3: expected map with className, got a list\n");
}

static void
entries_are_checked(void **state)
{
	(void)state;
	wrong(
		"TaskWorkers:\n  T1: {}\n", "f:2:7: TaskWorkers.T1: missing key \"className\" (string)\n");
	wrong("TaskWorkers:\n  T1:\n    className: Piar\n",
		"f:3:16: TaskWorkers.T1.className: unknown class \"Piar\", did you mean \"Pair\"?\n");
	wrong("TaskWorkers:\n  T1:\n    className: Recorder\n",
		"f:3:16: TaskWorkers.T1.className: unknown class \"Recorder\", known are: Camera, Pair\n");
	wrong("TaskWorkers:\n  T1:\n    className: 5\n",
		"f:3:16: TaskWorkers.T1.className: expected string, got 5 (write it in quotes)\n");
	entry("    attachment: {}\n",
		"f:4:5: TaskWorkers.T1.attachment: unknown key, did you mean \"attachments\"?\n");
	entry(
		"    attachments: [1]\n", "f:4:18: TaskWorkers.T1.attachments: expected map, got a list\n");
	entry("    attachments:\n", "");
	entry("    timeoutSeconds: -1\n",
		"f:4:21: TaskWorkers.T1.timeoutSeconds: must be 0 to 315360000, got -1\n");
	entry("    timeoutSeconds: 315360001\n",
		"f:4:21: TaskWorkers.T1.timeoutSeconds: must be 0 to 315360000, got 315360001\n");
	entry("    priority: 11\n", "f:4:15: TaskWorkers.T1.priority: must be 0 to 10, got 11\n");
	entry("    restart: allways\n",
		"f:4:14: TaskWorkers.T1.restart: expected one of never, on-failure, "
		"always, got \"allways\" (did you mean \"always\"?)\n");
	entry("    isPersistent: yes\n",
		"f:4:19: TaskWorkers.T1.isPersistent: expected boolean, got \"yes\" (write true or "
		"false)\n");
	entry("    resources:\n      memoryMb: lots\n",
		"f:5:17: TaskWorkers.T1.resources.memoryMb: expected integer, got \"lots\"\n");
}

static void
retry_is_for_tasks_that_are_not_restarted(void **state)
{
	(void)state;
	entry("    restart: always\n    retry: {maxAttempts: 3}\n",
		"f:5:12: TaskWorkers.T1.retry: applies only with restart: never, but restart is always\n");
	entry("    retry:\n      maxAttempts: 1\n    restart: on-failure\n",
		"f:4:5: TaskWorkers.T1.retry: "
		"applies only with restart: never, but restart is on-failure\n");
	entry("    retry: {maxAttempts: 0}\n",
		"f:4:26: TaskWorkers.T1.retry.maxAttempts: must be 1 to 1000000, got 0\n");
	entry("    retry: {backoffSeconds: 600}\n",
		"f:4:12: TaskWorkers.T1.retry: backoffSeconds (600) is larger than maxBackoffSeconds "
		"(300)\n");
	entry("    retry: {maxAttempts: 3}\n    restart: never\n", "");
}

static void
attachments_are_checked_against_their_class(void **state)
{
	(void)state;
	wrong("TaskWorkers:\n  T1:\n    className: Camera\n    attachments:\n      rtspUrl: rtsp://x\n"
		  "      fixFrame: \"ten\"\n",
		"f:6:17: TaskWorkers.T1.attachments.fixFrame: expected integer, got \"ten\"\n");
	wrong("TaskWorkers:\n  T1:\n    className: Camera\n",
		"f:2:3: TaskWorkers.T1.attachments: missing key \"rtspUrl\" (string)\n"
		"f:2:3: TaskWorkers.T1.attachments: missing key \"fixFrame\" (integer)\n");
	wrong("TaskWorkers:\n  T1:\n    attachments:\n      url: a\n      fix_frame: 1\n      fps: 3\n"
		  "    className: Camera\n",
		"f:6:7: TaskWorkers.T1.attachments.fps: unknown key, known are: rtspUrl, fixFrame\n");
	entry("    attachments: {a: 3, b: 2}\n",
		"f:4:18: TaskWorkers.T1.attachments: a is larger than b\n");
}

static void
lenient_is_for_attachments_alone(void **state)
{
	struct sk_task_list tasks;
	struct input in;

	(void)state;
	assert_true(
		load(&in, "TaskWorkers:\n  T1: {className: Pair, attachments: {c: 1}}\n", true, &tasks));
	input_problems_are(&in,
		"f:2:39: warning: TaskWorkers.T1.attachments.c: unknown key, ignored, did you mean "
		"\"a\"?\n");
	input_close(&in);
	assert_false(load(&in, "TaskWorkers:\n  T1: {className: Pair, prio: 1}\n", true, &tasks));
	input_close(&in);
}

static void
ids_are_checked(void **state)
{
	static const char *const good[] = { "a", "T1", "a.b", "a b", "\xe5\x8f\xb0", "1", "x-", "%",
		"..." };
	static const char *const bad[] = { "", "-a", "a/b", "a*", "a?", "[a", "a]", "a:b", "a\tb",
		"a\x7f", "\xc2\x85", "\xff", ".", ".." };
	char id[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(sk_task_id_problem(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(sk_task_id_problem(bad[i]));
	memset(id, 'x', sizeof(id));
	id[255] = '\0';
	assert_null(sk_task_id_problem(id));
	id[255] = 'x';
	id[256] = '\0';
	assert_non_null(sk_task_id_problem(id));
	wrong("TaskWorkers:\n  a/b: {className: Pair}\n  '': {className: Pair}\n",
		"f:2:3: TaskWorkers.a/b: an id cannot contain any of * ? [ ] : /\n"
		"f:3:3: TaskWorkers.\"\": an id cannot be empty\n");
	wrong("TaskWorkers:\n  T1: {className: Pair}\n  T1: {className: Pair}\n",
		"f:3:3: TaskWorkers.T1: duplicate key, first given in line 2\n");
}

#define PAIR(id, deps) "  " id ": {className: Pair, dependencies: [" deps "]}\n"

static void
dependencies_exist_and_have_no_cycle(void **state)
{
	(void)state;
	wrong("TaskWorkers:\n" PAIR("A", "B") PAIR("B", "C, D") PAIR("C", "D") PAIR("D", ""), "");
	wrong("TaskWorkers:\n" PAIR("first", "frist") PAIR("second", "third"),
		"f:2:43: TaskWorkers.first.dependencies[0]: there is no task \"frist\"\n"
		"f:3:44: TaskWorkers.second.dependencies[0]: there is no task \"third\"\n");
	wrong("TaskWorkers:\n" PAIR("A1", "second") PAIR("secnod", "A1"),
		"f:2:40: TaskWorkers.A1.dependencies[0]: there is no task \"second\", did you mean "
		"\"secnod\"?\n");
	wrong("TaskWorkers:\n" PAIR("A", "A"),
		"f:2:39: TaskWorkers.A.dependencies[0]: the task depends on itself\n");
	wrong("TaskWorkers:\n" PAIR("A", "B") PAIR("B", "C") PAIR("C", "A") PAIR("D", "A"),
		"f:4:39: TaskWorkers.C.dependencies[0]: the dependencies form a cycle: A -> B -> C -> A\n");
	wrong("TaskWorkers:\n" PAIR("A", "B, B") PAIR("B", ""),
		"f:2:42: warning: TaskWorkers.A.dependencies[1]: \"B\" is named twice\n");
	wrong("TaskWorkers:\n" PAIR("A", "B") "  B: {className: Pair, restart: always}\n",
		"f:2:39: warning: TaskWorkers.A.dependencies[0]: \"B\" is restarted always and never "
		"finishes, "
		"so this task never starts\n");
	wrong("TaskWorkers:\n" PAIR("A", "1") "  1: {className: Pair}\n",
		"f:2:39: TaskWorkers.A.dependencies[0]: expected string, got 1 (write it in quotes)\n");
}

static void
long_chains_and_cycles(void **state)
{
	struct sk_str s = SK_STR_INIT;
	struct sk_task_list tasks;
	struct input in;

	(void)state;
	sk_str_adds(&s, "TaskWorkers:\n");
	for (int i = 0; i < 10000; i++)
		sk_str_addf(&s, "  t%d: {className: Pair, dependencies: [t%d]}\n", i, i + 1);
	sk_str_adds(&s, "  t10000: {className: Pair}\n");
	assert_true(load(&in, s.p, false, &tasks));
	assert_int_equal(tasks.n, 10001);
	input_close(&in);
	sk_str_adds(&s, "  u: {className: Pair, dependencies: [t0]}\n");
	sk_str_consume(&s, 0);
	s.len = (size_t)(strstr(s.p, "  t10000:") - s.p);
	sk_str_adds(&s, "  t10000: {className: Pair, dependencies: [t0]}\n");
	assert_false(load(&in, s.p, false, &tasks));
	input_problems_are(&in,
		"f:10002:44: TaskWorkers.t10000.dependencies[0]: the dependencies form a "
		"cycle: t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> t6 -> t7 -> t8 -> t9 -> t10 -> (9989 more) -> "
		"t10000 -> t0\n");
	input_close(&in);
	sk_str_release(&s);
}

static void
all_the_problems_of_a_file_come_in_one_go(void **state)
{
	(void)state;
	wrong("TaskWorkers:\n  A:\n    className: Camera\n    attachments: {rtspUrl: 1}\n    priority: "
		  "x\n"
		  "    dependencies: [Z]\n  B:\n    className: Nope\n    priority: 99\n  B:\n    x: "
		  "1\nmore: 1\n",
		"f:4:18: TaskWorkers.A.attachments: missing key \"fixFrame\" (integer)\n"
		"f:4:28: TaskWorkers.A.attachments.rtspUrl: expected string, got 1 (write it in quotes)\n"
		"f:5:15: TaskWorkers.A.priority: expected integer, got \"x\"\n"
		"f:6:20: TaskWorkers.A.dependencies[0]: there is no task \"Z\"\n"
		"f:8:16: TaskWorkers.B.className: unknown class \"Nope\", known are: Camera, Pair\n"
		"f:9:15: TaskWorkers.B.priority: must be 0 to 10, got 99\n"
		"f:10:3: TaskWorkers.B: duplicate key, first given in line 7\n"
		"f:12:1: warning: more: unknown top-level key, ignored\n");
}

/* The files of the documents that the product comes from, with the classes that are compiled in. */
static void
seed_is_right(const char *path, size_t n, const char *first)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_task_list tasks;
	struct sk_problems p;

	sk_problems_init(&p, a, path);
	assert_true(sk_task_file(sk_yaml_file(path, a, &p), sk_workers, false, a, &tasks, &p));
	assert_int_equal(p.n, 0);
	assert_int_equal(tasks.n, n);
	assert_string_equal(tasks.items[0].id, first);
	sk_arena_free(a);
}

static void
the_seeds_are_right(void **state)
{
	(void)state;
	seed_is_right("test/data/seed_edge.yml", 2, "TaskWorker1");
	seed_is_right("test/data/seed_readme.yml", 2, "TaskWorker1");
	seed_is_right("test/data/seed_configmap.yml", 1, "TaskWorker1");
	seed_is_right("workers/examples/all_workers.yml", 2, "TaskWorker1");
}

static void
the_tables_are_right(void **state)
{
	struct sk_err err = { .msg = "" };

	(void)state;
	if (sk_fields_check(sk_task_fields, &err) != SK_OK)
		fail_msg("%s", err.msg);
	for (size_t i = 0; sk_workers[i] != NULL; i++)
		if (sk_fields_check(sk_workers[i]->fields, &err) != SK_OK)
			fail_msg("%s: %s", sk_workers[i]->name, err.msg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_has_defaults),
		cmocka_unit_test(a_task_has_everything),
		cmocka_unit_test(the_document_has_its_form),
		cmocka_unit_test(entries_are_checked),
		cmocka_unit_test(retry_is_for_tasks_that_are_not_restarted),
		cmocka_unit_test(attachments_are_checked_against_their_class),
		cmocka_unit_test(lenient_is_for_attachments_alone),
		cmocka_unit_test(ids_are_checked),
		cmocka_unit_test(dependencies_exist_and_have_no_cycle),
		cmocka_unit_test(long_chains_and_cycles),
		cmocka_unit_test(all_the_problems_of_a_file_come_in_one_go),
		cmocka_unit_test(the_seeds_are_right),
		cmocka_unit_test(the_tables_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
