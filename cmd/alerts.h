/* alerts.h - what `up` and `controller` have in common of alerts: the rules, the webhook. */
#ifndef SK_CMD_ALERTS_H
#define SK_CMD_ALERTS_H

#include "adapters/http/webhook.h"
#include "cmd/cmd.h"
#include "core/control/control.h"

/* Zero it first. */
struct sk_alerting {
	struct sk_arena *arena; /* of the rules */
	struct sk_alert_rules rules;
	bool given; /* there is a file: its rules hold */
	struct sk_webhook *webhook; /* NULL = none */
};

/* Read a file of rules; its problems are appended to out. False: it is wrong. arena: of the
 * rules. */
bool sk_alerts_file(
	const char *path, struct sk_arena *arena, struct sk_alert_rules *rules, struct sk_str *out);
/* Check what SKALDS_ALERTS and the settings of the webhook say, in a process of its own: the caller
 * needs no parser and no library. SK_EXIT_OK, or 2 when it was said what is wrong. */
int sk_alerts_check(const char *command, const struct sk_settings *s);
/* Read the rules, open the webhook. False: it was logged what is wrong; the built-in rules hold and
 * nobody is told. */
bool sk_alerting_open(struct sk_alerting *a, const struct sk_settings *s, const char *component);
/* Fill in the members of the controller that are about alerts. */
void sk_alerting_use(struct sk_alerting *a, struct sk_control_config *cfg);
/* After the controller was freed. */
void sk_alerting_close(struct sk_alerting *a);

#define SK_ALERTS_OPTION \
	{ \
		.name = "alerts", .value = "FILE", .setting = "SKALDS_ALERTS", \
		.doc = "rules of alerts (skalds alert check FILE); without it the built-in ones" \
	}

#endif
