/* columns_log.h - one change of the columns, as it is written down and read in the same process:
 * this struct, and behind it four texts with their NULs: id, class, executor, parent. */
#ifndef SK_ADAPTERS_SQLITE_COLUMNS_LOG_H
#define SK_ADAPTERS_SQLITE_COLUMNS_LOG_H

#include "adapters/sqlite/columns.h"

enum sk_sq_what { SK_SQ_INSERTED, SK_SQ_MOVED, SK_SQ_REMOVED };

struct sk_sq_change {
	uint64_t seq;
	int64_t create_ms, update_ms, rank_ms;
	uint16_t set; /* enum sk_patch_bits, of what was moved */
	uint8_t what, phase, gate, wanted;
	bool array; /* parent of one */
};

#endif
