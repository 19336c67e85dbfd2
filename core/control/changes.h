/* changes.h - what people change about tasks: cancel, pause, resume, retry, delete. The intent is
 * stored first, by compare-and-set; then the skald that has the task is told to look, and what is
 * already true is told on the bus.
 *
 * A change of many tasks goes through them in pages of SK_CHANGE_PAGE: it holds one page in memory,
 * whatever their number. */
#ifndef SK_CORE_CONTROL_CHANGES_H
#define SK_CORE_CONTROL_CHANGES_H

#include "core/control/control_priv.h"

#define SK_CHANGE_PAGE 1000

enum sk_change {
	SK_CHANGE_CANCEL,
	SK_CHANGE_PAUSE,
	SK_CHANGE_RESUME,
	SK_CHANGE_RETRY,
	SK_CHANGE_DELETE,
};

/* What became of one task. */
struct sk_changed {
	const char *id;
	enum sk_code
		code; /* SK_OK, SK_ENOENT, SK_ECONFLICT: its state does not allow it, a store's code */
	const char *error; /* the sentence, "" when it worked */
	const struct sk_record *record; /* as it is now; NULL when it is not known or gone */
};

struct sk_changes {
	enum sk_change kind;
	bool disputed; /* only tasks whose status somebody else wrote; others are refused */
	bool force; /* RETRY: also a task that a skald may still have: that attempt counts as lost */
	/* Which: these ids, or (ids NULL) those that pass the filter and can be changed so at all. */
	const char *const *ids;
	size_t n;
	struct sk_filter filter;
	/* With ids: only a task of which this says true as it was read; NULL = any. */
	bool (*still)(void *arg, const struct sk_record *r);
	/* A page is done; in order; borrowed during the call. With a filter only what failed is
	 * among results; n_ok tells of the others. */
	void (*page)(void *arg, const struct sk_changed *results, size_t n, size_t n_ok);
	/* All is done, or the store failed on the way (then no page comes any more). */
	void (*done)(void *arg, enum sk_code code, const struct sk_err *err);
	void *arg;
};

/* The struct is copied; what it points to stays as it is until done. done is called at
 * once when there can be none. */
void sk_changes_run(struct sk_control *c, const struct sk_changes *changes);

/* Which phases a kind of change can begin from. */
unsigned sk_change_phases(enum sk_change kind, bool force);

/* Remove the output of a task that is gone (of all elements of an array). Nothing happens where
 * there is no data directory. */
void sk_logs_remove(const char *data_dir, const char *id, bool array);

#endif
