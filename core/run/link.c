#include "core/run/link.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/mem.h"
#include "core/run/peer.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAW_MS 100
#define REDRAW_MS \
	1000 /* clocks go on when nothing else happens; the console may have been cleared */
#define WATCH_MS 1000
#define EXIT_SKALDS 125
#define PRINT_PIECE ((size_t)128 << 10) /* well below SK_FRAME_MAX */

struct sk_link {
	const struct sk_link_config *cfg;
	struct sk_loop *loop;
	struct sk_chan chan;
	struct sk_watch *watch, *heard;
	struct sk_plan *plan;
	struct sk_timer ping, tick, draw, look, hold;
	struct sk_arena *held; /* the first tasks, read and not taken yet */
	struct sk_task_list first;
	struct stat seen; /* of the watched file */
	bool loaded; /* the file was read at least once */
	bool dirty; /* something to draw */
	int64_t drawn_ms; /* boot clock */
	bool quit_sent, gone;
	struct sk_peer peer; /* the supervisor */
	int signal; /* skalds was told to stop by it */
	struct known {
		uint64_t key;
		uint32_t attempt;
		bool settled;
		struct sk_task_report rep;
	} * known;
	size_t n_known, cap_known;
	struct sk_arena *known_arena;
};

const struct sk_plan *
sk_link_plan(const struct sk_link *link)
{
	return link->plan;
}

/* ---- talking to the supervisor ---- */

static void
send_now(struct sk_link *l)
{
	enum sk_code code = sk_chan_flush(&l->chan, NULL);

	if (l->watch != NULL)
		sk_watch_set(l->watch, EPOLLIN | (code == SK_EAGAIN ? EPOLLOUT : 0));
}

static void
tell(struct sk_link *l, enum sk_frame_type type, const struct sk_plan_task *t,
	const struct sk_str *payload)
{
	sk_chan_queue(&l->chan, type, t != NULL ? t->key : 0, t != NULL ? t->attempt : 0, payload);
}

static void
tell_number(struct sk_link *l, enum sk_frame_type type, uint32_t v)
{
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, v);
	tell(l, type, NULL, &payload);
	sk_str_release(&payload);
}

void
sk_link_print(struct sk_link *l, int stream, const char *text, size_t n)
{
	struct sk_str payload = SK_STR_INIT;

	while (n > 0) {
		size_t piece = n < PRINT_PIECE ? n : PRINT_PIECE;

		sk_str_clear(&payload);
		sk_put_u32(&payload, (uint32_t)stream | (piece < n ? SK_PRINT_MORE : 0));
		sk_put_bytes(&payload, text, piece);
		tell(l, SK_F_PRINT, NULL, &payload);
		text += piece;
		n -= piece;
	}
	sk_str_release(&payload);
}

static void
quit(struct sk_link *l)
{
	if (l->quit_sent)
		return;
	l->quit_sent = true;
	if (l->cfg->draw != NULL)
		l->cfg->draw(l->cfg->arg, l, true);
	tell_number(l, SK_F_QUIT, (uint32_t)l->cfg->exit_code(l->cfg->arg, l->plan, l->signal));
}

/* ---- the plan's effects ---- */

static void
do_start(void *arg, struct sk_plan_task *t)
{
	struct sk_link *l = arg;
	struct sk_arena *a = sk_arena_new();
	struct sk_start st = { .id = t->spec.id };
	struct sk_str payload = SK_STR_INIT;
	struct sk_err err = { SK_OK, "" };

	if (!l->cfg->describe(l->cfg->arg, t, a, &st, &err))
		st = (struct sk_start){ .id = t->spec.id, .refusal = err.msg };
	st.failures = t->failures;
	st.spec_hash = sk_plan_spec_hash(&t->spec);
	sk_put_start(&payload, &st);
	if (payload.len > SK_FRAME_MAX) {
		snprintf(err.msg, sizeof(err.msg), "the attachments are too large: %zu bytes, at most %zu",
			payload.len, SK_FRAME_MAX);
		st = (struct sk_start){
			.id = t->spec.id, .refusal = err.msg, .failures = t->failures, .spec_hash = st.spec_hash
		};
		sk_str_clear(&payload);
		sk_put_start(&payload, &st);
	}
	tell(l, SK_F_START, t, &payload);
	sk_str_release(&payload);
	sk_arena_free(a);
}

static void
do_stop(void *arg, struct sk_plan_task *t, enum sk_reason reason)
{
	struct sk_link *l = arg;
	struct sk_str payload = SK_STR_INIT;

	sk_put_u32(&payload, (uint32_t)reason);
	/* one that is not in the file has the grace that it was started with */
	sk_put_u64(
		&payload, t->spec.worker != NULL ? (uint64_t)(t->spec.grace_s * 1000) : SK_OWN_GRACE);
	tell(l, SK_F_STOP, t, &payload);
	sk_str_release(&payload);
}

static void
do_update(void *arg, struct sk_plan_task *t)
{
	struct sk_link *l = arg;
	struct sk_str value = SK_STR_INIT, payload = SK_STR_INIT;

	sk_value_encode(&value, t->spec.attachments);
	sk_put_bytes(&payload, value.p, value.len);
	sk_put_u64(&payload, sk_plan_spec_hash(&t->spec));
	if (payload.len <= SK_FRAME_MAX)
		tell(l, SK_F_UPDATE, t, &payload);
	else
		sk_log_task(SK_ERROR, l->cfg->component, t->spec.id, t->attempt,
			"the new attachments are "
			"too large: %zu bytes, at most %zu; the old ones stay in force",
			payload.len, SK_FRAME_MAX);
	sk_str_release(&value);
	sk_str_release(&payload);
}

static void
do_forget(void *arg, struct sk_plan_task *t)
{
	tell(arg, SK_F_FORGET, t, NULL);
}

static void
do_event(void *arg, const struct sk_plan_task *t, const char *name)
{
	struct sk_link *l = arg;

	l->dirty = true;
	if (l->cfg->event != NULL)
		l->cfg->event(l->cfg->arg, l, t, name);
}

static const struct sk_plan_ops plan_ops = {
	.start = do_start,
	.stop = do_stop,
	.update = do_update,
	.forget = do_forget,
	.event = do_event,
};

/* ---- reading the file ---- */

/* A changed file: a broken one changes nothing, and load has said why. */
static void
reload(struct sk_link *l)
{
	struct sk_task_list list = { NULL, 0 };
	struct sk_arena *arena = NULL;

	if (l->cfg->watch != NULL && stat(l->cfg->watch, &l->seen) != 0)
		memset(&l->seen, 0, sizeof(l->seen));
	if (l->cfg->load(l->cfg->arg, &arena, &list) != 0) {
		sk_log(SK_ERROR, l->cfg->component, "the file is not taken: nothing was changed");
		return;
	}
	if (l->cfg->amend != NULL)
		l->cfg->amend(l->cfg->arg, arena, &list);
	sk_plan_load(l->plan, &list, arena, sk_boot_ms());
	sk_log(SK_INFO, l->cfg->component, "read %zu task(s)", list.n);
	l->dirty = true;
	if (l->cfg->taken != NULL)
		l->cfg->taken(l->cfg->arg, l);
}

static void
adopt_known(struct sk_link *l)
{
	for (size_t i = 0; i < l->n_known; i++)
		sk_plan_adopt(l->plan, l->known[i].key, l->known[i].attempt, &l->known[i].rep,
			l->known[i].settled, sk_boot_ms());
	for (size_t i = 0; i < l->n_known; i++) {
		const struct known *k = &l->known[i];

		if (k->rep.unseen)
			sk_chan_queue(&l->chan, SK_F_SEEN, k->key, k->attempt, NULL);
		if (k->rep.state == SK_T_ENDED && !k->settled)
			sk_chan_queue(&l->chan, SK_F_ACK, k->key, k->attempt, NULL);
	}
	if (l->n_known > 0)
		sk_log(SK_INFO, l->cfg->component, "found %zu task(s) again", l->n_known);
	free(l->known);
	sk_arena_free(l->known_arena);
	l->known = NULL;
	l->known_arena = NULL;
	l->n_known = 0;
}

static void
take_first(struct sk_link *l)
{
	struct sk_arena *arena = l->held;

	sk_timer_clear(l->loop, &l->hold);
	l->held = NULL;
	l->loaded = true;
	if (l->cfg->amend != NULL)
		l->cfg->amend(l->cfg->arg, arena, &l->first);
	tell_number(l, SK_F_CONFIG, l->cfg->limits.slots);
	sk_plan_load(l->plan, &l->first, arena, sk_boot_ms());
	adopt_known(l);
	tell_number(l, SK_F_READY, 1);
	l->dirty = true;
	if (l->cfg->taken != NULL)
		l->cfg->taken(l->cfg->arg, l);
}

void
sk_link_release(struct sk_link *l)
{
	if (l->held != NULL)
		take_first(l);
}

static void
waited(void *arg)
{
	sk_link_release(arg);
}

bool
sk_link_update(struct sk_link *l, const char *id, const struct sk_value *attachments)
{
	bool changed = sk_plan_update(l->plan, id, attachments);

	l->dirty = l->dirty || changed;
	return changed;
}

/* The supervisor has told what exists: now the file. */
static void
first_load(struct sk_link *l)
{
	struct sk_task_list list = { NULL, 0 };
	struct sk_arena *arena = NULL;
	int code;

	sk_link_release(l); /* asked for again while it waits: what was read first is taken first */
	if (l->loaded) {
		reload(l);
		return;
	}
	if (l->cfg->watch != NULL && stat(l->cfg->watch, &l->seen) != 0)
		memset(&l->seen, 0, sizeof(l->seen));
	code = l->cfg->load(l->cfg->arg, &arena, &list);
	if (code != 0 && l->peer.restarts == 0) { /* nothing was started: the end of it */
		l->quit_sent = true;
		tell_number(l, SK_F_QUIT, (uint32_t)code);
		return;
	}
	if (code != 0) { /* our predecessor had a good file: keep its tasks until it is good again */
		sk_log(SK_ERROR, l->cfg->component, "the file is broken: tasks go on, no end is settled");
		return;
	}
	l->held = arena;
	l->first = list;
	if (l->cfg->hold_ms > 0)
		sk_timer_set(l->loop, &l->hold, sk_boot_ms() + l->cfg->hold_ms);
	else
		take_first(l);
}

static void
load_again(struct sk_link *l)
{
	if (l->loaded)
		reload(l);
	else
		first_load(l);
}

/* ---- frames ---- */

/* What is known of an attempt, until the file is read: reports replace what was told before. */
static void
remember(struct sk_link *l, const struct sk_frame *f, struct sk_reader *r, uint32_t flags)
{
	struct known k = { .key = f->key, .attempt = f->attempt, .settled = (flags & 1) != 0 };

	if (l->known_arena == NULL)
		l->known_arena = sk_arena_new();
	if (!sk_get_report(r, l->known_arena, &k.rep))
		return;
	k.rep.unseen = (flags & 2) == 0 && k.rep.start_boot_ms > 0;
	for (size_t i = 0; f->type != SK_F_TASK && i < l->n_known; i++)
		if (l->known[i].key == k.key && l->known[i].attempt == k.attempt) {
			k.rep.unseen =
				k.rep.unseen && (l->known[i].rep.unseen || l->known[i].rep.start_boot_ms == 0);
			l->known[i] = k;
			return;
		}
	if (l->n_known == l->cap_known) {
		l->cap_known = l->cap_known > 0 ? l->cap_known * 2 : 16;
		l->known = sk_xreallocarray(l->known, l->cap_known, sizeof(*l->known));
	}
	l->known[l->n_known++] = k;
}

static void
on_task(struct sk_link *l, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	uint32_t flags = sk_get_u32(&r);

	remember(l, f, &r, flags);
}

static void
on_report(struct sk_link *l, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	struct sk_arena *a = sk_arena_new();
	struct sk_task_report rep;

	if (!l->loaded)
		remember(l, f, &r, 0);
	else if (sk_get_report(&r, a, &rep) && f->type == SK_F_STARTED) {
		sk_plan_started(l->plan, f->key, f->attempt, &rep);
		sk_chan_queue(&l->chan, SK_F_SEEN, f->key, f->attempt, NULL);
	} else if (!r.bad) {
		sk_plan_exited(l->plan, f->key, f->attempt, &rep, sk_boot_ms());
		sk_chan_queue(&l->chan, SK_F_ACK, f->key, f->attempt, NULL);
	}
	sk_arena_free(a);
}

static void
on_note(struct sk_link *l, const struct sk_frame *f)
{
	struct sk_plan_task *t = sk_plan_find(l->plan, f->key);
	struct sk_reader r = sk_reader_of(f);
	struct sk_arena *a;

	if (t == NULL || t->attempt != f->attempt)
		return;
	a = sk_arena_new();
	if (f->type == SK_F_PROGRESS) {
		t->progress = sk_get_f64(&r);
		snprintf(t->stage, sizeof(t->stage), "%s", sk_get_text(&r, a));
		do_event(l, t, "progress");
	} else if (f->type == SK_F_LINE)
		snprintf(t->line, sizeof(t->line), "%s", sk_get_text(&r, a));
	else if (sk_get_u32(&r) != 0)
		do_event(l, t, "updated");
	else
		sk_log_task(SK_ERROR, l->cfg->component, t->spec.id, t->attempt,
			"the update was refused, the old attachments stay in force: %s", sk_get_text(&r, a));
	l->dirty = true;
	sk_arena_free(a);
}

static void
on_signal(struct sk_link *l, int sig)
{
	if (sig == SIGHUP)
		load_again(l);
	else if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT) {
		if (l->signal == 0)
			l->signal = sig;
		sk_plan_drain(l->plan);
		sk_link_release(l);
	} else if (sig == SIGWINCH)
		l->dirty = true;
}

static void
on_frame(struct sk_link *l, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);

	switch (f->type) {
	case SK_F_HELLO:
		sk_peer_hello(&l->peer, f);
		break;
	case SK_F_TASK:
		on_task(l, f);
		break;
	case SK_F_TASKS_END:
		first_load(l);
		break;
	case SK_F_STARTED:
	case SK_F_EXITED:
		on_report(l, f);
		break;
	case SK_F_PROGRESS:
	case SK_F_LINE:
	case SK_F_UPDATED:
		on_note(l, f);
		break;
	case SK_F_SIGNAL:
		on_signal(l, (int)sk_get_u32(&r));
		break;
	default:
		break;
	}
}

static void
channel_ready(uint32_t events, void *arg)
{
	struct sk_link *l = arg;
	struct sk_frame f;
	struct sk_err err;
	enum sk_code code;

	(void)events;
	code = sk_chan_fill(&l->chan, &err);
	sk_peer_heard(&l->peer);
	while (sk_chan_next(&l->chan, &f, &err) == SK_OK)
		on_frame(l, &f);
	l->gone = code != SK_OK && code != SK_EAGAIN;
}

/* ---- timers ---- */

static void
ping(void *arg)
{
	struct sk_link *l = arg;

	if (sk_peer_hangs(&l->peer)) {
		sk_peer_kill(&l->peer, l->cfg->component);
		l->gone = true;
		return;
	}
	tell(l, SK_F_PING, NULL, NULL);
	sk_timer_set(l->loop, &l->ping, sk_boot_ms() + sk_peer_pause_ms(&l->peer));
}

static void
heard(uint32_t events, void *arg)
{
	struct sk_link *l = arg;

	(void)events;
	l->cfg->heard(l->cfg->arg, l);
}

static void
nothing(void *arg)
{
	(void)arg; /* the loop woke up: the plan is looked at after every round */
}

static void
draw(void *arg)
{
	struct sk_link *l = arg;

	int64_t now = sk_boot_ms();

	if (!l->quit_sent && (l->dirty || now - l->drawn_ms >= REDRAW_MS)) {
		l->cfg->draw(l->cfg->arg, l, false);
		l->dirty = false;
		l->drawn_ms = now;
	}
	sk_timer_set(l->loop, &l->draw, now + DRAW_MS);
}

static void
look(void *arg)
{
	struct sk_link *l = arg;
	struct stat st;

	/* by name each time: a mounted ConfigMap swaps a link, editors rename */
	if (stat(l->cfg->watch, &st) == 0 &&
		(st.st_mtim.tv_sec != l->seen.st_mtim.tv_sec ||
			st.st_mtim.tv_nsec != l->seen.st_mtim.tv_nsec || st.st_ino != l->seen.st_ino ||
			st.st_size != l->seen.st_size))
		load_again(l);
	sk_timer_set(l->loop, &l->look, sk_boot_ms() + WATCH_MS);
}

/* ---- the loop ---- */

static void
round_up(struct sk_link *l)
{
	int64_t next = l->loaded && !l->quit_sent ? sk_plan_tick(l->plan, sk_boot_ms()) : -1;

	if (next >= 0)
		sk_timer_set(l->loop, &l->tick, next);
	if (l->loaded && (l->cfg->once || l->signal != 0) && sk_plan_over(l->plan))
		quit(l);
	send_now(l);
}

int
sk_link_run(int channel, const struct sk_link_config *cfg)
{
	struct sk_link l = { .cfg = cfg, .peer = { .lease_ms = cfg->lease_ms } };
	struct sk_err err = { SK_OK, "" };

	l.ping = (struct sk_timer){ .fn = ping, .arg = &l };
	l.tick = (struct sk_timer){ .fn = nothing, .arg = &l };
	l.draw = (struct sk_timer){ .fn = draw, .arg = &l };
	l.look = (struct sk_timer){ .fn = look, .arg = &l };
	l.hold = (struct sk_timer){ .fn = waited, .arg = &l };
	sk_chan_init(&l.chan, channel);
	l.plan = sk_plan_new(&cfg->limits, &plan_ops, &l);
	l.loop = sk_loop_new(&err);
	if (l.loop != NULL)
		l.watch = sk_watch_add(l.loop, channel, EPOLLIN, channel_ready, &l, &err);
	if (l.watch != NULL && cfg->heard != NULL) {
		l.heard = sk_watch_add(l.loop, cfg->fd, EPOLLIN, heard, &l, &err);
		if (l.heard == NULL)
			sk_log(SK_ERROR, cfg->component, "nothing is heard of the services: %s", err.msg);
	}
	if (l.watch == NULL) {
		sk_log(SK_CRITICAL, cfg->component, "%s", err.msg);
		return EXIT_SKALDS;
	}
	ping(&l);
	if (cfg->draw != NULL)
		draw(&l);
	if (cfg->watch != NULL)
		sk_timer_set(l.loop, &l.look, sk_boot_ms() + WATCH_MS);
	while (!l.gone) {
		round_up(&l);
		sk_loop_once(l.loop, -1);
	}
	if (!l.quit_sent)
		sk_peer_clear(&l.peer);
	sk_watch_remove(l.heard);
	sk_watch_remove(l.watch);
	sk_arena_free(l.held);
	sk_chan_release(&l.chan);
	sk_plan_free(l.plan);
	sk_loop_free(l.loop);
	return l.quit_sent ? 0 : EXIT_SKALDS;
}
