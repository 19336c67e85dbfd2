/* record_spec.h - the part of a stored task that is only handed on, as a struct; and a task as
 * people submit it. One field table each, so that checks, messages, the JSON Schema and the
 * documentation of `POST /v1/tasks` come from the same rows. */
#ifndef SK_CORE_MODEL_RECORD_SPEC_H
#define SK_CORE_MODEL_RECORD_SPEC_H

#include "core/base/problem.h"
#include "core/model/field.h"
#include "core/model/record.h"

enum sk_task_mode { SK_TASK_ACTIVE, SK_TASK_PASSIVE, SK_TASK_PASSIVE_PROCESS };
enum sk_dependency_policy { SK_DEP_CANCEL, SK_DEP_RUN }; /* when one did not finish */
enum sk_on_disconnect { SK_DISCONNECT_STOP, SK_DISCONNECT_CONTINUE };

struct sk_spec_resources {
	double cpus; /* 0 = not asked for */
	int64_t memory_mb, gpus;
	const struct sk_value *labels; /* map of strings that the skald must have; NULL = none */
};

/* sk_record.spec, decoded. */
struct sk_spec {
	const char *name, *description, *source;
	int mode; /* enum sk_task_mode */
	bool is_persistent;
	struct sk_list dependencies; /* of const char * */
	int dependency_policy; /* enum sk_dependency_policy */
	int64_t deadline_ms; /* wall clock; 0 = none */
	const struct sk_value *attachments; /* a map or NULL */
	double backoff_s, max_backoff_s, timeout_s, grace_s;
	const struct sk_value *labels; /* map of strings, or NULL */
	struct sk_spec_resources resources;
	int on_disconnect; /* enum sk_on_disconnect */
	const char *user, *cwd; /* "" = as the skald */
	const struct sk_value *env; /* map of strings, or NULL */
	const char *yaml_hash;
};

extern const struct sk_field sk_spec_fields[];

/* The rows that a stored spec and a submission have in common, for a struct that begins with a
 * struct sk_spec. */
extern const char *const sk_dependency_policies[], *const sk_on_disconnects[];
extern const struct sk_field sk_spec_resource_fields[];
#define SK_TEN_YEARS_S (3650.0 * 86400)
#define SK_ONE_DAY_S 86400.0
#define SK_LAST_MS 253402300799999.0 /* the end of the year 9999 */
#define SK_SPEC_ROWS \
	SK_FIELD(struct sk_spec, name, .nullable = true, .bounded = true, .min = 0, .max = 255, \
		.doc = "a name for people"), \
		SK_FIELD(struct sk_spec, description, .nullable = true, .bounded = true, .min = 0, \
			.max = 4096, .doc = "what it is for, for people"), \
		SK_FIELD(struct sk_spec, source, .nullable = true, .bounded = true, .min = 0, .max = 255, \
			.doc = "where the task comes from, for people"), \
		SK_FIELD(struct sk_spec, is_persistent, .key = "isPersistent", .def = "true", \
			.nullable = true, .doc = "runs for good or to its end; only told to people"), \
		SK_FIELD(struct sk_spec, dependencies, .item = SK_FIELD_STRING, .nullable = true, \
			.bounded = true, .min = 0, .max = 1024, \
			.doc = "ids of tasks that must have finished before this one starts"), \
		SK_FIELD(struct sk_spec, dependency_policy, .key = "dependencyPolicy", .def = "cancel", \
			.nullable = true, .choices = sk_dependency_policies, \
			.doc = "when a dependency did not finish: cancel this task too, or run it"), \
		SK_FIELD(struct sk_spec, deadline_ms, .key = "deadlineDateTime", .def = "0", \
			.nullable = true, .bounded = true, .min = 0, .max = SK_LAST_MS, \
			.doc = "not started and not running after this time (ms); 0 = none"), \
		SK_FIELD(struct sk_spec, attachments, .item = SK_FIELD_ANY, .nullable = true, \
			.doc = "the parameters of the worker class"), \
		SK_FIELD(struct sk_spec, backoff_s, .key = "backoffSeconds", .def = "1", .nullable = true, \
			.bounded = true, .min = 0, .max = SK_TEN_YEARS_S, \
			.doc = "pause before the second attempt; doubles each time"), \
		SK_FIELD(struct sk_spec, max_backoff_s, .key = "maxBackoffSeconds", .def = "300", \
			.nullable = true, .bounded = true, .min = 0, .max = SK_TEN_YEARS_S, \
			.doc = "the pause grows up to this"), \
		SK_FIELD(struct sk_spec, timeout_s, .key = "timeoutSeconds", .def = "0", .nullable = true, \
			.bounded = true, .min = 0, .max = SK_TEN_YEARS_S, \
			.doc = "an attempt is stopped after this long; 0 = never"), \
		SK_FIELD(struct sk_spec, grace_s, .key = "graceSeconds", .def = "10", .nullable = true, \
			.bounded = true, .min = 0, .max = SK_ONE_DAY_S, \
			.doc = "time to end between SIGTERM and SIGKILL"), \
		SK_FIELD(struct sk_spec, labels, .item = SK_FIELD_STRING, .nullable = true, \
			.doc = "map of strings, to find tasks by"), \
		SK_FIELD(struct sk_spec, resources, .sub = sk_spec_resource_fields, .nullable = true, \
			.doc = "what the task needs and may use"), \
		SK_FIELD(struct sk_spec, on_disconnect, .key = "onDisconnect", .def = "stop", \
			.nullable = true, .choices = sk_on_disconnects, \
			.doc = "when its skald loses the store: stop, or go on"), \
		SK_FIELD(struct sk_spec, user, .nullable = true, .bounded = true, .min = 0, .max = 255, \
			.doc = "run as this user; only a skald of root can"), \
		SK_FIELD(struct sk_spec, cwd, .nullable = true, .bounded = true, .min = 0, .max = 4095, \
			.pattern = "^(/.*)?$", .doc = "directory to start in"), \
		SK_FIELD(struct sk_spec, env, .item = SK_FIELD_STRING, .nullable = true, \
			.doc = "map of strings: added to the environment")

/* Decode what a store holds: unknown members are ignored, absent ones have their defaults. Returns
 * false (and err) when a member has a wrong type: somebody else wrote it. Borrows from the value;
 * lists live in the arena. */
bool sk_spec_decode(
	const struct sk_value *spec, struct sk_arena *a, struct sk_spec *out, struct sk_err *err);

/* The resources alone, cheaply: no list is built. For the dispatcher. */
void sk_spec_resources(const struct sk_value *spec, struct sk_spec_resources *out);

/* Milliseconds until the next try after `failures` failures: backoff * 2^(failures-1), at most the
 * cap, times 0.75..1.25 by `random` (0..1); 0 before the first failure. */
int64_t sk_spec_backoff_ms(const struct sk_spec *s, uint32_t failures, double random);

#endif
