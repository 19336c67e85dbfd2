/* door_inside.h - the operations of the controller in this process, under the owner's lock of a
 * data directory: what the door falls back to when nobody is alive. */
#ifndef SK_CMD_DOOR_INSIDE_H
#define SK_CMD_DOOR_INSIDE_H

#include "adapters/http/client.h"

struct sk_inside;

/* Take the lock and open the store. SK_ECONFLICT: somebody has it. SK_ENOENT: there is no such
 * directory and `create` is false, or no store in it. Others: the sentence says why. */
enum sk_code sk_inside_open(
	const char *dir, bool create, struct sk_inside **inside, struct sk_err *err) SK_CHECKED;
/* NULL is allowed. What was answered is durable. */
void sk_inside_close(struct sk_inside *inside);
/* As sk_http_call; never SK_EUNAVAIL. */
enum sk_code sk_inside_call(struct sk_inside *inside, const struct sk_http_call *call,
	struct sk_http_answer *answer, struct sk_err *err) SK_CHECKED;

#endif
