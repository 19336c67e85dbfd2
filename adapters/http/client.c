#include "adapters/http/client.h"
#include "adapters/http/sockaddr.h"
#include "adapters/http/trust.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define CONNECT_MS 5000
#define CALL_MS 60000
#define CROWDED_PAUSE_NS 5000000L
#define MAX_ANSWER ((size_t)256 << 20)
#define MAX_HEADERS ((size_t)64 << 10)

struct sk_http_client {
	CURL *curl;
	struct curl_slist *headers; /* of the call under way */
	struct sk_str url; /* likewise */
	char *base, *name, *authorization; /* name: of the other side, for sentences */
	struct sk_http_trust trust; /* https */
	bool is_socket;
	struct sk_sockaddr addr; /* of a unix socket */
	int64_t connect_ms, call_ms;
	/* The call under way. */
	const struct sk_http_call *call;
	struct sk_http_answer *answer;
	bool head_sent, too_large, kept_from_repeating;
	size_t body_sent;
	long os_errno; /* why there is no connection */
	char why[CURL_ERROR_SIZE];
};

/* ---- what libcurl asks of us ---- */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct sk_http_client *c = arg;

	if (c->answer->body.len + size * n > MAX_ANSWER) {
		c->too_large = true;
		return 0;
	}
	sk_str_add(&c->answer->body, p, size * n);
	return size * n;
}

/* One line at a time; those of an interim answer (100) are dropped with the next status line. */
static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct sk_http_client *c = arg;
	struct sk_str *headers = &c->answer->headers;
	size_t len = size * n;

	while (len > 0 && (p[len - 1] == '\r' || p[len - 1] == '\n'))
		len--;
	if (headers->len + len > MAX_HEADERS) {
		c->too_large = true;
		return 0;
	}
	if (len >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		sk_str_clear(headers);
	} else if (len > 0) {
		sk_str_add(headers, p, len);
		sk_str_addc(headers, '\n');
	}
	return size * n;
}

/* What has really gone out. */
static int
on_debug(CURL *curl, curl_infotype type, char *p, size_t n, void *arg)
{
	struct sk_http_client *c = arg;

	(void)curl;
	(void)p;
	if (type == CURLINFO_HEADER_OUT)
		c->head_sent = true;
	else if (type == CURLINFO_DATA_OUT)
		c->body_sent += n;
	return 0;
}

static bool
is_safe(const struct sk_http_call *call)
{
	return strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

/* libcurl sends a request again on a new connection when a kept one breaks: it must not when the
 * request may have been carried out. */
static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct sk_http_client *c = arg;

	(void)purpose;
	if (!c->head_sent || is_safe(c->call))
		return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	c->kept_from_repeating = true;
	return CURL_SOCKET_BAD;
}

/* ---- opening ---- */

/* "https://user:secret@host/?token=secret" -> "https://host/": what may stand in a sentence. */
static char *
name_of(const char *url)
{
	const char *host = strstr(url, "://") + 3, *at = strrchr(host, '@');
	const char *from = at != NULL ? at + 1 : host;

	return sk_xasprintf("%.*s%.*s", (int)(host - url), url, (int)strcspn(from, "?#"), from);
}

static enum sk_code
set_url(struct sk_http_client *c, const char *url, struct sk_err *err)
{
	size_t n = strlen(url);

	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return sk_fail(
			err, SK_EINVAL, "%.100s: expected http://HOST:PORT or https://HOST:PORT", url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	c->base = sk_xstrndup(url, n);
	c->name = name_of(c->base);
	if (strpbrk(url, "?#") != NULL) /* paths are put behind it */
		return sk_fail(
			err, SK_EINVAL, "%s: an address has no ? and no #; a token has its own place", c->name);
	return SK_OK;
}

static enum sk_code
set_other_side(
	struct sk_http_client *c, const struct sk_http_client_config *cfg, struct sk_err *err)
{
	c->addr.dir_fd = -1;
	if (cfg->socket == NULL || cfg->socket[0] == '\0')
		return set_url(c, cfg->url != NULL ? cfg->url : "", err);
	c->is_socket = true;
	c->base = sk_xstrdup("http://localhost");
	c->name = sk_xstrdup(cfg->socket);
	if (sk_sockaddr(cfg->socket, &c->addr, err) == SK_OK)
		return SK_OK;
	/* for a client it is all the same: nobody answers there */
	return err != NULL && err->code == SK_ENOENT ? (err->code = SK_EUNAVAIL) : SK_EIO;
}

static enum sk_code
set_trust(struct sk_http_client *c, const struct sk_http_client_config *cfg, struct sk_err *err)
{
	if (c->is_socket || strncasecmp(c->base, "https:", 6) != 0)
		return SK_OK;
	return sk_http_trust(cfg, &c->trust, err);
}

/* A unix socket needs no TLS, but libcurl starts OpenSSL anyway: at least without reading its
 * configuration, which takes longer than all the rest. */
static enum sk_code
start_curl(struct sk_http_client *c, struct sk_err *err)
{
	CURLcode code;

	if (c->is_socket)
		OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	code = curl_global_init_mem(c->is_socket ? CURL_GLOBAL_NOTHING : CURL_GLOBAL_DEFAULT,
		sk_xmalloc, free, sk_xrealloc, sk_xstrdup, sk_xcalloc);
	if (code != CURLE_OK)
		return sk_fail(err, SK_EIO, "libcurl: %s", curl_easy_strerror(code));
	c->curl = curl_easy_init();
	if (c->curl != NULL)
		return SK_OK;
	curl_global_cleanup();
	return sk_fail(err, SK_EIO, "libcurl does not start");
}

struct sk_http_client *
sk_http_client_open(const struct sk_http_client_config *cfg, struct sk_err *err)
{
	struct sk_http_client *c = sk_xcalloc(1, sizeof(*c));

	c->connect_ms = cfg->connect_ms > 0 ? cfg->connect_ms : CONNECT_MS;
	c->call_ms = cfg->call_ms > 0 ? cfg->call_ms : CALL_MS;
	if (cfg->token != NULL && cfg->token[0] != '\0')
		c->authorization = sk_xasprintf("Authorization: Bearer %s", cfg->token);
	if (set_other_side(c, cfg, err) == SK_OK && set_trust(c, cfg, err) == SK_OK &&
		start_curl(c, err) == SK_OK)
		return c;
	sk_http_client_close(c);
	return NULL;
}

void
sk_http_client_close(struct sk_http_client *c)
{
	if (c == NULL)
		return;
	if (c->curl != NULL) {
		curl_easy_cleanup(c->curl);
		curl_global_cleanup();
	}
	sk_sockaddr_release(&c->addr);
	sk_str_release(&c->url);
	free(c->base);
	free(c->name);
	free(c->authorization);
	sk_http_trust_release(&c->trust);
	free(c);
}

/* ---- a call ---- */

/* Nothing may end a header early. */
static bool
is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static void
add_header(struct sk_http_client *c, const char *line)
{
	struct curl_slist *more = curl_slist_append(c->headers, line);

	if (more == NULL)
		abort(); /* out of memory ends the process before */
	c->headers = more;
}

static void
add_named(struct sk_http_client *c, const char *name, const char *value)
{
	char *line = sk_xasprintf("%s: %s", name, value);

	add_header(c, line);
	free(line);
}

static enum sk_code
make_headers(struct sk_http_client *c, const struct sk_http_call *call, struct sk_err *err)
{
	const char *type = call->content_type != NULL ? call->content_type : "";
	const char *key = call->idempotency_key != NULL ? call->idempotency_key : "";

	if (!is_clean(type) || !is_clean(key) ||
		(c->authorization != NULL && !is_clean(c->authorization)))
		return sk_fail(err, SK_EINVAL, "a control character in a header of the request");
	add_header(c, "Expect:"); /* nobody waits for leave to send */
	if (call->len > 0)
		add_named(c, "Content-Type", type[0] != '\0' ? type : "application/json");
	else
		add_header(c, "Content-Type:");
	if (key[0] != '\0')
		add_named(c, "Idempotency-Key", key);
	if (c->authorization != NULL)
		add_header(c, c->authorization);
	return SK_OK;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(c->curl, option, value) == CURLE_OK)

static bool
set_method(struct sk_http_client *c, const struct sk_http_call *call)
{
	bool ok = true;

	if (call->len > 0 || strcmp(call->method, "POST") == 0) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, call->len > 0 ? call->body : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->len);
	} else if (strcmp(call->method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1L);
	}
	SET(CURLOPT_CUSTOMREQUEST, call->method);
	return ok;
}

static bool
set_callbacks(struct sk_http_client *c)
{
	bool ok = true;

	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_DEBUGFUNCTION, on_debug);
	SET(CURLOPT_DEBUGDATA, c);
	SET(CURLOPT_VERBOSE, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(CURLOPT_OPENSOCKETDATA, c);
	SET(CURLOPT_ERRORBUFFER, c->why);
	return ok;
}

/* Every option anew for each call; connections are kept. */
static bool
set_options(struct sk_http_client *c, const struct sk_http_call *call)
{
	bool ok = true;

	curl_easy_reset(c->curl);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_PROTOCOLS_STR, c->is_socket ? "http" : "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)(call->call_ms > 0 ? call->call_ms : c->call_ms));
	SET(CURLOPT_URL, c->url.p);
	SET(CURLOPT_HTTPHEADER, c->headers);
	if (c->is_socket)
		SET(CURLOPT_UNIX_SOCKET_PATH, c->addr.un.sun_path);
	return ok && sk_http_trust_apply(&c->trust, c->curl) && set_method(c, call) && set_callbacks(c);
}

/* ---- what went wrong ---- */

/* The queue of those that wait to be accepted is full: libcurl takes the EAGAIN of a unix socket
 * for "under way" and finds a socket without a connection later. */
static bool
is_crowded(const struct sk_http_client *c)
{
	return c->is_socket && !c->head_sent &&
		(c->os_errno == 0 || c->os_errno == EAGAIN || c->os_errno == ENOTCONN);
}

static enum sk_code
not_connected(const struct sk_http_client *c, struct sk_err *err)
{
	const int e = (int)c->os_errno;

	if (is_crowded(c))
		return sk_fail(err, SK_EAGAIN, "%s does not take connections", c->name);
	if (c->is_socket && (e == ECONNREFUSED || e == ENOENT))
		return sk_fail(err, SK_EUNAVAIL, "nobody listens at %s", c->name);
	if (e != 0)
		return sk_fail(err, SK_EUNAVAIL, "no connection to %s: %s", c->name, strerror(e));
	return sk_fail(err, SK_EUNAVAIL, "no connection to %s: %s", c->name, c->why);
}

static enum sk_code
say_why(const struct sk_http_client *c, CURLcode code, bool sent, struct sk_err *err)
{
	const char *why = c->why[0] != '\0' ? c->why : curl_easy_strerror(code);

	if (c->too_large)
		return sk_fail(err, SK_EIO, "the answer of %s is too large", c->name);
	if (c->kept_from_repeating)
		code = CURLE_RECV_ERROR;
	if (code == CURLE_UNSUPPORTED_PROTOCOL && c->head_sent)
		return sk_fail(err, SK_EUNAVAIL, "%s does not answer in HTTP", c->name);
	if (sk_http_trust_failed(code, why))
		return sk_http_trust_why(c->name, code, why, err);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return not_connected(c, err);
	case CURLE_OPERATION_TIMEDOUT:
		return sk_fail(err, SK_EAGAIN, "%s did not answer in time", c->name);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return sk_fail(err, SK_EINVAL, "%s: %s", c->name, why);
	case CURLE_SEND_ERROR:
		if (is_crowded(c))
			return not_connected(c, err);
		/* fall through */
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return sk_fail(err, SK_EUNAVAIL, "the connection to %s was cut %s the request was sent",
			c->name, sent ? "after" : "before");
	default:
		return sk_fail(err, SK_EUNAVAIL, "%s: %s", c->name, why);
	}
}

static enum sk_code
check_call(const struct sk_http_call *call, struct sk_err *err)
{
	if (call->path[0] != '/' || strpbrk(call->path, " #") != NULL || !is_clean(call->path))
		return sk_fail(err, SK_EINVAL, "\"%.100s\" is not the path of a request", call->path);
	if (call->method[0] == '\0' ||
		strspn(call->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(call->method))
		return sk_fail(err, SK_EINVAL, "\"%.100s\" is not a method", call->method);
	return SK_OK;
}

static CURLcode
perform_patiently(struct sk_http_client *c)
{
	const int64_t end = sk_boot_ms() + c->connect_ms;
	const struct timespec pause = { 0, CROWDED_PAUSE_NS };
	CURLcode code;

	for (;;) {
		c->os_errno = 0;
		code = curl_easy_perform(c->curl);
		if (code != CURLE_COULDNT_CONNECT && code != CURLE_SEND_ERROR)
			return code;
		if (curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &c->os_errno) != CURLE_OK ||
			!is_crowded(c) || sk_boot_ms() >= end)
			return code;
		nanosleep(&pause, NULL);
	}
}

static enum sk_code
perform(struct sk_http_client *c, const struct sk_http_call *call, bool *sent, struct sk_err *err)
{
	CURLcode code;
	long status = 0;

	if (!set_options(c, call))
		return sk_fail(err, SK_EIO, "libcurl refuses an option");
	code = perform_patiently(c);
	*sent = c->head_sent && c->body_sent >= call->len;
	if (code != CURLE_OK)
		return say_why(c, code, *sent, err);
	if (curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status == 0)
		return sk_fail(err, SK_EUNAVAIL, "%s does not answer in HTTP", c->name);
	c->answer->status = (int)status;
	return SK_OK;
}

enum sk_code
sk_http_call(struct sk_http_client *c, const struct sk_http_call *call,
	struct sk_http_answer *answer, bool *sent, struct sk_err *err)
{
	enum sk_code code = check_call(call, err);

	*answer = (struct sk_http_answer){ 0 };
	*sent = false;
	if (code == SK_OK)
		code = make_headers(c, call, err);
	if (code == SK_OK) {
		c->call = call;
		c->answer = answer;
		c->head_sent = c->too_large = c->kept_from_repeating = false;
		c->body_sent = 0;
		c->why[0] = '\0';
		sk_str_clear(&c->url);
		sk_str_addf(&c->url, "%s%s", c->base, call->path);
		code = perform(c, call, sent, err);
	}
	curl_slist_free_all(c->headers);
	c->headers = NULL;
	return code;
}

bool
sk_http_header(const struct sk_http_answer *a, const char *name, struct sk_str *out)
{
	const size_t n = strlen(name);
	const char *p = sk_str_text(&a->headers);

	while (*p != '\0') {
		const size_t len = strcspn(p, "\n");

		if (len > n && p[n] == ':' && strncasecmp(p, name, n) == 0) {
			size_t at = n + 1;

			while (at < len && (p[at] == ' ' || p[at] == '\t'))
				at++;
			sk_str_clear(out);
			sk_str_add(out, p + at, len - at);
			return true;
		}
		p += len + (p[len] == '\n');
	}
	return false;
}
