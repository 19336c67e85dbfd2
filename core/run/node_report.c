/* node_report.c - what the supervisor says of tasks, noted until it is stored. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/run/node_priv.h"
#include <stdlib.h>
#include <string.h>

/* A short task's Running is stored together with its end. */
#define HOLD_MS 10
#define PROGRESS_MS 500 /* between two looks for progress to store */
#define PROGRESS_PAUSE_MS 2000 /* between two writes of one task's */

static struct node_task *
find(const struct sk_node *n, const struct sk_frame *f)
{
	struct node_task *t = sk_map_find(&n->tasks, f->key);

	return t != NULL && !t->gone && t->attempt == f->attempt ? t : NULL;
}

static bool
has_begun(const struct sk_task_report *rep)
{
	return rep->start_boot_ms > 0 && rep->reason != SK_REASON_START_FAILED;
}

static void
note_start(struct node_task *t, const struct sk_task_report *rep)
{
	t->started = true;
	t->start_ms = rep->start_ms;
}

static void
note_end(struct node_task *t, const struct sk_task_report *rep)
{
	if (has_begun(rep))
		note_start(t, rep);
	t->ended = true;
	t->paused = false;
	t->end_ms = rep->end_ms;
	t->reason = rep->reason;
	t->code = rep->code;
	t->signal = rep->signal;
	t->max_rss_kb = rep->max_rss_kb;
	t->cpu_ms = rep->cpu_ms;
	if (rep->message[0] != '\0')
		t->message = sk_xstrdup(rep->message);
	if (rep->result_len == 0)
		return;
	t->result_len = rep->result_len < SK_RESULT_MAX ? rep->result_len : SK_RESULT_MAX;
	t->result = memcpy(sk_xmalloc(t->result_len), rep->result, t->result_len);
}

/* ---- after our own death: what there is ---- */

static void
adopt(struct sk_node *n, const struct sk_frame *f, const struct sk_task_report *rep)
{
	struct node_task *t = node_add(n, f->key, rep->id, rep->class_name, f->attempt);

	node_know_class(n, t, rep->class_name);
	t->given = true;
	t->att_hash = rep->spec_hash;
	t->foreign = t->keep = rep->by_keys;
	t->gpus = rep->failures; /* as START said it */
	n->gpus_free &= ~t->gpus;
	if (rep->state == SK_T_ENDED)
		note_end(t, rep);
	else if (has_begun(rep))
		note_start(t, rep);
	t->stopped = rep->state == SK_T_STOPPING;
	t->paused = t->pausing = rep->state == SK_T_PAUSED && t->started;
	if (!t->ended)
		node_presence_adopt(n, t);
	else if (t->foreign)
		node_foreign_over(n, t);
}

void
node_on_task(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	const struct node_task key = { .key = f->key, .attempt = f->attempt };
	struct sk_reader r = sk_reader_of(f);
	uint32_t flags = sk_get_u32(&r);
	struct sk_task_report rep;

	if (!sk_get_report(&r, a, &rep) || sk_map_find(&n->tasks, f->key) != NULL)
		return;
	if ((flags & 1) != 0)
		node_tell(n, SK_F_FORGET, &key, NULL);
	else
		adopt(n, f, &rep);
}

/* ---- starts and ends ---- */

/* Nobody here knows of it, so nobody would ever store what becomes of it. */
static void
disown(struct sk_node *n, const struct sk_frame *f)
{
	struct node_task key = { .key = f->key, .attempt = f->attempt, .given = true };

	if (f->type == SK_F_STARTED)
		node_stop(n, &key, SK_REASON_LOST, 0);
	else
		node_tell(n, SK_F_FORGET, &key, NULL);
}

void
node_on_started(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	struct node_task *t = find(n, f);
	struct sk_reader r = sk_reader_of(f);
	struct sk_task_report rep;

	if (!sk_get_report(&r, a, &rep))
		return;
	if (t == NULL) {
		disown(n, f);
		return;
	}
	note_start(t, &rep);
	node_tail_started(n, t);
	if (t->look_again)
		node_read(n, t->id);
	t->look_again = false;
	if (n->hold.pos == 0)
		sk_timer_set(n->cfg.loop, &n->hold, sk_boot_ms() + HOLD_MS);
}

void
node_on_exited(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	struct node_task *t = find(n, f);
	struct sk_reader r = sk_reader_of(f);
	struct sk_task_report rep;

	if (!sk_get_report(&r, a, &rep) || (t != NULL && t->ended))
		return;
	if (t == NULL) {
		disown(n, f);
		return;
	}
	note_end(t, &rep);
	if (t->fenced) {
		node_read(n, t->id); /* its next attempt may be ours */
		node_settle(n, t);
	} else if (t->foreign)
		node_foreign_over(n, t);
	else
		node_mark(n, t);
}

/* Those that still run get their Running stored. */
void
node_hold_over(void *arg)
{
	struct sk_node *n = arg;
	struct node_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&n->tasks, &i)) != NULL)
		if (t->started && t->loaded && !t->fenced && t->life.phase == SK_ASSIGNING && !t->moving)
			node_mark(n, t);
}

/* ---- progress ---- */

void
node_on_progress(struct sk_node *n, const struct sk_frame *f, struct sk_arena *a)
{
	struct node_task *t = find(n, f);
	struct sk_reader r = sk_reader_of(f);
	double value = sk_get_f64(&r);
	const char *stage = sk_get_text(&r, a);

	if (t == NULL || r.bad || t->fenced)
		return;
	t->progress = value;
	if (t->stage == NULL || strcmp(t->stage, stage) != 0) {
		free(t->stage);
		t->stage = sk_xstrdup(stage);
	}
	t->progress_dirty = !t->foreign;
	node_publish(n, SK_EVENT_PROGRESS, t, NULL);
	if (t->progress_dirty && n->progress.pos == 0)
		sk_timer_set(n->cfg.loop, &n->progress, sk_boot_ms() + PROGRESS_MS);
}

void
node_progress_due(void *arg)
{
	struct sk_node *n = arg;
	struct node_task *t;
	int64_t now = sk_boot_ms();
	bool more = false;
	size_t i = 0;

	while ((t = sk_map_each(&n->tasks, &i)) != NULL) {
		if (!t->progress_dirty || t->gone || t->ended)
			continue;
		more = true;
		if (!t->moving && (t->progress_ms == 0 || now - t->progress_ms >= PROGRESS_PAUSE_MS))
			node_mark(n, t);
	}
	if (more)
		sk_timer_set(n->cfg.loop, &n->progress, now + PROGRESS_MS);
}
