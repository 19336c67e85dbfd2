/* api_routes.c - what can be asked, one row each. */
#include "core/control/api_priv.h"
#include <string.h>

#define PARAMS(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}
#define SELECTION \
	"state", "class", "executor", "label", "older", "newer", "id", "parent", "elements"

/* A word at a place goes before {} there: the first row that fits is the one. */
const struct sk_route sk_routes[] = {
	{ "POST", "/v1/tasks", sk_api_submit, PARAMS("skip_invalid", "dry_run", "part"), false,
		SK_ROLE_WRITE },
	{ "GET", "/v1/tasks", sk_api_list, PARAMS(SELECTION, "sort", "limit", "cursor"), false,
		SK_ROLE_READ },
	{ "POST", "/v1/tasks/cancel", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/pause", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/resume", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/retry", sk_api_change_many, PARAMS("force"), false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/delete", sk_api_change_many, NULL, false, SK_ROLE_WRITE },
	{ "GET", "/v1/tasks/{}", sk_api_get, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/wait", sk_api_wait, PARAMS("ms"), false, SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/log", sk_api_log, PARAMS("attempt", "offset", "limit", "wait"), false,
		SK_ROLE_READ },
	{ "GET", "/v1/tasks/{}/attempts", sk_api_attempts, NULL, false, SK_ROLE_READ },
	{ "POST", "/v1/tasks/{}/cancel", sk_api_change_one, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/{}/pause", sk_api_change_one, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/{}/resume", sk_api_change_one, NULL, false, SK_ROLE_WRITE },
	{ "POST", "/v1/tasks/{}/retry", sk_api_change_one, PARAMS("force"), false, SK_ROLE_WRITE },
	{ "PATCH", "/v1/tasks/{}", sk_api_update, NULL, false, SK_ROLE_WRITE },
	{ "DELETE", "/v1/tasks/{}", sk_api_delete, NULL, false, SK_ROLE_WRITE },
	{ "GET", "/v1/events", sk_api_events, PARAMS("after", "wait", "task", "limit"), false,
		SK_ROLE_READ },
	{ "GET", "/v1/stream", sk_api_stream, PARAMS("task", "kinds", "after"), false, SK_ROLE_READ },
	{ "GET", "/v1/skalds", sk_api_skalds, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/skalds/{}", sk_api_skald, NULL, false, SK_ROLE_READ },
	{ "PUT", "/v1/skalds/{}", sk_api_skald_put, NULL, false, SK_ROLE_ADMIN },
	{ "DELETE", "/v1/skalds/{}", sk_api_skald_delete, NULL, false, SK_ROLE_ADMIN },
	{ "PUT", "/v1/active/{}", sk_api_active, NULL, false, SK_ROLE_ADMIN },
	{ "POST", "/v1/skalds/{}/drain", sk_api_drain, NULL, false, SK_ROLE_ADMIN },
	{ "POST", "/v1/skalds/{}/undrain", sk_api_drain, NULL, false, SK_ROLE_ADMIN },
	{ "GET", "/v1/status", sk_api_status, NULL, false, SK_ROLE_READ },
	{ "GET", "/v1/history", sk_api_history, PARAMS("series", "since", "step"), false,
		SK_ROLE_READ },
	{ "POST", "/v1/backup", sk_api_backup, NULL, false, SK_ROLE_ADMIN },
	{ "GET", "/livez", sk_api_livez, NULL, true, SK_ROLE_NONE },
	{ "GET", "/readyz", sk_api_readyz, NULL, true, SK_ROLE_NONE },

	/* skalds-protocol.md 8.3-8.6 */
	{ "GET", "/", sk_org_root, NULL, true, SK_ROLE_NONE },
	{ "GET", "/api", sk_org_api, NULL, true, SK_ROLE_READ },
	{ "GET", "/api/tasks/", sk_org_tasks,
		PARAMS("page", "pageSize", "lifecycleStatus", "className", "id", "executor"), false,
		SK_ROLE_READ },
	{ "POST", "/api/tasks/", sk_api_submit, PARAMS("skip_invalid", "dry_run"), false,
		SK_ROLE_WRITE },
	{ "GET", "/api/tasks/classnames", sk_org_classes, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/tasks/{}", sk_org_task, NULL, false, SK_ROLE_READ },
	{ "DELETE", "/api/tasks/{}", sk_org_delete, NULL, false, SK_ROLE_WRITE },
	{ "PUT", "/api/tasks/{}/status", sk_org_set_status, NULL, false, SK_ROLE_WRITE },
	{ "PUT", "/api/tasks/{}/attachments", sk_org_set_attachments, NULL, false, SK_ROLE_WRITE },
	{ "GET", "/api/tasks/{}/heartbeat", sk_org_heartbeat, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/", sk_org_skalds, PARAMS("type", "status"), false, SK_ROLE_READ },
	{ "GET", "/api/skalds/summary/statistics", sk_org_statistics, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}", sk_org_skald, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}/tasks", sk_org_skald_part, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}/status", sk_org_skald_part, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/skalds/{}/heartbeat", sk_org_skald_part, NULL, false, SK_ROLE_READ },
	{ "POST", "/api/skalds/{}/ping", sk_org_ping, NULL, false, SK_ROLE_READ },
	{ "GET", "/api/events/skalds", sk_org_event_skalds, PARAMS("skald_id"), false, SK_ROLE_READ },
	{ "GET", "/api/events/tasks", sk_org_event_tasks, PARAMS("task_id"), false, SK_ROLE_READ },
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
	{ "GET", "/api/system/analytics/recent-activity", sk_org_activity, PARAMS("hours"), false,
		SK_ROLE_READ },
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
		if (strcmp(r->method, method) != 0 || !fits(r->pattern, path, &segment, &len))
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
		if (strcmp(r->method, method) == 0 && fits(r->pattern, path, &segment, &len))
			return r->role;
	return SK_ROLE_READ;
}
