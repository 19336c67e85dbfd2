/* frames_fuzz.c - any bytes as what another of our processes sends: frames are cut out of the
 * stream as they arrive, and each payload is read as its type says. What is accepted is written
 * and read again, to the same bytes. */
#include "core/base/value.h"
#include "core/run/frames.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
start(struct sk_reader *r, struct sk_arena *a)
{
	struct sk_start st, again;
	struct sk_str one = SK_STR_INIT, two = SK_STR_INIT;
	struct sk_frame f;
	struct sk_reader second;

	if (!sk_get_start(r, a, &st))
		return;
	check(st.id[0] != '\0' && (!st.program || st.argv[0] != NULL));
	sk_put_start(&one, &st);
	f = (struct sk_frame){ .data = (const unsigned char *)one.p, .len = one.len };
	second = sk_reader_of(&f);
	check(sk_get_start(&second, a, &again));
	sk_put_start(&two, &again);
	check(one.len == two.len && memcmp(one.p, two.p, one.len) == 0);
	sk_str_release(&one);
	sk_str_release(&two);
}

static void
report(struct sk_reader *r, struct sk_arena *a)
{
	const unsigned char *p = r->p;
	size_t len = r->left;
	struct sk_task_report rep;
	struct sk_str out = SK_STR_INIT;

	if (!sk_get_report(r, a, &rep))
		return;
	sk_put_report(&out, &rep);
	check(out.len == len && memcmp(out.p, p, len) == 0);
	check(strcmp(sk_reason_name(rep.reason), "unknown") != 0);
	sk_str_release(&out);
}

static void
update(struct sk_reader *r, struct sk_arena *a)
{
	struct sk_err err;
	size_t n;
	const void *p = sk_get_bytes(r, &n);

	sk_get_u64(r);
	(void)sk_value_decode(a, p, n, &err);
}

static void
payload(uint16_t type, struct sk_reader *r, struct sk_arena *a)
{
	size_t n;

	switch (type) {
	case SK_F_START:
		start(r, a);
		break;
	case SK_F_TASK:
		sk_get_u32(r);
		report(r, a);
		break;
	case SK_F_STARTED:
	case SK_F_EXITED:
		report(r, a);
		break;
	case SK_F_UPDATE:
		update(r, a);
		break;
	case SK_F_STOP:
		sk_get_u32(r);
		sk_get_u64(r);
		break;
	case SK_F_PROGRESS:
		sk_get_f64(r);
		check(strlen(sk_get_text(r, a)) <= SK_FRAME_MAX);
		break;
	case SK_F_HELLO:
		sk_get_u32(r);
		check(strlen(sk_get_text(r, a)) <= SK_FRAME_MAX);
		sk_get_u32(r);
		break;
	case SK_F_PAUSED:
	case SK_F_RESUMED:
	case SK_F_UPDATED:
		sk_get_u32(r);
		check(strlen(sk_get_text(r, a)) <= SK_FRAME_MAX);
		break;
	case SK_F_UNSTARTED:
		sk_get_u32(r);
		sk_get_u32(r);
		break;
	case SK_F_RESULT:
		sk_get_bytes(r, &n);
		check(n <= SK_FRAME_MAX);
		break;
	default:
		sk_get_u32(r);
		check(strlen(sk_get_text(r, a)) <= SK_FRAME_MAX);
		break;
	}
}

static void
frame(const struct sk_frame *f)
{
	struct sk_arena *a = sk_arena_new();
	unsigned char *exact = malloc(f->len > 0 ? f->len : 1); /* one byte too far is seen */
	struct sk_frame copy = *f;
	struct sk_reader r;

	check(exact != NULL && f->len <= SK_FRAME_MAX);
	if (f->len > 0)
		memcpy(exact, f->data, f->len);
	copy.data = exact;
	r = sk_reader_of(&copy);
	payload(f->type, &r, a);
	check(r.left <= f->len);
	free(exact);
	sk_arena_free(a);
}

/* The stream arrives in pieces as large as the first byte says. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t piece = n > 0 ? data[0] + 1u : 1;
	enum sk_code code = SK_EAGAIN;
	struct sk_chan c;
	struct sk_err err;

	sk_chan_init(&c, -1);
	for (size_t at = 1; at < n && code != SK_EINVAL; at += piece) {
		struct sk_frame f;

		sk_str_add(&c.in, data + at, piece < n - at ? piece : n - at);
		while ((code = sk_chan_next(&c, &f, &err)) == SK_OK)
			frame(&f);
		check(c.in_used <= c.in.len);
	}
	sk_chan_release(&c);
	return 0;
}
