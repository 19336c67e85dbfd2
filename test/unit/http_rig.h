/* http_rig.h - a real server on a unix socket or a TCP address and raw clients, all in one thread: the server runs
 * while a client waits. */
#ifndef SK_TEST_UNIT_HTTP_RIG_H
#define SK_TEST_UNIT_HTTP_RIG_H

#include "adapters/http/server.h"
#include "core/base/str.h"
#include <sys/resource.h>

/* What is asked for:
 *	/echo…	answered at once: 200, the request as lines "METHOD path|query|type|key|length|hash"
 *	/later…	kept until web_answer
 *	/code/N	answered with status N and a body
 *	/size/N	answered with N bytes
 *	/who	answered with "role|who"
 *	/stream…	a stream that begins with "begin\n"; what follows is web_more's
 *	/cached	answered with Cache-Control: max-age=60
 *	/bad	answered with headers that must not go out
 * everything else is 404. */
struct web {
	struct sk_loop *loop;
	struct sk_host *host;
	struct sk_http_server *server;
	char path[400]; /* "" = TCP: */
	int port;
	size_t calls, forgotten;
	const struct sk_api_request *later[4096]; /* not answered yet; NULL = forgotten */
	size_t n_later;
	struct {
		bool (*more)(void *arg, const char *bytes, size_t n);
		void *arg; /* NULL = forgotten, cut off or ended */
	} streams[2048];
	size_t n_streams;
	/* How clients read and write, as recv and send do; NULL: by these. See tls_rig.h. */
	ssize_t (*receive)(int fd, void *p, size_t n);
	ssize_t (*transmit)(int fd, const void *p, size_t n);
	size_t first; /* bytes that /stream begins with, beside its "begin\n" */
};

struct reply {
	int status;
	struct sk_str head, body; /* head with its empty line */
};

/* A server with these limits; host, call, forget and arg (w) are set here, the path when there is
 * neither path nor address, and the group when it is 0. The directory is proc_scratch's. */
void web_open(struct web *w, struct sk_http_server_config cfg);
void web_close(struct web *w);
/* Let the server work for a while. */
void web_run(struct web *w, int64_t ms);
/* Answer the oldest request that waits: 200 and the text. */
void web_answer(struct web *w, const char *text);

/* More of the i-th stream that was asked for, n = 0: its end. False: it was cut off. */
bool web_more(struct web *w, size_t i, const char *bytes, size_t n);

/* A connected socket that does not block. */
int web_connect(struct web *w);
/* All of it, while the server runs; false when the connection broke. */
bool web_send(struct web *w, int fd, const void *p, size_t n);
void web_says(struct web *w, int fd, const char *text);
/* The next answer; fails the test when none comes within some seconds. `head` is for an answer to
 * HEAD, which has no body. */
void web_reply(struct web *w, int fd, struct reply *r, bool head);
void reply_release(struct reply *r);
/* The value of a header in buf, "" when absent. */
const char *reply_header(const struct reply *r, const char *name, char *buf, size_t n);
/* The next chunk of a stream into out, which is cleared; false at its end. */
bool web_chunk(struct web *w, int fd, struct sk_str *out);
/* The connection is closed by the server, without a byte more. */
void web_ends(struct web *w, int fd);
/* Nothing comes and nothing ends for a while. */
void web_silent(struct web *w, int fd);
/* Send on a new connection, expect this status and that the server closes. */
void web_refuses(struct web *w, int status, const void *p, size_t n);
/* Send on fd and expect this status; the connection goes on. */
void web_answers(struct web *w, int fd, const char *text, int status);

/* Raise the soft limit of descriptors to n at least. */
void web_allow_descriptors(rlim_t n);
/* Bytes of the heap in use; 0 under ASan, whose malloc does not tell. */
size_t web_in_use(void);

/* FNV-1a. */
uint64_t web_hash(const void *p, size_t n);

#endif
