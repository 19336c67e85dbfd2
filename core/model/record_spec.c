#include "core/model/record_spec.h"
#include <math.h>
#include <string.h>

static const char *const modes[] = { [SK_TASK_ACTIVE] = "Active",
	[SK_TASK_PASSIVE] = "Passive",
	[SK_TASK_PASSIVE_PROCESS] = "PassiveProcess",
	NULL };

const char *const sk_dependency_policies[] = {
	[SK_DEP_CANCEL] = "cancel", [SK_DEP_RUN] = "run", NULL
};

const char *const sk_on_disconnects[] = {
	[SK_DISCONNECT_STOP] = "stop", [SK_DISCONNECT_CONTINUE] = "continue", NULL
};

const struct sk_field sk_spec_resource_fields[] = {
	SK_FIELD(struct sk_spec_resources, cpus, .def = "0", .nullable = true, .bounded = true,
		.min = 0, .max = 4096, .doc = "processors the task needs; 0 = not said"),
	SK_FIELD(struct sk_spec_resources, memory_mb, .key = "memoryMb", .def = "0", .nullable = true,
		.bounded = true, .min = 0, .max = 16777216,
		.doc = "memory the task may use, in MiB; 0 = no limit"),
	SK_FIELD(struct sk_spec_resources, gpus, .def = "0", .nullable = true, .bounded = true,
		.min = 0, .max = 1024, .doc = "graphics processors the task needs"),
	SK_FIELD(struct sk_spec_resources, labels, .item = SK_FIELD_STRING, .nullable = true,
		.doc = "map of strings: labels that the skald must have"),
	SK_FIELDS_END
};

const struct sk_field sk_spec_fields[] = { SK_SPEC_ROWS,
	SK_FIELD(struct sk_spec, mode, .def = "Passive", .nullable = true, .choices = modes,
		.doc = "Passive: given to a skald; Active: an edge runs it and records it here"),
	SK_FIELD(struct sk_spec, yaml_hash, .key = "yamlHash", .nullable = true,
		.doc = "of the entry of the YAML file that made the task"),
	SK_FIELDS_END };

static bool
is_strings(const struct sk_value *v)
{
	if (v == NULL)
		return true;
	if (v->kind != SK_MAP)
		return false;
	for (size_t i = 0; i < v->u.map.n; i++)
		if (v->u.map.pairs[i].value->kind != SK_STRING)
			return false;
	return true;
}

/* What the table takes as it is. */
static const char *
wrong_map(const struct sk_spec *s)
{
	if (s->attachments != NULL && s->attachments->kind != SK_MAP)
		return "attachments: expected map";
	if (!is_strings(s->labels))
		return "labels: expected map of strings";
	if (!is_strings(s->env))
		return "env: expected map of strings";
	return is_strings(s->resources.labels) ? NULL : "resources.labels: expected map of strings";
}

bool
sk_spec_decode(
	const struct sk_value *spec, struct sk_arena *a, struct sk_spec *out, struct sk_err *err)
{
	struct sk_problems p;
	const char *wrong;

	sk_problems_init(&p, a, "");
	if (!sk_fields_decode(sk_spec_fields, spec, out, sizeof(*out), a, "", true, &p)) {
		for (size_t i = 0; i < p.n; i++)
			if (!p.list[i].warning) {
				sk_fail(err, SK_EINVAL, "%s%s%s", p.list[i].path,
					p.list[i].path[0] != '\0' ? ": " : "", p.list[i].text);
				return false;
			}
		sk_fail(err, SK_EINVAL, "%zu members are wrong", p.n_errors);
		return false;
	}
	wrong = wrong_map(out);
	if (wrong != NULL)
		sk_fail(err, SK_EINVAL, "%s", wrong);
	return wrong == NULL;
}

static double
number(const struct sk_value *map, const char *key, double max)
{
	const struct sk_value *v = sk_map_get(map, key);
	double d = v == NULL	  ? 0
		: v->kind == SK_INT	  ? (double)v->u.i
		: v->kind == SK_FLOAT ? v->u.f
							  : 0;

	return d > 0 ? fmin(d, max) : 0; /* NaN is not above 0 */
}

void
sk_spec_resources(const struct sk_value *spec, struct sk_spec_resources *out)
{
	const struct sk_value *r = sk_map_get(spec, "resources"), *labels = sk_map_get(r, "labels");

	*out = (struct sk_spec_resources){
		.cpus = number(r, "cpus", 4096),
		.memory_mb = (int64_t)number(r, "memoryMb", 16777216),
		.gpus = (int64_t)number(r, "gpus", 1024),
		.labels = labels != NULL && labels->kind == SK_MAP ? labels : NULL,
	};
}

int64_t
sk_spec_backoff_ms(const struct sk_spec *s, uint32_t failures, double random)
{
	int doublings = failures > 63 ? 62 : (int)failures - 1;
	double pause;

	if (failures == 0)
		return 0;
	pause = fmin(ldexp(s->backoff_s, doublings), s->max_backoff_s);
	return (int64_t)(pause * 1000 * (0.75 + 0.5 * random));
}
