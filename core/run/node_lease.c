/* node_lease.c - the skald's row in the store: made, renewed every L/3, and what to do when it
 * could not be. The clock of a lease is the boot clock, from the moment the renewal was sent. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include <stdlib.h>

#define MAX_MARGIN_MS 1000 /* we stop so much earlier than others may begin */

static int64_t
margin_ms(const struct sk_node *n)
{
	int64_t tenth = n->cfg.lease_ms / 10;

	return tenth < MAX_MARGIN_MS ? tenth : MAX_MARGIN_MS;
}

static void
announce(struct sk_node *n)
{
	const struct sk_event e = { .kind = SK_EVENT_SKALD,
		.time_ms = sk_wall_ms(),
		.task = "",
		.class_name = "",
		.skald = n->cfg.id,
		.stage = "",
		.message = "" };

	if (sk_bus_publish(n->cfg.bus, SK_TOPIC_EVENT, &e) != SK_OK)
		sk_log(SK_DEBUG, n->cfg.component, "the bus is full");
}

/* Every 10 s; once more with the second renewal, which is the first to know of the processors. */
static void
look_at_machine(struct sk_node *n, int64_t boot)
{
	if (n->load_ms != 0 && n->load.cpu_percent >= 0 && boot - n->load_ms < SK_LOAD_EVERY_MS)
		return;
	n->load_ms = boot;
	sk_load_sample(&n->sampler, n->cfg.data_dir, &n->load);
}

static void
fill_row(struct sk_node *n)
{
	int64_t boot = sk_boot_ms();

	look_at_machine(n, boot);
	/* it grows across our own death too */
	n->renewals = n->renewals < (uint64_t)boot ? (uint64_t)boot : n->renewals + 1;
	n->row = (struct sk_skald){ .id = n->cfg.id,
		.incarnation = n->incarnation,
		.renewals = n->renewals,
		.mode = n->cfg.mode,
		.version = n->cfg.version,
		.host = n->cfg.host,
		/* whoever stops has no room; `draining` belongs to people and outlives us */
		.slots = n->draining ? 0 : n->cfg.slots,
		.cpus = n->cfg.cpus,
		.memory_mb = n->cfg.memory_mb,
		.gpus = n->cfg.gpus,
		.classes = (const char *const *)n->classes,
		.labels = n->cfg.labels,
		.lease_ms = n->cfg.lease_ms,
		.start_ms = n->began_ms,
		.seen_ms = sk_wall_ms(),
		.load = n->load };
}

/* ---- the end of a lease ---- */

/* Others may run our tasks soon: they must be gone by then. */
static void
cut_off(struct sk_node *n)
{
	struct node_task *t;
	size_t i = 0;

	n->cut_off = true;
	sk_log(SK_ERROR, n->cfg.component,
		"the lease of %lld ms was not renewed: stopping what others may run",
		(long long)n->cfg.lease_ms);
	while ((t = sk_map_each(&n->tasks, &i)) != NULL)
		if (!t->gone && !t->keep)
			node_stop(n, t, SK_REASON_INTERRUPTED, (uint64_t)(2 * margin_ms(n)));
}

static void
trust_over(void *arg)
{
	struct sk_node *n = arg;

	if (sk_boot_ms() >= n->trusted_ms && !n->cut_off)
		cut_off(n);
}

static void
trust_until(struct sk_node *n, int64_t boot_ms)
{
	n->trusted_ms = boot_ms;
	if (!n->cfg.sole)
		sk_timer_set(n->cfg.loop, &n->trust, boot_ms);
}

/* Another incarnation of us lives: it is the one that counts. */
static void
replaced(struct sk_node *n)
{
	sk_log(SK_CRITICAL, n->cfg.component,
		"another skald has the id %s and was started later: stopping", n->cfg.id);
	n->replaced = true;
	sk_timer_clear(n->cfg.loop, &n->renew);
	if (!n->cut_off)
		cut_off(n);
	sk_node_drain(n, 1);
}

/* ---- renewals ---- */

static void
renewed(struct sk_node *n)
{
	n->renewed_ms = n->sent_ms;
	trust_until(n, n->sent_ms + n->cfg.lease_ms - margin_ms(n));
	if (n->cut_off)
		sk_log(SK_INFO, n->cfg.component, "the lease is renewed again");
	n->cut_off = false;
	if (n->ready_said)
		return;
	n->ready_said = true;
	announce(n);
	if (n->cfg.ready != NULL)
		n->cfg.ready(n->cfg.arg);
}

static void
again_in(struct sk_node *n, int64_t ms)
{
	int64_t third = n->cfg.lease_ms / 3;

	sk_timer_set(n->cfg.loop, &n->renew, sk_boot_ms() + (ms < third ? ms : third));
}

static void
put_done(struct sk_op *op)
{
	struct sk_node *n = op->arg;

	n->renewing = false;
	sk_arena_free(n->put_arena);
	n->put_arena = NULL;
	if (n->over)
		return;
	if (op->code == SK_OK) {
		node_unhold(n, op);
		renewed(n);
	} else if (op->code == SK_ECONFLICT)
		replaced(n);
	else {
		node_hold(n, op, "renew its lease");
		/* who shares our store and our fate hears that we live */
		if (n->cfg.sole && n->ready_said)
			announce(n);
		again_in(n, n->backoff_ms);
	}
}

static void
put(struct sk_node *n)
{
	if (n->renewing || n->replaced)
		return;
	n->renewing = true;
	n->put_arena = sk_arena_new();
	fill_row(n);
	n->put = (struct sk_op_skald_put){
		.op = { .kind = SK_OP_SKALD_PUT, .done = put_done, .arg = n, .arena = n->put_arena },
		.skald = &n->row,
		.take = n->cfg.sole,
		.keep_draining = true
	};
	n->sent_ms = sk_boot_ms();
	sk_store_submit(n->cfg.store, &n->put.op);
}

static void
renew(void *arg)
{
	struct sk_node *n = arg;

	put(n);
	again_in(n, n->cfg.lease_ms);
}

void
node_lease_begin(struct sk_node *n)
{
	n->trust = (struct sk_timer){ .fn = trust_over, .arg = n };
	n->renew = (struct sk_timer){ .fn = renew, .arg = n };
	n->began_ms = sk_wall_ms();
	n->sent_ms = sk_boot_ms();
	trust_until(n, n->sent_ms + n->cfg.lease_ms - margin_ms(n));
	renew(n);
}

void
node_lease_drain(struct sk_node *n)
{
	if (n->incarnation != 0 && n->told)
		put(n);
}

void
node_lease_free(struct sk_node *n)
{
	sk_timer_clear(n->cfg.loop, &n->trust);
	sk_timer_clear(n->cfg.loop, &n->renew);
	sk_arena_free(n->put_arena);
}
