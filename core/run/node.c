/* node.c - the node as a whole: its frames, its timers, its end. */
#include "core/run/node.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include "core/run/presence.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define FIRST_BACKOFF_MS 100
#define MAX_BACKOFF_MS 2000
#define GIVE_UP_MS 5000 /* how long the losses of a dead supervisor are tried to be stored */
#define LEAVE_MS 1000 /* how long the cache may take to hear that we go */
#define QUIT_MS 1000 /* how long the supervisor may take to read its QUIT */

double
node_random(struct sk_node *n)
{
	/* xorshift64* */
	n->random ^= n->random >> 12;
	n->random ^= n->random << 25;
	n->random ^= n->random >> 27;
	return (double)((n->random * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

/* ---- talking ---- */

void
node_tell(struct sk_node *n, enum sk_frame_type type, const struct node_task *t,
	const struct sk_str *payload)
{
	sk_chan_queue(&n->chan, type, t != NULL ? t->key : 0, t != NULL ? t->attempt : 0, payload);
}

static void
tell_number(struct sk_node *n, enum sk_frame_type type, uint32_t v)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, v);
	node_tell(n, type, NULL, &payload);
	sk_str_release(&payload);
}

static enum sk_code
send_now(struct sk_node *n)
{
	enum sk_code code = sk_chan_flush(&n->chan, NULL);

	if (n->watch != NULL)
		sk_watch_set(n->watch, EPOLLIN | (code == SK_EAGAIN ? EPOLLOUT : 0));
	return code;
}

void
node_stop(struct sk_node *n, struct node_task *t, enum sk_reason reason, uint64_t grace_ms)
{
	struct sk_str payload = SK_STR_INIT;

	if (t->stopped || t->ended || !t->given)
		return;
	t->stopped = true;
	sk_put_u32(&payload, (uint32_t)reason);
	sk_put_u64(&payload, grace_ms);
	node_tell(n, SK_F_STOP, t, &payload);
	sk_str_release(&payload);
}

void
node_publish(
	struct sk_node *n, enum sk_event_kind kind, const struct node_task *t, const char *message)
{
	const struct sk_event e = { .kind = kind,
		.time_ms = sk_wall_ms(),
		.task = t->id,
		.class_name = t->class_name,
		.attempt = t->attempt,
		.skald = n->cfg.id,
		.progress = t->progress,
		.stage = t->stage != NULL ? t->stage : "",
		.message = message != NULL ? message : "" };

	if (sk_bus_publish(n->cfg.bus, SK_TOPIC_EVENT, &e) != SK_OK)
		sk_log_task(SK_DEBUG, n->cfg.component, t->id, t->attempt, "the bus is full");
}

/* ---- a store that fails ---- */

static bool
is_read(const struct sk_op *op)
{
	return op->kind == SK_OP_GET || op->kind == SK_OP_FIND;
}

static void
try_again(void *arg)
{
	struct sk_node *n = arg;

	n->held = false;
}

/* Said once, then counted in the back-off: a dead store must not fill the log. */
void
node_hold(struct sk_node *n, const struct sk_op *op, const char *what)
{
	if (n->backoff_ms == 0)
		sk_log(SK_ERROR, n->cfg.component, "cannot %s: %s; trying again", what, op->err.msg);
	n->write_failed = n->write_failed || !is_read(op);
	if (n->held)
		return;
	n->held = true;
	n->backoff_ms = n->backoff_ms == 0 ? FIRST_BACKOFF_MS : n->backoff_ms * 2;
	if (n->backoff_ms > MAX_BACKOFF_MS)
		n->backoff_ms = MAX_BACKOFF_MS;
	sk_timer_set(n->cfg.loop, &n->retry, sk_boot_ms() + n->backoff_ms);
}

void
node_unhold(struct sk_node *n, const struct sk_op *op)
{
	if (n->backoff_ms == 0 || (n->write_failed && is_read(op)))
		return;
	sk_log(SK_INFO, n->cfg.component, "the store answers again");
	n->backoff_ms = 0;
	n->held = n->write_failed = false;
	sk_timer_clear(n->cfg.loop, &n->retry);
}

/* ---- hearing the bus ---- */

static void
heard(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct sk_node *n = arg;
	const struct node_task *t;

	/* events of the original name nobody: the store knows whose the task is */
	if (n->over || (e->skald[0] != '\0' && strcmp(e->skald, n->cfg.id) != 0))
		return;
	if (topic == SK_TOPIC_ASSIGN) {
		node_read_assigned(n, e->task);
		return;
	}
	t = node_find(n, e->task);
	if (t != NULL && !t->gone)
		node_read(n, e->task);
}

/* ---- hearing the supervisor ---- */

/* The run id is 32 random hex digits; a store keeps 63 bits of them. */
static uint64_t
incarnation_of(const char *run_id)
{
	char half[17];
	uint64_t v;

	snprintf(half, sizeof(half), "%.16s", run_id);
	v = strtoull(half, NULL, 16) & INT64_MAX;
	return v != 0 ? v : 1;
}

static void
on_hello(struct sk_node *n, const struct sk_frame *f)
{
	sk_peer_hello(&n->peer, f);
	n->incarnation = incarnation_of(n->peer.run_id);
	node_presence_open(n);
	n->random ^= n->incarnation;
	if (n->random == 0)
		n->random = 1;
}

/* The supervisor has told what exists: now the store. */
static void
on_told(struct sk_node *n)
{
	n->told = true;
	if (n->n_tasks > 0)
		sk_log(SK_INFO, n->cfg.component, "found %zu task(s) again", n->n_tasks);
	tell_number(n, SK_F_CONFIG, n->cfg.slots);
	node_lease_begin(n);
	node_look(n);
}

static void
on_signal(struct sk_node *n, int sig)
{
	if (n->cfg.signaled != NULL)
		n->cfg.signaled(n->cfg.arg, sig);
	if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
		sk_node_drain(n, 0);
}

static void
on_frame(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	struct sk_reader r = sk_reader_of(f);

	switch (f->type) {
	case SK_F_HELLO:
		on_hello(n, f);
		break;
	case SK_F_TASK:
		node_on_task(n, f, a);
		break;
	case SK_F_TASKS_END:
		on_told(n);
		break;
	case SK_F_STARTED:
		node_on_started(n, f, a);
		break;
	case SK_F_EXITED:
		node_on_exited(n, f, a);
		break;
	case SK_F_PROGRESS:
		node_on_progress(n, f, a);
		break;
	case SK_F_UPDATED:
		node_on_updated(n, f, a);
		break;
	case SK_F_PAUSED:
	case SK_F_RESUMED:
		node_on_paused(n, f, a);
		break;
	case SK_F_SIGNAL:
		on_signal(n, (int)sk_get_u32(&r));
		break;
	default:
		break;
	}
}

static void lose_peer(struct sk_node *n);

static void
channel_ready(uint32_t events, void *arg)
{
	struct sk_node *n = arg;
	struct sk_arena *a;
	struct sk_frame f;
	struct sk_err err;
	enum sk_code code;

	(void)events;
	code = sk_chan_fill(&n->chan, &err);
	sk_peer_heard(&n->peer);
	a = sk_arena_new();
	while (!n->over && sk_chan_next(&n->chan, &f, &err) == SK_OK)
		on_frame(n, &f, a);
	sk_arena_free(a);
	if (code != SK_OK && code != SK_EAGAIN)
		lose_peer(n);
}

/* ---- the supervisor is gone ---- */

static void
lose_task(struct sk_node *n, struct node_task *t)
{
	bool was_given = t->given;

	t->given = false; /* nobody is there to forget it */
	if (t->fenced)
		node_settle(n, t);
	else if (!t->ended && was_given)
		node_end_here(n, t, SK_REASON_LOST, "the supervisor died");
	else if (!t->ended)
		node_end_here(n, t, SK_REASON_INTERRUPTED, "the skald stops");
}

/* Nothing of it may survive, and what it ran is stored as lost while we can. */
static void
lose_peer(struct sk_node *n)
{
	struct node_task *t;
	size_t i = 0;

	if (n->peer_gone || n->over)
		return;
	n->peer_gone = n->draining = true;
	n->over_code = -1;
	n->give_up_ms = sk_boot_ms() + GIVE_UP_MS;
	sk_watch_remove(n->watch);
	n->watch = NULL;
	if (n->cfg.signaled != NULL)
		n->cfg.signaled(n->cfg.arg, 0);
	sk_peer_clear(&n->peer);
	while ((t = sk_map_each(&n->tasks, &i)) != NULL)
		if (!t->gone)
			lose_task(n, t);
	n->drain_number = n->reads;
	if (n->incarnation == 0)
		n->give_up_ms = 0; /* it has not even said who it is */
	else if (!n->told) {
		n->told = true;
		node_lease_begin(n);
	}
	node_look(n);
	sk_timer_set(n->cfg.loop, &n->ping, n->give_up_ms);
}

static void
ping(void *arg)
{
	struct sk_node *n = arg;

	if (n->peer_gone)
		return; /* the time to give up: the flush sees it */
	if (sk_peer_hangs(&n->peer)) {
		sk_peer_kill(&n->peer, n->cfg.component);
		lose_peer(n);
		return;
	}
	node_tell(n, SK_F_PING, NULL, NULL);
	sk_timer_set(n->cfg.loop, &n->ping, sk_boot_ms() + sk_peer_pause_ms(&n->peer));
}

/* ---- the end ---- */

void
sk_node_drain(struct sk_node *n, int code)
{
	struct node_task *t;
	size_t i = 0;

	if (n->draining || n->over)
		return;
	n->draining = true;
	n->over_code = code;
	n->drain_number = n->reads;
	while ((t = sk_map_each(&n->tasks, &i)) != NULL) {
		node_stop(n, t, SK_REASON_INTERRUPTED, SK_OWN_GRACE);
		if (t->waiting || (t->foreign && !t->given && !t->gone))
			node_end_here(n, t, SK_REASON_INTERRUPTED, "the skald stops");
	}
	if (!n->told)
		return; /* the first look comes with it */
	node_lease_drain(n);
	node_look(n); /* what was given to us on the way */
}

void
sk_node_give_up(struct sk_node *n)
{
	n->given_up = n->draining;
}

/* Nothing is left here, and a look that began after the end of assignments found nothing either. */
static bool
all_stored(const struct sk_node *n)
{
	return n->told && n->n_tasks == 0 && n->n_ids == 0 && n->n_moves == 0 &&
		n->first_read == NULL && n->looked_at > n->drain_number;
}

static void
clear_timers(struct sk_node *n)
{
	struct sk_timer *timers[] = { &n->hold, &n->progress, &n->look, &n->retry, &n->ping, &n->ask };

	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		sk_timer_clear(n->cfg.loop, timers[i]);
	sk_timer_clear(n->cfg.loop, &n->tail.timer);
	node_lease_free(n);
}

/* Those who see us in the cache are told; a cache that is away does not keep us. */
static bool
has_left(struct sk_node *n)
{
	if (n->presence == NULL || n->peer_gone)
		return true;
	sk_presence_leave(n->presence);
	if (n->leave_ms == 0) {
		n->leave_ms = sk_boot_ms() + LEAVE_MS;
		sk_timer_set(n->cfg.loop, &n->ask, n->leave_ms);
	}
	return sk_presence_gone(n->presence) || sk_boot_ms() >= n->leave_ms;
}

static void
check_over(struct sk_node *n)
{
	if (!n->draining || n->over ||
		!(all_stored(n) || n->given_up || (n->peer_gone && sk_boot_ms() >= n->give_up_ms)))
		return;
	if (!has_left(n))
		return;
	if (n->n_tasks > 0)
		sk_log(SK_ERROR, n->cfg.component, "the end of %zu task(s) is not stored", n->n_tasks);
	n->over = true;
	clear_timers(n);
	sk_presence_leave(n->presence);
	n->cfg.over(n->cfg.arg, n->over_code);
}

void
sk_node_flush(struct sk_node *n)
{
	if (n->over)
		return;
	node_read_flush(n);
	node_move_flush(n);
	send_now(n);
	check_over(n);
}

void
sk_node_print(struct sk_node *n, const char *text)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, 1);
	sk_put_text(&payload, text);
	node_tell(n, SK_F_PRINT, NULL, &payload);
	sk_str_release(&payload);
}

void
sk_node_tell_ready(struct sk_node *n, bool ready)
{
	tell_number(n, SK_F_READY, ready ? 1 : 0);
}

void
sk_node_quit(struct sk_node *n, int code)
{
	int64_t until = sk_boot_ms() + QUIT_MS;

	tell_number(n, SK_F_QUIT, (uint32_t)code);
	while (sk_chan_flush(&n->chan, NULL) == SK_EAGAIN && sk_boot_ms() < until) {
		struct pollfd p = { .fd = n->chan.fd, .events = POLLOUT };

		(void)poll(&p, 1, 100); /* whatever it says, the next try tells */
	}
}

/* ---- made and freed ---- */

static const char **
class_names(const struct sk_worker *const *workers)
{
	size_t count = 0;
	const char **names;

	while (workers[count] != NULL)
		count++;
	names = sk_xcalloc(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = workers[i]->name;
	return names;
}

static void
decode_nothing(struct sk_node *n)
{
	static const struct sk_value nothing = { .kind = SK_MAP };
	struct sk_arena *a = sk_arena_new();
	struct sk_err err;

	if (!sk_spec_decode(&nothing, a, &n->plain, &err))
		abort(); /* the table's own defaults */
	/* what lives in the arena is not looked at here */
	n->plain.name = n->plain.description = n->plain.source = n->plain.yaml_hash = "";
	n->plain.user = n->plain.cwd = "";
	n->plain.dependencies = (struct sk_list){ NULL, 0 };
	sk_arena_free(a);
}

static void
look_due(void *arg)
{
	node_look(arg);
}

struct sk_node *
sk_node_new(const struct sk_node_config *cfg)
{
	struct sk_node *n = sk_xcalloc(1, sizeof(*n));
	struct sk_err err = { SK_OK, "" };

	n->cfg = *cfg;
	if (n->cfg.gpus > SK_NODE_GPUS)
		n->cfg.gpus = SK_NODE_GPUS;
	n->gpus_free = (uint32_t)((UINT64_C(1) << n->cfg.gpus) - 1);
	n->classes = class_names(cfg->workers);
	decode_nothing(n);
	n->random = (uint64_t)sk_boot_ns();
	n->peer.lease_ms = cfg->lease_ms;
	n->hold = (struct sk_timer){ .fn = node_hold_over, .arg = n };
	n->progress = (struct sk_timer){ .fn = node_progress_due, .arg = n };
	n->look = (struct sk_timer){ .fn = look_due, .arg = n };
	n->retry = (struct sk_timer){ .fn = try_again, .arg = n };
	n->ping = (struct sk_timer){ .fn = ping, .arg = n };
	n->ask = (struct sk_timer){ .fn = node_ask_due, .arg = n };
	sk_chan_init(&n->chan, cfg->channel);
	n->watch = sk_watch_add(cfg->loop, cfg->channel, EPOLLIN, channel_ready, n, &err);
	if (n->watch == NULL)
		sk_log(SK_CRITICAL, cfg->component, "%s", err.msg);
	if (cfg->bus->ops->subscribe(cfg->bus,
			1u << SK_TOPIC_ASSIGN | 1u << SK_TOPIC_CANCEL | 1u << SK_TOPIC_UPDATE, heard, n,
			&err) != SK_OK)
		sk_log(SK_ERROR, cfg->component, "no events: %s", err.msg);
	node_tail_begin(n);
	ping(n);
	return n;
}

void
sk_node_free(struct sk_node *n)
{
	if (n == NULL)
		return;
	n->cfg.bus->ops->unsubscribe(n->cfg.bus, heard, n);
	clear_timers(n);
	sk_watch_remove(n->watch);
	n->chan.fd = -1; /* the caller's */
	sk_chan_release(&n->chan);
	node_tail_free(n);
	node_table_free(n);
	node_foreign_free(n);
	sk_presence_close(n->presence);
	sk_map_release(&n->queued);
	sk_str_release(&n->ids);
	free(n->classes);
	free(n);
}

void
sk_node_numbers(const struct sk_node *n, struct sk_node_numbers *out)
{
	const struct node_task *t;
	size_t i = 0;

	*out = (struct sk_node_numbers){ .tasks = n->n_tasks,
		.stale = n->stale,
		.cut_off = n->cut_off,
		.restarts = n->peer.restarts,
		.renewed_ms = n->renewed_ms };
	while ((t = sk_map_each(&n->tasks, &i)) != NULL)
		out->running += !t->gone && t->given && !t->ended;
}

bool
sk_node_each(
	const struct sk_node *n, void (*fn)(void *arg, const char *id, uint32_t attempt), void *arg)
{
	const struct node_task *t;
	size_t i = 0;

	while (n->told && (t = sk_map_each(&n->tasks, &i)) != NULL)
		if (!t->gone)
			fn(arg, t->id, t->attempt);
	return n->told;
}
