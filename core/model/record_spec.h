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

/* Decode what a store holds: unknown members are ignored, absent ones have their defaults. Returns
 * false (and err) when a member has a wrong type: somebody else wrote it. Borrows from the value;
 * lists live in the arena. */
bool sk_spec_decode(
	const struct sk_value *spec, struct sk_arena *a, struct sk_spec *out, struct sk_err *err);

/* The resources alone, cheaply: no list is built. For the dispatcher. */
void sk_spec_resources(const struct sk_value *spec, struct sk_spec_resources *out);

/* Milliseconds until the next try after `failures` failures: backoff * 2^(failures-1), at most the
 * cap, times 0.75..1.25 by `random` (0..1). */
int64_t sk_spec_backoff_ms(const struct sk_spec *s, uint32_t failures, double random);

#endif
