/* node_wish.c - what is wanted of a task that we have: cancel, pause, resume, other attachments;
 * and what to do when it is not ours any more. The store says so, an event only made us look. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include <stdlib.h>
#include <string.h>

/* ---- pause ---- */

static void
wish_pause(struct sk_node *n, struct node_task *t, bool pause)
{
	if (t->stopped || t->ended || t->pausing == pause)
		return;
	if (!t->started) { /* nothing to freeze yet */
		t->look_again = true;
		return;
	}
	t->pausing = pause;
	node_tell(n, pause ? SK_F_PAUSE : SK_F_RESUME, t, NULL);
}

void
node_on_paused(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	struct node_task *t = sk_map_find(&n->tasks, f->key);
	struct sk_reader r = sk_reader_of(f);
	bool good = sk_get_u32(&r) != 0, pause = f->type == SK_F_PAUSED;
	const char *why = sk_get_text(&r, a);

	if (t == NULL || t->attempt != f->attempt || t->ended || t->gone || r.bad)
		return;
	if (good) {
		t->paused = pause;
		node_mark(n, t);
		return;
	}
	t->pausing = t->paused;
	sk_log_task(SK_WARNING, n->cfg.component, t->id, t->attempt, "cannot be %s: %s",
		pause ? "paused" : "resumed", why);
}

/* ---- attachments ---- */

static void
send_update(struct sk_node *n, struct node_task *t, const struct sk_value *attachments)
{
	struct sk_str value = SK_STR_INIT, payload = SK_STR_INIT;

	sk_value_encode(&value, attachments);
	sk_put_bytes(&payload, value.p, value.len);
	sk_put_u64(&payload, t->att_hash);
	if (payload.len <= SK_FRAME_MAX)
		node_tell(n, SK_F_UPDATE, t, &payload);
	else
		sk_log_task(SK_ERROR, n->cfg.component, t->id, t->attempt,
			"the new attachments are too large: %zu bytes, at most %zu; the old ones stay in force",
			payload.len, SK_FRAME_MAX);
	sk_str_release(&value);
	sk_str_release(&payload);
}

/* A class without a hook gets them with its next attempt. */
void
node_wish_attachments(struct sk_node *n, struct node_task *t, const struct sk_value *attachments)
{
	uint64_t hash;

	if (t->worker == NULL || t->worker->update == NULL || t->stopped || t->ended ||
		attachments == NULL)
		return;
	hash = node_att_hash(attachments);
	if (hash == t->att_hash)
		return;
	if (!t->started) {
		t->look_again = true;
		return;
	}
	t->att_hash = hash;
	send_update(n, t, attachments);
}

void
node_on_updated(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	struct node_task *t = sk_map_find(&n->tasks, f->key);
	struct sk_reader r = sk_reader_of(f);
	bool good = sk_get_u32(&r) != 0;
	const char *why = sk_get_text(&r, a);

	if (t == NULL || t->attempt != f->attempt || t->gone || t->fenced || r.bad)
		return;
	if (good)
		node_publish(n, SK_EVENT_UPDATED, t, "taken by its worker");
	else
		sk_log_task(SK_ERROR, n->cfg.component, t->id, t->attempt,
			"the update was refused, the old attachments stay in force: %s", why);
}

/* ---- a fresh record ---- */

static bool
is_settled(const struct node_task *t)
{
	return !t->ended && t->started == (t->life.phase != SK_ASSIGNING) &&
		t->paused == (t->life.phase == SK_PAUSED);
}

/* A stranger wrote Cancelled over it. The store takes no start before a controller has made a wish
 * of that, and then tells us. */
static bool
is_unheard_cancel(const struct sk_record *r)
{
	return r->disputed && r->status == SK_CANCELLED && r->life.wanted == SK_WANT_RUN;
}

void
node_agree(struct sk_node *n, struct node_task *t, const struct sk_record *r, struct sk_arena *a)
{
	struct sk_spec spec;
	struct sk_err err = { SK_OK, "" };

	if (!t->loaded && !node_load(n, t, r, a, &spec, &err))
		sk_log_task(SK_WARNING, n->cfg.component, t->id, t->attempt, "%s", err.msg);
	t->life = r->life;
	t->seq = r->seq;
	if (t->waiting) {
		node_try_again(n, t, r, a);
		return;
	}
	if (t->ended || t->life.wanted == SK_WANT_RUN)
		wish_pause(n, t, false);
	else if (t->life.wanted == SK_WANT_CANCEL)
		node_stop(n, t, SK_REASON_CANCELLED, SK_OWN_GRACE);
	else
		wish_pause(n, t, true);
	node_wish_attachments(n, t, sk_map_get(r->spec, "attachments"));
	if (!is_settled(t) && (t->ended || !is_unheard_cancel(r)))
		node_mark(n, t);
}

/* A write of unknown outcome was done after all: then nobody was told yet. */
static void
say_what_was_stored(struct sk_node *n, struct node_task *t, const struct sk_record *r)
{
	if (!t->unsure || r == NULL || r->life.attempt != t->attempt || r->finish_ms != t->end_ms)
		return;
	t->life = r->life;
	node_say_end(n, t);
}

void
node_fence(struct sk_node *n, struct node_task *t, const struct sk_record *r)
{
	bool again = t->ended || !t->given;

	if (!t->unsure) {
		n->stale++;
		sk_log_task(SK_WARNING, n->cfg.component, t->id, t->attempt, "is not ours any more%s",
			t->ended ? "" : ": stopping it");
	}
	node_presence_fence(n, t, r);
	if (!again) {
		t->fenced = true;
		node_unmark(n, t);
		node_stop(n, t, SK_REASON_LOST, 0);
		return;
	}
	say_what_was_stored(n, t, r);
	if (r != NULL)
		node_read(n, t->id); /* its next attempt may be ours */
	node_settle(n, t);
}
