/* api_original.h - what the files of the original's routes share. Its field names and error bodies
 * are skalds-protocol.md 8; where 11.2 lists a defect, its "right" column holds. */
#ifndef SK_CORE_CONTROL_API_ORIGINAL_H
#define SK_CORE_CONTROL_API_ORIGINAL_H

#include "core/control/api_priv.h"

/* 200, -1, -2 when it ended; 0 while it waits; else 0..199, another one each time its skald has
 * renewed its lease: what the original's heartbeats mean. */
int64_t sk_org_heartbeat_of(struct sk_call *call, const struct sk_record *r);
int64_t
sk_org_beat(struct sk_control *c, const char *id, enum sk_phase phase, const char *executor);

/* Why it has failed, added to out: its message, else how it ended. False: it has not failed. */
bool sk_org_exception(const struct sk_record *r, struct sk_str *out);

/* Tasks that are assigned or run, of one skald or ("") of all, at most 10,000; then fn. */
void sk_org_live(struct sk_call *call, const char *skald,
	void (*fn)(struct sk_call *call, struct sk_record *const *records, size_t n));

/* How many skalds of which kind. */
struct sk_org_skald_numbers {
	int64_t total, online, nodes, edges, online_nodes, online_edges, available, busy, idle, tasks;
};
void sk_org_count_skalds(struct sk_call *call, struct sk_org_skald_numbers *n);
/* 100 * part / whole to two digits, 0 of nothing. */
double sk_org_percent(int64_t part, int64_t whole);

#endif
