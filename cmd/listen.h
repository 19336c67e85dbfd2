/* listen.h - where `up` and `controller` answer over the network: an address of TCP, with or
 * without TLS, and who may ask there (adapters/http/access.h). */
#ifndef SK_CMD_LISTEN_H
#define SK_CMD_LISTEN_H

#include "adapters/http/access.h"
#include "cmd/options.h"

struct sk_listen_config {
	const char *address; /* "" = nothing listens */
	const char *cert, *key, *client_ca; /* files (PEM); "" = none */
	const char *cors; /* SKALDS_CORS */
	struct sk_access_config access; /* borrows file and the settings */
	char *file, *chosen; /* of tokens; the address with its port; ours */
};

/* Rows of a table of options. */
#define SK_LISTEN_OPTIONS \
	{ .name = "listen", \
		.value = "HOST:PORT", \
		.setting = "SKALDS_LISTEN", \
		.doc = "answer over the network too; 127.0.0.1:8000 is for this machine alone" }, \
		{ .name = "tokens", \
			.value = "FILE", \
			.setting = "SKALDS_TOKENS_FILE", \
			.doc = "who may ask (`skalds token new`); default: DIR/tokens, when it is there" }, \
		{ .name = "tls-cert", \
			.value = "FILE", \
			.setting = "SKALDS_TLS_CERT", \
			.doc = "speak HTTPS with this certificate and those that vouch for it (PEM)" }, \
		{ .name = "tls-key", \
			.value = "FILE", \
			.setting = "SKALDS_TLS_KEY", \
			.doc = "its private key (PEM)" }, \
		{ .name = "client-ca", \
			.value = "FILE", \
			.setting = "SKALDS_CLIENT_CA", \
			.doc = "let in only clients with a certificate of these (PEM)" }, \
	{ \
		.name = "cors", .value = "ORIGIN,…", .setting = "SKALDS_CORS", \
		.doc = "pages of these sites may ask, as in https://ops.example" \
	}

/* A paragraph for the help of both commands. */
#define SK_LISTEN_HELP \
	"--listen answers over the network too: `skalds --url`, curl, browsers. At an address of " \
	"this\n" \
	"machine alone (127.0.0.1, [::1]) nobody needs a token, unless there is a file of tokens. " \
	"Any\n" \
	"other address wants tokens (--tokens, SKALDS_TOKENS) or certificates (--client-ca), and " \
	"HTTPS\n" \
	"(--tls-cert, --tls-key) or a proxy that speaks it. SIGHUP reads all of them again.\n"

/* What the settings say. address: where to listen when SKALDS_LISTEN is blank, "" = nowhere.
 * data_dir: where a file of tokens is looked for that nobody has named; "" = nowhere. What is wrong
 * (an address, half a pair of files, nobody known at an address that others reach) is said;
 * SK_EXIT_OK or SK_EXIT_USAGE. Calls no client library. */
int sk_listen_read(const char *command, const struct sk_settings *settings, const char *address,
	const char *data_dir, struct sk_listen_config *out);
/* Port 0 becomes one that is free now: for whoever is started anew and must be found again. What
 * cannot be is told by sk_listen_open. */
void sk_listen_choose_port(struct sk_listen_config *c);
void sk_listen_config_release(struct sk_listen_config *c);

struct sk_listen;

/* Listens at once. The configuration is borrowed; of the server's only host, call, forget and arg
 * are looked at. patient: what fails is tried again every second, and that is said: for whoever
 * listened before and has tasks that need no network. NULL and err: SK_EINVAL and SK_ENOENT (a
 * file, the address), SK_ECONFLICT (the port is taken), SK_EIO. */
struct sk_listen *sk_listen_open(const struct sk_listen_config *cfg,
	const struct sk_http_server_config *server, bool patient, struct sk_err *err);
/* NULL is allowed. */
void sk_listen_close(struct sk_listen *l);
/* SIGHUP: certificate, key and tokens are read again; what is wrong stays as it was, and is said.
 * NULL is allowed. */
void sk_listen_reload(struct sk_listen *l);
/* "https://build.example:8000"; borrowed. */
const char *sk_listen_url(const struct sk_listen *l);
/* What serves there, for its numbers; borrowed. NULL: the port is not ours yet, or l is NULL. */
const struct sk_http_server *sk_listen_server(const struct sk_listen *l);
/* The exit code for what sk_listen_open has refused. */
int sk_listen_exit_code(enum sk_code code);

#endif
