/* task.c - `skalds task VERB`: the table of the verbs, each in a file of its own. */
#include "cmd/task.h"

static const struct sk_cmd *const verbs[] = { &sk_task_add, &sk_task_list, &sk_task_get,
	&sk_task_logs, &sk_task_wait, &sk_task_watch, &sk_task_cancel, &sk_task_pause, &sk_task_resume,
	&sk_task_retry, &sk_task_update, &sk_task_delete, NULL };

const struct sk_cmd sk_cmd_task = {
	.name = "task",
	.summary = "Add tasks and look after them",
	.help = "Speaks to a running skalds: by the data directory (--data, SKALDS_DATA), or over the "
			"network\n(--url, SKALDS_URL, with a token). When nothing is running the same is done "
			"in this process;\ntasks that are added then start with the next `skalds up`.\n"
			"\n"
			"Examples:\n"
			"  skalds task add Sleep seconds=2\n"
			"  skalds task add --wait -- make -C /src test\n"
			"  skalds task list --state Running\n"
			"  skalds task logs -f ID",
	.verbs = verbs,
};
