/* server.h - HTTP/1.1 on a unix socket or a TCP address for the operations of core/control/api.h.
 * One object listens at one place; a process may have several.
 *
 * evhttp parses and formats; before it sees a request the filter (filter.h) has checked every byte
 * of it, so that evhttp gets whole, valid requests only, one at a time on a connection. What the
 * filter refuses is answered by the server itself and the connection is closed.
 *
 *	limits		16 KiB and 100 headers (431), SK_API_MAX_BODY (413), max_connections (503)
 *	deadlines	absolute, from the first byte: the header, the body (408). A TLS handshake may
 *			take as long as a header; then, between two requests, and while an answer is not
 *			read the connection is closed without a word
 *	connections	beyond max_connections the one that has been idle longest makes room; when none
 *			is idle the new one is answered 503; without descriptors accepting pauses
 *	streams		end with the connection; what comes is written when the round ends. A reader
 *			that is more than 256 KiB behind when something new comes, or takes nothing for
 *			write_ms, is cut off
 *
 * A client may pipeline: its requests are answered one after the other, and what it sends meanwhile
 * stays in the kernel. A client that has shut down its sending half gets its answer.
 */
#ifndef SK_ADAPTERS_HTTP_SERVER_H
#define SK_ADAPTERS_HTTP_SERVER_H

#include "adapters/http/host.h"
#include "adapters/http/tls.h"
#include "core/control/api.h"
#include <stdbool.h>
#include <sys/types.h>

struct sk_http_server;

/* What is known of a request before its body. Valid during the call that it is given to. */
struct sk_http_head {
	const char *method; /* "GET", …; "HEAD" as it came */
	const char *path; /* without the query, percent-encoded as it came */
	const char *authorization, *origin; /* the headers' values; "" = none */
	const char *peer; /* common name of the client's certificate, which was verified; "" = none */
	const char *host; /* the header's value: name or address with a port; "" = none (HTTP/1.0) */
};

/* Who asks, as authorize says. */
struct sk_http_who {
	enum sk_role role;
	const char *name; /* for the log; NULL or "" = nobody's; copied after the call */
	const char *why; /* of a refusal, a sentence for people; copied after the call */
};

struct sk_http_server_config {
	struct sk_host *host; /* borrowed until close */
	/* One of both, the other is NULL or "". */
	const char *path; /* of a unix socket; may be longer than a socket's address */
	const char *address; /* HOST:PORT or [V6]:PORT of TCP, see sockaddr.h; port 0 = any */
	struct sk_http_tls *tls; /* HTTPS at the address; borrowed until close; NULL = plain HTTP */
	/* Remove what stands at the path: only for the owner of the data directory's lock, who knows
	 * that nobody listens there. Without it a socket that is there is SK_ECONFLICT. */
	bool replace;
	gid_t group; /* members may connect (0660); (gid_t)-1 = the own user alone (0600) */
	size_t max_connections; /* 0 = 2,048; seven of eight may be streams */
	/* Sites of others whose pages may use the API from a browser (CORS): "" or NULL = none, else
	 * "https://a.example, http://b.example:8080", compared exactly; copied. For TCP. */
	const char *cors_origin;
	/* Deadlines; 0 = 10 s, 60 s, 300 s, 60 s. */
	int64_t header_ms, body_ms, idle_ms, write_ms;
	/* A request (api.h): respond is called once, at once or later; everything is borrowed until
	 * then. HEAD comes as GET, its body is left out; OPTIONS is answered here. */
	void (*call)(void *arg, const struct sk_api_request *req);
	/* May this be asked? Once for each request, when its head is whole and nothing of its body was
	 * taken. 0: go on, with who's role and name; else the status of the refusal (401, 403), after
	 * which the connection ends. NULL: everybody is SK_ROLE_ADMIN, for a socket whose mode says who
	 * may connect. OPTIONS without a body comes without: browsers ask that before they sign in. */
	int (*authorize)(void *arg, const struct sk_http_head *head, struct sk_http_who *who);
	/* Who asked the request with this arg went away: respond and more must not be called any more,
	 * and nothing is borrowed any more. */
	void (*forget)(void *arg, void *req_arg);
	void *arg;
};

/* Listens at once. NULL and err: SK_EINVAL, SK_ENOENT (a name without an address), SK_ECONFLICT
 * (somebody's socket is there, the port is taken), SK_EIO. */
struct sk_http_server *
sk_http_server_open(const struct sk_http_server_config *cfg, struct sk_err *err);
/* The port where it listens, 0 for a unix socket. */
int sk_http_server_port(const struct sk_http_server *s);
/* Stop accepting, keep serving the connections that are there; each is closed after the answer that
 * is under way, idle ones at once. Streams are forgotten and end when the round does. */
void sk_http_server_drain(struct sk_http_server *s);
/* Forgets what is not answered, ends streams, closes everything, removes the socket if it is still
 * ours. Not from within call or respond. NULL is allowed. */
void sk_http_server_close(struct sk_http_server *s);

struct sk_http_server_stats {
	size_t connections, streams; /* open now; connections: streams among them */
	uint64_t accepted, requests, refused; /* refused: by the filter, a deadline or a limit */
	uint64_t disputed; /* read in two ways by filter and evhttp, and dropped: always 0 */
};
struct sk_http_server_stats sk_http_server_stats(const struct sk_http_server *s);

#endif
