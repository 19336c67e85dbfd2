/* yaml.h - YAML 1.2 (core schema) as a value tree, over libfyaml.
 *
 * What is not accepted, each with a sentence at its place: more than 1 MiB, nesting deeper than
 * 64, more than 64 anchors, aliases that expand to more than 1,024 nodes, an alias inside its own
 * anchor, a second document, a key twice in one map (the first counts), keys that are no scalars,
 * merge keys (<<), tags other than those of the core schema, UTF-16, invalid UTF-8, NUL.
 *
 * Plain scalars are null, true, false, integers (also 0x and 0o), floats (.inf, .nan) or strings;
 * quoted ones and blocks are strings. Map keys are taken by their text, whatever they look like.
 * A shared node is what an alias becomes. Places are those of the scalar; of a block map or list
 * under a key, and of a missing value, the key's.
 */
#ifndef SK_ADAPTERS_YAML_H
#define SK_ADAPTERS_YAML_H

#include "core/base/problem.h"
#include "core/base/value.h"

#define SK_YAML_MAX_BYTES ((size_t)1 << 20)
#define SK_YAML_MAX_ANCHORS 64
#define SK_YAML_MAX_EXPANDED 1024
#define SK_YAML_MAX_VALUES 262144

/* The tree in the arena, or NULL when nothing could be read: a syntax error, a limit, an empty
 * document. Other errors (a key twice, …) leave a tree, so that its content can be checked in the
 * same go: p->n_errors tells. Problems are not sorted. The library prints nothing. */
struct sk_value *
sk_yaml_parse(const char *text, size_t n, struct sk_arena *a, struct sk_problems *p);

/* The same with a file; "-" is standard input. */
struct sk_value *sk_yaml_file(const char *path, struct sk_arena *a, struct sk_problems *p);

#endif
