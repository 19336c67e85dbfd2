/* api_etag.c - which version of a task somebody has seen (RFC 9110, 13).
 *
 * The tag is a hash of the task as JSON, which has the time of its last change: whatever is stored
 * changes it. The counts of an array's elements are no part of what a change is compared with; they
 * have a second half of their own, which matters to If-None-Match alone.
 *
 * What If-Match guarantees: the change is refused when the task was another one when it was read
 * for it. Between that and the write, the store's compare-and-set refuses what another has
 * changed in attempt, phase or intent; then the task is read and compared anew. New attachments
 * are compared and written one update of a task after another on one controller; of two
 * controllers that update the same task within the milliseconds of one write, the later wins. A
 * task that is deleted may have been changed in these milliseconds, too, but has ended in any
 * case. */
#include "core/base/map.h"
#include "core/control/api_priv.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t
hash_of(const struct sk_call *call, const struct sk_record *r)
{
	struct sk_str text = SK_STR_INIT;
	uint64_t key;

	sk_record_json(&text, r, call->c->cfg.workers);
	key = sk_map_key(sk_str_text(&text));
	sk_str_release(&text);
	return key;
}

const char *
sk_call_etag(struct sk_call *call, const struct sk_record *r)
{
	uint64_t body = sk_map_key(sk_str_text(&call->out));

	if (r->array_size == 0)
		return sk_arena_printf(call->arena, "\"%016" PRIx64 "\"", body);
	return sk_arena_printf(
		call->arena, "\"%016" PRIx64 "-%016" PRIx64 "\"", hash_of(call, r), body);
}

/* The next of a list of tags: where it begins, and *n, quotes included; weak ones without their
 * W/. NULL at the end. *list moves on. */
static const char *
next_tag(const char **list, size_t *n, bool *weak)
{
	const char *p = *list + strspn(*list, " \t,"), *end;

	*weak = strncmp(p, "W/", 2) == 0;
	p += *weak ? 2 : 0;
	end = *p == '"' ? strchr(p + 1, '"') : NULL;
	if (end == NULL)
		return NULL;
	*n = (size_t)(end + 1 - p);
	*list = end + 1;
	return p;
}

bool
sk_call_unmodified(const struct sk_call *call, const char *etag)
{
	const char *list = call->if_none_match, *tag;
	bool weak;
	size_t n;

	if (strcmp(list, "*") == 0)
		return true;
	while ((tag = next_tag(&list, &n, &weak)) != NULL)
		if (n == strlen(etag) && memcmp(tag, etag, n) == 0)
			return true;
	return false;
}

bool
sk_call_matches(const struct sk_call *call, const struct sk_record *r)
{
	const char *list = call->if_match, *tag;
	char now[17];
	bool weak;
	size_t n;

	if (list[0] == '\0' || strcmp(list, "*") == 0)
		return true;
	snprintf(now, sizeof(now), "%016" PRIx64, hash_of(call, r));
	while ((tag = next_tag(&list, &n, &weak)) != NULL)
		if (!weak && (n == 18 || n == 35) && memcmp(tag + 1, now, 16) == 0)
			return true;
	return false;
}

void
sk_call_changed(struct sk_call *call)
{
	sk_call_error(call, 412,
		"the task %s has changed since it was read: read it again, then decide again",
		sk_quote(call->arena, call->id));
}
