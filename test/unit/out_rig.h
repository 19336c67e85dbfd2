/* out_rig.h - a sink whose console is caught: stdout and stderr of the test go elsewhere for a while.
 * Assert only after out_end: what cmocka prints would be caught, too. */
#ifndef SK_TEST_UNIT_OUT_RIG_H
#define SK_TEST_UNIT_OUT_RIG_H

#include "core/run/sink.h"

struct out_rig {
	struct sk_loop *loop;
	struct sk_sink *sink;
	struct sk_sink_config cfg;
	int saved[2];
	int drains;
	struct sk_str text[2]; /* what came out, after out_end */
};

/* What out_begin does unless it is changed: tagged lines, no files. Needs proc_scratch. */
void out_init(struct out_rig *r);
/* Console into files; or into the given descriptors (-1 = a file). */
void out_begin(struct out_rig *r, int out, int err);
/* Flush, free the sink, give stdout and stderr back, read what came out. */
void out_end(struct out_rig *r);
void out_release(struct out_rig *r);

/* The messages of the lines of stderr: what stands in msg="…" (escaped), each with a newline. */
struct sk_str out_messages(const struct out_rig *r);
bool out_has(const struct out_rig *r, int stream, const char *text);
size_t out_count(const struct out_rig *r, int stream, const char *text);

#endif
