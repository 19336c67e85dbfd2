/* beats_end.c - what the keys of a task tell is stored: it runs, it has ended, it is lost. */
#include "core/base/log.h"
#include "core/control/beats.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 4096

struct acting {
	struct sk_control *c;
	enum sk_beat_found found;
	uint32_t attempt;
	bool timed_out, late; /* late: by its deadline */
	bool began; /* its start is stored with it */
	struct sk_task_beat limits; /* of the spec, as read */
	char executor[sizeof(((struct sk_life *)0)->executor)];
	char message[MESSAGE_MAX];
	char id[];
};

/* ---- which event of its life that is ---- */

static void
choose_stopped(const struct acting *a, const struct sk_record *r, struct sk_life_event *event,
	struct sk_exit *exit)
{
	if (r->life.wanted == SK_WANT_CANCEL) {
		event->kind = a->found == SK_BEAT_LOST ? SK_LIFE_EXPIRE : SK_LIFE_GONE;
		exit->reason = SK_REASON_CANCELLED;
		exit->message = "";
	} else if (a->timed_out) {
		event->kind = SK_LIFE_FAIL;
		exit->reason = SK_REASON_TIMEOUT;
		exit->message = a->late ? SK_DEADLINE_PASSED " while it ran" : "";
	} else if (a->found == SK_BEAT_LOST) {
		event->kind = SK_LIFE_EXPIRE;
		exit->reason = SK_REASON_LOST;
		exit->message = "its worker shows no sign of life";
	} else { /* its node was stopped: not its failure (D16) */
		event->kind = SK_LIFE_INTERRUPT;
		exit->reason = SK_REASON_INTERRUPTED;
		exit->message = "its node stopped it";
	}
}

static void
choose(void *arg, struct sk_record *r, struct sk_life_event *event, struct sk_exit *exit)
{
	struct acting *a = arg;

	a->began = r->life.phase == SK_ASSIGNING;
	/* a controller of the original writes that before it tells the node */
	if (r->disputed && r->status == SK_CANCELLED)
		r->life.wanted = SK_WANT_CANCEL;
	if (a->found == SK_BEAT_STOPPED || a->found == SK_BEAT_LOST)
		choose_stopped(a, r, event, exit);
}

static bool
before(void *arg, struct sk_record *r, unsigned *set)
{
	struct acting *a = arg;

	sk_beats_limits(&a->limits, r);
	if (a->began && a->found != SK_BEAT_LOST) {
		r->start_ms = sk_control_wall_ms(a->c);
		r->progress = 0;
		r->stage = "";
		*set |= SK_SET_START;
	}
	return true;
}

/* ---- and then ---- */

static enum sk_event_kind
kind_of_end(const struct acting *a, const struct sk_record *r)
{
	switch (r->life.phase) {
	case SK_FINISHED:
		return SK_EVENT_FINISHED;
	case SK_FAILED:
		return SK_EVENT_FAILED;
	case SK_CANCELLED:
		return SK_EVENT_CANCELLED;
	case SK_CREATED:
	case SK_ASSIGNING:
	case SK_RUNNING:
	case SK_PAUSED:
	case SK_N_PHASE:
		break;
	}
	return a->found == SK_BEAT_STOPPED && !a->timed_out ? SK_EVENT_INTERRUPTED : SK_EVENT_RETRYING;
}

/* An end tells where it was: in the record nobody has the task any more. */
static void
tell_end(const struct acting *a, const struct sk_record *r)
{
	struct sk_record at = *r;

	memcpy(at.life.executor, a->executor, sizeof(a->executor));
	sk_control_tell(a->c, kind_of_end(a, r), &at, r->exit.message);
}

static void
tell(const struct acting *a, const struct sk_record *r)
{
	struct sk_control *c = a->c;
	struct sk_live *l = sk_beats_find(c, a->id, a->attempt);

	if (a->found == SK_BEAT_STARTED) {
		if (l != NULL) {
			l->beat->running = true;
			l->beat->stepping = false;
			l->beat->timeout_ms = a->limits.timeout_ms;
			l->beat->deadline_ms = a->limits.deadline_ms;
			l->beat->spec_known = true;
		}
		sk_control_tell(c, SK_EVENT_STARTED, r, NULL);
		return;
	}
	if (r->life.phase == SK_CREATED)
		sk_beats_forget(c, a->id);
	if (r->exit.reason == SK_REASON_LOST) {
		sk_log_task(SK_WARNING, "monitor", a->id, a->attempt, "lost at skald %s: %s", a->executor,
			r->exit.message);
		sk_control_tell(c, SK_EVENT_LOST, r, a->executor);
	}
	if (kind_of_end(a, r) == SK_EVENT_INTERRUPTED)
		sk_originals_suspect(c, a->executor);
	tell_end(a, r);
}

/* The store has another attempt, another phase, or no such task. */
static void
was_stale(const struct acting *a, const struct sk_record *r)
{
	struct sk_control *c = a->c;
	struct sk_live *l = sk_beats_find(c, a->id, a->attempt);

	if (l == NULL)
		return;
	if (a->found == SK_BEAT_STARTED && r != NULL && r->life.phase == SK_RUNNING &&
		r->life.attempt == a->attempt) {
		l->beat->running = true;
		l->beat->stepping = false;
		return;
	}
	c->stale++;
	sk_live_end(c, a->id, 0);
	sk_reads_fetch(c, a->id);
	sk_dispatch_wake(c);
}

static void
stored(void *arg, enum sk_code code, const struct sk_record *r, const struct sk_err *err)
{
	struct acting *a = arg;
	struct sk_live *l;

	if (code == SK_OK)
		tell(a, r);
	else if (code == SK_EINVAL || code == SK_ECONFLICT || code == SK_ENOENT)
		was_stale(a, r);
	else { /* the store is away: what the keys tell is seen again */
		sk_log_task(SK_DEBUG, "monitor", a->id, a->attempt, "cannot be stored: %s", err->msg);
		l = sk_beats_find(a->c, a->id, a->attempt);
		if (l != NULL)
			l->beat->stepping = false;
	}
	free(a);
}

static void
submit(struct sk_control *c, const struct sk_live *l, enum sk_beat_found found, const char *message)
{
	static const enum sk_life_kind kinds[] = { [SK_BEAT_STARTED] = SK_LIFE_START,
		[SK_BEAT_ENDED] = SK_LIFE_FINISH,
		[SK_BEAT_BROKEN] = SK_LIFE_FAIL,
		[SK_BEAT_STOPPED] = SK_LIFE_INTERRUPT,
		[SK_BEAT_LOST] = SK_LIFE_EXPIRE };
	size_t n = strlen(l->id) + 1;
	struct acting *a = sk_xcalloc(1, sizeof(*a) + n);
	struct sk_step step = { .event = { .kind = kinds[found], .attempt = l->attempt },
		.exit = { .known = found != SK_BEAT_STARTED,
			.reason = SK_REASON_EXITED,
			.code = found == SK_BEAT_BROKEN,
			.message = a->message },
		.lead = true,
		.choose = choose,
		.before = before,
		.fn = stored,
		.arg = a };

	a->c = c;
	a->found = found;
	a->attempt = l->attempt;
	a->timed_out = l->beat->timed_out;
	a->late = l->beat->timeout_ms == 0 || l->beat->ran_ms <= l->beat->timeout_ms;
	memcpy(a->id, l->id, n);
	memcpy(a->executor, l->executor, sizeof(a->executor));
	snprintf(a->message, sizeof(a->message), "%s", message);
	step.id = a->id;
	step.event.executor = a->executor;
	sk_control_step(c, &step);
}

/* ---- why it failed ---- */

/* The end of a long text says more than its beginning: the exception itself is its last line. */
static void
end_of_text(char *to, size_t max, const char *text, size_t n)
{
	size_t skip = n < max ? 0 : n - max + 1;

	while (skip < n && skip > 0 && ((unsigned char)text[skip] & 0xc0) == 0x80)
		skip++;
	sk_beats_text(to, max, text + skip, n - skip);
}

/* What its program left under the exception key, or beside its beats; "" when nothing. */
static void
why(const struct sk_live *l, const struct sk_peek *k, char message[MESSAGE_MAX])
{
	message[0] = '\0';
	if (k->found)
		end_of_text(message, MESSAGE_MAX, k->value, k->n);
	if (message[0] == '\0')
		snprintf(message, MESSAGE_MAX, "%s", l->beat->error);
}

static struct sk_live *
take_answer(struct sk_control *c, const struct sk_peeks *p)
{
	struct sk_live *l = sk_beats_find(c, p->list[0]->id, p->list[0]->attempt);

	if (l == NULL || p->code == SK_OK)
		return l;
	l->beat->stepping = false; /* looked at again when the cache is back */
	return NULL;
}

static void
broken(struct sk_control *c, struct sk_peeks *p)
{
	struct sk_live *l = take_answer(c, p);
	char message[MESSAGE_MAX];

	if (l == NULL)
		return;
	why(l, p->list[0], message);
	submit(c, l, SK_BEAT_BROKEN, message);
}

/* A worker of the original that fails at once may write a beat over its -1, which then expires
 * (N9). An exception that was not there when the task was assigned says what became of it. */
static void
lost(struct sk_control *c, struct sk_peeks *p)
{
	struct sk_live *l = take_answer(c, p);
	char message[MESSAGE_MAX];

	if (l == NULL)
		return;
	why(l, p->list[0], message);
	if (l->beat->cleared && l->beat->wanted == SK_WANT_RUN && !l->beat->timed_out &&
		p->list[0]->found && p->list[0]->n > 0)
		submit(c, l, SK_BEAT_BROKEN, message);
	else
		submit(c, l, SK_BEAT_LOST, "");
}

void
sk_beats_act(struct sk_control *c, struct sk_live *l, enum sk_beat_found found)
{
	struct sk_peeks *p;

	l->beat->stepping = true;
	if (found != SK_BEAT_BROKEN && found != SK_BEAT_LOST) {
		submit(c, l, found, "");
		return;
	}
	p = sk_peeks_new(c, found == SK_BEAT_LOST ? lost : broken);
	sk_peek_value(p, SK_MIXED_KEY(p, SK_KEY_TASK_EXCEPTION, l->id), l->id)->attempt = l->attempt;
	sk_peeks_go(p);
}
