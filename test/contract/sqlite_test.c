/* sqlite_test.c - the file of the store: who may read it, what is refused, what a check finds. */
#include "sqlite_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* It is not opened, and why. */
static enum sk_code
refused(struct store_rig *g, const char *path, const char *part)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_store *s = sqlite_open(path, false, 0, g->loop, &err);

	assert_null(s);
	if (strstr(err.msg, part) == NULL || strstr(err.msg, path) == NULL)
		fail_msg("%s: the sentence is: %s", part, err.msg);
	return err.code;
}

/* ---- the file ---- */

static void
nobody_else_may_read_the_file(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	RIG(g);
	struct stat st;
	mode_t mask = umask(0);

	store_rig_reopen(g);
	store_put(g, store_task(g, "a"));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stat(sqlite_file(g, suffixes[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	umask(mask);
	store_rig_close(g);
}

static void
a_store_at_rest_is_one_file(void **state)
{
	RIG(g);

	store_put(g, store_task(g, "a"));
	assert_int_equal(access(sqlite_file(g, "-wal"), F_OK), 0);
	sk_store_close(g->store);
	assert_int_equal(access(sqlite_file(g, "-wal"), F_OK), -1);
	assert_int_equal(access(sqlite_file(g, "-shm"), F_OK), -1);
	store_rig_start(g);
	assert_non_null(store_get(g, "a"));
	store_rig_close(g);
}

static void
what_is_none_of_ours_is_refused_and_left_alone(void **state)
{
	RIG(g);
	const char *path = sk_arena_printf(g->arena, "%s/other.db", g->dir);
	struct stat before, after;
	FILE *f;

	sqlite_sql(path, "CREATE TABLE t(x); INSERT INTO t VALUES(1); PRAGMA application_id=7");
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(refused(g, path, "another program"), SK_EINVAL);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_size, after.st_size);
	sqlite_sql(path, "PRAGMA application_id=0");
	assert_int_equal(refused(g, path, "another program"), SK_EINVAL);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 10000; i++)
		fputs("no database ", f);
	fclose(f);
	assert_int_equal(refused(g, path, "not a database"), SK_EIO);
	assert_int_equal(refused(g, g->dir, ""), SK_EIO);
	assert_int_equal(
		refused(g, sk_arena_printf(g->arena, "%s/none/x.db", g->dir), "No such file"), SK_EIO);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(sqlite_file(g, ""), path), 0);
	assert_int_equal(refused(g, path, ""), SK_EIO);
	store_rig_close(g);
}

static void
a_newer_schema_is_refused(void **state)
{
	RIG(g);

	sk_store_close(g->store);
	sqlite_sql(sqlite_file(g, ""), "PRAGMA user_version=4");
	assert_int_equal(refused(g, sqlite_file(g, ""), "newer version of skalds"), SK_EINVAL);
	sqlite_sql(sqlite_file(g, ""), "PRAGMA user_version=3");
	store_rig_start(g);
	store_rig_close(g);
}

/* Version 1 had no leases of skalds, version 2 no loads. */
static void
an_older_schema_is_brought_up_to_date(void **state)
{
	RIG(g);
	struct sk_op_skald_put put = { .skald = &(struct sk_skald){
									   .id = "n1", .incarnation = 7, .host = "h", .lease_ms = 9 } };
	struct sk_op_skald_list list = { .n = 0 };

	assert_int_equal(sqlite_try(g, "a"), SK_OK);
	store_must(g, SK_OP_SKALD_PUT, &put.op);
	sk_store_close(g->store);
	sqlite_sql(sqlite_file(g, ""),
		"ALTER TABLE skald DROP COLUMN load;"
		"ALTER TABLE skald DROP COLUMN lease_ms; PRAGMA user_version=1");
	store_rig_start(g);
	assert_string_equal(store_get(g, "a")->id, "a");
	store_must(g, SK_OP_SKALD_LIST, &list.op);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.skalds[0]->host, "h");
	assert_int_equal(list.skalds[0]->lease_ms, 0);
	assert_false(list.skalds[0]->load.known);
	assert_string_equal(sqlite_problems(g), "");
	store_must(g, SK_OP_SKALD_PUT, &put.op);
	store_must(g, SK_OP_SKALD_LIST, &list.op);
	assert_int_equal(list.skalds[0]->lease_ms, 9);
	sk_store_close(g->store);
	sqlite_sql(sqlite_file(g, ""), "ALTER TABLE skald DROP COLUMN load; PRAGMA user_version=2");
	store_rig_start(g);
	put.skald = &(struct sk_skald){
		.id = "n1", .incarnation = 7, .lease_ms = 9, .load = { .known = true, .load1 = 0.5 }
	};
	store_must(g, SK_OP_SKALD_LIST, &list.op);
	assert_int_equal(list.skalds[0]->lease_ms, 9);
	assert_false(list.skalds[0]->load.known);
	store_must(g, SK_OP_SKALD_PUT, &put.op);
	store_must(g, SK_OP_SKALD_LIST, &list.op);
	assert_true(list.skalds[0]->load.known && list.skalds[0]->load.load1 == 0.5);
	store_rig_close(g);
}

static void
an_empty_file_becomes_a_store(void **state)
{
	RIG(g);
	const char *path = sk_arena_printf(g->arena, "%s/empty.db", g->dir);
	struct sk_err err;
	struct sk_store *s;

	fclose(fopen(path, "w"));
	s = sqlite_open(path, false, 0, g->loop, &err);
	assert_non_null(s);
	sk_store_close(s);
	store_rig_close(g);
}

/* In a child of its own, as nobody where we are root. */
static void
a_directory_that_cannot_be_written_is_refused(void **state)
{
	RIG(g);
	int status;
	pid_t pid;

	assert_int_equal(chmod(g->dir, 0555), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct sk_err err = { SK_OK, "" };
		char path[128];

		snprintf(path, sizeof(path), "%s/new.db", g->dir);
		if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(9);
		if (sqlite_open(path, false, 0, g->loop, &err) != NULL)
			_exit(1);
		_exit(err.code == SK_EIO && strstr(err.msg, "Permission denied") != NULL ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(g->dir, 0700), 0);
	store_rig_close(g);
}

/* ---- damage ---- */

/* One of each that a check looks at. */
static void
put_some(struct store_rig *g)
{
	struct sk_record *r = store_task(g, "done");
	struct sk_value *spec = sk_value_new(g->arena, SK_MAP);
	char text[1500];

	store_put(g, store_task(g, "a"));
	r->life.phase = SK_FINISHED;
	r->result = "r";
	r->result_len = 1;
	store_put(g, r);
	r = store_task(g, "keyed");
	r->unique_key = "k";
	store_put(g, r);
	r = store_task(g, "large");
	memset(text, 'x', sizeof(text));
	sk_map_set(g->arena, spec, "stdin", sk_value_string(g->arena, text, sizeof(text)));
	r->spec = spec;
	store_put(g, r);
}

static void
what_a_check_must_find_it_finds(void **state)
{
	static const struct {
		const char *damage, *found;
	} cases[] = {
		{ "UPDATE task SET phase=9 WHERE id='a'", "a state that is none: a" },
		{ "UPDATE task SET gate=2 WHERE id='a'", "a wrong place of the index: a" },
		{ "UPDATE task SET key=key+1 WHERE id='a'", "a wrong place of the index: a" },
		{ "UPDATE task SET key=key+1 WHERE id='done'", "a wrong place of the index: done" },
		{ "UPDATE task SET parent='p' WHERE id='a'", "an element of an array" },
		{ "UPDATE task SET spec=NULL WHERE id='a'", "a task without its spec: a" },
		{ "UPDATE task SET spec=x'07ff' WHERE id='a'", "a spec that cannot be read: a" },
		{ "UPDATE task SET spec=x'00' WHERE id='a'", "a spec that cannot be read: a" },
		{ "UPDATE spec SET data=x'01'", "a spec that cannot be read" },
		{ "DELETE FROM spec", "a task without its spec: large" },
		{ "INSERT INTO spec VALUES(4711, x'00')", "a spec without its task: 4711" },
		{ "DELETE FROM result", "a task without its result: done" },
		{ "INSERT INTO result VALUES(4711, x'00')", "a result without its task: 4711" },
		{ "INSERT INTO label VALUES('l', 4711)", "a label without its task: l" },
		{ "INSERT INTO dependency VALUES('d', 4711)", "a dependency without its task: d" },
		{ "INSERT INTO unique_key VALUES('u', 2)", "a unique key that is not its task's: u" },
		{ "DELETE FROM unique_key", "a task without its unique key: keyed" },
		{ "INSERT INTO attempt VALUES(4711,1,'',0,0,0,0,0,'',0,0,NULL)",
			"an attempt without its task: 4711" },
		/* An index with other entries than the table: a page that was lost. */
		{ "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage="
		  "(SELECT rootpage FROM sqlite_schema WHERE name='label') WHERE name='task_id'",
			"damaged" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct store_rig rig, *g = &rig;

		store_rig_open(g, &sqlite_kind);
		put_some(g);
		assert_string_equal(sqlite_problems(g), "");
		sk_store_close(g->store);
		sqlite_sql(sqlite_file(g, ""), cases[i].damage);
		store_rig_start(g);
		if (strstr(sqlite_problems(g), cases[i].found) == NULL)
			fail_msg("%s: found: %s", cases[i].damage, sqlite_problems(g));
		store_rig_close(g);
	}
}

static void
a_row_that_cannot_be_read_stands_in_nobodys_way(void **state)
{
	RIG(g);
	struct sk_op_find thin = { .limit = 9, .thin = true };

	store_put(g, store_task(g, "a"));
	store_put(g, store_task(g, "b"));
	store_put(g, store_task(g, "c"));
	sk_store_close(g->store);
	sqlite_sql(sqlite_file(g, ""), "UPDATE task SET spec=x'ffff' WHERE id='b'");
	store_rig_start(g);
	assert_null(store_get(g, "b"));
	assert_non_null(store_get(g, "a"));
	assert_string_equal(store_ids(g, &(struct sk_filter){ 0 }, SK_OLDEST_FIRST), "a c");
	store_must(g, SK_OP_FIND, &thin.op);
	assert_int_equal(thin.n, 3);
	assert_int_equal(sqlite_fatal()->calls, 0);
	store_rig_close(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_else_may_read_the_file),
		cmocka_unit_test(a_store_at_rest_is_one_file),
		cmocka_unit_test(what_is_none_of_ours_is_refused_and_left_alone),
		cmocka_unit_test(a_newer_schema_is_refused),
		cmocka_unit_test(an_older_schema_is_brought_up_to_date),
		cmocka_unit_test(an_empty_file_becomes_a_store),
		cmocka_unit_test(a_directory_that_cannot_be_written_is_refused),
		cmocka_unit_test(what_a_check_must_find_it_finds),
		cmocka_unit_test(a_row_that_cannot_be_read_stands_in_nobodys_way),
	};

	return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
