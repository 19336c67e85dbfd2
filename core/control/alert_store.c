/* alert_store.c - alerts as JSON, and as settings of the store. */
#include "core/base/log.h"
#include "core/control/alerts_priv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one as JSON ---- */

static void
put_time(struct sk_str *out, const char *key, int64_t ms)
{
	sk_json_key(out, key);
	if (ms > 0)
		sk_json_int(out, ms);
	else
		sk_str_adds(out, "null");
}

static void
put_number(struct sk_str *out, const char *key, double v)
{
	sk_json_key(out, key);
	if (!isfinite(v))
		sk_str_adds(out, "null");
	else
		sk_json_double(out, round(v * 1000) / 1000);
}

void
sk_alert_json(struct sk_str *out, const struct sk_alert *t, bool place)
{
	sk_str_addc(out, '{');
	sk_json_kstr(out, "id", t->id);
	sk_json_kstr(out, "rule", t->rule);
	sk_json_kstr(out, "subject", t->subject[0] != '\0' ? t->subject : NULL);
	sk_json_kstr(out, "severity", sk_alert_severity_name(t->severity));
	sk_json_kstr(out, "state", sk_alert_state_names[t->state]);
	put_number(out, "value", t->value);
	put_number(out, "threshold", t->threshold);
	sk_json_kstr(out, "message", t->message);
	sk_json_kint(out, "since", t->since_ms);
	sk_json_kint(out, "updated", t->updated_ms);
	sk_json_kstr(out, "acknowledgedBy", t->by[0] != '\0' ? t->by : NULL);
	put_time(out, "acknowledgedAt", t->acknowledged_ms);
	put_time(out, "resolvedAt", t->resolved_ms);
	if (place)
		sk_json_kint(out, "place", t->place);
	sk_str_addc(out, '}');
}

static const char *
text_of(const struct sk_value *v, const char *key)
{
	const struct sk_value *m = sk_map_get(v, key);

	return m != NULL && m->kind == SK_STRING ? m->u.str.s : "";
}

static double
number_of(const struct sk_value *v, const char *key)
{
	const struct sk_value *m = sk_map_get(v, key);

	if (m == NULL)
		return 0;
	return m->kind == SK_INT ? (double)m->u.i : m->kind == SK_FLOAT ? m->u.f : 0;
}

static int64_t
int_of(const struct sk_value *v, const char *key)
{
	const struct sk_value *m = sk_map_get(v, key);

	return m != NULL && m->kind == SK_INT ? m->u.i : 0;
}

bool
sk_alert_take(struct sk_alert *t, const struct sk_value *v)
{
	const char *state = text_of(v, "state"), *id = text_of(v, "id");
	int s = 0;

	while (s < SK_N_ALERT_STATE && strcmp(sk_alert_state_names[s], state) != 0)
		s++;
	if (s == SK_N_ALERT_STATE || id[0] == '\0' || strlen(id) >= SK_ULID_LEN)
		return false;
	*t = (struct sk_alert){ .state = (enum sk_alert_state)s,
		.severity =
			strcmp(text_of(v, "severity"), "critical") == 0 ? SK_ALERT_CRITICAL : SK_ALERT_WARNING,
		.value = number_of(v, "value"),
		.threshold = number_of(v, "threshold"),
		.since_ms = int_of(v, "since"),
		.updated_ms = int_of(v, "updated"),
		.resolved_ms = int_of(v, "resolvedAt"),
		.acknowledged_ms = int_of(v, "acknowledgedAt"),
		.place = (int)int_of(v, "place") };
	snprintf(t->id, sizeof(t->id), "%s", id);
	snprintf(t->rule, sizeof(t->rule), "%s", text_of(v, "rule"));
	snprintf(t->subject, sizeof(t->subject), "%s", text_of(v, "subject"));
	snprintf(t->message, sizeof(t->message), "%s", text_of(v, "message"));
	snprintf(t->by, sizeof(t->by), "%s", text_of(v, "acknowledgedBy"));
	return true;
}

const char *
sk_alert_ack_name(struct sk_arena *a, int place)
{
	return sk_arena_printf(a, "alert.ack.%d", place);
}

const char *
sk_alert_ack_text(struct sk_arena *a, const char *id, const char *by, int64_t wall_ms)
{
	struct sk_str out = SK_STR_INIT;
	const char *text;

	sk_str_addc(&out, '{');
	sk_json_kstr(&out, "id", id);
	sk_json_kstr(&out, "by", by);
	sk_json_kint(&out, "at", wall_ms);
	sk_str_addc(&out, '}');
	text = sk_arena_strdup(a, out.p);
	sk_str_release(&out);
	return text;
}

/* ---- the store ---- */

/* A read or a write that is under way; of an era that may be over when it comes back. */
struct asking {
	struct sk_alerts *a;
	uint64_t era;
	int place;
	struct sk_arena *arena;
	struct sk_op_setting op;
};

static struct asking *
asking_new(struct sk_alerts *a, enum sk_op_kind kind, void (*done)(struct sk_op *op))
{
	struct asking *k = sk_xcalloc(1, sizeof(*k));

	k->a = a;
	k->era = a->era;
	k->arena = sk_arena_new();
	k->op.op = (struct sk_op){ .kind = kind, .done = done, .arg = k, .arena = k->arena };
	return k;
}

static void
asking_free(struct asking *k)
{
	sk_arena_free(k->arena);
	free(k);
}

/* NULL: it is empty, or not what we wrote. */
static const struct sk_value *
parse(struct asking *k)
{
	struct sk_problems p;
	const char *text = k->op.value;

	sk_problems_init(&p, k->arena, "");
	return text[0] != '\0' ? k->a->c->cfg.parse_json(text, strlen(text), k->arena, &p) : NULL;
}

static void
looked(struct sk_op *op)
{
	struct asking *k = op->arg;
	const struct sk_alert *t = k->era == k->a->era ? k->a->table[k->place] : NULL;
	const struct sk_value *v = t != NULL && op->code == SK_OK ? parse(k) : NULL;

	if (v != NULL && strcmp(text_of(v, "id"), t->id) == 0)
		sk_alerts_acknowledged(k->a->c, t, text_of(v, "by"), int_of(v, "at"));
	asking_free(k);
}

void
sk_alerts_look(struct sk_alerts *a, int place)
{
	struct asking *k = asking_new(a, SK_OP_SETTING_GET, looked);

	k->place = place;
	k->op.name = sk_alert_ack_name(k->arena, place);
	sk_store_submit(a->c->cfg.store, &k->op.op);
}

static void
take_table(struct sk_alerts *a, const struct sk_value *v)
{
	const struct sk_value *items = sk_map_get(v, "items");
	struct sk_alert t;

	for (size_t i = 0; items != NULL && items->kind == SK_LIST && i < items->u.list.n; i++)
		if (sk_alert_take(&t, items->u.list.items[i]) && sk_alerts_put(a, &t) &&
			t.state == SK_ALERT_FIRING)
			sk_alerts_look(a, t.place); /* what came while nobody led */
}

static void
loaded(struct sk_op *op)
{
	struct asking *k = op->arg;
	struct sk_alerts *a = k->a;

	if (k->era == a->era) {
		a->loading = false;
		if (op->code == SK_OK) {
			a->known = true;
			a->known_ms = a->looked_ms = sk_control_boot_ms(a->c);
			take_table(a, parse(k));
		}
	}
	asking_free(k);
}

void
sk_alerts_load(struct sk_alerts *a)
{
	struct asking *k;

	if (a->loading)
		return;
	a->loading = true;
	k = asking_new(a, SK_OP_SETTING_GET, loaded);
	k->op.name = SK_ALERTS_SETTING;
	sk_store_submit(a->c->cfg.store, &k->op.op);
}

static void
saved(struct sk_op *op)
{
	struct asking *k = op->arg;

	if (k->era == k->a->era) {
		k->a->saving = false;
		if (op->code != SK_OK) {
			k->a->dirty = true; /* again with the next round */
			sk_log(SK_DEBUG, "alerts", "they could not be stored: %s", op->err.msg);
		}
	}
	asking_free(k);
}

void
sk_alerts_save(struct sk_alerts *a)
{
	struct sk_str out = SK_STR_INIT;
	struct asking *k;

	if (!a->dirty || a->saving || !sk_control_leads(a->c))
		return;
	a->dirty = false;
	a->saving = true;
	sk_str_adds(&out, "{\"items\":[");
	for (int i = 0; i < SK_ALERTS_MAX; i++)
		if (a->table[i] != NULL) {
			sk_json_next(&out);
			sk_alert_json(&out, a->table[i], true);
		}
	sk_str_adds(&out, "]}");
	k = asking_new(a, SK_OP_SETTING_PUT, saved);
	k->op.name = SK_ALERTS_SETTING;
	k->op.value = sk_arena_strdup(k->arena, out.p);
	sk_str_release(&out);
	sk_control_lead_submit(a->c, &k->op.op);
}
