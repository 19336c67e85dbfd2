#include "core/model/load.h"
#include <math.h>
#include <stddef.h>

/* The members, once: names as in the API. */
static const struct member {
	const char *name;
	size_t offset;
	bool whole; /* int64_t, else double */
} members[] = {
	{ "cpuPercent", offsetof(struct sk_load, cpu_percent), false },
	{ "memoryUsedMb", offsetof(struct sk_load, memory_used_mb), true },
	{ "memoryTotalMb", offsetof(struct sk_load, memory_total_mb), true },
	{ "diskUsedMb", offsetof(struct sk_load, disk_used_mb), true },
	{ "diskTotalMb", offsetof(struct sk_load, disk_total_mb), true },
	{ "load1", offsetof(struct sk_load, load1), false },
};
#define N (sizeof(members) / sizeof(members[0]))

static const int64_t *
whole_at(const struct sk_load *load, const struct member *m)
{
	return (const int64_t *)(const void *)((const char *)load + m->offset);
}

static const double *
real_at(const struct sk_load *load, const struct member *m)
{
	return (const double *)(const void *)((const char *)load + m->offset);
}

struct sk_value *
sk_load_value(struct sk_arena *a, const struct sk_load *load)
{
	struct sk_value *map;

	if (!load->known)
		return NULL;
	map = sk_value_new(a, SK_MAP);
	for (size_t i = 0; i < N; i++) {
		struct sk_value *v;

		if (members[i].whole) {
			if (*whole_at(load, &members[i]) < 0)
				continue;
			v = sk_value_int(a, *whole_at(load, &members[i]));
		} else {
			if (!(*real_at(load, &members[i]) >= 0))
				continue;
			v = sk_value_new(a, SK_FLOAT);
			v->u.f = *real_at(load, &members[i]);
		}
		sk_map_set(a, map, members[i].name, v);
	}
	return map;
}

/* A store may return 3.0 as 3 and the other way round. */
static double
number_of(const struct sk_value *v)
{
	if (v == NULL)
		return -1;
	if (v->kind == SK_INT)
		return (double)v->u.i;
	return v->kind == SK_FLOAT && isfinite(v->u.f) && fabs(v->u.f) < 9e15 ? v->u.f : -1;
}

void
sk_load_take(struct sk_load *load, const struct sk_value *v)
{
	*load = (struct sk_load){ .known = v != NULL && v->kind == SK_MAP };
	for (size_t i = 0; i < N; i++) {
		double n = load->known ? number_of(sk_map_get(v, members[i].name)) : -1;
		void *to = (char *)load + members[i].offset;

		n = n >= 0 ? n : -1;
		if (members[i].whole)
			*(int64_t *)to = (int64_t)n;
		else
			*(double *)to = n;
	}
}

void
sk_load_json(struct sk_str *out, const struct sk_load *load)
{
	if (!load->known) {
		sk_str_adds(out, "null");
		return;
	}
	sk_str_addc(out, '{');
	for (size_t i = 0; i < N; i++) {
		const struct member *m = &members[i];

		sk_json_key(out, m->name);
		if (m->whole ? *whole_at(load, m) < 0 : !(*real_at(load, m) >= 0))
			sk_str_adds(out, "null");
		else if (m->whole)
			sk_json_int(out, *whole_at(load, m));
		else
			sk_json_double(out, *real_at(load, m));
	}
	sk_str_addc(out, '}');
}
