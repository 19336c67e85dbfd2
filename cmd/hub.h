/* hub.h - the hub: the process beside the supervisor of `skalds up` that owns the data directory.
 *
 * One loop thread for the store, the controller, the node and the HTTP server on the directory's
 * socket. It can be killed at any time: the supervisor starts another one, which finds the tasks
 * that run, the store and the lock as they are. */
#ifndef SK_CMD_HUB_H
#define SK_CMD_HUB_H

#include "cmd/listen.h"
#include "cmd/settings.h"
#include "core/control/control.h"

struct sk_hub_config {
	const struct sk_settings *settings; /* of alerts */
	const char *data_dir; /* absolute */
	const char *group; /* who may connect; "" = the own user alone */
	const struct sk_listen_config *listen; /* over the network */
	bool allow_volatile, relaxed; /* relaxed: commits are not synced */
	const char *skald_id; /* at most 63 bytes */
	bool id_invented; /* the one that the store remembers goes before it */
	uint32_t slots;
	double cpus;
	int64_t memory_mb, gpus;
	const struct sk_value *labels; /* a map of strings or NULL */
	enum sk_strategy strategy;
	int64_t lease_ms;
	int64_t keep_ms, keep_tasks; /* ended tasks, as in control.h */
	int64_t keep_output; /* bytes of output of all tasks; 0 = no limit */
	bool once; /* end when there is nothing left to do */
	bool json; /* one line on standard output when it is ready */
	bool hint; /* say on standard error what to type next */
	int64_t began_ms; /* wall clock: when `up` was started */
	int64_t clock_ms; /* and by how much it was ahead of the boot clock */
};

/* Runs until the supervisor goes or is told to. arg: struct sk_hub_config. Returns the exit code of
 * this process; that of `up` goes through the channel. */
int sk_hub_run(int channel, void *arg);

/* hub_id.c: which skald we are: the one that the settings name, else the one that the store
 * remembers, which is the invented one at first. */
#define SK_HUB_ID 64
enum sk_code sk_hub_id(const struct sk_hub_config *cfg, struct sk_store *store,
	struct sk_loop *loop, char id[SK_HUB_ID], struct sk_err *err) SK_CHECKED;

#endif
