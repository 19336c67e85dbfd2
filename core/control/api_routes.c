/* api_routes.c - what can be asked, one row each. */
#include "core/control/alerts.h"
#include "core/control/api_priv.h"
#include <string.h>

/* The parameters of a query, one row each: the parser and the document of the API (api_docs.c) go
 * by the same rows. */
#define PARAMS(...) \
	(const struct sk_field[]) \
	{ \
		__VA_ARGS__, SK_FIELDS_END \
	}
#define NUMBER(word, low, high, otherwise, text) \
	{ \
		.kind = SK_FIELD_INT, .name = (word), .bounded = true, .min = (low), .max = (high), \
		.def = (otherwise), .doc = (text) \
	}
#define SECONDS(word, text) \
	{ \
		.kind = SK_FIELD_FLOAT, .name = (word), .bounded = true, .min = 0, .max = SK_TEN_YEARS_S, \
		.doc = (text) \
	}
#define FLAG(word, text) \
	{ \
		.kind = SK_FIELD_BOOL, .name = (word), .def = "false", .doc = (text) \
	}
#define TEXT(word, text) \
	{ \
		.kind = SK_FIELD_STRING, .name = (word), .doc = (text) \
	}
#define CHOICE(word, words, otherwise, text) \
	{ \
		.kind = SK_FIELD_ENUM, .name = (word), .choices = (words), .def = (otherwise), \
		.doc = (text) \
	}
/* Several, separated by commas. */
#define CHOICES(word, words, text) \
	{ \
		.kind = SK_FIELD_LIST, .item = SK_FIELD_ENUM, .name = (word), .choices = (words), \
		.doc = (text) \
	}
#define SELECTION \
	CHOICES("state", sk_phase_names, "tasks in one of these states"), \
		TEXT("class", "tasks of this class"), TEXT("executor", "tasks that this skald has"), \
		TEXT("label", "tasks with this label: key=value, or key"), \
		SECONDS("older", "accepted longer ago than these seconds"), \
		SECONDS("newer", "accepted within these seconds"), \
		TEXT("id", "tasks with this part of an id"), TEXT("parent", "elements of this array"), \
		FLAG("elements", "elements of arrays as well")
#define FORCE \
	FLAG("force", \
		"also when its skald may still have it; that attempt counts as lost then, and may run on")
/* The largest number that every reader of JSON takes as it is. */
#define LARGEST 9007199254740992.0

static const char *const orders[] = { [SK_API_CREATED_LAST] = "-created",
	[SK_API_CREATED_FIRST] = "created",
	[SK_API_UPDATED] = "updated",
	[SK_API_RANK] = "rank",
	NULL };

/* A word at a place goes before {} there: the first row that fits is the one. */
const struct sk_route sk_routes[] = {
	{ "POST", "/v1/tasks", sk_api_submit,
		PARAMS(FLAG("skip_invalid", "store the good ones, tell what is wrong with the others"),
			FLAG("dry_run", "check, also against what is stored, and store nothing"),
			FLAG("part", "with dry_run: what these tasks depend on may stand in another request")),
		false, SK_ROLE_WRITE },
	{ "GET", "/v1/tasks", sk_api_list,
		PARAMS(SELECTION,
			CHOICE("sort", orders, "-created",
				"-created: the latest first; updated: the latest change first; rank: in the order "
				"in "
				"which they start"),
			NUMBER("limit", 1, 1000, "50", "tasks at most"),
			TEXT("cursor", "next of the page before, with the same sort")),
		false, SK_ROLE_READ },
	{ "POST", "/v1/tasks/cancel", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/pause", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/resume", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/retry", sk_api_change_many, PARAMS(FORCE), false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/delete", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "GET", "/v1/tasks/{}", sk_api_get, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/wait", sk_api_wait,
		PARAMS(NUMBER("ms", 0, 60000, "60000", "wait so long at most (ms)")), false, SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/log", sk_api_log,
		PARAMS(NUMBER("attempt", 0, UINT32_MAX, "0", "which attempt; 0: the last"),
			NUMBER("offset", -LARGEST, LARGEST, "0", "from this byte; negative: from the end"),
			NUMBER("limit", 1, 1048576, "1048576", "bytes at most"),
			NUMBER("wait", 0, 60000, "0", "wait so long for the first byte (ms)")),
		false, SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/graph", sk_api_graph,
		PARAMS(NUMBER("depth", 1, 10, "10", "so many steps away at most")), false, SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/attempts", sk_api_attempts, NULL, false, SK_ROLE_READ },
	{ "POST", "/v1/tasks/{}/cancel", sk_api_change_one, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/{}/pause", sk_api_change_one, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/{}/resume", sk_api_change_one, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/{}/retry", sk_api_change_one, PARAMS(FORCE), false, SK_ROLE_WRITE },
	{ "PATCH", "/v1/tasks/{}", sk_api_update, NULL, false, SK_ROLE_WRITE },
	{ "DELETE", "/v1/tasks/{}", sk_api_delete, NULL, false, SK_ROLE_WRITE },
	{ "GET", "/v1/events", sk_api_events,
		PARAMS(NUMBER("after", -1, LARGEST, "0",
				   "events after this number; 0: all, -1: only new ones"),
			NUMBER("wait", 0, 60000, "0", "wait so long for the first event (ms)"),
			TEXT("task", "events of this task alone"),
			NUMBER("limit", 1, 1000, "1000", "events at most")),
		false, SK_ROLE_READ },
	{ "GET", "/v1/stream", sk_api_stream,
		PARAMS(TEXT("task", "events of this task alone"),
			CHOICES("kinds", sk_event_names, "events of these kinds alone"),
			TEXT("after", "events after the one with this id; Last-Event-ID goes before it")),
		false, SK_ROLE_READ },
	{ "GET", "/v1/skalds", sk_api_skalds, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/skalds/{}", sk_api_skald, NULL, false, SK_ROLE_READ },
	{ "PUT", "/v1/skalds/{}", sk_api_skald_put, NULL, false, SK_ROLE_ADMIN },
	{ "DELETE", "/v1/skalds/{}", sk_api_skald_delete, NULL, false, SK_ROLE_ADMIN },
	{ "PUT", "/v1/active/{}", sk_api_active, NULL, false, SK_ROLE_ADMIN },
	{ "POST", "/v1/skalds/{}/drain", sk_api_drain, NULL, false, SK_ROLE_ADMIN },
	{ "POST", "/v1/skalds/{}/undrain", sk_api_drain, NULL, false, SK_ROLE_ADMIN },
	{ "GET", "/v1/classes", sk_api_classes, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/classes/{}", sk_api_class, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/me", sk_api_me, NULL, true, SK_ROLE_READ },
	{ "GET", "/v1/status", sk_api_status, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/history", sk_api_history,
		PARAMS(TEXT("series", "names of series, separated by commas; none: all of them"),
			NUMBER("since", 0, LARGEST, NULL, "from this time on (ms); without it: the last hour"),
			NUMBER("step", 10000, 86400000, "10000",
				"one value for so long (ms); a multiple of 10000")),
		false, SK_ROLE_READ },
	{ "GET", "/v1/alerts", sk_api_alerts,
		PARAMS(CHOICES("state", sk_alert_state_names, "alerts in one of these states")), false,
		SK_ROLE_READ },
	{ "POST", "/v1/alerts/{}/acknowledge", sk_api_acknowledge, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/backup", sk_api_backup, NULL, false, SK_ROLE_ADMIN },
	{ "GET", "/metrics", sk_api_metrics, NULL, true, SK_ROLE_READ },
	{ "GET", "/livez", sk_api_livez, NULL, true, SK_ROLE_NONE },
	{ "GET", "/readyz", sk_api_readyz, NULL, true, SK_ROLE_NONE },

	/* skalds-protocol.md 8.3-8.6 */
	{ "GET", "/", sk_org_root, NULL, true, SK_ROLE_NONE },
	{ "GET", "/api", sk_org_api, NULL, true, SK_ROLE_READ },
	{ "GET", "/api/docs", sk_api_docs_page, NULL, true, SK_ROLE_NONE },
	{ "GET", "/api/openapi.json", sk_api_openapi, NULL, true, SK_ROLE_READ },
	{ "GET", "/api/tasks/", sk_org_tasks,
		PARAMS(NUMBER("page", 1, LARGEST, "1", "which page"),
			NUMBER("pageSize", 1, 100, "20", "tasks on a page"),
			TEXT("lifecycleStatus", "a part of the state"),
			TEXT("className", "a part of the class"), TEXT("id", "a part of the id"),
			TEXT("executor", "tasks that this skald has")),
		false, SK_ROLE_READ },
	{ "POST", "/api/tasks/", sk_api_submit,
		PARAMS(FLAG("skip_invalid", "store the good ones, tell what is wrong with the others"),
			FLAG("dry_run", "check, also against what is stored, and store nothing")),
		false, SK_ROLE_WRITE },
	{ "GET", "/api/tasks/classnames", sk_org_classes, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/tasks/{}", sk_org_task, NULL, false, SK_ROLE_READ },
	{ "DELETE", "/api/tasks/{}", sk_org_delete, NULL, false, SK_ROLE_WRITE },
	{ "PUT", "/api/tasks/{}/status", sk_org_set_status, NULL, false, SK_ROLE_WRITE },
	{ "PUT", "/api/tasks/{}/attachments", sk_org_set_attachments, NULL, false, SK_ROLE_WRITE },
	{ "GET", "/api/tasks/{}/heartbeat", sk_org_heartbeat, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/", sk_org_skalds,
		PARAMS(TEXT("type", "node, edge or single_process"), TEXT("status", "online or offline")),
		false, SK_ROLE_READ },
	{ "GET", "/api/skalds/summary/statistics", sk_org_statistics, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}", sk_org_skald, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}/tasks", sk_org_skald_part, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}/status", sk_org_skald_part, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}/heartbeat", sk_org_skald_part, NULL, false, SK_ROLE_READ },
	{ "POST", "/api/skalds/{}/ping", sk_org_ping, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/events/skalds", sk_org_event_skalds,
		PARAMS(TEXT("skald_id", "of this skald alone")), false, SK_ROLE_READ },
	{ "GET", "/api/events/tasks", sk_org_event_tasks, PARAMS(TEXT("task_id", "of this task alone")),
		false, SK_ROLE_READ },
	{ "GET", "/api/events/test", sk_org_event_test, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/events/status", sk_org_event_status, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/system/health", sk_org_health, NULL, true, SK_ROLE_READ },
	{ "GET", "/api/system/status", sk_org_status, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/system/dashboard/summary", sk_org_summary, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/system/config", sk_org_config, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/system/metrics", sk_org_metrics, NULL, false, SK_ROLE_READ },
	{ "POST", "/api/system/cleanup", sk_org_cleanup, NULL, false, SK_ROLE_ADMIN },
	{ "GET", "/api/system/analytics/task-distribution", sk_org_distribution, NULL, false,
		SK_ROLE_READ },
	{ "GET", "/api/system/analytics/recent-activity", sk_org_activity,
		PARAMS(NUMBER("hours", 1, 168, "24", "the last so many hours")), false, SK_ROLE_READ },
	{ "GET", "/api/system/version", sk_org_version, NULL, true, SK_ROLE_READ },
	{ NULL, NULL, NULL, NULL, false, SK_ROLE_NONE },
};

/* Does the path fit? The segment for {} is one that is not empty. */
static bool
fits(const char *pattern, const char *path, const char **segment, size_t *len)
{
	*len = 0;
	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '{') {
			if (*path++ != *pattern)
				return false;
			continue;
		}
		*segment = path;
		*len = strcspn(path, "/");
		if (*len == 0)
			return false;
		path += *len;
		pattern++; /* the } */
	}
	return *path == '\0';
}

/* "GET, POST": every method that the path knows. */
static const char *
methods_of(const char *path, struct sk_arena *a)
{
	const char *all = NULL, *segment;
	size_t len;

	for (const struct sk_route *r = sk_routes; r->method != NULL; r++) {
		if (!fits(r->pattern, path, &segment, &len))
			continue;
		if (all == NULL)
			all = r->method;
		else if (strstr(all, r->method) == NULL)
			all = sk_arena_printf(a, "%s, %s", all, r->method);
	}
	return all;
}

const struct sk_route *
sk_route_find(
	const char *method, const char *path, struct sk_arena *a, const char **id, const char **allow)
{
	const char *segment = NULL;
	size_t len;

	*allow = NULL;
	*id = "";
	for (const struct sk_route *r = sk_routes; r->method != NULL; r++) {
		if (!fits(r->pattern, path, &segment, &len) || strcmp(r->method, method) != 0)
			continue;
		*id = len > 0 ? sk_percent_decode(a, segment, len, false) : "";
		return *id != NULL ? r : NULL;
	}
	*allow = methods_of(path, a);
	return NULL;
}

enum sk_role
sk_api_role(const char *method, const char *path)
{
	const char *segment;
	size_t len;

	for (const struct sk_route *r = sk_routes; r->method != NULL; r++)
		if (fits(r->pattern, path, &segment, &len) && strcmp(r->method, method) == 0)
			return r->role;
	return SK_ROLE_READ;
}
