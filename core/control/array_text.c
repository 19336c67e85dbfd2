/* array_text.c - the indices of an array as text: "0-99,120" (declared in submit.h). */
#include "core/control/submit.h"
#include <inttypes.h>
#include <string.h>

#define MAX_ELEMENTS 10000000
#define MAX_INDEX ((int64_t)1 << 53)

struct range {
	int64_t first, last;
};

/* A number at *p, which moves behind it. */
static bool
read_index(const char **p, int64_t *index)
{
	const char *start = *p;
	int64_t v = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		v = v * 10 + (**p - '0');
		if (v > MAX_INDEX)
			return false;
	}
	*index = v;
	return *p > start;
}

/* One range at *p, which moves behind it and the comma that follows. */
static bool
read_range(const char **p, struct range *r)
{
	if (!read_index(p, &r->first))
		return false;
	r->last = r->first;
	if (**p == '-') {
		(*p)++;
		if (!read_index(p, &r->last))
			return false;
	}
	if (**p == ',')
		return *++*p != '\0';
	return **p == '\0';
}

int64_t
sk_array_count(const char *text, struct sk_err *err)
{
	const char *p = text;
	struct range r;
	int64_t n = 0, before = -1;

	if (text[0] == '\0')
		goto malformed;
	while (*p != '\0') {
		if (!read_range(&p, &r))
			goto malformed;
		if (r.last < r.first || r.first <= before) {
			sk_fail(err, SK_EINVAL, "indices must ascend, but %" PRId64 " comes after %" PRId64,
				r.last < r.first ? r.last : r.first, r.last < r.first ? r.first : before);
			return -1;
		}
		before = r.last;
		n += r.last - r.first + 1;
		if (n > MAX_ELEMENTS) {
			sk_fail(err, SK_EINVAL, "an array has at most %d elements", MAX_ELEMENTS);
			return -1;
		}
	}
	return n;
malformed:
	sk_fail(err, SK_EINVAL,
		"expected indices and ranges such as 0-99 or 1-10,20, each number at most 2^53");
	return -1;
}

static void
write_range(struct sk_str *out, const struct range *r)
{
	if (out->len > 0)
		sk_str_addc(out, ',');
	sk_str_addf(out, "%" PRId64, r->first);
	if (r->last > r->first)
		sk_str_addf(out, "-%" PRId64, r->last);
}

size_t
sk_array_take(const char *text, size_t max, int64_t *idx, struct sk_str *rest)
{
	const char *p = text;
	struct range r;
	size_t n = 0;

	sk_str_clear(rest);
	while (n < max && *p != '\0' && read_range(&p, &r)) {
		while (n < max && r.first <= r.last)
			idx[n++] = r.first++;
		if (r.first <= r.last)
			write_range(rest, &r);
	}
	if (*p != '\0') {
		if (rest->len > 0)
			sk_str_addc(rest, ',');
		sk_str_adds(rest, p);
	}
	return n;
}

bool
sk_array_within(const char *part, const char *whole)
{
	struct range in = { 1, 0 }, out;

	while (*part != '\0') {
		if (!read_range(&part, &out))
			return false;
		while (in.first > in.last || in.last < out.first)
			if (*whole == '\0' || !read_range(&whole, &in))
				return false;
		/* Ranges that touch ("1-5,6-9") are one. */
		while (in.last < out.last) {
			struct range next;

			if (out.first < in.first || *whole == '\0' || !read_range(&whole, &next) ||
				next.first != in.last + 1)
				return false;
			in.last = next.last;
		}
		if (out.first < in.first)
			return false;
	}
	return true;
}
