#include "core/control/leader.h"
#include "core/base/log.h"
#include "core/control/control_priv.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MARGIN_MS 1000 /* we stop so much earlier than others may begin */
#define MAX_LOOK_MS 500
#define MARK '/' /* between the name and what makes it unique */

struct sk_leader {
	struct sk_control *c;
	struct sk_timer tick, trust;
	int64_t lease_ms;
	char self[SK_LEADER_TEXT];
	/* the row as it was last seen */
	bool seen;
	char holder[SK_LEADER_TEXT];
	uint64_t term, renewals;
	int64_t looked_ms, silent_ms; /* boot clock; for so long it stood still while we looked */
	int64_t next_ms; /* boot clock: when to look again, or to renew */
	/* ours */
	bool leading;
	int64_t trusted_ms; /* boot clock */
	/* the end */
	bool over, leaving;
	/* the operation that is under way */
	bool asking, grabs; /* grabs: it is to become ours, or stay it */
	int64_t sent_ms;
	struct sk_arena *arena;
	struct sk_op_lead op;
	bool failing; /* said that the store does not answer */
};

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
look_ms(const struct sk_leader *l)
{
	int64_t ms = least(l->lease_ms / 20, MAX_LOOK_MS);

	return ms > 0 ? ms : 1;
}

bool
sk_leader_holds(const struct sk_leader *l)
{
	return l->leading && sk_control_boot_ms(l->c) < l->trusted_ms;
}

int64_t
sk_leader_until_ms(const struct sk_leader *l)
{
	return l->leading ? l->trusted_ms : 1;
}

const char *
sk_leader_self(const struct sk_leader *l)
{
	return l->self;
}

void
sk_leader_name(const char *holder, char name[SK_LEADER_TEXT])
{
	const char *mark = strrchr(holder, MARK);

	snprintf(name, SK_LEADER_TEXT, "%.*s", (int)(mark != NULL ? mark - holder : 0), holder);
}

void
sk_leader_seen(const struct sk_leader *l, char name[SK_LEADER_TEXT], uint64_t *term)
{
	sk_leader_name(l->holder, name);
	*term = l->term;
}

/* ---- ours, or not any more ---- */

static void
lose(struct sk_leader *l, const char *why)
{
	char name[SK_LEADER_TEXT];

	if (!l->leading)
		return;
	l->leading = false;
	sk_timer_clear(l->c->cfg.loop, &l->trust);
	sk_leader_name(l->self, name);
	sk_log(l->over ? SK_INFO : SK_WARNING, "leader", "%s leads no more: %s", name, why);
	sk_control_lost(l->c);
}

/* Before anything else is done: a process that stood still may have been replaced. */
static void
check_trust(struct sk_leader *l)
{
	if (l->leading && sk_control_boot_ms(l->c) >= l->trusted_ms)
		lose(l, "the lease was not renewed in time");
}

static void
trust_over(void *arg)
{
	struct sk_leader *l = arg;

	check_trust(l);
	if (l->leading)
		sk_timer_set(
			l->c->cfg.loop, &l->trust, sk_boot_ms() + l->trusted_ms - sk_control_boot_ms(l->c));
}

/* The store has us as the holder since sent_ms. */
static void
hold(struct sk_leader *l)
{
	int64_t now = sk_control_boot_ms(l->c);
	bool fresh = !l->leading;

	l->trusted_ms = l->sent_ms + l->lease_ms - least(l->lease_ms / 10, MAX_MARGIN_MS);
	if (now >= l->trusted_ms)
		return; /* it took too long: somebody may have it already */
	l->leading = true;
	sk_timer_set(l->c->cfg.loop, &l->trust, sk_boot_ms() + l->trusted_ms - now);
	if (!fresh)
		return;
	sk_log(SK_INFO, "leader", "%s leads, term %" PRIu64, l->c->cfg.name, l->term);
	sk_control_gained(l->c);
}

/* ---- the row ---- */

static void
note_row(struct sk_leader *l)
{
	const struct sk_op_lead *op = &l->op;
	int64_t now = sk_control_boot_ms(l->c), passed = now - l->looked_ms;

	if (!l->seen || op->now_term != l->term || op->now_renewals != l->renewals)
		l->silent_ms = 0;
	else
		l->silent_ms += least(passed, l->lease_ms / 3);
	l->seen = true;
	l->looked_ms = now;
	l->term = op->now_term;
	l->renewals = op->now_renewals;
	snprintf(l->holder, sizeof(l->holder), "%s", op->now_holder);
}

static void
again_in(struct sk_leader *l, int64_t ms)
{
	if (l->over)
		return;
	ms = ms > 0 ? ms : 0;
	l->next_ms = sk_control_boot_ms(l->c) + ms;
	sk_timer_set(l->c->cfg.loop, &l->tick, sk_boot_ms() + ms);
}

static void answered(struct sk_op *op);

static void
ask(struct sk_leader *l, const char *holder, uint64_t term, bool take)
{
	l->asking = true;
	l->grabs = term != 0 || take;
	sk_arena_free(l->arena);
	l->arena = sk_arena_new();
	l->op = (struct sk_op_lead){
		.op = { .kind = SK_OP_LEAD, .done = answered, .arg = l, .arena = l->arena },
		.holder = holder,
		.term = term,
		.renewals = l->renewals,
		.take = take
	};
	l->sent_ms = sk_control_boot_ms(l->c);
	sk_store_submit(l->c->cfg.store, &l->op.op);
}

/* The row is as it was seen just now: what to do about it. */
static void
decide(struct sk_leader *l)
{
	bool nobodys = l->holder[0] == '\0', silent = l->silent_ms >= l->lease_ms;
	bool takes = !l->c->cfg.abstain && (nobodys || silent);

	if (strcmp(l->holder, l->self) == 0)
		ask(l, l->self, l->term, false); /* what we sent has come through, nobody told us */
	else if (takes)
		ask(l, l->self, l->term, true);
	else if (silent)
		again_in(l, look_ms(l));
	else
		again_in(l, least(look_ms(l), l->lease_ms - l->silent_ms));
}

static void
refused(struct sk_leader *l)
{
	char name[SK_LEADER_TEXT], why[SK_LEADER_TEXT + 64];

	sk_leader_name(l->holder, name);
	snprintf(
		why, sizeof(why), "%s does, term %" PRIu64, name[0] != '\0' ? name : "nobody", l->term);
	if (l->grabs) {
		lose(l, why);
		again_in(l, look_ms(l));
	} else
		decide(l);
}

static void
unanswered(struct sk_leader *l, const struct sk_op *op)
{
	if (!l->failing)
		sk_log(SK_WARNING, "leader", "cannot %s: %s; trying again",
			l->leading ? "renew the lead" : "see who leads", op->err.msg);
	l->failing = true;
	again_in(l, look_ms(l));
}

/* The next one need not wait, as long as it is still ours. */
static void
leave_now(struct sk_leader *l)
{
	if (strcmp(l->holder, l->self) == 0)
		ask(l, "", l->term, true);
	else
		l->leaving = false;
}

static void
answered(struct sk_op *op)
{
	struct sk_leader *l = op->arg;
	enum sk_code code = op->code;

	l->asking = false;
	if (code == SK_OK || code == SK_ECONFLICT) {
		note_row(l);
		l->failing = false;
	}
	check_trust(l);
	if (l->over && (code == SK_OK || code == SK_ECONFLICT)) {
		leave_now(l);
	} else if (l->over) {
		l->leaving = false; /* the others wait for it as for one that died */
	} else if (code == SK_OK) {
		hold(l);
		again_in(l, l->lease_ms / 3 - (sk_control_boot_ms(l->c) - l->sent_ms));
	} else if (code == SK_ECONFLICT) {
		refused(l);
	} else {
		unanswered(l, op);
	}
	if (!l->asking) {
		sk_arena_free(l->arena);
		l->arena = NULL;
	}
}

void
sk_leader_tick(struct sk_leader *l)
{
	check_trust(l);
	if (l->asking || l->over)
		return;
	if (l->leading)
		ask(l, l->self, l->term, false);
	else
		ask(l, l->self, 0, false);
}

int64_t
sk_leader_next_ms(const struct sk_leader *l)
{
	return l->leading ? least(l->next_ms, l->trusted_ms) : l->next_ms;
}

/* ---- the whole ---- */

static void
tick(void *arg)
{
	sk_leader_tick(arg);
}

void
sk_leader_start(struct sk_leader *l)
{
	if (!l->over && !l->asking)
		again_in(l, 0);
}

void
sk_leader_leave(struct sk_leader *l)
{
	bool ours = l->leading;

	if (l->over)
		return;
	l->over = true;
	sk_timer_clear(l->c->cfg.loop, &l->tick);
	l->leaving = ours || (l->asking && l->grabs);
	if (l->leaving && !l->asking)
		leave_now(l);
	lose(l, "it stops");
}

bool
sk_leader_left(const struct sk_leader *l)
{
	return !l->leaving;
}

struct sk_leader *
sk_leader_new(struct sk_control *c)
{
	struct sk_leader *l = sk_xcalloc(1, sizeof(*l));
	char unique[SK_ULID_LEN];

	l->c = c;
	l->lease_ms = c->cfg.lead_ms > 0 ? c->cfg.lead_ms : c->cfg.lease_ms;
	l->tick = (struct sk_timer){ .fn = tick, .arg = l };
	l->trust = (struct sk_timer){ .fn = trust_over, .arg = l };
	sk_ulid_make(&c->ulid, sk_control_wall_ms(c), unique);
	snprintf(l->self, sizeof(l->self), "%.90s%c%s", c->cfg.name, MARK, unique);
	return l;
}

void
sk_leader_free(struct sk_leader *l)
{
	if (l == NULL)
		return;
	sk_timer_clear(l->c->cfg.loop, &l->tick);
	sk_timer_clear(l->c->cfg.loop, &l->trust);
	sk_arena_free(l->arena);
	free(l);
}
