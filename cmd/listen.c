#include "cmd/listen.h"
#include "adapters/http/sockaddr.h"
#include "adapters/http/tls.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMPONENT "http"
#define AGAIN_MS 1000

/* ---- what is wanted ---- */

/* Which flag needs one that is not there, as a sentence, or NULL. */
static const char *
incomplete(const struct sk_listen_config *c)
{
	if (*c->cert != '\0' && *c->key == '\0')
		return "--tls-cert needs --tls-key";
	if (*c->key != '\0' && *c->cert == '\0')
		return "--tls-key needs --tls-cert";
	if (*c->client_ca != '\0' && *c->cert == '\0')
		return "--client-ca needs --tls-cert and --tls-key";
	return NULL;
}

/* A flag that nothing comes of was meant otherwise. What the environment says may be for others. */
static const char *
idle_flag(const struct sk_settings *s)
{
	static const char *const names[][2] = { { "SKALDS_TOKENS_FILE", "--tokens needs --listen" },
		{ "SKALDS_TLS_CERT", "--tls-cert needs --listen" },
		{ "SKALDS_TLS_KEY", "--tls-key needs --listen" },
		{ "SKALDS_CLIENT_CA", "--client-ca needs --listen" },
		{ "SKALDS_CORS", "--cors needs --listen" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sk_setting_origin(s, names[i][0]) == SK_FROM_FLAG)
			return names[i][1];
	return NULL;
}

static void
choose_file(struct sk_listen_config *c, const struct sk_settings *s, const char *data_dir)
{
	const char *named = sk_setting(s, "SKALDS_TOKENS_FILE");

	if (*named != '\0')
		c->file = sk_xstrdup(named);
	else if (*data_dir != '\0')
		c->file = sk_xasprintf("%s/tokens", data_dir);
	c->access.file = c->file;
	c->access.file_optional = *named == '\0';
}

static void
fill(struct sk_listen_config *c, const struct sk_settings *s, const char *address)
{
	const char *listen = sk_setting(s, "SKALDS_LISTEN");

	*c = (struct sk_listen_config){ .address = *listen != '\0' ? listen : address,
		.cert = sk_setting(s, "SKALDS_TLS_CERT"),
		.key = sk_setting(s, "SKALDS_TLS_KEY"),
		.client_ca = sk_setting(s, "SKALDS_CLIENT_CA"),
		.cors = sk_setting(s, "SKALDS_CORS") };
	c->access.env = sk_setting(s, "SKALDS_TOKENS");
	c->access.origins = c->cors;
	c->access.certificates = *c->client_ca != '\0';
}

int
sk_listen_read(const char *command, const struct sk_settings *settings, const char *address,
	const char *data_dir, struct sk_listen_config *out)
{
	struct sk_tcpaddr a;
	struct sk_err err;
	const char *wrong;

	fill(out, settings, address);
	wrong = *out->address == '\0' ? idle_flag(settings) : incomplete(out);
	if (wrong != NULL)
		return sk_usage_error(command, "%s", wrong);
	if (*out->address == '\0')
		return SK_EXIT_OK;
	if (sk_tcpaddr(out->address, &a, &err) != SK_OK)
		return sk_usage_error(command, "--listen: %s", err.msg);
	out->access.loopback = sk_tcpaddr_is_loopback(&a);
	choose_file(out, settings, data_dir);
	if (sk_access_check(&out->access, &err) == SK_OK)
		return SK_EXIT_OK;
	sk_complain(command, "--listen %s: %s", out->address, err.msg);
	return SK_EXIT_USAGE;
}

/* A port that nobody has; 0 = none was found. */
static int
free_port(const struct sk_tcpaddr *a)
{
	struct sk_tcpaddr bound = *a;
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;
	char text[8];

	if (fd == -1)
		return 0;
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0 &&
		getsockname(fd, (struct sockaddr *)&bound.ss, &bound.len) == 0 &&
		getnameinfo((const struct sockaddr *)&bound.ss, bound.len, NULL, 0, text, sizeof(text),
			NI_NUMERICSERV) == 0)
		port = atoi(text);
	close(fd);
	return port;
}

void
sk_listen_choose_port(struct sk_listen_config *c)
{
	const char *colon = strrchr(c->address, ':');
	struct sk_tcpaddr a;
	struct sk_err err;
	int port;

	if (colon == NULL || atoi(colon + 1) != 0 || sk_tcpaddr(c->address, &a, &err) != SK_OK)
		return;
	port = free_port(&a);
	if (port == 0)
		return;
	c->address = c->chosen = sk_xasprintf("%.*s:%d", (int)(colon - c->address), c->address, port);
}

void
sk_listen_config_release(struct sk_listen_config *c)
{
	free(c->file);
	free(c->chosen);
	c->file = c->chosen = NULL;
}

/* ---- listening ---- */

struct sk_listen {
	const struct sk_listen_config *cfg;
	struct sk_http_server_config server_cfg;
	struct sk_http_server_config asked; /* whose call and forget are asked */
	struct sk_access *access;
	struct sk_http_tls *tls; /* NULL: plain HTTP */
	struct sk_http_server *server;
	struct sk_timer again;
	char *url;
};

/* As somebody else would call it: an address that means all of ours is nobody's name. */
static void
set_url(struct sk_listen *l)
{
	const char *address = l->cfg->address, *colon = strrchr(address, ':');
	const char *scheme = *l->cfg->cert != '\0' ? "https" : "http";
	const int port = sk_http_server_port(l->server);
	char host[256] = "";
	size_t n = (size_t)(colon - address);

	if (n > 0 && n < sizeof(host))
		memcpy(host, address, n);
	if (n == 0 || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 ||
		strcmp(host, "[::]") == 0)
		if (gethostname(host, sizeof(host) - 1) != 0)
			strcpy(host, "localhost");
	free(l->url);
	l->url = sk_xasprintf("%s://%s:%d", scheme, host, port);
}

static void
call(void *arg, const struct sk_api_request *req)
{
	const struct sk_listen *l = arg;

	l->asked.call(l->asked.arg, req);
}

static void
forget(void *arg, void *req_arg)
{
	const struct sk_listen *l = arg;

	l->asked.forget(l->asked.arg, req_arg);
}

static int
authorize(void *arg, const struct sk_http_head *head, struct sk_http_who *who)
{
	const struct sk_listen *l = arg;

	return sk_access_authorize(l->access, head, who);
}

static enum sk_code
open_server(struct sk_listen *l, struct sk_err *err)
{
	l->server = sk_http_server_open(&l->server_cfg, err);
	if (l->server == NULL)
		return err->code;
	set_url(l);
	return SK_OK;
}

static void
warn(const struct sk_listen *l)
{
	if (!l->cfg->access.loopback && *l->cfg->cert == '\0')
		sk_log(SK_WARNING, COMPONENT,
			"tokens and tasks cross the network as they are: set --tls-cert and --tls-key, or let "
			"a "
			"proxy that speaks HTTPS reach %s alone",
			l->cfg->address);
	if (sk_access_is_anonymous(l->access))
		sk_log(geteuid() == 0 ? SK_WARNING : SK_INFO, COMPONENT,
			"every user of this machine may run tasks at %s; a file of tokens ends that", l->url);
}

static void
close_all(struct sk_listen *l)
{
	sk_http_server_close(l->server);
	sk_http_tls_close(l->tls);
	sk_access_close(l->access);
	l->server = NULL;
	l->tls = l->server_cfg.tls = NULL;
	l->access = NULL;
}

/* Who may ask, and the certificate: the files. */
static enum sk_code
open_files(struct sk_listen *l, struct sk_err *err)
{
	const struct sk_http_tls_config tls = {
		.cert_file = l->cfg->cert, .key_file = l->cfg->key, .client_ca = l->cfg->client_ca
	};

	l->access = sk_access_open(&l->cfg->access, err);
	if (l->access == NULL)
		return err->code;
	if (*tls.cert_file == '\0')
		return SK_OK;
	l->server_cfg.tls = l->tls = sk_http_tls_open(&tls, err);
	return l->tls != NULL ? SK_OK : err->code;
}

static enum sk_code
open_all(struct sk_listen *l, struct sk_err *err)
{
	enum sk_code code = open_files(l, err);

	if (code == SK_OK)
		code = open_server(l, err);
	if (code == SK_OK)
		warn(l);
	else
		close_all(l);
	return code;
}

static void
try_again(void *arg)
{
	struct sk_listen *l = arg;
	struct sk_err err;

	if (open_all(l, &err) == SK_OK)
		sk_log(SK_INFO, COMPONENT, "answers at %s again", l->url);
	else
		sk_timer_set(sk_host_loop(l->server_cfg.host), &l->again, sk_boot_ms() + AGAIN_MS);
}

struct sk_listen *
sk_listen_open(const struct sk_listen_config *cfg, const struct sk_http_server_config *server,
	bool patient, struct sk_err *err)
{
	struct sk_listen *l = sk_xcalloc(1, sizeof(*l));

	l->cfg = cfg;
	l->url = sk_xstrdup("");
	l->asked = *server;
	l->server_cfg = (struct sk_http_server_config){ .host = server->host,
		.address = cfg->address,
		.cors_origin = cfg->cors,
		.call = call,
		.forget = forget,
		.authorize = authorize,
		.arg = l };
	l->again = (struct sk_timer){ .fn = try_again, .arg = l };
	if (open_all(l, err) == SK_OK)
		return l;
	if (patient) {
		sk_log(SK_ERROR, COMPONENT, "nothing answers at %s: %s; it is tried again every second",
			cfg->address, err->msg);
		sk_timer_set(sk_host_loop(server->host), &l->again, sk_boot_ms() + AGAIN_MS);
		return l;
	}
	sk_listen_close(l);
	return NULL;
}

void
sk_listen_close(struct sk_listen *l)
{
	if (l == NULL)
		return;
	sk_timer_clear(sk_host_loop(l->server_cfg.host), &l->again);
	close_all(l);
	free(l->url);
	free(l);
}

void
sk_listen_reload(struct sk_listen *l)
{
	struct sk_err err;

	if (l == NULL || l->server == NULL) /* what is tried again reads them anyway */
		return;
	if (sk_access_reload(l->access, &err) == SK_OK)
		sk_log(SK_INFO, COMPONENT, "tokens were read again");
	else
		sk_log(SK_ERROR, COMPONENT, "the tokens stay as they were: %s", err.msg);
	if (l->tls != NULL && sk_http_tls_reload(l->tls, &err) == SK_OK)
		sk_log(SK_INFO, COMPONENT, "the certificate was read again");
	else if (l->tls != NULL)
		sk_log(SK_ERROR, COMPONENT, "the certificate stays as it was: %s", err.msg);
}

const char *
sk_listen_url(const struct sk_listen *l)
{
	return l->url;
}

const struct sk_http_server *
sk_listen_server(const struct sk_listen *l)
{
	return l != NULL ? l->server : NULL;
}

int
sk_listen_exit_code(enum sk_code code)
{
	if (code == SK_ECONFLICT)
		return SK_EXIT_FAILED;
	return code == SK_EINVAL || code == SK_ENOENT ? SK_EXIT_USAGE : SK_EXIT_SYSTEM;
}
