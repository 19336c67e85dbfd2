#include "adapters/local/bus.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS ((size_t)65536)
#define MAX_BYTES ((size_t)16 << 20)
#define BLOCK ((size_t)64 << 10)

/* The queue is a list of blocks filled with messages one behind the other; a block that was read to
 * its end is used again. */
struct block {
	struct block *next;
	size_t used, read, size;
	max_align_t data[];
};

struct message {
	size_t size; /* with the texts, rounded up */
	enum sk_topic topic;
	struct sk_event event; /* its texts follow the message */
};

struct subscriber {
	sk_bus_fn *fn; /* NULL: gone, its place is taken away after the round */
	void *arg;
	unsigned topics;
	uint64_t since; /* the first message it gets */
};

struct local_bus {
	struct sk_bus bus;
	struct sk_loop *loop;
	struct sk_timer deliver;
	size_t max_events, max_bytes;
	struct block *first, *last, *spare;
	size_t n_bytes;
	uint64_t n_in, n_out, n_dropped;
	struct subscriber *subs;
	size_t n_subs, cap_subs;
	bool delivering;
};

static struct local_bus *
upcast(struct sk_bus *b)
{
	return (struct local_bus *)b;
}

/* ---- the queue ---- */

static struct block *
block_new(struct local_bus *b, size_t need)
{
	struct block *k = b->spare;

	if (k != NULL && k->size >= need) {
		b->spare = NULL;
	} else {
		size_t size = need > BLOCK ? need : BLOCK;

		k = sk_xmalloc(sizeof(*k) + size);
		k->size = size;
	}
	k->next = NULL;
	k->used = k->read = 0;
	return k;
}

static void
block_done(struct local_bus *b)
{
	struct block *k = b->first;

	b->first = k->next;
	if (b->first == NULL)
		b->last = NULL;
	if (b->spare == NULL && k->size == BLOCK)
		b->spare = k;
	else
		free(k);
}

static struct message *
message_new(struct local_bus *b, size_t size)
{
	struct block *k = b->last;
	struct message *m;

	if (k == NULL || k->size - k->used < size) {
		k = block_new(b, size);
		if (b->last != NULL)
			b->last->next = k;
		else
			b->first = k;
		b->last = k;
	}
	m = (struct message *)((char *)k->data + k->used);
	k->used += size;
	return m;
}

static const char *
put_text(char **at, const char *text, size_t n)
{
	char *p = *at;

	memcpy(p, text, n);
	*at += n;
	return p;
}

static enum sk_code
bus_publish(struct sk_bus *bus, enum sk_topic topic, const struct sk_event *e)
{
	struct local_bus *b = upcast(bus);
	const char *const texts[] = { e->task, e->class_name, e->skald, e->stage, e->message };
	size_t lens[5], size = sizeof(struct message);
	struct message *m;
	char *at;

	for (size_t i = 0; i < 5; i++)
		size += lens[i] = texts[i] != NULL ? strlen(texts[i]) + 1 : 1;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (b->n_in - b->n_out >= b->max_events || size > b->max_bytes - b->n_bytes) {
		b->n_dropped++;
		return SK_EAGAIN;
	}
	m = message_new(b, size);
	m->size = size;
	m->topic = topic;
	m->event = *e;
	at = (char *)(m + 1);
#define TEXT(i) put_text(&at, texts[i] != NULL ? texts[i] : "", lens[i])
	m->event.task = TEXT(0);
	m->event.class_name = TEXT(1);
	m->event.skald = TEXT(2);
	m->event.stage = TEXT(3);
	m->event.message = TEXT(4);
#undef TEXT
	b->n_bytes += size;
	b->n_in++;
	if (b->deliver.pos == 0)
		sk_timer_set(b->loop, &b->deliver, 0);
	return SK_OK;
}

/* ---- delivery ---- */

/* Subscribers may come and go in callbacks: the array may move, places stay until the end. */
static void
hand_out(struct local_bus *b, const struct message *m)
{
	for (size_t i = 0; i < b->n_subs; i++) {
		struct subscriber s = b->subs[i];

		if (s.fn != NULL && (s.topics & 1u << m->topic) != 0 && b->n_out >= s.since)
			s.fn(s.arg, m->topic, &m->event);
	}
}

static void
forget_gone(struct local_bus *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_subs; i++)
		if (b->subs[i].fn != NULL)
			b->subs[n++] = b->subs[i];
	b->n_subs = n;
}

/* What is published meanwhile waits for the next round: nobody keeps the loop for himself. */
static void
deliver(void *arg)
{
	struct local_bus *b = arg;
	const uint64_t end = b->n_in;

	b->delivering = true;
	while (b->n_out != end) {
		struct block *k = b->first;
		struct message *m = (struct message *)((char *)k->data + k->read);

		hand_out(b, m);
		k->read += m->size;
		b->n_bytes -= m->size;
		b->n_out++;
		if (k->read == k->used)
			block_done(b);
	}
	b->delivering = false;
	forget_gone(b);
}

static enum sk_code
bus_subscribe(struct sk_bus *bus, unsigned topics, sk_bus_fn *fn, void *arg, struct sk_err *err)
{
	struct local_bus *b = upcast(bus);

	(void)err; /* cannot fail here */
	if (b->n_subs == b->cap_subs) {
		b->cap_subs = b->cap_subs > 0 ? 2 * b->cap_subs : 8;
		b->subs = sk_xreallocarray(b->subs, b->cap_subs, sizeof(*b->subs));
	}
	b->subs[b->n_subs++] =
		(struct subscriber){ .fn = fn, .arg = arg, .topics = topics, .since = b->n_in };
	return SK_OK;
}

static void
bus_unsubscribe(struct sk_bus *bus, sk_bus_fn *fn, void *arg)
{
	struct local_bus *b = upcast(bus);

	for (size_t i = 0; i < b->n_subs; i++)
		if (b->subs[i].fn == fn && b->subs[i].arg == arg)
			b->subs[i].fn = NULL;
	if (!b->delivering)
		forget_gone(b);
}

static void
bus_close(struct sk_bus *bus)
{
	struct local_bus *b = upcast(bus);

	sk_timer_clear(b->loop, &b->deliver);
	while (b->first != NULL)
		block_done(b);
	free(b->spare);
	free(b->subs);
	free(b);
}

static const struct sk_bus_ops ops = {
	.name = "local",
	.publish = bus_publish,
	.subscribe = bus_subscribe,
	.unsubscribe = bus_unsubscribe,
	.close = bus_close,
};

struct sk_bus *
sk_bus_local_open(const struct sk_bus_local_config *cfg)
{
	struct local_bus *b = sk_xcalloc(1, sizeof(*b));

	b->bus.ops = &ops;
	b->loop = cfg->loop;
	b->max_events = cfg->max_events > 0 ? cfg->max_events : MAX_EVENTS;
	b->max_bytes = cfg->max_bytes > 0 ? cfg->max_bytes : MAX_BYTES;
	b->deliver = (struct sk_timer){ .fn = deliver, .arg = b };
	return &b->bus;
}

uint64_t
sk_bus_local_dropped(const struct sk_bus *b)
{
	return ((const struct local_bus *)b)->n_dropped;
}
