#include "core/model/lifecycle.h"
#include <stdio.h>
#include <string.h>

/* Phase 0 is a legal target, so the table holds next + 1: a forgotten cell is a refusal. */
#define TO(p) ((p) + 1)

static const unsigned char table[SK_N_PHASE][SK_N_LIFE] = {
	[SK_CREATED] = {
		[SK_LIFE_ASSIGN] = TO(SK_ASSIGNING), [SK_LIFE_REFUSE] = TO(SK_FAILED),
		[SK_LIFE_CANCEL] = TO(SK_CANCELLED), [SK_LIFE_PAUSE] = TO(SK_CREATED),
		[SK_LIFE_RESUME] = TO(SK_CREATED),
	},
	[SK_ASSIGNING] = {
		[SK_LIFE_START] = TO(SK_RUNNING), [SK_LIFE_FINISH] = TO(SK_FINISHED),
		[SK_LIFE_FAIL] = TO(SK_FAILED), [SK_LIFE_INTERRUPT] = TO(SK_CREATED),
		[SK_LIFE_EXPIRE] = TO(SK_FAILED), [SK_LIFE_GONE] = TO(SK_CANCELLED),
		[SK_LIFE_CANCEL] = TO(SK_ASSIGNING), [SK_LIFE_PAUSE] = TO(SK_ASSIGNING),
		[SK_LIFE_RESUME] = TO(SK_ASSIGNING),
	},
	[SK_RUNNING] = {
		[SK_LIFE_PAUSED] = TO(SK_PAUSED), [SK_LIFE_FINISH] = TO(SK_FINISHED),
		[SK_LIFE_FAIL] = TO(SK_FAILED), [SK_LIFE_INTERRUPT] = TO(SK_CREATED),
		[SK_LIFE_EXPIRE] = TO(SK_FAILED), [SK_LIFE_GONE] = TO(SK_CANCELLED),
		[SK_LIFE_CANCEL] = TO(SK_RUNNING), [SK_LIFE_PAUSE] = TO(SK_RUNNING),
		[SK_LIFE_RESUME] = TO(SK_RUNNING),
	},
	[SK_PAUSED] = {
		[SK_LIFE_RESUMED] = TO(SK_RUNNING), [SK_LIFE_FINISH] = TO(SK_FINISHED),
		[SK_LIFE_FAIL] = TO(SK_FAILED), [SK_LIFE_INTERRUPT] = TO(SK_CREATED),
		[SK_LIFE_EXPIRE] = TO(SK_FAILED), [SK_LIFE_GONE] = TO(SK_CANCELLED),
		[SK_LIFE_CANCEL] = TO(SK_PAUSED), [SK_LIFE_PAUSE] = TO(SK_PAUSED),
		[SK_LIFE_RESUME] = TO(SK_PAUSED),
	},
	[SK_FINISHED] = { [SK_LIFE_RETRY] = TO(SK_CREATED) },
	[SK_FAILED] = { [SK_LIFE_RETRY] = TO(SK_CREATED) },
	[SK_CANCELLED] = { [SK_LIFE_RETRY] = TO(SK_CREATED), [SK_LIFE_CANCEL] = TO(SK_CANCELLED) },
};

const char *const sk_phase_names[SK_N_PHASE + 1] = { "Created", "Assigning", "Running", "Paused",
	"Finished", "Failed", "Cancelled", NULL };

static const char *const kinds[SK_N_LIFE] = { "assign", "start", "paused", "resumed", "finish",
	"fail", "interrupt", "expire", "gone", "refuse", "cancel", "pause", "resume", "retry" };

enum sk_phase
sk_life_next(enum sk_phase phase, enum sk_life_kind kind)
{
	unsigned char to = table[phase][kind];

	return to == 0 ? SK_N_PHASE : (enum sk_phase)(to - 1);
}

const char *
sk_phase_name(enum sk_phase p)
{
	return p < SK_N_PHASE ? sk_phase_names[p] : "unknown";
}

bool
sk_phase_parse(const char *text, enum sk_phase *p)
{
	for (unsigned i = 0; i < SK_N_PHASE; i++)
		if (strcmp(sk_phase_names[i], text) == 0) {
			*p = (enum sk_phase)i;
			return true;
		}
	return false;
}

const char *
sk_wanted_name(enum sk_wanted w)
{
	static const char *const names[] = { "run", "pause", "cancel" };

	return names[w];
}

const char *
sk_life_kind_name(enum sk_life_kind k)
{
	return k < SK_N_LIFE ? kinds[k] : "unknown";
}

bool
sk_phase_final(enum sk_phase p)
{
	return p == SK_FINISHED || p == SK_FAILED || p == SK_CANCELLED;
}

bool
sk_phase_live(enum sk_phase p)
{
	return p == SK_ASSIGNING || p == SK_RUNNING || p == SK_PAUSED;
}

/* Reports carry the attempt they speak of; users and the dispatcher speak of the task. */
static bool
is_report(enum sk_life_kind k)
{
	return k >= SK_LIFE_START && k <= SK_LIFE_GONE;
}

/* The monitor knows only the attempt; a skald must be the one that holds it. */
static bool
is_stale(const struct sk_life *t, const struct sk_life_event *ev)
{
	if (!is_report(ev->kind))
		return false;
	if (ev->attempt != t->attempt || !sk_phase_live(t->phase))
		return true;
	return ev->kind != SK_LIFE_EXPIRE &&
		(ev->executor == NULL || strcmp(ev->executor, t->executor) != 0 ||
			ev->incarnation != t->incarnation);
}

/* Nobody has it any more. Where it has ended is kept, as the original does. */
static void
release(struct sk_life *t)
{
	if (t->phase == SK_CREATED)
		t->executor[0] = '\0';
	t->incarnation = 0;
}

/* An attempt ended without success. A wish to cancel is then fulfilled; a spent budget is final. */
static void
ended_badly(struct sk_life *t, bool counts)
{
	if (counts && t->failures < UINT32_MAX)
		t->failures++;
	if (t->wanted == SK_WANT_CANCEL)
		t->phase = SK_CANCELLED;
	else if (counts && t->failures >= t->max_attempts)
		t->phase = SK_FAILED;
	else {
		t->phase = SK_CREATED;
		t->backing_off = counts;
	}
	release(t);
}

static void
assign(struct sk_life *t, const struct sk_life_event *ev)
{
	t->attempt++;
	t->phase = SK_ASSIGNING;
	t->incarnation = ev->incarnation;
	snprintf(t->executor, sizeof(t->executor), "%s", ev->executor);
}

static void
want(struct sk_life *t, enum sk_life_kind kind)
{
	if (kind == SK_LIFE_CANCEL)
		t->wanted = SK_WANT_CANCEL;
	else if (t->wanted != SK_WANT_CANCEL) /* a cancel cannot be taken back */
		t->wanted = kind == SK_LIFE_PAUSE ? SK_WANT_PAUSE : SK_WANT_RUN;
}

static void
apply(struct sk_life *t, const struct sk_life_event *ev)
{
	t->backing_off = false;
	switch (ev->kind) {
	case SK_LIFE_ASSIGN:
		assign(t, ev);
		break;
	case SK_LIFE_START:
	case SK_LIFE_PAUSED:
	case SK_LIFE_RESUMED:
		t->phase = sk_life_next(t->phase, ev->kind);
		break;
	case SK_LIFE_FAIL:
	case SK_LIFE_EXPIRE:
		ended_badly(t, true);
		break;
	case SK_LIFE_INTERRUPT:
		ended_badly(t, false);
		break;
	case SK_LIFE_FINISH:
	case SK_LIFE_REFUSE:
	case SK_LIFE_GONE:
		t->phase = sk_life_next(t->phase, ev->kind);
		release(t);
		break;
	case SK_LIFE_CANCEL:
	case SK_LIFE_PAUSE:
	case SK_LIFE_RESUME:
		want(t, ev->kind);
		t->phase = sk_life_next(t->phase, ev->kind);
		break;
	case SK_LIFE_RETRY:
		t->phase = SK_CREATED;
		t->wanted = SK_WANT_RUN;
		t->failures = 0;
		release(t);
		break;
	case SK_N_LIFE:
		break;
	}
}

/* What the phase allows but the intent does not. */
static bool
against_intent(const struct sk_life *t, const struct sk_life_event *ev)
{
	return (ev->kind == SK_LIFE_ASSIGN && t->wanted != SK_WANT_RUN) ||
		(ev->kind == SK_LIFE_GONE && t->wanted != SK_WANT_CANCEL);
}

enum sk_code
sk_life_step(struct sk_life *t, const struct sk_life_event *ev, struct sk_err *err)
{
	if (is_stale(t, ev))
		return sk_fail(err, SK_ECONFLICT, "%s of attempt %u is stale: the task is %s, attempt %u",
			sk_life_kind_name(ev->kind), ev->attempt, sk_phase_name(t->phase), t->attempt);
	if (sk_life_next(t->phase, ev->kind) == SK_N_PHASE)
		return sk_fail(err, SK_EINVAL, "cannot %s a task that is %s", sk_life_kind_name(ev->kind),
			sk_phase_name(t->phase));
	if (against_intent(t, ev))
		return sk_fail(err, SK_EINVAL, "cannot %s a task that shall %s",
			sk_life_kind_name(ev->kind), sk_wanted_name(t->wanted));
	if (ev->kind == SK_LIFE_ASSIGN &&
		(ev->executor == NULL || strlen(ev->executor) >= sizeof(t->executor)))
		return sk_fail(err, SK_EINVAL, "the name of the skald is missing or too long");
	apply(t, ev);
	return SK_OK;
}
