/* redis_test.c - the cache in Redis: what it writes, byte by byte; how it signs in; what it makes of
 * errors, of servers without HEXPIRE, and what the probe finds. Against servers of its own. */
#include "redis_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct redis_own own;

static struct sk_cache_redis_config
plain(void)
{
	return (struct sk_cache_redis_config){ .host = "127.0.0.1", .port = own.port };
}

static bool
has(const char *text, const char *part)
{
	return text != NULL && strstr(text, part) != NULL;
}

static int
start_server(void **state)
{
	(void)state;
	if (!redis_own_init(&own))
		return -1;
	if (getenv("SKALDS_TEST_SERVER_CERT") != NULL) {
		const char *tls[] = { "--tls-cert-file", getenv("SKALDS_TEST_SERVER_CERT"),
			"--tls-key-file", getenv("SKALDS_TEST_SERVER_KEY"), "--tls-ca-cert-file",
			getenv("SKALDS_TEST_CA"), "--tls-auth-clients", "optional" };

		own.tls_port = redis_free_port();
		memcpy(own.more, tls, sizeof(tls));
	}
	redis_own_start(&own);
	return 0;
}

static int
end_server(void **state)
{
	(void)state;
	redis_own_end(&own);
	return 0;
}

/* ---- what is written ---- */

/* The next line of MONITOR without time and address. */
static void
expect_line(redisContext *monitor, const char *expected)
{
	redisReply *r = NULL;
	const char *text;

	assert_int_equal(redisGetReply(monitor, (void **)&r), REDIS_OK);
	text = strstr(r->str, "] ");
	assert_non_null(text);
	assert_string_equal(text + 2, expected);
	freeReplyObject(r);
}

static void
it_writes_what_the_original_writes(void **state)
{
	static const char *const classes[] = { "MyWorker", "Exec" };
	redisContext *monitor = redisConnectUnix(own.socket);
	struct redis_user u;

	(void)state;
	assert_non_null(monitor);
	redis_user_open(&u, plain());
	assert_true(redis_until(&u, true, 3000));
	freeReplyObject(redisCommand(monitor, "MONITOR"));
	redis_put(&u, "skalds:s:heartbeat", "17", 8000);
	redis_put(&u, "k", "v", 1500);
	redis_put(&u, "k", "v", 0);
	redis_put(&u, "k", "v", -1);
	u.c->ops->put_field(u.c, "skalds:hash", "s", "1795240643673", 13, 3600000);
	u.c->ops->put_field(u.c, "h", "f", "v", 1, 2500);
	u.c->ops->put_field(u.c, "h", "f", "v", 1, 0);
	u.c->ops->put_list(u.c, "skalds:s:allow-task-class-name", classes, 2, 3600000);
	u.c->ops->put_list(u.c, "skalds:s:allow-task-class-name", NULL, 0, 3600000);
	u.c->ops->remove_field(u.c, "h", "f");
	redis_settle(&u);
	expect_line(monitor, "\"SET\" \"skalds:s:heartbeat\" \"17\" \"EX\" \"8\"");
	expect_line(monitor, "\"SET\" \"k\" \"v\" \"PX\" \"1500\"");
	expect_line(monitor, "\"SET\" \"k\" \"v\"");
	expect_line(monitor, "\"DEL\" \"k\"");
	expect_line(monitor, "\"HSET\" \"skalds:hash\" \"s\" \"1795240643673\"");
	expect_line(monitor, "\"HEXPIRE\" \"skalds:hash\" \"3600\" \"FIELDS\" \"1\" \"s\"");
	expect_line(monitor, "\"HSET\" \"h\" \"f\" \"v\"");
	expect_line(monitor, "\"HPEXPIRE\" \"h\" \"2500\" \"FIELDS\" \"1\" \"f\"");
	expect_line(monitor, "\"HSET\" \"h\" \"f\" \"v\"");
	expect_line(monitor, "\"MULTI\"");
	expect_line(monitor, "\"DEL\" \"skalds:s:allow-task-class-name\"");
	expect_line(monitor, "\"RPUSH\" \"skalds:s:allow-task-class-name\" \"MyWorker\" \"Exec\"");
	expect_line(monitor, "\"EXPIRE\" \"skalds:s:allow-task-class-name\" \"3600\"");
	expect_line(monitor, "\"EXEC\"");
	expect_line(monitor, "\"DEL\" \"skalds:s:allow-task-class-name\"");
	expect_line(monitor, "\"HDEL\" \"h\" \"f\"");
	assert_int_equal(redis_state(&u).errors, 0);
	assert_int_equal(redis_state(&u).dropped, 0);
	redisFree(monitor);
	redis_user_close(&u);
}

/* A lifetime is that of the server, and one that is too long for it is cut. */
static void
lifetimes_reach_the_server(void **state)
{
	struct redis_user u;

	(void)state;
	redis_user_open(&u, plain());
	redis_put(&u, "a", "1", 8000);
	redis_put(&u, "ever", "1", INT64_MAX);
	u.c->ops->put_field(u.c, "hf", "f", "v", 1, 3600000);
	u.c->ops->put_field(u.c, "hf", "g", "v", 1, INT64_MAX);
	redis_get(&u, "ever");
	assert_true(u.found);
	assert_in_range(atoi(redis_own_do(&own, "TTL a")), 6, 8);
	assert_in_range(atoi(redis_own_do(&own, "HTTL hf FIELDS 1 f")), 3590, 3600);
	assert_int_equal(redis_state(&u).errors, 0);
	redis_user_close(&u);
}

/* ---- ways in ---- */

static void
a_unix_socket_will_do(void **state)
{
	struct redis_user u;

	(void)state;
	redis_user_open(&u, (struct sk_cache_redis_config){ .host = own.socket });
	redis_put(&u, "by socket", "yes", 0);
	redis_get(&u, "by socket");
	assert_string_equal(u.value, "yes");
	assert_string_equal(redis_state(&u).where, own.socket);
	redis_user_close(&u);
	redis_user_open(&u, (struct sk_cache_redis_config){ .host = "/tmp/there/is/no/such/socket" });
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL);
	assert_true(has(redis_state(&u).last_error, "No such file"));
	redis_user_close(&u);
}

static void
the_database_is_chosen(void **state)
{
	struct sk_cache_redis_config cfg = plain();
	struct redis_user u;

	(void)state;
	cfg.db = 3;
	redis_user_open(&u, cfg);
	redis_put(&u, "in three", "yes", 0);
	redis_get(&u, "in three");
	assert_string_equal(u.value, "yes");
	assert_string_equal(redis_own_do(&own, "GET %s", "in three"), "");
	redis_user_close(&u);
	/* and nothing is put elsewhere when there is none of the number */
	cfg.db = 99;
	redis_log_begin();
	redis_user_open(&u, cfg);
	redis_put(&u, "lost", "yes", 0);
	redis_get(&u, "lost");
	assert_int_equal(u.code, SK_EUNAVAIL);
	redis_run(&u, 700);
	assert_int_equal(redis_log_count("SELECT 99: ERR DB index is out of range"), 1);
	redis_log_end();
	assert_string_equal(redis_own_do(&own, "GET lost"), "");
	assert_int_equal(redis_state(&u).dropped, 1);
	assert_false(redis_state(&u).connected);
	redis_user_close(&u);
}

static void
passwords_and_users_are_used(void **state)
{
	struct sk_cache_redis_config cfg = plain();
	struct redis_user u;

	(void)state;
	redis_own_do(&own, "ACL SETUSER worker on >wo:rd ~* +@all");
	cfg.username = "worker";
	cfg.password = "wo:rd";
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_OK);
	assert_true(has(redis_own_do(&own, "CLIENT LIST"), "name=skalds"));
	assert_true(has(redis_own_do(&own, "CLIENT LIST"), "user=worker"));
	redis_user_close(&u);

	/* a password alone is that of the default user */
	redis_own_do(&own, "CONFIG SET requirepass secret");
	cfg.username = NULL;
	cfg.password = "secret";
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_OK);
	redis_user_close(&u);
	/* the rig's own connections are not signed in: from here by the cache's */
	cfg.username = "worker";
	cfg.password = "wo:rd";
	redis_user_open(&u, cfg);
	assert_true(redis_until(&u, true, 3000));
	redis_user_close(&u);
	redis_own_kill(&own, SIGKILL);
	redis_own_start(&own);
}

/* Said once, tried again, and in as soon as it is right; the password is never told. */
static void
a_wrong_password_is_said_once_and_tried_again(void **state)
{
	struct sk_cache_redis_config cfg = plain();
	struct redis_user u;

	(void)state;
	redis_own_do(&own, "ACL SETUSER late on >right ~* +@all");
	cfg.username = "late";
	cfg.password = "swordfish";
	redis_log_begin();
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL);
	redis_run(&u, 1000);
	assert_false(redis_state(&u).connected);
	assert_true(has(redis_state(&u).last_error, "WRONGPASS"));
	assert_true(has(redis_state(&u).last_error, "REDIS_PASSWORD"));
	assert_int_equal(redis_log_count("WRONGPASS"), 1);
	assert_int_equal(redis_log_count("swordfish"), 0);
	redis_own_do(&own, "ACL SETUSER late >swordfish");
	assert_true(redis_until(&u, true, 5000));
	assert_int_equal(redis_log_count("back after"), 0); /* it was never there before */
	assert_int_equal(redis_log_count("connected, version"), 1);
	redis_user_close(&u);

	/* none is given and one is wanted */
	redis_own_do(&own, "ACL SETUSER default on >secret ~* +@all resetpass >secret");
	redis_user_open(&u, plain());
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL);
	assert_true(has(redis_state(&u).last_error, "NOAUTH"));
	redis_user_close(&u);
	redis_log_end();
	redis_own_kill(&own, SIGKILL);
	redis_own_start(&own);
}

static void
a_password_that_nobody_asks_for_does_no_harm(void **state)
{
	struct sk_cache_redis_config cfg = plain();
	struct redis_user u;

	(void)state;
	cfg.password = "needless";
	redis_log_begin();
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_OK);
	assert_int_equal(redis_log_count("given for nothing"), 1);
	assert_int_equal(redis_log_count("needless"), 0);
	redis_log_end();
	redis_user_close(&u);
}

/* ---- TLS ---- */

static struct sk_cache_redis_config
over_tls(const char *host)
{
	return (struct sk_cache_redis_config){
		.host = host, .port = own.tls_port, .tls = true, .ca_file = getenv("SKALDS_TEST_CA")
	};
}

static void
fails_by_tls(struct sk_cache_redis_config cfg, const char *why)
{
	struct redis_user u;

	redis_log_begin();
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL);
	if (!has(redis_state(&u).last_error, why)) {
		redis_log_end();
		fail_msg("\"%s\" is not in \"%s\"", why, redis_state(&u).last_error);
	}
	redis_log_end();
	redis_user_close(&u);
}

static void
tls_checks_whom_it_speaks_to(void **state)
{
	struct sk_cache_redis_config cfg;
	char large[100000];
	struct redis_user u;

	(void)state;
	if (own.tls_port == 0)
		skip();
	for (int i = 0; i < 2; i++) {
		redis_user_open(&u, over_tls(i == 0 ? "127.0.0.1" : "localhost"));
		redis_put(&u, "over tls", "yes", 0);
		redis_get(&u, "over tls");
		assert_string_equal(u.value, "yes");
		memset(large, 'x', sizeof(large));
		for (int k = 0; k < 50; k++) /* more than the kernel takes at once, many records */
			u.c->ops->put(u.c, "large", large, sizeof(large), 0);
		redis_get(&u, "large");
		assert_int_equal(u.n, sizeof(large));
		redis_user_close(&u);
	}
	cfg = over_tls("127.0.0.1");
	cfg.cert_file = getenv("SKALDS_TEST_CLIENT_CERT");
	cfg.key_file = getenv("SKALDS_TEST_CLIENT_KEY");
	redis_user_open(&u, cfg);
	redis_get(&u, "over tls");
	assert_string_equal(u.value, "yes");
	redis_user_close(&u);

	cfg = over_tls("127.0.0.1");
	cfg.ca_file = getenv("SKALDS_TEST_OTHER_CA");
	fails_by_tls(cfg, "certificate is not accepted");
	fails_by_tls(over_tls("127.0.0.2"), "certificate is not accepted"); /* a name not in it */
	cfg = over_tls("127.0.0.1");
	cfg.ca_file = NULL; /* the system's know nothing of it */
	fails_by_tls(cfg, "certificate is not accepted");
	cfg = over_tls("127.0.0.1");
	cfg.port = own.port; /* TLS to a plain port */
	fails_by_tls(cfg, "TLS");
	cfg = plain();
	cfg.port = own.tls_port; /* and the other way round */
	fails_by_tls(cfg, "REDIS_TLS");

	redis_own_kill(&own, SIGKILL);
	own.more[1] = getenv("SKALDS_TEST_EXPIRED_CERT");
	own.more[3] = getenv("SKALDS_TEST_EXPIRED_KEY");
	redis_own_start(&own);
	fails_by_tls(over_tls("127.0.0.1"), "certificate has expired");
	redis_own_kill(&own, SIGKILL);
	own.more[1] = getenv("SKALDS_TEST_SERVER_CERT");
	own.more[3] = getenv("SKALDS_TEST_SERVER_KEY");
	own.more[7] = "yes"; /* and one that wants to see a certificate */
	redis_own_start(&own);
	fails_by_tls(over_tls("127.0.0.1"), "ertificate");
	cfg = over_tls("127.0.0.1");
	cfg.cert_file = getenv("SKALDS_TEST_CLIENT_CERT");
	cfg.key_file = getenv("SKALDS_TEST_CLIENT_KEY");
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_OK);
	redis_user_close(&u);
	redis_own_kill(&own, SIGKILL);
	own.more[7] = "optional";
	redis_own_start(&own);
}

static void
a_configuration_that_cannot_work_is_refused(void **state)
{
	struct sk_err err, *e = &err;
	struct sk_loop *loop = sk_loop_new(&err);
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
#define REFUSED(part, ...) \
	do { \
		const struct sk_cache_redis_config cfg = { .loop = loop, __VA_ARGS__ }; \
\
		assert_null(sk_cache_redis_open(&cfg, e)); \
		assert_int_equal(err.code, SK_EINVAL); \
		if (!has(err.msg, part)) \
			fail_msg("%s", err.msg); \
	} while (0)
	REFUSED("107 bytes", .host = path);
	REFUSED("unix socket", .host = "/tmp/s", .tls = true);
	REFUSED("database", .db = -1);
	REFUSED("port", .port = 70000);
	REFUSED("/no/such/ca", .tls = true, .ca_file = "/no/such/ca");
	REFUSED("needs its key", .tls = true, .cert_file = "/no/such/cert");
	REFUSED("/no/such/cert", .tls = true, .cert_file = "/no/such/cert", .key_file = "/no/such/key");
#undef REFUSED
	sk_loop_free(loop);
}

/* ---- errors ---- */

static void
on_field(void *arg, enum sk_code code, const char *field, const void *value, size_t n)
{
	struct redis_user *u = arg;

	(void)value;
	(void)n;
	if (field != NULL)
		u->n++;
	else
		redis_on_value(u, code, false, NULL, u->n);
}

static size_t
count_fields(struct redis_user *u, const char *key)
{
	u->calls = 0;
	u->n = 0;
	u->c->ops->get_fields(u->c, key, on_field, u);
	for (int i = 0; i < 300 && u->calls == 0; i++)
		sk_loop_once(u->loop, 10);
	assert_int_equal(u->calls, 1);
	assert_int_equal(u->code, SK_OK);
	return u->n;
}

static void
a_server_without_hexpire_will_do(void **state)
{
	struct sk_cache_redis_config cfg = plain();
	struct redis_user u;

	(void)state;
	redis_own_do(&own, "ACL SETUSER old on nopass ~* +@all -hexpire -hpexpire");
	cfg.username = "old";
	redis_log_begin();
	redis_user_open(&u, cfg);
	for (int i = 0; i < 5; i++) {
		u.c->ops->put_field(u.c, "old:hash", "f", "v", 1, 3600000);
		redis_run(&u, 30);
	}
	assert_int_equal(count_fields(&u, "old:hash"), 1);
	assert_int_equal(redis_log_count("a field cannot be given a lifetime"), 1);
	assert_true(has(redis_state(&u).last_error, "7.4"));
	assert_false(redis_state(&u).has_hexpire);
	assert_int_equal(redis_state(&u).errors, 1);
	redis_user_close(&u);
	redis_log_end();

	redis_own_kill(&own, SIGKILL); /* and one that does not know the word */
	own.more[8] = "--rename-command";
	own.more[9] = "HEXPIRE";
	own.more[10] = "";
	if (own.tls_port == 0)
		memmove(own.more, own.more + 8, 3 * sizeof(own.more[0]));
	redis_own_start(&own);
	redis_log_begin();
	redis_user_open(&u, plain());
	u.c->ops->put_field(u.c, "h", "f", "v", 1, 3600000);
	assert_int_equal(count_fields(&u, "h"), 1);
	redis_settle(&u);
	assert_int_equal(redis_log_count("a field cannot be given a lifetime"), 1);
	assert_false(redis_state(&u).has_hexpire);
	redis_user_close(&u);
	redis_log_end();
	redis_own_kill(&own, SIGKILL);
	own.more[own.tls_port == 0 ? 0 : 8] = NULL;
	redis_own_start(&own);
}

/* Put twice, with this in the way: one line in the log, two errors, nothing else. */
static void
is_borne(struct sk_cache_redis_config cfg, const char *error, const char *advice)
{
	struct redis_user u;

	redis_log_begin();
	redis_user_open(&u, cfg);
	redis_put(&u, "task:t:heartbeat", "1", 8000);
	redis_run(&u, 50);
	redis_put(&u, "task:t:heartbeat", "2", 8000);
	redis_settle(&u);
	if (redis_log_count(error) != 1 || redis_log_count(advice) != 1) {
		redis_log_end();
		fail_msg("%s: %s", error, redis_state(&u).last_error);
	}
	redis_log_end();
	assert_true(redis_state(&u).connected);
	assert_int_equal(redis_state(&u).errors, 2);
	assert_int_equal(redis_state(&u).connects, 1);
	redis_user_close(&u);
}

static void
refusals_are_said_once_and_borne(void **state)
{
	struct sk_cache_redis_config cfg = plain();
	struct redis_user u;

	(void)state;
	redis_own_do(&own, "ACL SETUSER reader on nopass ~* +@read +ping +info");
	cfg.username = "reader";
	is_borne(cfg, "NOPERM", "ACL SETUSER");
	redis_own_do(&own, "CONFIG SET maxmemory 1");
	is_borne(plain(), "OOM", "maxmemory-policy");
	redis_own_do(&own, "CONFIG SET maxmemory 0");
	redis_own_do(&own, "REPLICAOF 127.0.0.1 1");
	is_borne(plain(), "READONLY", "replica");
	redis_own_do(&own, "REPLICAOF NO ONE");

	redis_own_do(&own, "ACL SETUSER nobody on nopass resetkeys +@all");
	cfg.username = "nobody";
	redis_log_begin();
	redis_user_open(&u, cfg);
	redis_get(&u, "k");
	assert_int_equal(u.code, SK_EUNAVAIL); /* what may not be read is not absent */
	assert_false(u.found);
	redis_user_close(&u);
	redis_log_end();
}

static void
keys_of_another_type_are_absent(void **state)
{
	struct redis_user u;

	(void)state;
	redis_own_do(&own, "SET typed:string x");
	redis_own_do(&own, "HSET typed:hash a b");
	redis_log_begin();
	redis_user_open(&u, plain());
	assert_int_equal(count_fields(&u, "typed:string"), 0);
	redis_get(&u, "typed:hash");
	assert_int_equal(u.code, SK_OK);
	assert_false(u.found);
	u.c->ops->put_field(u.c, "typed:string", "f", "v", 1, 3600000);
	redis_put(&u, "typed:hash", "now a string", 0); /* SET replaces whatever is there */
	redis_get(&u, "typed:hash");
	assert_string_equal(u.value, "now a string");
	assert_int_equal(redis_log_count("WRONGTYPE"), 1);
	assert_int_equal(redis_log_count("reading typed:string"), 1);
	assert_int_equal(redis_log_count("remove it"), 1);
	assert_string_equal(redis_own_do(&own, "GET typed:string"), "x"); /* not ours to mend */
	assert_true(redis_state(&u).connected);
	assert_true(redis_state(&u).has_hexpire);
	redis_user_close(&u);
	redis_log_end();
}

/* ---- the probe ---- */

struct found {
	struct sk_str text;
	int errors, warnings;
};

static void
on_report(void *arg, enum sk_level level, const char *sentence)
{
	struct found *f = arg;

	f->errors += level == SK_ERROR;
	f->warnings += level == SK_WARNING;
	sk_str_addf(&f->text, "%s\n", sentence);
}

static void
finds(struct sk_cache_redis_config cfg, bool well, int warnings, const char *part)
{
	struct found f = { .text = SK_STR_INIT };
	const bool is = sk_redis_probe(&cfg, 3000, on_report, &f);

	if (is != well || f.warnings != warnings || !has(f.text.p, part) || (f.errors > 0) == well)
		fail_msg("expected %s, %d warnings and \"%s\", found:\n%s", well ? "well" : "broken",
			warnings, part, sk_str_text(&f.text));
	sk_str_release(&f.text);
}

static void
the_probe_finds_what_is_wrong(void **state)
{
	struct sk_cache_redis_config cfg = plain();

	(void)state;
	redis_own_do(&own, "FLUSHALL");
	finds(plain(), true, 0, "every command that skalds uses is allowed and works");
	finds(plain(), true, 0, "no limit of memory");
	assert_string_equal(redis_own_do(&own, "DBSIZE"), "0"); /* it leaves nothing behind */
	redis_own_do(&own, "CONFIG SET maxmemory 100mb");
	finds(plain(), true, 0, "noeviction");
	redis_own_do(&own, "CONFIG SET maxmemory-policy allkeys-lru");
	finds(plain(), true, 0, "may evict keys (allkeys-lru)");
	redis_own_do(&own, "CONFIG SET maxmemory 0");
	redis_own_do(&own, "ACL SETUSER old on nopass ~* +@all -hexpire");
	cfg.username = "old";
	finds(cfg, true, 1, "a field cannot be given a lifetime");
	redis_own_do(&own, "ACL SETUSER reader on nopass ~* +@read +ping +info +time");
	cfg.username = "reader";
	finds(cfg, false, 1, "SET task:");
	/* the rights that the advice names are enough */
	redis_own_do(&own,
		"ACL SETUSER advised on nopass ~skalds* ~task:* +@read +@write +@transaction "
		"+ping +info +client|setname");
	cfg.username = "advised";
	finds(cfg, true, 0, "is allowed and works");
	cfg.username = "advised";
	cfg.password = "wrong";
	redis_own_do(&own, "ACL SETUSER advised resetpass >right");
	finds(cfg, false, 0, "WRONGPASS");
	redis_own_do(&own, "REPLICAOF 127.0.0.1 1");
	finds(plain(), false, 0, "address of its primary");
	redis_own_do(&own, "REPLICAOF NO ONE");
	cfg = plain();
	cfg.port = redis_free_port();
	finds(cfg, false, 0, "Connection refused");
	redis_own_kill(&own, SIGSTOP);
	finds(plain(), false, 0, "does not answer");
	redis_own_kill(&own, SIGCONT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_writes_what_the_original_writes),
		cmocka_unit_test(lifetimes_reach_the_server),
		cmocka_unit_test(a_unix_socket_will_do),
		cmocka_unit_test(the_database_is_chosen),
		cmocka_unit_test(passwords_and_users_are_used),
		cmocka_unit_test(a_wrong_password_is_said_once_and_tried_again),
		cmocka_unit_test(a_password_that_nobody_asks_for_does_no_harm),
		cmocka_unit_test(tls_checks_whom_it_speaks_to),
		cmocka_unit_test(a_configuration_that_cannot_work_is_refused),
		cmocka_unit_test(a_server_without_hexpire_will_do),
		cmocka_unit_test(refusals_are_said_once_and_borne),
		cmocka_unit_test(keys_of_another_type_are_absent),
		cmocka_unit_test(the_probe_finds_what_is_wrong),
	};

	signal(SIGPIPE, SIG_IGN); /* as the program does */
	if (!redis_is_there()) {
		printf("# SKIP redis: SKALDS_TEST_REDIS=HOST:PORT is not set\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, start_server, end_server);
}
