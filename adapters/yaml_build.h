/* yaml_build.h - the tree while it grows, event by event. Private to the YAML adapter. */
#ifndef SK_ADAPTERS_YAML_BUILD_H
#define SK_ADAPTERS_YAML_BUILD_H

#include "adapters/yaml_priv.h"
#include <libfyaml.h>

struct sk_yaml_anchor {
	const char *name;
	struct sk_value *value; /* NULL while the node is still open */
	size_t nodes; /* of the subtree, aliases expanded */
	size_t height; /* containers below it, itself included */
};

/* An open list or map. */
struct sk_yaml_frame {
	struct sk_value *v;
	const char *key; /* of the value to come; NULL when a key comes next */
	int line, column; /* of that key */
	bool drop; /* the value to come belongs to a key that was refused */
	bool is_key; /* this list or map stands where a key should: read, then forgotten */
	struct sk_yaml_anchor *anchor; /* to be completed at the end, or NULL */
	size_t nodes_before, height;
};

struct sk_yaml_builder {
	struct sk_arena *arena;
	struct sk_problems *problems;
	const char *text, *end;
	struct sk_yaml_frame frames[SK_MAX_DEPTH];
	size_t depth;
	struct sk_yaml_anchor anchors[SK_YAML_MAX_ANCHORS];
	size_t n_anchors;
	size_t nodes; /* so far, aliases expanded */
	size_t expanded; /* of these by aliases */
	struct sk_value *root;
	int documents;
	int line, column; /* of the event at hand, or where the last one with a place was */
	bool placed; /* the event at hand has a place of its own */
	bool stop; /* nothing after this can be trusted */
	bool skip; /* the rest is not read, what was read counts */
};

/* Take one event. Afterwards b->stop or b->skip may say that there is no point in going on. */
void sk_yaml_build(struct sk_yaml_builder *b, struct fy_event *e);

#endif
