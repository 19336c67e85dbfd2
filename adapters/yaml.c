/* yaml.c - one text through the guard, the library and the builder. */
#include "adapters/yaml_build.h"

/* True when the text was read to its end, or to where we did not want to go on. */
static bool
read_events(struct sk_yaml_builder *b, struct fy_parser *parser)
{
	bool ended = false;

	while (!b->stop && !b->skip) {
		struct fy_event *e = fy_parser_parse(parser);

		if (e == NULL)
			return ended;
		ended = e->type == FYET_STREAM_END;
		sk_yaml_build(b, e);
		fy_parser_event_free(parser, e);
	}
	return true;
}

static bool
parse(struct sk_yaml_builder *b, size_t n, struct fy_diag *diag)
{
	const struct fy_parse_cfg config = {
		.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE |
			FYPCF_DISABLE_MMAP_OPT,
		.diag = diag,
	};
	struct fy_parser *parser = fy_parser_create(&config);
	bool ok = parser != NULL && fy_parser_set_string(parser, b->text, n) == 0;

	if (!ok)
		sk_problem(b->problems, 0, 0, "", "the YAML parser could not be started");
	else if (!read_events(b, parser)) {
		sk_yaml_diagnose(b->text, n, diag, b->problems);
		ok = false;
	}
	fy_parser_destroy(parser);
	return ok && !b->stop;
}

static struct sk_value *
result(struct sk_yaml_builder *b)
{
	if (b->root != NULL && b->root->kind != SK_NULL)
		return b->root;
	sk_problem(b->problems, 1, 1, "", "the file is empty");
	return NULL;
}

struct sk_value *
sk_yaml_parse(const char *text, size_t n, struct sk_arena *a, struct sk_problems *p)
{
	struct sk_yaml_builder *b;
	struct fy_diag *diag;
	bool ok;

	if (!sk_yaml_guard(text, n, p))
		return NULL;
	b = sk_arena_alloc(a, sizeof(*b));
	*b = (struct sk_yaml_builder){ .arena = a, .problems = p, .line = 1, .column = 1 };
	/* The library wants a byte to point at, and places are looked up in what it was given. */
	b->text = n > 0 ? text : "\n";
	b->end = b->text + (n > 0 ? n : 1);
	diag = sk_yaml_diag();
	if (diag == NULL) {
		sk_problem(p, 0, 0, "", "the YAML parser could not be started");
		return NULL;
	}
	ok = parse(b, n > 0 ? n : 1, diag);
	fy_diag_destroy(diag);
	return ok ? result(b) : NULL;
}
