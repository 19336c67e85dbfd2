/* filter.h - a filter of the port, and where a page begins, as a query. Without a server. */
#ifndef SK_ADAPTERS_MONGO_FILTER_H
#define SK_ADAPTERS_MONGO_FILTER_H

#include "adapters/cursor.h"
#include "adapters/mongo/bson.h"

/* from: where a page begins, NULL = at the front. */
void sk_mg_put_filter(
	bson_t *b, const struct sk_filter *f, enum sk_order order, const struct sk_cursor *from);
/* Only documents with a phase; only those of the original, of this phase. */
void sk_mg_put_native_filter(bson_t *b, const struct sk_filter *f);
/* False: none can pass; nothing was appended. */
bool sk_mg_put_foreign_filter(bson_t *b, const struct sk_filter *f, enum sk_phase phase);
/* Members of a document of the original whose phase is among the bits: one condition, appended to a
 * list of conditions ($and). */
void sk_mg_put_foreign_phases(struct sk_mg_list *conditions, unsigned phases);
/* {order's key: 1, seq: 1}, or -1. */
void sk_mg_put_sort(bson_t *b, enum sk_order order);

#define SK_MG_ALL_PHASES ((1u << SK_N_PHASE) - 1)

#endif
