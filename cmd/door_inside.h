/* door_inside.h - the operations of the controller in this process, which dispatches nothing: what
 * the door leads to when there is nobody to ask, or no need to. */
#ifndef SK_CMD_DOOR_INSIDE_H
#define SK_CMD_DOOR_INSIDE_H

#include "adapters/http/client.h"
#include "cmd/settings.h"
#include "core/control/control.h"

struct sk_inside;

/* What the operations work on; door_dir.c and door_fleet.c open it. */
struct sk_inside_ground {
	struct sk_loop *loop;
	struct sk_store *store;
	struct sk_cache *cache;
	struct sk_bus *bus;
	const char *data_dir; /* where the logs of tasks are; "" = not here */
	int64_t lease_ms;
	bool by_clock; /* skalds live elsewhere, we not long enough to see that they do (control.h) */
	/* As in control.h; NULL = there are none. */
	size_t (*services)(void *arg, struct sk_control_service out[SK_CONTROL_SERVICES]);
	void *services_arg;
	int64_t ready_ms; /* how long the store may take to answer the first time */
	/* The store does not answer (SK_OK when nothing is known), or not in time: the sentence. */
	enum sk_code (*trouble)(void *ground, enum sk_code code, bool late, struct sk_err *err);
	/* Before and after each call; changed: it was no mere question. NULL = nothing to do. */
	void (*calling)(void *ground, const struct sk_http_call *call);
	void (*called)(void *ground, bool changed);
	/* The store is closed already; close and free the rest, this struct included. */
	void (*close)(void *ground);
};

/* The ground is the inside's from now on, also when it fails. SK_ECONFLICT, SK_ENOENT and others as
 * the ground says. */
enum sk_code sk_inside_open(
	struct sk_inside_ground *ground, struct sk_inside **inside, struct sk_err *err) SK_CHECKED;
/* NULL is allowed. What was answered is durable. */
void sk_inside_close(struct sk_inside *inside);
/* As sk_http_call; never SK_EUNAVAIL. */
enum sk_code sk_inside_call(struct sk_inside *inside, const struct sk_http_call *call,
	struct sk_http_answer *answer, struct sk_err *err) SK_CHECKED;

/* door_dir.c: a data directory that nobody owns, under its lock. SK_ECONFLICT: somebody has it.
 * SK_ENOENT: there is no such directory and `create` is false, or no store in it. */
enum sk_code sk_inside_open_dir(
	const char *dir, bool create, struct sk_inside **inside, struct sk_err *err) SK_CHECKED;

/* door_fleet.c: Kafka, Redis and MongoDB. SK_EUNAVAIL: MongoDB does not answer; SK_EINVAL: what was
 * given is wrong. That Kafka or Redis is away is said to standard error in the name of the command,
 * once. silent: not even that, and the store has a second. */
enum sk_code sk_inside_open_fleet(const struct sk_settings *s, const char *command, bool silent,
	struct sk_inside **inside, struct sk_err *err) SK_CHECKED;

#endif
