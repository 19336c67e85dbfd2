/* hooks_bus.c - only in a build of FLAVOR=hooks. */
#ifndef SKALDS_TEST_HOOKS
#define SKALDS_TEST_HOOKS /* for who checks this file alone */
#endif
#include "core/hooks_bus.h"
#include "core/base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SWAP_MS 1000

enum fate { DROP, DOUBLE, DELAY, SWAP, N_FATE, WELL = N_FATE };

static const char *const fates[N_FATE] = { "drop", "double", "delay", "swap" };

struct subscriber {
	struct subscriber *next;
	sk_bus_fn *fn;
	void *arg;
	struct held *swapped; /* waits for the next one */
};

struct held {
	struct held *next;
	struct sk_timer timer;
	struct subscriber *to;
	enum sk_topic topic;
	struct sk_event event; /* its texts are copies */
};

/* A port has no room for more than its table. */
static struct {
	const struct sk_bus_ops *real;
	struct sk_bus_ops ops;
	struct sk_loop *loop;
	const char *component;
	struct subscriber *subs;
	struct held *held;
	uint64_t random, n, met[N_FATE];
	unsigned percent[N_FATE];
	int64_t delay_ms;
} chaos;

/* ---- chance ---- */

/* xorshift64 */
static uint64_t
roll(uint64_t n)
{
	chaos.random ^= chaos.random << 13;
	chaos.random ^= chaos.random >> 7;
	chaos.random ^= chaos.random << 17;
	return chaos.random % n;
}

static enum fate
fate_of(void)
{
	uint64_t r = roll(100);

	chaos.n++;
	for (int f = 0; f < N_FATE; f++) {
		if (r < chaos.percent[f]) {
			chaos.met[f]++;
			return (enum fate)f;
		}
		r -= chaos.percent[f];
	}
	return WELL;
}

/* ---- what is held back ---- */

static void
held_take(struct held *h)
{
	struct held **p = &chaos.held;

	while (*p != h)
		p = &(*p)->next;
	*p = h->next;
	if (h->to->swapped == h)
		h->to->swapped = NULL;
	sk_timer_clear(chaos.loop, &h->timer);
}

static void
held_free(struct held *h)
{
	free((void *)(uintptr_t)h->event.task);
	free((void *)(uintptr_t)h->event.class_name);
	free((void *)(uintptr_t)h->event.skald);
	free((void *)(uintptr_t)h->event.stage);
	free((void *)(uintptr_t)h->event.message);
	free(h);
}

/* Whoever is called may unsubscribe: after it nothing of the subscriber is there. */
static void
release(void *arg)
{
	struct held *h = arg;

	held_take(h);
	h->to->fn(h->to->arg, h->topic, &h->event);
	held_free(h);
}

static bool
is_there(const struct subscriber *s)
{
	const struct subscriber *p = chaos.subs;

	while (p != NULL && p != s)
		p = p->next;
	return p != NULL;
}

static struct held *
hold(struct subscriber *s, enum sk_topic topic, const struct sk_event *e, int64_t ms)
{
	struct held *h = sk_xcalloc(1, sizeof(*h));

	h->to = s;
	h->topic = topic;
	h->event = *e;
	h->event.task = sk_xstrdup(e->task);
	h->event.class_name = sk_xstrdup(e->class_name);
	h->event.skald = sk_xstrdup(e->skald);
	h->event.stage = sk_xstrdup(e->stage);
	h->event.message = sk_xstrdup(e->message);
	h->timer = (struct sk_timer){ .fn = release, .arg = h };
	h->next = chaos.held;
	chaos.held = h;
	sk_timer_set(chaos.loop, &h->timer, sk_boot_ms() + ms);
	return h;
}

static void
deliver(void *arg, enum sk_topic topic, const struct sk_event *e)
{
	struct subscriber *s = arg;
	enum fate fate = fate_of();

	switch (fate) {
	case DROP:
		return;
	case DELAY:
		hold(s, topic, e, (int64_t)roll((uint64_t)chaos.delay_ms + 1));
		return;
	case SWAP:
		if (s->swapped == NULL) {
			s->swapped = hold(s, topic, e, SWAP_MS);
			return;
		}
		break;
	case DOUBLE:
		s->fn(s->arg, topic, e);
		if (!is_there(s))
			return;
		break;
	case WELL:
		break;
	}
	s->fn(s->arg, topic, e);
	if (is_there(s) && s->swapped != NULL)
		release(s->swapped);
}

/* ---- the port ---- */

static enum sk_code
chaos_subscribe(struct sk_bus *b, unsigned topics, sk_bus_fn *fn, void *arg, struct sk_err *err)
{
	struct subscriber *s = sk_xcalloc(1, sizeof(*s));
	enum sk_code code = chaos.real->subscribe(b, topics, deliver, s, err);

	if (code != SK_OK) {
		free(s);
		return code;
	}
	s->fn = fn;
	s->arg = arg;
	s->next = chaos.subs;
	chaos.subs = s;
	return SK_OK;
}

static void
forget(struct subscriber *s)
{
	struct held *next;

	for (struct held *h = chaos.held; h != NULL; h = next) {
		next = h->next;
		if (h->to == s) {
			held_take(h);
			held_free(h);
		}
	}
	free(s);
}

static void
chaos_unsubscribe(struct sk_bus *b, sk_bus_fn *fn, void *arg)
{
	for (struct subscriber **p = &chaos.subs; *p != NULL; p = &(*p)->next) {
		struct subscriber *s = *p;

		if (s->fn != fn || s->arg != arg)
			continue;
		*p = s->next;
		chaos.real->unsubscribe(b, deliver, s);
		forget(s);
		return;
	}
}

static void
chaos_close(struct sk_bus *b)
{
	struct subscriber *next;

	b->ops = chaos.real;
	b->ops->close(b);
	for (struct subscriber *s = chaos.subs; s != NULL; s = next) {
		next = s->next;
		forget(s);
	}
	chaos.subs = NULL;
	sk_log(SK_INFO, chaos.component,
		"the broken bus: %" PRIu64 " events, %" PRIu64 " lost, %" PRIu64 " twice, %" PRIu64
		" late, %" PRIu64 " swapped",
		chaos.n, chaos.met[DROP], chaos.met[DOUBLE], chaos.met[DELAY], chaos.met[SWAP]);
}

static unsigned
number(const char *text, const char *name, unsigned none)
{
	size_t n = strlen(name);

	for (const char *p = text; p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return (unsigned)strtoul(p + n + 1, NULL, 10);
	}
	return none;
}

void
sk_hooks_bus(struct sk_bus *b, struct sk_loop *loop, const char *component)
{
	const char *text = getenv("SKALDS_HOOKS_BUS");

	if (text == NULL || b == NULL)
		return;
	for (int f = 0; f < N_FATE; f++)
		chaos.percent[f] = number(text, fates[f], 0);
	chaos.delay_ms = number(text, "delay-ms", 30000);
	chaos.random =
		((uint64_t)number(text, "seed", 1) + 1) * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
	chaos.loop = loop;
	chaos.component = component;
	chaos.real = b->ops;
	chaos.ops = *b->ops;
	chaos.ops.subscribe = chaos_subscribe;
	chaos.ops.unsubscribe = chaos_unsubscribe;
	chaos.ops.close = chaos_close;
	b->ops = &chaos.ops;
}
