/* http_tls_test.c - the server speaks HTTPS: handshakes, certificates of both sides, new files, and
 * clients that know something else. */
#include "adapters/http/tls.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "proc_rig.h"
#include "tls_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define H "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"
#define KIB ((size_t)1024)
#define READERS 1000

static struct web w;
static struct tls_id ca, server_id, other_ca;
static struct sk_http_tls *tls;
static SSL_CTX *client; /* trusts ca */
static char cert_path[300], key_path[300], ca_path[300];
static char peer[64]; /* of the last request that was judged */

static int
setup(void **state)
{
	(void)state;
	proc_scratch();
	snprintf(cert_path, sizeof(cert_path), "%s", proc_path("cert.pem"));
	snprintf(key_path, sizeof(key_path), "%s", proc_path("key.pem"));
	snprintf(ca_path, sizeof(ca_path), "%s", proc_path("ca.pem"));
	ca = tls_issue(NULL, "authority");
	other_ca = tls_issue(NULL, "another authority");
	server_id = tls_issue(&ca, "server");
	tls_id_write(&server_id, cert_path, key_path);
	tls_id_write(&ca, ca_path, NULL);
	client = tls_client(&ca, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (w.server != NULL)
		web_close(&w);
	w.server = NULL;
	sk_http_tls_close(tls);
	tls = NULL;
	SSL_CTX_free(client);
	tls_id_free(&ca);
	tls_id_free(&other_ca);
	tls_id_free(&server_id);
	proc_scratch_remove();
	return 0;
}

static int
judge(void *arg, const struct sk_http_head *head, struct sk_http_who *who)
{
	(void)arg;
	snprintf(peer, sizeof(peer), "%s", head->peer);
	who->role = SK_ROLE_WRITE;
	who->name = peer;
	return 0;
}

static void
open_with(const char *client_ca, struct sk_http_server_config cfg)
{
	struct sk_err err;

	tls = sk_http_tls_open(&(struct sk_http_tls_config){ cert_path, key_path, client_ca }, &err);
	if (tls == NULL)
		fail_msg("%s", err.msg);
	if (cfg.address == NULL)
		cfg.address = "127.0.0.1:0";
	cfg.tls = tls;
	cfg.authorize = judge;
	web_open(&w, cfg);
}

static void
open_plain(void)
{
	open_with("", (struct sk_http_server_config){ 0 });
}

static int
connected(SSL_CTX *ctx)
{
	int fd = tls_connect(&w, ctx);

	assert_int_not_equal(fd, -1);
	return fd;
}

static void
still_serves(void)
{
	int fd = connected(client);

	web_answers(&w, fd, GET("/echo"), 200);
	tls_hang_up(fd);
}

static void
all_are_gone(void)
{
	for (int i = 0; i < 1000 && sk_http_server_stats(w.server).connections > 0; i++)
		web_run(&w, 10);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
}

/* ---- what works ---- */

static void
it_speaks_https(void **state)
{
	static const unsigned char protocols[] = "\x02h2\x08http/1.1";
	SSL *ssl = SSL_new(client);
	const unsigned char *chosen;
	unsigned n;
	struct reply r;
	char buf[64];
	int fd;

	(void)state;
	open_plain();
	assert_int_equal(SSL_set_alpn_protos(ssl, protocols, sizeof(protocols) - 1), 0);
	fd = tls_connect_with(&w, web_connect(&w), ssl);
	assert_int_not_equal(fd, -1);
	SSL_get0_alpn_selected(ssl, &chosen, &n);
	assert_int_equal(n, 8);
	assert_memory_equal(chosen, "http/1.1", 8);
	assert_int_equal(SSL_version(ssl), TLS1_3_VERSION);
	web_says(&w, fd, GET("/who"));
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "2|");
	assert_string_equal(reply_header(&r, "Strict-Transport-Security", buf, sizeof(buf)), "");
	reply_release(&r);
	web_says(&w, fd, GET("/echo/1") GET("/echo/2") GET("/echo/3")); /* in one record */
	for (char i = '1'; i <= '3'; i++) {
		web_reply(&w, fd, &r, false);
		assert_int_equal(r.body.p[strlen("GET /echo/")], i);
		reply_release(&r);
	}
	web_says(&w, fd, "GET /echo HTTP/1.1\r\nConnection: close\r\n" H "\r\n");
	web_reply(&w, fd, &r, false);
	reply_release(&r);
	tls_ends(&w, fd);
	tls_hang_up(fd);
	all_are_gone();
}

/* ... but not for "localhost", where other programs may serve without. */
static void
browsers_are_told_to_stay_with_https(void **state)
{
	struct reply r;
	char buf[64];
	int fd;

	(void)state;
	open_with("", (struct sk_http_server_config){ .address = "*:0" });
	fd = connected(client);
	web_says(&w, fd, GET("/echo"));
	web_reply(&w, fd, &r, false);
	assert_string_equal(
		reply_header(&r, "Strict-Transport-Security", buf, sizeof(buf)), "max-age=31536000");
	reply_release(&r);
	tls_hang_up(fd);
}

static void
tls_1_2_is_the_oldest(void **state)
{
	SSL *ssl = SSL_new(client);
	int fd;

	(void)state;
	open_plain();
	assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_2_VERSION), 1);
	fd = tls_connect_with(&w, web_connect(&w), ssl);
	assert_int_not_equal(fd, -1);
	assert_int_equal(SSL_version(ssl), TLS1_2_VERSION);
	assert_non_null(strstr(SSL_get_cipher_name(ssl), "ECDHE"));
	web_answers(&w, fd, GET("/echo"), 200);
	tls_hang_up(fd);
	ssl = SSL_new(client);
	SSL_set_security_level(ssl, 0);
	assert_int_equal(SSL_set_min_proto_version(ssl, TLS1_1_VERSION), 1);
	assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_1_VERSION), 1);
	assert_int_equal(tls_connect_with(&w, web_connect(&w), ssl), -1);
	ssl = SSL_new(client);
	assert_int_equal(SSL_set_max_proto_version(ssl, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_set_cipher_list(ssl, "AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA"), 1);
	assert_int_equal(tls_connect_with(&w, web_connect(&w), ssl), -1);
	still_serves();
}

static void
a_client_of_h2_alone_is_refused(void **state)
{
	SSL *ssl = SSL_new(client);

	(void)state;
	open_plain();
	assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)"\x02h2", 3), 0);
	assert_int_equal(tls_connect_with(&w, web_connect(&w), ssl), -1);
	still_serves();
}

static void
large_bodies_go_both_ways(void **state)
{
	const size_t n = SK_API_MAX_BODY;
	char *body = sk_xmalloc(n), head[128];
	struct reply r;
	int fd;

	(void)state;
	open_plain();
	fd = connected(client);
	for (size_t i = 0; i < n; i++)
		body[i] = (char)(i * 7 % 251);
	snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", n);
	web_says(&w, fd, head);
	assert_true(web_send(&w, fd, body, n));
	web_reply(&w, fd, &r, false);
	snprintf(head, sizeof(head), "|%zu|%016llx\n", n, (unsigned long long)web_hash(body, n));
	assert_non_null(strstr(r.body.p, head));
	reply_release(&r);
	free(body);
	/* the server writes more than any socket takes: in parts, the client reads when it likes */
	web_says(&w, fd, GET("/size/20000000"));
	web_run(&w, 50);
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.body.len, 20000000);
	for (size_t i = 0; i < r.body.len; i++)
		if (r.body.p[i] != (char)('a' + i % 26))
			fail_msg("byte %zu is wrong", i);
	reply_release(&r);
	web_answers(&w, fd, GET("/echo"), 200);
	tls_hang_up(fd);
}

/* Every record a byte. */
static void
requests_in_very_small_records(void **state)
{
	static const char text[] = "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello";
	struct reply r;
	int fd;

	(void)state;
	open_plain();
	fd = connected(client);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		assert_true(web_send(&w, fd, text + i, 1));
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	tls_hang_up(fd);
}

static void
a_client_that_closes_its_half_gets_its_answer(void **state)
{
	struct reply r;
	int fd;

	(void)state;
	open_plain();
	fd = connected(client);
	web_says(&w, fd, GET("/later"));
	assert_int_equal(SSL_shutdown(tls_of(fd)), 0);
	web_run(&w, 20);
	web_answer(&w, "late");
	web_reply(&w, fd, &r, false);
	assert_string_equal(r.body.p, "late");
	reply_release(&r);
	tls_hang_up(fd);
	all_are_gone();
}

/* ---- clients that do something else ---- */

static void
plain_http_is_told(void **state)
{
	int fd;
	struct reply r;

	(void)state;
	open_plain();
	fd = web_connect(&w);
	web_says(&w, fd, GET("/echo"));
	web_reply(&w, fd, &r, false);
	assert_int_equal(r.status, 400);
	assert_non_null(strstr(r.body.p, "this port speaks HTTPS"));
	reply_release(&r);
	web_ends(&w, fd);
	close(fd);
	assert_int_equal(w.calls, 0);
	all_are_gone();
}

static void
garbage_after_the_first_byte(void **state)
{
	(void)state;
	open_plain();
	srand(7);
	for (int i = 0; i < 300; i++) {
		char raw[600] = "\x16\x03\x01\x02\x00\x01";
		int fd = web_connect(&w);

		for (size_t k = (size_t)rand() % 10 + 1; k < sizeof(raw); k++)
			raw[k] = (char)rand();
		web_send(&w, fd, raw, (size_t)rand() % sizeof(raw) + 1);
		sk_host_once(w.host, 0);
		close(fd);
	}
	all_are_gone();
	still_serves();
}

/* ... in the middle of a handshake, of a head, of a body, of an answer. */
static void
clients_that_go_away(void **state)
{
	static const char *const starts[] = { "", "GET /ec",
		"POST /echo HTTP/1.1\r\n" H "Content-Length: 50\r\n\r\nhello", GET("/later"),
		GET("/size/20000000"), GET("/stream") };
	int fd;

	(void)state;
	open_plain();
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		fd = connected(client);
		web_says(&w, fd, starts[i]);
		web_run(&w, 20);
		tls_hang_up(fd);
		web_run(&w, 50);
		assert_int_equal(sk_http_server_stats(w.server).connections, 0);
	}
	assert_int_equal(w.forgotten, 2);
	fd = web_connect(&w);
	assert_int_equal(send(fd, "\x16\x03\x01\x02\x00\x01", 6, 0), 6);
	web_run(&w, 20);
	close(fd);
	all_are_gone();
}

/* The deadline of a handshake is absolute, and within it a handshake may take its time. */
static void
a_slow_handshake_ends(void **state)
{
	int64_t began;
	int fds[3];
	char c;

	(void)state;
	open_with("", (struct sk_http_server_config){ .header_ms = 300 });
	began = sk_boot_ms();
	for (int i = 0; i < 3; i++)
		fds[i] = web_connect(&w);
	assert_int_equal(send(fds[1], "\x16", 1, 0), 1);
	assert_int_equal(send(fds[2], "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, 0), 11);
	while (sk_http_server_stats(w.server).connections != 0 || sk_boot_ms() - began < 100) {
		assert_true(sk_boot_ms() - began < 10000);
		send(fds[2], "x", 1, MSG_NOSIGNAL); /* it keeps busy */
		web_run(&w, 5);
	}
	assert_true(sk_boot_ms() - began >= 290);
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(recv(fds[i], &c, 1, 0), 1); /* an end or a reset, not a word */
		close(fds[i]);
	}
	still_serves();
}

static void
a_crowd_is_held_off(void **state)
{
	int fds[4], fd;

	(void)state;
	open_with("", (struct sk_http_server_config){ .max_connections = 4 });
	for (int i = 0; i < 4; i++) {
		fds[i] = connected(client);
		web_says(&w, fds[i], GET("/later"));
	}
	web_run(&w, 20);
	assert_int_equal(tls_connect(&w, client), -1);
	web_answer(&w, "x");
	tls_hang_up(fds[0]);
	web_run(&w, 20);
	fd = connected(client);
	web_answers(&w, fd, GET("/echo"), 200);
	tls_hang_up(fd);
	for (int i = 1; i < 4; i++)
		tls_hang_up(fds[i]);
}

/* ---- certificates of clients ---- */

/* In TLS 1.3 the client is done before the server has looked at its certificate. */
static void
is_refused(SSL_CTX *ctx)
{
	int fd = tls_connect(&w, ctx);
	const size_t before = w.calls;
	char c;

	if (fd == -1)
		return;
	web_send(&w, fd, GET("/echo"), strlen(GET("/echo")));
	web_run(&w, 50);
	assert_true(SSL_read(tls_of(fd), &c, 1) <= 0);
	assert_int_equal(w.calls, before);
	tls_hang_up(fd);
}

static void
clients_show_certificates(void **state)
{
	struct tls_id anna = tls_issue(&ca, "anna"), nobody = tls_issue(&ca, ""),
				  eve = tls_issue(&other_ca, "anna"), ugly = tls_issue(&ca, "a\nb");
	struct {
		const struct tls_id *id;
		const char *name; /* NULL = refused */
	} cases[] = { { &anna, "anna" }, { &nobody, "" }, { &ugly, "" }, { &eve, NULL },
		{ NULL, NULL } };

	(void)state;
	open_with(ca_path, (struct sk_http_server_config){ 0 });
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SSL_CTX *ctx = tls_client(&ca, cases[i].id);

		snprintf(peer, sizeof(peer), "unseen");
		if (cases[i].name == NULL) {
			is_refused(ctx);
			assert_string_equal(peer, "unseen");
		} else {
			int fd = connected(ctx);

			web_answers(&w, fd, GET("/echo"), 200);
			assert_string_equal(peer, cases[i].name);
			tls_hang_up(fd);
		}
		SSL_CTX_free(ctx);
	}
	tls_id_free(&anna);
	tls_id_free(&nobody);
	tls_id_free(&eve);
	tls_id_free(&ugly);
	all_are_gone();
}

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **kept = SSL_get_ex_data(ssl, 0);

	SSL_SESSION_free(*kept);
	*kept = session;
	return 1;
}

/* The name is known of a session that goes on, too. */
static void
sessions_go_on(void **state)
{
	struct tls_id anna = tls_issue(&ca, "anna");
	SSL_CTX *ctx = tls_client(&ca, &anna);
	SSL_SESSION *session = NULL;
	int fd;

	(void)state;
	open_with(ca_path, (struct sk_http_server_config){ 0 });
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	for (int i = 0; i < 3; i++) {
		SSL *ssl = SSL_new(ctx);

		assert_int_equal(SSL_set_ex_data(ssl, 0, &session), 1);
		if (session != NULL)
			assert_int_equal(SSL_set_session(ssl, session), 1);
		fd = tls_connect_with(&w, web_connect(&w), ssl);
		assert_int_not_equal(fd, -1);
		peer[0] = '\0';
		web_answers(&w, fd, GET("/echo"), 200);
		assert_string_equal(peer, "anna");
		assert_int_equal(SSL_session_reused(ssl), i > 0);
		assert_int_equal(SSL_shutdown(ssl), 0); /* a session that was cut is not used again */
		tls_hang_up(fd);
	}
	SSL_SESSION_free(session);
	SSL_CTX_free(ctx);
	tls_id_free(&anna);
}

/* ---- files ---- */

static void
cannot_open(const char *cert, const char *key, const char *authorities, const char *why)
{
	struct sk_err err = { SK_OK, "" };

	assert_null(sk_http_tls_open(&(struct sk_http_tls_config){ cert, key, authorities }, &err));
	assert_int_equal(err.code, SK_EINVAL);
	if (strstr(err.msg, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void
write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
what_is_wrong_with_the_files_is_told(void **state)
{
	struct tls_id stranger = tls_issue(&ca, "server");
	char garbage[300], other_key[300];

	(void)state;
	snprintf(garbage, sizeof(garbage), "%s", proc_path("garbage.pem"));
	snprintf(other_key, sizeof(other_key), "%s", proc_path("other.pem"));
	write_text(garbage, "this is no certificate\n");
	tls_id_write(&stranger, proc_path("stranger.pem"), other_key);
	cannot_open("", "", "", "both a certificate and its key");
	cannot_open(cert_path, "", "", "both a certificate and its key");
	cannot_open("/no/such.pem", key_path, "", "/no/such.pem: No such file");
	cannot_open(garbage, key_path, "", "garbage.pem: no start line");
	cannot_open(cert_path, "/no/key.pem", "", "/no/key.pem cannot be used");
	cannot_open(cert_path, garbage, "", "garbage.pem cannot be used");
	cannot_open(cert_path, other_key, "", "key values mismatch");
	cannot_open(cert_path, key_path, garbage, "authorities for certificates of clients");
	cannot_open(cert_path, key_path, "/no/ca.pem", "No such file");
	tls_id_free(&stranger);
}

static long
serial_at(int fd)
{
	return ASN1_INTEGER_get(X509_get_serialNumber(SSL_get0_peer_certificate(tls_of(fd))));
}

static void
new_files_are_for_new_connections(void **state)
{
	struct tls_id next = tls_issue(&ca, "server");
	struct sk_err err;
	long first;
	int old, fd;

	(void)state;
	open_plain();
	old = connected(client);
	first = serial_at(old);
	/* a pair that does not fit: all stays as it is, and why is told */
	tls_id_write(&next, cert_path, NULL);
	assert_int_equal(sk_http_tls_reload(tls, &err), SK_EINVAL);
	assert_non_null(strstr(err.msg, "cannot be used"));
	fd = connected(client);
	assert_int_equal(serial_at(fd), first);
	tls_hang_up(fd);
	/* the right one */
	tls_id_write(&next, cert_path, key_path);
	assert_int_equal(sk_http_tls_reload(tls, &err), SK_OK);
	fd = connected(client);
	assert_int_not_equal(serial_at(fd), first);
	web_answers(&w, fd, GET("/echo"), 200);
	web_answers(&w, old, GET("/echo"), 200);
	tls_hang_up(old);
	tls_hang_up(fd);
	tls_id_free(&next);
}

/* ---- streams ---- */

static void
streams_end_with_a_goodbye(void **state)
{
	struct sk_str chunk = SK_STR_INIT;
	struct reply r;
	int fd;

	(void)state;
	open_plain();
	fd = connected(client);
	web_says(&w, fd, GET("/stream"));
	web_reply(&w, fd, &r, true);
	reply_release(&r);
	assert_true(web_chunk(&w, fd, &chunk));
	assert_true(web_more(&w, 0, "more", 4));
	assert_true(web_chunk(&w, fd, &chunk));
	assert_string_equal(chunk.p, "more");
	assert_true(web_more(&w, 0, "", 0));
	assert_false(web_chunk(&w, fd, &chunk));
	tls_ends(&w, fd);
	tls_hang_up(fd);
	sk_str_release(&chunk);
	all_are_gone();
}

static void
a_slow_reader_is_cut_off(void **state)
{
	static char piece[8192];
	size_t took = 0;
	int fd;

	(void)state;
	open_plain();
	fd = connected(client);
	web_says(&w, fd, GET("/stream"));
	web_run(&w, 20);
	while (web_more(&w, 0, piece, sizeof(piece))) {
		took += sizeof(piece);
		sk_host_once(w.host, 0);
		assert_true(took < 64 * 1024 * KIB);
	}
	assert_true(took > 256 * KIB);
	all_are_gone();
	tls_hang_up(fd);
}

static void
a_thousand_readers(void **state)
{
	static int fds[READERS];
	size_t before, each;
	struct sk_str chunk = SK_STR_INIT;
	struct reply r;

	(void)state;
	web_allow_descriptors(4096);
	open_plain();
	before = web_in_use();
	for (int i = 0; i < READERS; i++) {
		fds[i] = connected(client);
		web_says(&w, fds[i], GET("/stream"));
		web_reply(&w, fds[i], &r, true);
		reply_release(&r);
		assert_true(web_chunk(&w, fds[i], &chunk));
	}
	for (size_t i = 0; i < READERS; i++)
		assert_true(web_more(&w, i, "event", 5));
	for (int i = 0; i < READERS; i++)
		assert_true(web_chunk(&w, fds[i], &chunk));
	for (int i = 0; i < READERS; i++)
		tls_hang_up(fds[i]);
	each = (web_in_use() - before) / READERS; /* the server has not noticed yet */
	print_message("# a reader: %zu bytes\n", each);
	assert_true(each < 32 * KIB);
	for (int i = 0; i < 1000 && sk_http_server_stats(w.server).connections > 0; i++)
		web_run(&w, 10);
	assert_int_equal(sk_http_server_stats(w.server).connections, 0);
	assert_int_equal(w.forgotten, READERS);
	sk_str_release(&chunk);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_speaks_https),
		T(browsers_are_told_to_stay_with_https),
		T(tls_1_2_is_the_oldest),
		T(a_client_of_h2_alone_is_refused),
		T(large_bodies_go_both_ways),
		T(requests_in_very_small_records),
		T(a_client_that_closes_its_half_gets_its_answer),
		T(plain_http_is_told),
		T(garbage_after_the_first_byte),
		T(clients_that_go_away),
		T(a_slow_handshake_ends),
		T(a_crowd_is_held_off),
		T(clients_show_certificates),
		T(sessions_go_on),
		T(what_is_wrong_with_the_files_is_told),
		T(new_files_are_for_new_connections),
		T(streams_end_with_a_goodbye),
		T(a_slow_reader_is_cut_off),
		T(a_thousand_readers),
	};
#undef T

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
