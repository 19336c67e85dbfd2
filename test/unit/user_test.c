/* user_test.c - who tasks run as and what they see: the files in /etc, users, environments. */
#include "core/run/user.h"
#include "test/unit/proc_rig.h"
#include "test/unit/warm_rig.h"

#include <stdatomic.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SOMEBODY 65534u

/* ---- the files ---- */

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
							 "# a comment\n"
							 "+nis::::::\n"
							 "short:x:5\n"
							 ":x:5:5:no name:/:/bin/sh\n"
							 "high:x:4294967295:5::/:/bin/sh\n"
							 "words:x:five:5::/:/bin/sh\n"
							 "bob:x:1000:1001:Bob,,,:/home/bob:/bin/bash\n"
							 "bob:x:2000:2000:another:/:/bin/sh\n"
							 "4711:x:815:816::/digits:/bin/sh\n"
							 "last:x:3000:3000:no newline:/last";
static const char group[] = "root:x:0:\n"
							"bob:x:1001:\n"
							"disk:x:6:alice,bob\n"
							"audio:x:29:bob\n"
							"audio2:x:29:bob\n"
							"bobs:x:30:bobby,xbob\n"
							"broken:x:word:bob\n"
							"video:x:44:alice,bob,carol\n";

static void
users_are_found_by_name_by_number_and_as_two_numbers(void **state)
{
	static const struct {
		const char *who;
		enum sk_code code;
		unsigned uid, gid;
		const char *name, *home, *groups;
	} rows[] = {
		{ "bob", SK_OK, 1000, 1001, "bob", "/home/bob", "1001 6 29 44" },
		{ "1000", SK_OK, 1000, 1001, "bob", "/home/bob", "1001 6 29 44" },
		{ "1000:7", SK_OK, 1000, 7, "bob", "/home/bob", "7 6 29 44" },
		{ "77:88", SK_OK, 77, 88, "", "", "88" },
		{ "0:0", SK_OK, 0, 0, "root", "/root", "0" },
		{ "4711", SK_OK, 815, 816, "4711", "/digits", "816" },
		{ "last", SK_OK, 3000, 3000, "last", "/last", "3000" },
		{ "root", SK_OK, 0, 0, "root", "/root", "0" },
		{ "77", SK_ENOENT, 0, 0, "", "", "" },
		{ "alice", SK_ENOENT, 0, 0, "", "", "" },
		{ "high", SK_ENOENT, 0, 0, "", "", "" },
		{ "4294967295", SK_ENOENT, 0, 0, "", "", "" },
		{ "4294967295:1", SK_ENOENT, 0, 0, "", "", "" },
		{ "1:4294967295", SK_ENOENT, 0, 0, "", "", "" },
		{ "-1:-1", SK_ENOENT, 0, 0, "", "", "" },
		{ "1:", SK_ENOENT, 0, 0, "", "", "" },
		{ ":1", SK_ENOENT, 0, 0, "", "", "" },
		{ "short", SK_ENOENT, 0, 0, "", "", "" },
		{ "words", SK_ENOENT, 0, 0, "", "", "" },
		{ "+nis", SK_ENOENT, 0, 0, "", "", "" },
		{ "# a comment", SK_ENOENT, 0, 0, "", "", "" },
		{ "bob:x", SK_ENOENT, 0, 0, "", "", "" },
	};

	(void)state;
	proc_write(proc_path("passwd"), passwd);
	proc_write(proc_path("group"), group);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sk_arena *a = sk_arena_new();
		struct sk_str groups = SK_STR_INIT;
		struct sk_err err = { SK_OK, "" };
		struct sk_user u;

		assert_int_equal(sk_user_find(rows[i].who, proc_path("%s", ""), a, &u, &err), rows[i].code);
		if (rows[i].code != SK_OK) {
			assert_non_null(strstr(err.msg, rows[i].who));
			sk_arena_free(a);
			continue;
		}
		assert_int_equal(u.uid, rows[i].uid);
		assert_int_equal(u.gid, rows[i].gid);
		assert_string_equal(u.name, rows[i].name);
		assert_string_equal(u.home, rows[i].home);
		for (size_t k = 0; k < u.n_groups; k++)
			sk_str_addf(&groups, "%s%u", k > 0 ? " " : "", (unsigned)u.groups[k]);
		assert_string_equal(sk_str_text(&groups), rows[i].groups);
		sk_str_release(&groups);
		sk_arena_free(a);
	}
}

static void
without_the_files_two_numbers_are_enough_and_a_name_is_an_error(void **state)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_err err = { SK_OK, "" };
	struct sk_user u;

	(void)state;
	assert_int_equal(sk_user_find("12:34", "/nowhere", a, &u, &err), SK_OK);
	assert_true(u.uid == 12 && u.gid == 34 && u.n_groups == 1 && u.groups[0] == 34);
	assert_int_equal(sk_user_find("bob", "/nowhere", a, &u, &err), SK_EIO);
	assert_non_null(strstr(err.msg, "/nowhere/passwd"));
	sk_arena_free(a);
}

/* ---- tasks ---- */

static void
shell(struct lk *l, uint64_t key, const char *script, struct sk_start st)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };

	st.class_name = "Exec";
	st.program = true;
	st.argv = argv;
	lk_start(l, key, 1, &st);
}

static const char *
result_of(struct lk *l, uint64_t key)
{
	const struct sk_task_report *r = &act_end(l, key)->rep;

	return sk_arena_strndup(l->arena, r->result, r->result_len);
}

static void
expect(struct lk *l, uint64_t key, const char *text)
{
	const char *got = result_of(l, key);

	if (strcmp(got, text) == 0)
		return;
	fprintf(stderr, "task %llu: \"%s\", expected \"%s\" (%s)\n", (unsigned long long)key, got, text,
		act_end(l, key)->rep.message);
	lk_must(l, false);
}

static void
as_nobody(struct lk *l, void *arg)
{
	const struct sk_start nobody = { .user = "nobody" };
	const char *home[] = { "HOME=/mine", NULL };
	char text[64];

	(void)arg;
	shell(l, 1, "echo $(id -u) $(id -g) $(id -G) $HOME $USER $LOGNAME >$SKALDS_RESULT", nobody);
	expect(l, 1, "65534 65534 65534 /nonexistent nobody nobody\n");
	shell(l, 2, "echo $(id -u) $(id -G) $HOME $USER >$SKALDS_RESULT",
		(struct sk_start){ .user = "65534:12", .env = home });
	expect(l, 2, "65534 12 /mine nobody\n");
	shell(l, 3, "echo $(id -u) $(id -G) >$SKALDS_RESULT", (struct sk_start){ .user = "4321:4322" });
	expect(l, 3, "4321 4322\n");
	/* it can open what it writes to, and read what it was given */
	shell(l, 4, "echo x >/dev/stdout && cat /dev/stdin >$SKALDS_RESULT",
		(struct sk_start){ .user = "nobody", .input = "in" });
	expect(l, 4, "in");
	/* a directory that is nobody's business */
	shell(l, 5, "exit 0", (struct sk_start){ .user = "nobody", .cwd = proc_path("closed") });
	act_ends(l, 5, SK_REASON_START_FAILED, 126);
	lk_must(l, strstr(act_end(l, 5)->rep.message, "Permission denied") != NULL);
	/* signals of root's supervisor reach it, and the whole tree goes */
	shell(l, 6, "sleep 1000 & sleep 1000", nobody);
	lk_await(l, SK_F_STARTED, 6, 1);
	lk_stop(l, 6, 1, SK_REASON_CANCELLED, 2000);
	act_ends(l, 6, SK_REASON_CANCELLED, 128 + SIGTERM);
	/* nothing written is no result */
	shell(l, 7, "exit 0", nobody);
	expect(l, 7, "");
	/* a compiled-in class; it is not run warm, then */
	act_with(l, 8, 1, "sleep 0.3", nobody);
	lk_await(l, SK_F_STARTED, 8, 1);
	snprintf(text, sizeof(text), "/proc/%d", (int)lk_find(l, SK_F_STARTED, 8, 1)->rep.pid);
	{
		struct stat st = { .st_uid = 0 };

		/* it is told of when it was forked, a moment before it becomes the other */
		for (int i = 0; i < 100 && stat(text, &st) == 0 && st.st_uid != SOMEBODY; i++)
			lk_take(l, 2);
		lk_must(l, st.st_uid == SOMEBODY && st.st_gid == SOMEBODY);
	}
	act_ends(l, 8, SK_REASON_EXITED, 0);
	shell(l, 9, "id -u >$SKALDS_RESULT", (struct sk_start){ .user = "nobody", .isolate = true });
	expect(l, 9, "65534\n");
	shell(l, 10, "id -u >$SKALDS_RESULT", (struct sk_start){ .user = "root" });
	expect(l, 10, "0\n");
}

static void
a_task_runs_as_the_user_it_names(void **state)
{
	(void)state;
	PROC_ROOT_ONLY();
	assert_int_equal(mkdir(proc_path("closed"), 0700), 0);
	warm_holds_twice(as_nobody);
	assert_int_equal(rmdir(proc_path("closed")), 0);
}

static void
failures(struct lk *l, void *arg)
{
	(void)arg;
	shell(l, 1, "exit 0", (struct sk_start){ .user = "no-such-user" });
	act_ends(l, 1, SK_REASON_START_FAILED, 126);
	lk_must(l,
		strcmp(act_end(l, 1)->rep.message, "there is no user \"no-such-user\" in /etc/passwd") ==
			0);
	act_with(l, 2, 1, "", (struct sk_start){ .user = "no-such-user" });
	act_ends(l, 2, SK_REASON_START_FAILED, 126);
	lk_must(l, atomic_load(&book->ran[2]) == 0);
	act_with(l, 3, 1, "where", (struct sk_start){ .cwd = "/usr/bin" });
	expect(l, 3, "/usr/bin");
	act_with(l, 4, 1, "where", (struct sk_start){ .cwd = "/no/such/dir" });
	act_ends(l, 4, SK_REASON_START_FAILED, 126);
	lk_must(l,
		strcmp(act_end(l, 4)->rep.message, "chdir /no/such/dir: No such file or directory") == 0);
	lk_must(l, atomic_load(&book->ran[4]) == 0);
}

static void
a_user_or_directory_that_does_not_exist_is_a_failed_start(void **state)
{
	(void)state;
	warm_holds_twice(failures);
}

static void
not_allowed(struct lk *l, void *arg)
{
	(void)arg;
	shell(l, 1, "exit 0", (struct sk_start){ .user = "root" });
	act_ends(l, 1, SK_REASON_START_FAILED, 126);
	lk_must(l,
		strcmp(act_end(l, 1)->rep.message,
			"become user root: Operation not permitted (skalds does not run as root)") == 0);
	act_with(l, 2, 1, "", (struct sk_start){ .user = "daemon" });
	act_ends(l, 2, SK_REASON_START_FAILED, 126);
	lk_must(l, strstr(act_end(l, 2)->rep.message, "become user daemon: ") != NULL);
	shell(l, 3, "exit 5", (struct sk_start){ .user = "65534:65534" }); /* who it is already */
	act_ends(l, 3, SK_REASON_EXITED, 5);
}

static void
without_root_only_oneself_is_allowed(void **state)
{
	struct sk_supervisor_config cfg = warm_config(false);
	const char *dir = "/tmp/skalds-unit-nobody";
	int code;

	(void)state;
	PROC_ROOT_ONLY();
	/* the runtime directory must be the other user's */
	assert_true(mkdir(dir, 0700) == 0 && chown(dir, SOMEBODY, SOMEBODY) == 0);
	setenv("SKALDS_RUN_DIR", dir, 1);
	memset((void *)book, 0, sizeof(*book));
	code = lk_run_as(SOMEBODY, &cfg, not_allowed, NULL);
	if (code != 0)
		fprintf(stderr, "%s", lk_stderr());
	warm_run_dir();
	assert_int_equal(code, 0);
	assert_int_equal(rmdir(dir), 0);
}

/* ---- the environment ---- */

static void
environment(struct lk *l, void *arg)
{
	const char *own[] = { "SKALDS_TASK_INDEX=7", "CUDA_VISIBLE_DEVICES=1,3", "LANG=de", NULL };

	(void)arg;
	shell(l, 1, "env | sed 's/^\\(SKALDS_R[A-Z]*\\)=.*/\\1/' | sort | tr '\\n' ' ' >$SKALDS_RESULT",
		(struct sk_start){ .env = own });
	expect(l, 1,
		"CUDA_VISIBLE_DEVICES=1,3 HOME=/h LANG=de PATH=/usr/bin:/bin PWD=/ SKALDS_ATTEMPT=1 "
		"SKALDS_RESULT SKALDS_RUN SKALDS_TASK_ID=t1 SKALDS_TASK_INDEX=7 TZ=UTC ");
}

static void
a_clean_environment_has_four_of_ours_the_tasks_own_and_the_marks(void **state)
{
	static const char *const env[] = { "PATH=/usr/bin:/bin", "HOME=/h", "LANG=C", "TZ=UTC",
		"MONGO_HOST=secret", "PATHS=no", "LC_ALL=C", "A=b", NULL };
	struct sk_supervisor_config cfg = warm_config(false);

	(void)state;
	assert_int_equal(chdir("/"), 0); /* sh sets PWD */
	cfg.env = env;
	cfg.clean_env = true;
	warm_holds(cfg, environment);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_found_by_name_by_number_and_as_two_numbers),
		cmocka_unit_test(without_the_files_two_numbers_are_enough_and_a_name_is_an_error),
		cmocka_unit_test(a_task_runs_as_the_user_it_names),
		cmocka_unit_test(a_user_or_directory_that_does_not_exist_is_a_failed_start),
		cmocka_unit_test(without_root_only_oneself_is_allowed),
		cmocka_unit_test(a_clean_environment_has_four_of_ours_the_tasks_own_and_the_marks),
	};

	return cmocka_run_group_tests(tests, warm_set_up, warm_tear_down);
}
