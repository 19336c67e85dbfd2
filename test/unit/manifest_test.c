/* manifest_test.c - Kubernetes objects for one task, read back by the YAML reader. */
#include "adapters/yaml.h"
#include "cmd/manifest.h"
#include "core/run/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sk_worker a_program = { .name = "Exec", .kind = SK_WORKER_PROGRAM };
static const struct sk_worker a_class = { .name = "MyWorker", .kind = SK_WORKER_COMPILED };

struct printed {
	struct sk_arena *arena;
	struct sk_str text;
	const struct sk_value *config, *work;
};

static struct sk_task_spec
task(const char *id)
{
	return (struct sk_task_spec){ .id = id,
		.class_name = "MyWorker",
		.is_persistent = true,
		.grace_s = 10,
		.retry = { .max_attempts = 1 },
		.worker = &a_class };
}

static const struct sk_value *
parse(struct printed *p, const char *text, size_t n)
{
	struct sk_problems problems;
	const struct sk_value *v;

	sk_problems_init(&problems, p->arena, "manifest");
	v = sk_yaml_parse(text, n, p->arena, &problems);
	if (problems.n_errors > 0)
		print_error("%s\n", text);
	assert_int_equal(problems.n_errors, 0);
	assert_non_null(v);
	return v;
}

static void
print_it(struct printed *p, enum sk_manifest_kind kind, const struct sk_task_spec *t,
	const char *yaml, const char *image)
{
	struct sk_err err = { SK_OK, "" };

	*p = (struct printed){ .arena = sk_arena_new() };
	assert_int_equal(sk_manifest(kind, t, yaml, image, &p->text, &err), SK_OK);
	const char *second = strstr(p->text.p, "\n---\napiVersion: ");
	assert_non_null(second);
	p->config = parse(p, p->text.p, (size_t)(second - p->text.p) + 1);
	second += strlen("\n---\n");
	p->work = parse(p, second, strlen(second));
}

static void
done(struct printed *p)
{
	sk_str_release(&p->text);
	sk_arena_free(p->arena);
}

/* The value at a path of keys and list indices, "spec/containers/0/name"; NULL: not there. */
static const struct sk_value *
at(const struct sk_value *v, const char *path)
{
	char key[64];

	while (v != NULL && *path != '\0') {
		size_t n = strcspn(path, "/");
		snprintf(key, sizeof key, "%.*s", (int)n, path);
		path += n + (path[n] == '/');
		if (v->kind == SK_LIST) {
			size_t i = strtoul(key, NULL, 10);
			v = i < v->u.list.n ? v->u.list.items[i] : NULL;
		} else {
			v = sk_map_get(v, key);
		}
	}
	return v;
}

static const char *
text_at(const struct sk_value *v, const char *path)
{
	v = at(v, path);
	assert_non_null(v);
	assert_int_equal(v->kind, SK_STRING);
	return v->u.str.s;
}

static int64_t
int_at(const struct sk_value *v, const char *path)
{
	v = at(v, path);
	assert_non_null(v);
	assert_int_equal(v->kind, SK_INT);
	return v->u.i;
}

static bool
bool_at(const struct sk_value *v, const char *path)
{
	v = at(v, path);
	assert_non_null(v);
	assert_int_equal(v->kind, SK_BOOL);
	return v->u.b;
}

#define POD "spec/template/spec/"
#define MAIN POD "containers/0/"
#define FILE_TEXT "TaskWorkers:\n  camera:\n    className: MyWorker\n"

static void
is_persistent_chooses_between_deployment_and_job(void **state)
{
	struct sk_task_spec t = task("camera");
	struct printed p;

	(void)state;
	print_it(&p, SK_MANIFEST_AUTO, &t, FILE_TEXT, "i");
	assert_string_equal(text_at(p.config, "kind"), "ConfigMap");
	assert_string_equal(text_at(p.work, "kind"), "Deployment");
	assert_string_equal(text_at(p.work, POD "restartPolicy"), "Always");
	done(&p);
	t.is_persistent = false;
	print_it(&p, SK_MANIFEST_AUTO, &t, FILE_TEXT, "i");
	assert_string_equal(text_at(p.work, "kind"), "Job");
	assert_string_equal(text_at(p.work, POD "restartPolicy"), "Never");
	done(&p);
	print_it(&p, SK_MANIFEST_DEPLOYMENT, &t, FILE_TEXT, "i");
	assert_string_equal(text_at(p.work, "kind"), "Deployment");
	done(&p);
	print_it(&p, SK_MANIFEST_CRONJOB, &t, FILE_TEXT, "i");
	assert_string_equal(text_at(p.work, "kind"), "CronJob");
	assert_int_equal(int_at(p.work, "spec/jobTemplate/spec/backoffLimit"), 0);
	assert_non_null(at(p.work, "spec/jobTemplate/spec/template/spec/containers/0/command"));
	done(&p);
}

static void
what_the_task_asks_for_is_what_the_pod_gets(void **state)
{
	struct sk_task_spec t = task("camera");
	struct printed p;

	(void)state;
	t.grace_s = 2.5;
	t.resources = (struct sk_task_resources){ .cpus = 0.25, .memory_mb = 64 };
	t.retry.max_attempts = 4;
	print_it(&p, SK_MANIFEST_JOB, &t, FILE_TEXT, "registry/skalds:1");
	assert_int_equal(int_at(p.work, POD "terminationGracePeriodSeconds"), 13);
	assert_string_equal(text_at(p.work, MAIN "resources/limits/cpu"), "250m");
	assert_string_equal(text_at(p.work, MAIN "resources/limits/memory"), "64Mi");
	assert_int_equal(int_at(p.work, "spec/backoffLimit"), 3);
	assert_string_equal(text_at(p.work, MAIN "image"), "registry/skalds:1");
	assert_string_equal(text_at(p.work, MAIN "args/3"), "camera");
	done(&p);
	t.resources = (struct sk_task_resources){ 0 };
	print_it(&p, SK_MANIFEST_JOB, &t, FILE_TEXT, NULL);
	assert_null(at(p.work, MAIN "resources"));
	assert_string_equal(text_at(p.work, MAIN "image"), "skalds:latest");
	done(&p);
}

static void
the_pod_has_no_more_rights_than_it_needs(void **state)
{
	struct sk_task_spec t = task("camera");
	struct printed p;

	(void)state;
	print_it(&p, SK_MANIFEST_AUTO, &t, FILE_TEXT, "i");
	assert_false(bool_at(p.work, POD "automountServiceAccountToken"));
	assert_true(bool_at(p.work, POD "securityContext/runAsNonRoot"));
	assert_true(bool_at(p.work, MAIN "securityContext/readOnlyRootFilesystem"));
	assert_false(bool_at(p.work, MAIN "securityContext/allowPrivilegeEscalation"));
	assert_string_equal(text_at(p.work, MAIN "securityContext/capabilities/drop/0"), "ALL");
	assert_string_equal(text_at(p.work, MAIN "livenessProbe/exec/command/0"), "/skalds");
	assert_string_equal(text_at(p.work, MAIN "livenessProbe/exec/command/2"), "live");
	assert_string_equal(text_at(p.work, MAIN "readinessProbe/exec/command/2"), "ready");
	assert_string_equal(text_at(p.work, MAIN "volumeMounts/1/mountPath"), "/run/skalds");
	assert_null(at(p.work, MAIN "volumeMounts/2"));
	done(&p);
	t.worker = &a_program;
	print_it(&p, SK_MANIFEST_AUTO, &t, FILE_TEXT, "i");
	assert_string_equal(text_at(p.work, MAIN "volumeMounts/2/mountPath"), "/tmp");
	done(&p);
}

static void
all_objects_name_each_other(void **state)
{
	struct sk_task_spec t = task("Cam 1");
	struct printed p;

	(void)state;
	print_it(&p, SK_MANIFEST_AUTO, &t, FILE_TEXT, "i");
	const char *name = text_at(p.config, "metadata/name");
	assert_string_equal(text_at(p.work, "metadata/name"), name);
	assert_string_equal(text_at(p.work, POD "volumes/0/configMap/name"), name);
	assert_string_equal(text_at(p.work, MAIN "args/3"), "Cam 1");
	const char *label = "metadata/labels";
	const struct sk_value *labels = at(at(p.work, "spec/template"), label);
	assert_true(sk_value_equal(labels, at(p.work, "spec/selector/matchLabels")));
	done(&p);
}

static void
the_file_arrives_byte_for_byte(void **state)
{
	static const char *const files[] = {
		FILE_TEXT,
		"a: b",
		"a: b\n\n\n",
		"\n\na: b\n",
		"  a: b\n",
		"\ta\n",
		"a: b\r\nc: d\r\n",
		"# comment\n---\na: b\n...\n",
		"a: \"\\\"\"\n",
		"a: \xc3\xa9 \xf0\x9f\x98\x80\n",
		"",
		"\n",
		" ",
		"\t\n",
		"a: b\n  ",
		"a \n \nb \n",
		"\xef\xbb\xbf# b\n",
		"a: \xe2\x80\xa8 b\n",
		"a: \xc2\x85 b\n",
		"a: \x7f\x01\n",
		"%YAML 1.2\n---\na: b\n",
	};
	struct sk_task_spec t = task("camera");

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct printed p;
		print_it(&p, SK_MANIFEST_AUTO, &t, files[i], "i");
		assert_string_equal(text_at(p.config, "data/all_workers.yml"), files[i]);
		done(&p);
	}
}

static void
a_changed_file_changes_the_pod(void **state)
{
	struct sk_task_spec t = task("camera");
	struct printed one, two;

	(void)state;
	print_it(&one, SK_MANIFEST_AUTO, &t, "a: 1\n", "i");
	print_it(&two, SK_MANIFEST_AUTO, &t, "a: 2\n", "i");
	assert_false(sk_value_equal(at(one.work, "spec/template/metadata/annotations"),
		at(two.work, "spec/template/metadata/annotations")));
	done(&one);
	done(&two);
}

static void
what_a_configmap_cannot_hold_is_refused(void **state)
{
	struct sk_task_spec t = task("camera");
	struct sk_str out = SK_STR_INIT, big = SK_STR_INIT;
	struct sk_err err = { SK_OK, "" };

	(void)state;
	while (big.len < 1024 * 1024)
		sk_str_adds(&big, "# a line of the file\n");
	assert_int_equal(sk_manifest(SK_MANIFEST_AUTO, &t, big.p, "i", &out, &err), SK_EINVAL);
	assert_non_null(strstr(err.msg, "a ConfigMap holds"));
	assert_int_equal(sk_manifest(SK_MANIFEST_JOB, &t, "a: \xff\n", "i", &out, &err), SK_EINVAL);
	assert_int_equal(out.len, 0);
	sk_str_release(&big);
	sk_str_release(&out);
}

/* ---- names ---- */

static void
assert_label(const char *name)
{
	size_t n = strlen(name);

	assert_true(n > 0 && n <= 52);
	assert_true(name[0] != '-' && name[n - 1] != '-');
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), n);
}

static void
simple_ids_stay_readable(void **state)
{
	char name[SK_MANIFEST_NAME_SIZE];

	(void)state;
	sk_manifest_name("TaskWorker1", name);
	assert_string_equal(name, "skalds-taskworker1");
	sk_manifest_name("a-b", name);
	assert_string_equal(name, "skalds-a-b");
}

static void
every_id_becomes_a_name_of_its_own(void **state)
{
	static const char *const ids[] = {
		"a b",
		"a_b",
		"a.b",
		"a--b",
		"a-b-",
		"a-b",
		"-a-b",
		"\xc3\xa9",
		"\xe5\xb7\xa5",
		"_",
		"a-very-long-name-of-a-task-that-does-not-fit-into-a-label-at-all-1",
		"a-very-long-name-of-a-task-that-does-not-fit-into-a-label-at-all-2",
		"a-name-of-exactly-forty-five-characters-12345",
		"a-name-of-exactly-forty-six-characters-1234567",
	};
	enum { N = sizeof ids / sizeof *ids };
	char names[N][SK_MANIFEST_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		sk_manifest_name(ids[i], names[i]);
		assert_label(names[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

static void
kinds_are_parsed_by_name(void **state)
{
	enum sk_manifest_kind kind;

	(void)state;
	assert_true(sk_manifest_kind_parse("", &kind) && kind == SK_MANIFEST_AUTO);
	assert_true(sk_manifest_kind_parse("auto", &kind) && kind == SK_MANIFEST_AUTO);
	assert_true(sk_manifest_kind_parse("deployment", &kind) && kind == SK_MANIFEST_DEPLOYMENT);
	assert_true(sk_manifest_kind_parse("Job", &kind) && kind == SK_MANIFEST_JOB);
	assert_true(sk_manifest_kind_parse("cronjob", &kind) && kind == SK_MANIFEST_CRONJOB);
	assert_false(sk_manifest_kind_parse("pod", &kind));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_persistent_chooses_between_deployment_and_job),
		cmocka_unit_test(what_the_task_asks_for_is_what_the_pod_gets),
		cmocka_unit_test(the_pod_has_no_more_rights_than_it_needs),
		cmocka_unit_test(all_objects_name_each_other),
		cmocka_unit_test(the_file_arrives_byte_for_byte),
		cmocka_unit_test(a_changed_file_changes_the_pod),
		cmocka_unit_test(what_a_configmap_cannot_hold_is_refused),
		cmocka_unit_test(simple_ids_stay_readable),
		cmocka_unit_test(every_id_becomes_a_name_of_its_own),
		cmocka_unit_test(kinds_are_parsed_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
