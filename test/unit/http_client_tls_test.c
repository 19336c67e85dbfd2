/* http_client_tls_test.c - the client over https: whom it trusts, what it shows, what it says. */
#include "http_client_rig.h"
#include "proc_rig.h"
#include "tls_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "t0ken-of-the-test"

static struct tls_id ca, server_id, anna;
static pid_t server;
static char url[64], plain_url[64];

/* Who asks is told in the answer. */
static int
judge(void *arg, const struct sk_http_head *head, struct sk_http_who *who)
{
	(void)arg;
	who->role = SK_ROLE_READ;
	who->name = head->peer[0] != '\0'						? head->peer
		: strcmp(head->authorization, "Bearer " TOKEN) == 0 ? "token"
															: "nobody";
	return 0;
}

struct plan {
	const char *client_ca;
	bool plain;
	int tell; /* a pipe: its port */
};

static int
serve(void *arg)
{
	static struct web w;
	const struct plan *plan = arg;
	const struct sk_http_tls_config cfg = { proc_path("cert.pem"), proc_path("key.pem"),
		plan->client_ca };
	struct sk_err err;

	signal(SIGPIPE, SIG_IGN);
	web_open(&w,
		(struct sk_http_server_config){ .address = "127.0.0.1:0",
			.tls = plan->plain ? NULL : sk_http_tls_open(&cfg, &err),
			.authorize = judge });
	proc_must(write(plan->tell, &w.port, sizeof(w.port)) == sizeof(w.port));
	for (;;)
		sk_host_once(w.host, 1000);
	return 0;
}

static void
start(const char *client_ca, bool plain)
{
	struct plan plan = { client_ca, plain, -1 };
	int ends[2], port = 0;

	assert_int_equal(pipe(ends), 0);
	plan.tell = ends[1];
	server = proc_fork(serve, &plan);
	assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
	close(ends[0]);
	close(ends[1]);
	snprintf(url, sizeof(url), "https://localhost:%d", port);
	snprintf(plain_url, sizeof(plain_url), "http://localhost:%d", port);
}

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	server = 0;
	ca = tls_issue(NULL, "authority");
	server_id = tls_issue(&ca, "server");
	anna = tls_issue(&ca, "anna");
	tls_id_write(&server_id, proc_path("cert.pem"), proc_path("key.pem"));
	tls_id_write(&anna, proc_path("anna.pem"), proc_path("anna.key"));
	tls_id_write(&ca, proc_path("ca.pem"), NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (server != 0)
		proc_end(server);
	tls_id_free(&ca);
	tls_id_free(&server_id);
	tls_id_free(&anna);
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	proc_scratch_remove();
	return 0;
}

static struct sk_http_client *
opened(struct sk_http_client_config cfg)
{
	struct sk_err err = { SK_OK, "" };
	struct sk_http_client *c;

	if (cfg.url == NULL)
		cfg.url = url;
	cfg.connect_ms = 5000;
	c = sk_http_client_open(&cfg, &err);
	if (c == NULL)
		fail_msg("%s", err.msg);
	return c;
}

/* Whom the server took it for. */
static void
is_taken_for(struct sk_http_client_config cfg, const char *who)
{
	struct sk_http_client *c = opened(cfg);
	struct sk_http_answer a;
	char expected[64];

	snprintf(expected, sizeof(expected), "1|%s", who);
	for (int i = 0; i < 3; i++) { /* on one connection */
		calls(c, &(struct sk_http_call){ .method = "GET", .path = "/who" }, &a);
		assert_int_equal(a.status, 200);
		assert_string_equal(a.body.p, expected);
		answer_release(&a);
	}
	sk_http_client_close(c);
}

static void
cannot(struct sk_http_client_config cfg, enum sk_code code, const char *words)
{
	struct sk_http_client *c = opened(cfg);
	const struct sk_http_call call = { .method = "GET", .path = "/who" };
	struct sk_http_answer a;
	struct sk_err err = { SK_OK, "" };
	bool sent;

	assert_int_equal(sk_http_call(c, &call, &a, &sent, &err), code);
	if (strstr(err.msg, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.msg, words);
	assert_null(strstr(err.msg, TOKEN));
	answer_release(&a);
	sk_http_client_close(c);
}

static void
it_trusts_whom_it_is_told_to(void **state)
{
	(void)state;
	start("", false);
	is_taken_for(
		(struct sk_http_client_config){ .ca_file = proc_path("ca.pem"), .token = TOKEN }, "token");
	is_taken_for((struct sk_http_client_config){ .insecure = true }, "nobody");
	cannot((struct sk_http_client_config){ .token = TOKEN }, SK_EINVAL, "is not accepted");
	cannot((struct sk_http_client_config){ .ca_file = proc_path("anna.pem") }, SK_EINVAL,
		"is not accepted");
}

static void
it_knows_the_environment(void **state)
{
	(void)state;
	start("", false);
	setenv("SSL_CERT_FILE", proc_path("ca.pem"), 1);
	is_taken_for((struct sk_http_client_config){ 0 }, "nobody");
	setenv("SSL_CERT_DIR", "/no/such/directory", 1);
	is_taken_for((struct sk_http_client_config){ 0 }, "nobody");
	unsetenv("SSL_CERT_FILE"); /* a directory alone: nothing of the system's */
	cannot((struct sk_http_client_config){ 0 }, SK_EINVAL, "is not accepted");
}

/* The name in the address must be in the certificate. */
static void
names_are_compared(void **state)
{
	char other[64];

	(void)state;
	start("", false);
	snprintf(other, sizeof(other), "https://127.0.0.2%s", strrchr(url, ':'));
	cannot((struct sk_http_client_config){ .url = other, .ca_file = proc_path("ca.pem") },
		SK_EUNAVAIL, "no connection"); /* it listens at 127.0.0.1 alone */
	snprintf(other, sizeof(other), "https://[::ffff:127.0.0.1]%s", strrchr(url, ':'));
	cannot((struct sk_http_client_config){ .url = other, .ca_file = proc_path("ca.pem") },
		SK_EINVAL, "is not accepted");
}

static void
it_shows_its_certificate(void **state)
{
	char both[300];
	FILE *f;

	(void)state;
	start(proc_path("ca.pem"), false);
	is_taken_for((struct sk_http_client_config){ .ca_file = proc_path("ca.pem"),
					 .cert_file = proc_path("anna.pem"),
					 .key_file = proc_path("anna.key") },
		"anna");
	/* both in one file */
	snprintf(both, sizeof(both), "cat %s %s >%s", proc_path("anna.pem"), proc_path("anna.key"),
		proc_path("both.pem"));
	f = popen(both, "r");
	assert_non_null(f);
	assert_int_equal(pclose(f), 0);
	is_taken_for((struct sk_http_client_config){ .ca_file = proc_path("ca.pem"),
					 .cert_file = proc_path("both.pem") },
		"anna");
	cannot((struct sk_http_client_config){ .ca_file = proc_path("ca.pem") }, SK_EINVAL,
		"wants a certificate of its clients");
	cannot((struct sk_http_client_config){ .ca_file = proc_path("ca.pem"),
			   .cert_file = proc_path("anna.pem"),
			   .key_file = proc_path("key.pem") },
		SK_EINVAL, "the client's certificate cannot be used");
}

static void
a_certificate_of_others_is_declined(void **state)
{
	struct tls_id other_ca = tls_issue(NULL, "others"), eve = tls_issue(&other_ca, "anna");

	(void)state;
	tls_id_write(&eve, proc_path("eve.pem"), proc_path("eve.key"));
	start(proc_path("ca.pem"), false);
	cannot((struct sk_http_client_config){ .ca_file = proc_path("ca.pem"),
			   .cert_file = proc_path("eve.pem"),
			   .key_file = proc_path("eve.key") },
		SK_EINVAL, "does not accept the client's certificate");
	tls_id_free(&other_ca);
	tls_id_free(&eve);
}

static void
the_wrong_scheme_is_told(void **state)
{
	struct sk_http_client *c;
	struct sk_http_answer a;

	(void)state;
	start("", false);
	c = opened((struct sk_http_client_config){ .url = plain_url });
	calls(c, &(struct sk_http_call){ .method = "GET", .path = "/who" }, &a);
	assert_int_equal(a.status, 400);
	assert_non_null(strstr(a.body.p, "https://"));
	answer_release(&a);
	sk_http_client_close(c);
	proc_end(server);
	start("", true);
	cannot((struct sk_http_client_config){ .insecure = true }, SK_EINVAL, "does not speak HTTPS");
}

static void
files_that_cannot_be_read_are_told(void **state)
{
	const struct {
		struct sk_http_client_config cfg;
		const char *words;
	} cases[] = {
		{ { .ca_file = "/no/ca.pem" }, "/no/ca.pem: No such file" },
		{ { .cert_file = "/no/cert.pem" }, "/no/cert.pem: No such file" },
		{ { .key_file = "/no/key.pem" }, "a client's key needs its certificate" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sk_http_client_config cfg = cases[i].cfg;
		struct sk_err err = { SK_OK, "" };

		cfg.url = "https://localhost:1";
		assert_null(sk_http_client_open(&cfg, &err));
		assert_int_equal(err.code, SK_EINVAL);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.msg, cases[i].words);
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_trusts_whom_it_is_told_to),
		T(it_knows_the_environment),
		T(names_are_compared),
		T(it_shows_its_certificate),
		T(a_certificate_of_others_is_declined),
		T(the_wrong_scheme_is_told),
		T(files_that_cannot_be_read_are_told),
	};
#undef T

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
