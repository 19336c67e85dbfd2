/* move.h - moves on their way: move.c and attempts.c to each other. */
#ifndef SK_ADAPTERS_MONGO_MOVE_H
#define SK_ADAPTERS_MONGO_MOVE_H

#include "adapters/mongo/filter.h"
#include "adapters/mongo/mongo.h"

enum sk_mg_stmt_kind {
	SK_MG_NATIVE, /* a task of ours */
	SK_MG_FOREIGN, /* a document of the original */
	SK_MG_KEYED /* it comes back to life and has claimed its unique key */
};

struct sk_mg_stmt {
	struct sk_op_move *op;
	struct sk_move *v;
	enum sk_mg_stmt_kind kind;
	int64_t token, claim;
	/* what was found: */
	bool done, there, foreign_doc, keyed_doc;
};

/* Attempts that those have ended which were done go to their own collection. What fails here is
 * told and stays where it is. */
void sk_mg_keep_attempts(struct sk_mg_conn *c, struct sk_mg_stmt **list, size_t n);

#endif
