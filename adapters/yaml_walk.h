/* yaml_walk.h - a walk over YAML text that knows quotes, comments, block scalars and brackets, and
 * nothing else. It parses nothing: it counts, and it finds what was never closed. Where it errs,
 * it counts too little. Private to the YAML adapter. */
#ifndef SK_ADAPTERS_YAML_WALK_H
#define SK_ADAPTERS_YAML_WALK_H

#include "adapters/yaml_priv.h"

/* Where something was opened; its column is counted only when somebody asks. */
struct sk_yaml_spot {
	const char *at, *line_start; /* at NULL: nowhere */
	int line;
};

struct sk_yaml_walk {
	const char *p, *end, *line_start;
	int line;
	bool blank; /* what stands before p is blank */
	bool start; /* a token may start at p: we are not inside a plain scalar */
	bool value_next; /* the last token was the ':' behind a key */
	bool quoted; /* the last token was a quoted scalar */
	bool loose; /* the last token was an anchor, a tag, an alias or a closing bracket */
	size_t depth; /* of brackets */
	size_t held_at; /* depth from which on the library holds tokens; 0 = it does not */
	size_t held; /* brackets and commas since */
	size_t row; /* anchors, tags, aliases, quoted texts, brackets and, in brackets,
				 * colons that stand side by side: nothing separates them */
	struct sk_yaml_spot open[SK_MAX_DEPTH]; /* the brackets; deeper ones are not kept */
	struct sk_yaml_spot quote; /* the quote that has no end */
};

struct sk_yaml_walk sk_yaml_walk_start(const char *text, size_t n);
/* Take the next token or part of one; false at the end. */
bool sk_yaml_walk_step(struct sk_yaml_walk *w);

#endif
