/* sse.c - frames of event streams, and which of them a reader gets. */
#include "core/control/sse.h"
#include "core/base/map.h"
#include "core/base/mem.h"
#include <stdlib.h>
#include <string.h>

void
sk_sse_release(struct sk_sse *s)
{
	sk_str_release(&s->text);
	sk_str_release(&s->names);
	free(s->frames);
	*s = (struct sk_sse){ .n = 0 };
}

void
sk_sse_clear(struct sk_sse *s)
{
	sk_str_clear(&s->text);
	sk_str_clear(&s->names);
	s->n = 0;
}

void
sk_sse_frame(struct sk_sse *s, const char *name, unsigned kind)
{
	if (s->n == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 16;
		s->frames = sk_xreallocarray(s->frames, s->cap, sizeof(*s->frames));
	}
	s->frames[s->n++] = (struct sk_sse_frame){ .end = (uint32_t)s->text.len,
		.name = (uint32_t)s->names.len,
		.key = sk_map_key(name),
		.kind = (uint8_t)kind };
	sk_str_add(&s->names, name, strlen(name) + 1);
}

static bool
passes(const struct sk_sse *s, const struct sk_sse_frame *frame, const struct sk_sse_filter *f)
{
	if (f->kinds != 0 && (f->kinds & 1u << frame->kind) == 0)
		return false;
	return f->name[0] == '\0' ||
		(f->key == frame->key && strcmp(f->name, s->names.p + frame->name) == 0);
}

const char *
sk_sse_pick(const struct sk_sse *s, size_t from, const struct sk_sse_filter *f,
	struct sk_str *scratch, size_t *n)
{
	size_t begin = from > 0 ? s->frames[from - 1].end : 0;

	if (f->kinds == 0 && f->name[0] == '\0') {
		*n = from < s->n ? s->text.len - begin : 0;
		return sk_str_text(&s->text) + begin;
	}
	sk_str_clear(scratch);
	for (size_t i = from; i < s->n; begin = s->frames[i++].end)
		if (passes(s, &s->frames[i], f))
			sk_str_add(scratch, s->text.p + begin, s->frames[i].end - begin);
	*n = scratch->len;
	return sk_str_text(scratch);
}
