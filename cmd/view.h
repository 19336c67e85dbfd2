/* view.h - how edge and run-one tell what happens: log lines, JSON Lines or a live table. */
#ifndef SK_CMD_VIEW_H
#define SK_CMD_VIEW_H

#include "core/run/link.h"

enum sk_view_mode { SK_VIEW_LINES, SK_VIEW_JSON, SK_VIEW_TABLE };

struct sk_view {
	enum sk_view_mode mode;
	const char *component;
	bool color;
	bool calm; /* starts and good ends are no news (run-one with a program) */
};

/* The link's event and draw with a struct sk_view as arg. */
void sk_view_event(
	const struct sk_view *v, struct sk_link *link, const struct sk_plan_task *t, const char *name);
/* The table; nothing in the other modes. last: it stays on the screen. */
void sk_view_draw(const struct sk_view *v, struct sk_link *link, bool last);

/* "exited with code 3: the message", "killed by Segmentation fault", … */
void sk_view_exit_text(const struct sk_task_report *r, struct sk_str *out);
/* "3.2 s", "2m05s", "1h02m", "3d04h". */
void sk_view_duration(int64_t ms, char out[16]);

#endif
