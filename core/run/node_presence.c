/* node_presence.c - what of the node's tasks stands in the cache for programs of the original.
 *
 * Of a native task the store is the truth, the keys follow it. A final value is written when the
 * store has the end. An attempt that will be followed by another leaves none: -1 would make a
 * monitor of the original call the task Failed while it waits for its next try. Its keys go
 * before the end is sent to the store, because whoever gets the task next writes the same ones. */
#include "core/run/presence.h"
#include "core/base/clock.h"
#include "core/run/node_priv.h"

void
node_presence_open(struct sk_node *n)
{
	const struct sk_presence_config cfg = { .loop = n->cfg.loop,
		.cache = n->cfg.cache,
		.id = n->cfg.id,
		.mode = n->cfg.mode,
		.classes = (const char *const *)n->classes,
		.key_ttl_ms = n->cfg.key_ttl_ms };

	if (n->cfg.present && n->presence == NULL)
		n->presence = sk_presence_open(&cfg);
}

void
node_presence_begin(struct sk_node *n, const struct node_task *t)
{
	sk_presence_begin(n->presence, t->key, t->id, t->class_name);
}

void
node_presence_adopt(struct sk_node *n, const struct node_task *t)
{
	sk_presence_adopt(n->presence, t->key, t->id, t->class_name);
}

static void
say_failed(struct sk_node *n, const struct node_task *t, int64_t end_ms)
{
	struct sk_str why = SK_STR_INIT;

	node_failure_text(t, &why);
	sk_presence_end(n->presence, t->key, t->id, SK_BEAT_FAILED, sk_str_text(&why), end_ms);
	sk_str_release(&why);
}

void
node_presence_stored(struct sk_node *n, const struct node_task *t)
{
	if (n->presence == NULL)
		return;
	if (t->life.phase == SK_FINISHED)
		sk_presence_end(n->presence, t->key, t->id, SK_BEAT_FINISHED, "", 0);
	else if (t->life.phase == SK_CANCELLED)
		sk_presence_end(n->presence, t->key, t->id, SK_BEAT_CANCELLED, "", 0);
	else if (t->life.phase == SK_FAILED)
		say_failed(n, t, 0);
}

bool
node_presence_over(struct sk_node *n, const struct node_task *t)
{
	switch (t->reason) {
	case SK_REASON_INTERRUPTED:
	case SK_REASON_LOST:
		sk_presence_drop(n->presence, t->key);
		return false;
	case SK_REASON_CANCELLED:
		sk_presence_end(n->presence, t->key, t->id, SK_BEAT_CANCELLED, "", t->end_ms);
		return true;
	case SK_REASON_EXITED:
		if (t->code == 0) {
			sk_presence_end(n->presence, t->key, t->id, SK_BEAT_FINISHED, "", t->end_ms);
			return true;
		}
		break;
	case SK_REASON_SIGNALED:
	case SK_REASON_OOM:
	case SK_REASON_TIMEOUT:
	case SK_REASON_START_FAILED:
	case SK_REASON_SKIPPED:
		break;
	}
	say_failed(n, t, t->end_ms);
	return true;
}

void
node_presence_handed_back(struct sk_node *n, const struct node_task *t)
{
	sk_presence_drop(n->presence, t->key);
}

void
node_presence_fence(struct sk_node *n, const struct node_task *t, const struct sk_record *r)
{
	if (r != NULL && sk_phase_live(r->life.phase))
		sk_presence_forget(n->presence, t->key); /* it has another executor or attempt */
	else
		sk_presence_drop(n->presence, t->key);
}
