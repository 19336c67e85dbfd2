/* access_test.c - who may ask what over the network. */
#include "adapters/http/access.h"
#include "adapters/http/tokens.h"
#include "core/base/clock.h"
#include "proc_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define READ "read-token-0123456789"
#define WRITE "write-token-0123456789"
#define ADMIN "admin-token-0123456789"
#define ALL "r:read:" READ ",w:write:" WRITE ",a:admin:" ADMIN

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	proc_scratch_remove();
	return 0;
}

static struct sk_access *
must_open(struct sk_access_config cfg)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_access *a;

	assert_int_equal(sk_access_check(&cfg, &err), SK_OK);
	a = sk_access_open(&cfg, &err);
	if (a == NULL)
		fail_msg("%s", err.msg);
	return a;
}

static void
must_refuse(struct sk_access_config cfg, enum sk_code code, const char *words)
{
	struct sk_err err = { SK_OK, "" };

	assert_int_equal(sk_access_check(&cfg, &err), code);
	assert_null(sk_access_open(&cfg, &err));
	assert_int_equal(err.code, code);
	if (strstr(err.msg, words) == NULL)
		fail_msg("%s", err.msg);
}

static struct sk_http_head
head_of(const char *method, const char *path)
{
	return (struct sk_http_head){ .method = method,
		.path = path,
		.authorization = "",
		.origin = "",
		.peer = "",
		.host = "localhost:8000" };
}

/* What a request with this header is answered, 0 = it goes on. */
static int
asks(struct sk_access *a, const char *authorization, const char *method, const char *path,
	struct sk_http_who *who)
{
	struct sk_http_head head = head_of(method, path);

	head.authorization = authorization;
	return sk_access_authorize(a, &head, who);
}

static void
a_token_may_what_its_role_says(void **state)
{
	static const struct {
		const char *header, *method, *path;
		int status;
	} cases[] = {
		{ "Bearer " READ, "GET", "/v1/tasks", 0 },
		{ "Bearer " READ, "HEAD", "/v1/tasks", 0 },
		{ "bearer   " READ, "GET", "/v1/tasks", 0 },
		{ "Bearer " READ, "POST", "/v1/tasks", 403 },
		{ "Bearer " READ, "POST", "/v1/skalds/x/drain", 403 },
		{ "Bearer " WRITE, "POST", "/v1/tasks", 0 },
		{ "Bearer " WRITE, "DELETE", "/v1/tasks/x", 0 },
		{ "Bearer " WRITE, "POST", "/v1/skalds/x/drain", 403 },
		{ "Bearer " WRITE, "POST", "/v1/backup", 403 },
		{ "Bearer " ADMIN, "POST", "/v1/backup", 0 },
		{ "", "GET", "/v1/tasks", 401 },
		{ "", "GET", "/nowhere", 401 },
		{ "", "GET", "/livez", 0 },
		{ "", "HEAD", "/readyz", 0 },
		{ "", "GET", "/dashboard/app.js", 0 },
		{ "", "GET", "/dashboard", 0 },
		{ "", "POST", "/dashboard/app.js", 401 },
		{ "", "GET", "/dashboardx", 401 },
		{ "", "GET", "/dashboard/../v1/tasks", 0 }, /* nothing normalises paths: no task is there */
		{ "Bearer " READ "x", "GET", "/v1/tasks", 401 },
		{ "Bearer read-token-012345678", "GET", "/v1/tasks", 401 },
		{ "Bearer", "GET", "/v1/tasks", 401 },
		{ "Bearer ", "GET", "/v1/tasks", 401 },
		{ READ, "GET", "/v1/tasks", 401 },
		{ "Basic cjpyZWFk", "GET", "/v1/tasks", 401 },
		{ "Bearer wrong", "GET", "/livez", 0 },
	};
	struct sk_access *a = must_open((struct sk_access_config){ .env = ALL });

	(void)state;
	assert_false(sk_access_is_anonymous(a));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_http_who who;
		int status = asks(a, cases[i].header, cases[i].method, cases[i].path, &who);

		if (status != cases[i].status)
			fail_msg("%s %s with %s: %d", cases[i].method, cases[i].path, cases[i].header, status);
		if (status != 0) {
			assert_int_equal(who.role, SK_ROLE_NONE);
			assert_non_null(who.why);
			assert_null(strstr(who.why, "token-0123"));
		}
	}
	sk_access_close(a);
}

static void
who_asks_is_named(void **state)
{
	struct sk_access *a = must_open((struct sk_access_config){ .env = ALL });
	struct sk_http_who who;

	(void)state;
	assert_int_equal(asks(a, "Bearer " WRITE, "POST", "/v1/tasks", &who), 0);
	assert_int_equal(who.role, SK_ROLE_WRITE);
	assert_string_equal(who.name, "w");
	assert_int_equal(asks(a, "Bearer " READ, "POST", "/v1/tasks", &who), 403);
	assert_string_equal(who.why, "r has the role read, and this needs the role write");
	assert_int_equal(sk_access_refused(a, SK_REFUSED_ROLE), 1);
	sk_access_close(a);
}

static void
others_need_somebody_who_is_known(void **state)
{
	(void)state;
	must_refuse((struct sk_access_config){ .file = NULL }, SK_EINVAL, "skalds token new");
	must_refuse((struct sk_access_config){ .file = proc_path("none"), .file_optional = true },
		SK_EINVAL, "--file ");
	must_refuse((struct sk_access_config){ .file = proc_path("none"), .loopback = true }, SK_ENOENT,
		"is not there");
	must_refuse((struct sk_access_config){ .env = "a:read" }, SK_EINVAL, "SKALDS_TOKENS: token 1");
	sk_access_close(must_open((struct sk_access_config){ .certificates = true }));
	sk_access_close(must_open((struct sk_access_config){ .loopback = true }));
}

static void
a_certificate_alone_in_the_file_lets_nobody_in_without_a_ca(void **state)
{
	const char *path = proc_path("tokens");

	(void)state;
	proc_write(path, "cert:ops admin\n");
	assert_int_equal(chmod(path, 0600), 0);
	must_refuse((struct sk_access_config){ .file = path }, SK_EINVAL, "nothing says who may ask");
}

static void
without_tokens_this_machine_alone_may_ask(void **state)
{
	static const struct {
		const char *host, *origin;
		int status;
	} cases[] = {
		{ "localhost:8000", "", 0 }, { "LOCALHOST", "", 0 }, { "localhost.", "", 0 },
		{ "skalds.localhost:8000", "", 0 }, { "127.0.0.1:8000", "", 0 }, { "127.8.9.10", "", 0 },
		{ "[::1]:8000", "", 0 }, { "", "", 0 }, { "evil.example", "", 403 },
		{ "evil.example:8000", "", 403 }, { "127.0.0.1.evil.example:8000", "", 403 },
		{ "evillocalhost", "", 403 }, { "localhost.evil.example", "", 403 },
		{ "192.168.1.2:8000", "", 403 }, { "[::2]:8000", "", 403 }, { "[fe80::1]", "", 403 },
		{ "localhost:8000", "http://localhost:8000", 0 },
		{ "localhost:8000", "https://ops.example", 0 },
		{ "localhost:8000", "https://ops.example:1", 403 },
		{ "localhost:8000", "http://evil.example", 403 },
		{ "localhost:8000", "http://localhost:9000", 403 }, { "localhost:8000", "null", 403 },
		{ "localhost:8000", "http://localhost:8000.evil.example", 403 },
		{ "", "http://", 0 }, /* no browser: it has no name to be fooled by */
	};
	struct sk_access *a = must_open((struct sk_access_config){
		.loopback = true, .origins = "https://a.example, https://ops.example" });

	(void)state;
	assert_true(sk_access_is_anonymous(a));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_http_head head = head_of("POST", "/v1/tasks");
		struct sk_http_who who;

		head.host = cases[i].host;
		head.origin = cases[i].origin;
		if (sk_access_authorize(a, &head, &who) != cases[i].status)
			fail_msg("%s from %s", cases[i].host, cases[i].origin);
		assert_int_equal(who.role, cases[i].status == 0 ? SK_ROLE_ADMIN : SK_ROLE_NONE);
	}
	assert_true(sk_access_refused(a, SK_REFUSED_HOST) > 5);
	assert_true(sk_access_refused(a, SK_REFUSED_ORIGIN) > 3);
	sk_access_close(a);
}

static void
tokens_count_on_the_loopback_too(void **state)
{
	struct sk_access *a = must_open((struct sk_access_config){ .env = ALL, .loopback = true });
	struct sk_http_head head = head_of("GET", "/v1/tasks");
	struct sk_http_who who;

	(void)state;
	assert_int_equal(sk_access_authorize(a, &head, &who), 401);
	head.authorization = "Bearer " READ;
	head.host = "behind.a.proxy.example";
	assert_int_equal(sk_access_authorize(a, &head, &who), 0);
	sk_access_close(a);
}

static int
with_certificate(struct sk_access *a, const char *peer, const char *origin, const char *method,
	struct sk_http_who *who)
{
	struct sk_http_head head = head_of(method, "/v1/tasks");

	head.peer = peer;
	head.origin = origin;
	return sk_access_authorize(a, &head, who);
}

static void
a_certificate_has_the_role_of_its_line(void **state)
{
	const char *path = proc_path("tokens");
	struct sk_http_who who;
	struct sk_access *a;

	(void)state;
	proc_write(path, "cert:build host read\n");
	assert_int_equal(chmod(path, 0600), 0);
	a = must_open((struct sk_access_config){ .file = path, .certificates = true });
	assert_int_equal(with_certificate(a, "build host", "", "GET", &who), 0);
	assert_string_equal(who.name, "build host");
	assert_int_equal(with_certificate(a, "build host", "", "POST", &who), 403);
	assert_int_equal(with_certificate(a, "stranger", "", "GET", &who), 403);
	assert_int_equal(with_certificate(a, "", "", "GET", &who), 401);
	assert_int_equal(with_certificate(a, "build host", "https://evil.example", "GET", &who), 403);
	assert_int_equal(with_certificate(a, "build host", "https://localhost:8000", "GET", &who), 0);
	sk_access_close(a);
}

static void
without_lines_every_certificate_may_all(void **state)
{
	struct sk_access *a =
		must_open((struct sk_access_config){ .env = ALL, .certificates = true, .loopback = true });
	struct sk_http_head head = head_of("POST", "/v1/backup");
	struct sk_http_who who;

	(void)state;
	head.peer = "anybody";
	assert_int_equal(sk_access_authorize(a, &head, &who), 0);
	assert_int_equal(who.role, SK_ROLE_ADMIN);
	head.authorization = "Bearer " READ; /* what is said goes before what is shown */
	assert_int_equal(sk_access_authorize(a, &head, &who), 403);
	sk_access_close(a);
}

static void
a_name_is_not_believed_where_no_certificate_is_verified(void **state)
{
	struct sk_access *a = must_open((struct sk_access_config){ .env = ALL });
	struct sk_http_who who;

	(void)state;
	assert_int_equal(with_certificate(a, "anybody", "", "GET", &who), 401);
	sk_access_close(a);
}

static void
write_token(const char *path, const char *secret, int64_t expires_ms)
{
	struct sk_str line = SK_STR_INIT;

	sk_token_line(&line, "one", SK_ROLE_READ, secret, expires_ms);
	proc_write(path, line.p);
	assert_int_equal(chmod(path, 0600), 0);
	sk_str_release(&line);
}

static void
an_expired_token_is_refused(void **state)
{
	const char *path = proc_path("tokens");
	struct sk_http_who who;
	struct sk_access *a;

	(void)state;
	write_token(path, READ, (sk_wall_ms() / 1000 + 2) * 1000);
	a = must_open((struct sk_access_config){ .file = path });
	assert_int_equal(asks(a, "Bearer " READ, "GET", "/v1/tasks", &who), 0);
	sk_access_close(a);
	write_token(path, READ, (sk_wall_ms() / 1000 - 1) * 1000);
	a = must_open((struct sk_access_config){ .file = path });
	assert_int_equal(asks(a, "Bearer " READ, "GET", "/v1/tasks", &who), 401);
	assert_non_null(strstr(who.why, "one has expired"));
	assert_int_equal(sk_access_refused(a, SK_REFUSED_EXPIRED), 1);
	sk_access_close(a);
}

static void
a_reload_takes_what_is_right_and_keeps_what_was_else(void **state)
{
	const char *path = proc_path("tokens");
	struct sk_err err = { SK_OK, "" };
	struct sk_http_who who;
	struct sk_access *a;

	(void)state;
	write_token(path, READ, 0);
	a = must_open((struct sk_access_config){ .file = path, .env = "x:write:" WRITE });
	write_token(path, ADMIN, 0);
	assert_int_equal(asks(a, "Bearer " READ, "GET", "/v1/tasks", &who), 0);
	assert_int_equal(sk_access_reload(a, &err), SK_OK);
	assert_int_equal(asks(a, "Bearer " READ, "GET", "/v1/tasks", &who), 401);
	assert_int_equal(asks(a, "Bearer " ADMIN, "GET", "/v1/tasks", &who), 0);
	assert_int_equal(asks(a, "Bearer " WRITE, "GET", "/v1/tasks", &who), 0);
	proc_write(path, "broken\n");
	assert_int_equal(sk_access_reload(a, &err), SK_EINVAL);
	assert_int_equal(asks(a, "Bearer " ADMIN, "GET", "/v1/tasks", &who), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sk_access_reload(a, &err), SK_ENOENT);
	assert_int_equal(asks(a, "Bearer " ADMIN, "GET", "/v1/tasks", &who), 0);
	sk_access_close(a);
}

static void
a_file_that_appears_ends_the_free_entry_and_its_loss_does_not_bring_it_back(void **state)
{
	const char *path = proc_path("tokens");
	struct sk_err err = { SK_OK, "" };
	struct sk_http_who who;
	struct sk_access *a = must_open(
		(struct sk_access_config){ .file = path, .file_optional = true, .loopback = true });

	(void)state;
	assert_int_equal(asks(a, "", "GET", "/v1/tasks", &who), 0);
	write_token(path, READ, 0);
	assert_int_equal(sk_access_reload(a, &err), SK_OK);
	assert_int_equal(asks(a, "", "GET", "/v1/tasks", &who), 401);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sk_access_reload(a, &err), SK_ENOENT);
	assert_int_equal(asks(a, "", "GET", "/v1/tasks", &who), 401);
	proc_write(path, "# nobody\n");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(sk_access_reload(a, &err), SK_OK);
	assert_int_equal(asks(a, "", "GET", "/v1/tasks", &who), 401);
	sk_access_close(a);
}

static void
others_are_not_left_without_anybody_who_is_known(void **state)
{
	const char *path = proc_path("tokens");
	struct sk_err err = { SK_OK, "" };
	struct sk_http_who who;
	struct sk_access *a;

	(void)state;
	write_token(path, READ, 0);
	a = must_open((struct sk_access_config){ .file = path });
	proc_write(path, "# nobody\n");
	assert_int_equal(sk_access_reload(a, &err), SK_EINVAL);
	assert_int_equal(asks(a, "Bearer " READ, "GET", "/v1/tasks", &who), 0);
	sk_access_close(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_may_what_its_role_says),
		cmocka_unit_test(who_asks_is_named),
		cmocka_unit_test_setup_teardown(others_need_somebody_who_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_certificate_alone_in_the_file_lets_nobody_in_without_a_ca, setup, teardown),
		cmocka_unit_test(without_tokens_this_machine_alone_may_ask),
		cmocka_unit_test(tokens_count_on_the_loopback_too),
		cmocka_unit_test_setup_teardown(a_certificate_has_the_role_of_its_line, setup, teardown),
		cmocka_unit_test(without_lines_every_certificate_may_all),
		cmocka_unit_test(a_name_is_not_believed_where_no_certificate_is_verified),
		cmocka_unit_test_setup_teardown(an_expired_token_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_reload_takes_what_is_right_and_keeps_what_was_else, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_that_appears_ends_the_free_entry_and_its_loss_does_not_bring_it_back, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			others_are_not_left_without_anybody_who_is_known, setup, teardown),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
