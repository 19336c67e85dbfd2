/* http_client_rig.h - clients, and servers in processes of their own: the real one, and one that does
 * what a script says. */
#ifndef SK_TEST_UNIT_HTTP_CLIENT_RIG_H
#define SK_TEST_UNIT_HTTP_CLIENT_RIG_H

#include "adapters/http/client.h"
#include <sys/types.h>

/* A scratch directory; the server of the test ends with it. */
int client_rig_setup(void **state);
int client_rig_teardown(void **state);

/* The real server (http_rig.h) at a path of the scratch directory, or at this one. */
const char *start_real(void);
void start_real_at(const char *path);
/* A server of one connection after the other: what it does with each request is in `script`, one
 * letter a request:
 *	a  answers	c  closes without a word	h  answers a half of it and closes
 *	n  never answers	g  answers garbage	i  an interim answer, then the answer
 *	x  closes before it has read anything	k  answers, then closes the connection */
const char *start_script(const char *script);
/* The same on a socket that listens; it is closed here. */
void start_script_on(int listener, const char *script);
/* The exit code of the server; 0 when a script was played to its end. */
int server_ends(void);

struct sk_http_client *client_of(const char *path, int64_t call_ms);
/* A call that is answered. */
void calls(struct sk_http_client *c, const struct sk_http_call *call, struct sk_http_answer *a);
void answer_release(struct sk_http_answer *a);
/* To /echo, answered with 200. */
void is_answered(struct sk_http_client *c, const char *method, const char *body);
/* A call that fails. */
void fails(struct sk_http_client *c, const struct sk_http_call *call, enum sk_code code, bool sent,
	const char *words);

#endif
