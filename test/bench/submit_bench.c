/* submit_bench.c - submissions a second on one core: a line of JSON becomes a checked record.
 * submit_bench [LINES [LINE]]; prints "parse N/s" and "all N/s". */
#include "adapters/json.h"
#include "core/base/clock.h"
#include "core/control/submit.h"
#include "workers/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As many as one body of 4 MiB has. */
#define PER_ARENA 10000

struct nothing {
	char none;
};
static const struct sk_field no_fields[] = { SK_FIELDS_END };
static const struct sk_worker noop = {
	.name = "Noop", .fields = no_fields, .attachment_size = sizeof(struct nothing)
};

static const struct sk_worker *const *
classes(void)
{
	static const struct sk_worker *list[256];
	size_t n = 0;

	for (; sk_workers[n] != NULL && n < 254; n++)
		list[n] = sk_workers[n];
	if (sk_worker_find(noop.name) == NULL)
		list[n] = &noop;
	return list;
}

static double
run(const char *line, size_t lines, bool whole)
{
	struct sk_ulid ulid = { 0 };
	struct sk_submit_context ctx = { .workers = classes(), .ulid = &ulid, .source = "API" };
	int64_t start = sk_boot_ns();

	for (size_t done = 0; done < lines;) {
		struct sk_arena *a = sk_arena_new();
		struct sk_problems p;

		sk_problems_init(&p, a, "");
		for (size_t i = 0; i < PER_ARENA && done < lines; i++, done++) {
			struct sk_value *v = sk_json_parse(line, strlen(line), a, &p);
			struct sk_record *r = sk_arena_alloc(a, sizeof(*r));

			ctx.now_ms = sk_wall_ms();
			if (v == NULL || (whole && !sk_submit_record(&ctx, v, a, r, &p))) {
				fprintf(stderr, "%s: %s\n", p.list[0].path, p.list[0].text);
				exit(1);
			}
		}
		sk_arena_free(a);
	}
	return (double)lines * 1e9 / (double)(sk_boot_ns() - start);
}

int
main(int argc, char **argv)
{
	size_t lines = argc > 1 ? (size_t)atoll(argv[1]) : 500000;
	const char *line = argc > 2 ? argv[2] : "{\"className\":\"Noop\"}";

	printf("parse %.0f/s\n", run(line, lines, false));
	printf("all %.0f/s\n", run(line, lines, true));
	return 0;
}
