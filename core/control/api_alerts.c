/* api_alerts.c - GET /v1/alerts, POST /v1/alerts/ID/acknowledge.
 *
 * Who leads has the table; everybody else reads it in the store. */
#include "core/control/alerts.h"
#include "core/control/api_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct alerts_call {
	struct sk_alert *list; /* latest first */
	size_t n;
	void (*fn)(struct sk_call *call);
	unsigned states; /* bits; those that are shown */
	/* acknowledge */
	struct sk_alert *one;
	int64_t now_ms;
};

/* ---- the table ---- */

static int
latest_first(const void *a, const void *b)
{
	const struct sk_alert *x = a, *y = b;

	return x->since_ms != y->since_ms ? (x->since_ms < y->since_ms) - (x->since_ms > y->since_ms)
									  : strcmp(y->id, x->id);
}

static void
read_own(struct sk_call *call)
{
	struct alerts_call *k = call->state;

	k->list = sk_arena_alloc(call->arena, SK_ALERTS_MAX * sizeof(*k->list));
	for (int i = 0; i < SK_ALERTS_MAX; i++)
		if (sk_alerts_at(call->c, i) != NULL)
			k->list[k->n++] = *sk_alerts_at(call->c, i);
	qsort(k->list, k->n, sizeof(*k->list), latest_first);
	k->fn(call);
}

static void
table_read(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct alerts_call *k = call->state;
	const char *text = ((const struct sk_op_setting *)op)->value;
	const struct sk_value *v = NULL, *items;
	struct sk_problems p;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	sk_problems_init(&p, call->arena, "");
	if (text[0] != '\0')
		v = call->c->cfg.parse_json(text, strlen(text), call->arena, &p);
	items = sk_map_get(v, "items");
	if (items != NULL && items->kind == SK_LIST) {
		k->list = sk_arena_alloc(call->arena, (items->u.list.n + 1) * sizeof(*k->list));
		for (size_t i = 0; i < items->u.list.n; i++)
			k->n += sk_alert_take(&k->list[k->n], items->u.list.items[i]);
		qsort(k->list, k->n, sizeof(*k->list), latest_first);
	}
	k->fn(call);
}

static void
with_table(struct sk_call *call, void (*fn)(struct sk_call *call))
{
	struct alerts_call *k = call->state;
	struct sk_op_setting *op;

	k->fn = fn;
	if (sk_alerts_known(call->c)) {
		read_own(call);
		return;
	}
	op = sk_arena_alloc(call->arena, sizeof(*op));
	op->name = SK_ALERTS_SETTING;
	sk_call_submit(call, &op->op, SK_OP_SETTING_GET, table_read);
}

/* ---- list ---- */

static bool
read_states(struct sk_call *call, unsigned *states)
{
	const char *p = sk_call_param(call, "state");

	*states = 0;
	while (*p != '\0') {
		size_t n = strcspn(p, ",");
		int s = 0;

		while (s < SK_N_ALERT_STATE &&
			(strlen(sk_alert_state_names[s]) != n || memcmp(p, sk_alert_state_names[s], n) != 0))
			s++;
		if (s == SK_N_ALERT_STATE) {
			sk_call_error(call, 400, "state: must be of firing, acknowledged, resolved, got %s",
				sk_quote(call->arena, p));
			return false;
		}
		*states |= 1u << s;
		p += n + (p[n] == ',');
	}
	if (*states == 0)
		*states = (1u << SK_N_ALERT_STATE) - 1;
	return true;
}

static void
show_list(struct sk_call *call)
{
	const struct alerts_call *k = call->state;

	sk_str_adds(&call->out, "{\"items\":[");
	for (size_t i = 0; i < k->n; i++)
		if ((k->states & 1u << k->list[i].state) != 0) {
			sk_json_next(&call->out);
			sk_alert_json(&call->out, &k->list[i], false);
		}
	sk_str_adds(&call->out, "],\"next\":null}");
	sk_call_json(call, 200);
}

void
sk_api_alerts(struct sk_call *call)
{
	struct alerts_call *k = sk_arena_alloc(call->arena, sizeof(*k));

	call->state = k;
	if (read_states(call, &k->states))
		with_table(call, show_list);
}

/* ---- acknowledge ---- */

static void
show_one(struct sk_call *call)
{
	const struct alerts_call *k = call->state;

	sk_alert_json(&call->out, k->one, false);
	sk_call_json(call, 200);
}

static void
ack_stored(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct alerts_call *k = call->state;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	sk_alerts_acknowledged(call->c, k->one, call->who, k->now_ms);
	k->one->state = SK_ALERT_ACKNOWLEDGED;
	k->one->acknowledged_ms = k->one->updated_ms = k->now_ms;
	snprintf(k->one->by, sizeof(k->one->by), "%s", call->who);
	show_one(call);
}

static void
acknowledge(struct sk_call *call)
{
	struct alerts_call *k = call->state;
	struct sk_op_setting *op;

	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->list[i].id, call->id) == 0)
			k->one = &k->list[i];
	if (k->one == NULL) {
		sk_call_error(call, 404, "there is no alert %s", sk_quote(call->arena, call->id));
		return;
	}
	if (k->one->state == SK_ALERT_RESOLVED) {
		sk_call_error(call, 409, "the alert is resolved: there is nothing to acknowledge");
		return;
	}
	if (k->one->state == SK_ALERT_ACKNOWLEDGED) {
		show_one(call);
		return;
	}
	k->now_ms = sk_control_wall_ms(call->c);
	op = sk_arena_alloc(call->arena, sizeof(*op));
	op->name = sk_alert_ack_name(call->arena, k->one->place);
	op->value = sk_alert_ack_text(call->arena, k->one->id, call->who, k->now_ms);
	sk_call_submit(call, &op->op, SK_OP_SETTING_PUT, ack_stored);
}

void
sk_api_acknowledge(struct sk_call *call)
{
	call->state = sk_arena_alloc(call->arena, sizeof(struct alerts_call));
	with_table(call, acknowledge);
}
