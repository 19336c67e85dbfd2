/* query.h - a SELECT over tasks, put together from a filter. */
#ifndef SK_ADAPTERS_SQLITE_QUERY_H
#define SK_ADAPTERS_SQLITE_QUERY_H

#include "adapters/sqlite/sqlite.h"

#define SK_SQ_MAX_ARGS 32

struct sk_sq_query {
	struct sk_str sql;
	struct {
		const char *text; /* NULL = the number */
		int64_t number;
	} args[SK_SQ_MAX_ARGS];
	int n;
	struct sk_str texts[2]; /* made up for an argument */
	int n_texts;
};

void sk_sq_query_clear(struct sk_sq_query *q);
void sk_sq_query_release(struct sk_sq_query *q);
void sk_sq_query_add(struct sk_sq_query *q, const char *fmt, ...) SK_PRINTF(2, 3);
/* Adds "?" and its value. Texts are borrowed until the query has run. */
void sk_sq_query_int(struct sk_sq_query *q, int64_t v);
void sk_sq_query_text(struct sk_sq_query *q, const char *text);
struct sk_sq_use sk_sq_query_use(struct sk_sq_query *q, struct sk_sq_db *db);

/* Where the rows come from. The table is called t in all of them. */
enum sk_sq_source {
	SK_SQ_FROM_ALL, /* in order of seq */
	SK_SQ_FROM_PLACES,
	SK_SQ_FROM_PARENT,
	SK_SQ_FROM_LABEL,
	SK_SQ_FROM_DEPENDENCY
};
/* The best there is for a filter, not counting PLACES. */
enum sk_sq_source sk_sq_source_of(const struct sk_filter *f);

/* Bits 1 << place, those of elements too, where tasks that pass may stand. */
uint32_t sk_sq_places(const struct sk_filter *f);
/* The places whose key this order goes by. */
uint32_t sk_sq_sorted_places(enum sk_order order);
/* Tasks of these phases, all of them live, of one skald: they have one key. */
bool sk_sq_one_executor(const struct sk_filter *f);

/* " FROM … WHERE " and what the source is chosen by. places: for PLACES alone. */
void sk_sq_query_from(
	struct sk_sq_query *q, enum sk_sq_source source, const struct sk_filter *f, uint32_t places);
/* " AND …" for everything that the source does not see to. */
void sk_sq_query_conditions(
	struct sk_sq_query *q, enum sk_sq_source source, const struct sk_filter *f, uint32_t places);

static inline bool
sk_sq_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

#endif
