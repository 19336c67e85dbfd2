#include "core/run/frames.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)
#define MAX_STRINGS 65536

const char *
sk_reason_name(enum sk_reason r)
{
	static const char *const names[] = {
		[SK_REASON_EXITED] = "exited",
		[SK_REASON_SIGNALED] = "signaled",
		[SK_REASON_OOM] = "oom",
		[SK_REASON_TIMEOUT] = "timeout",
		[SK_REASON_CANCELLED] = "cancelled",
		[SK_REASON_LOST] = "lost",
		[SK_REASON_START_FAILED] = "start-failed",
		[SK_REASON_INTERRUPTED] = "interrupted",
		[SK_REASON_SKIPPED] = "skipped",
	};

	return (size_t)r < sizeof(names) / sizeof(names[0]) ? names[r] : "unknown";
}

void
sk_reason_text(struct sk_str *out, enum sk_reason r, int code, int signal)
{
	switch (r) {
	case SK_REASON_EXITED:
		sk_str_addf(out, "exited with code %d", code);
		break;
	case SK_REASON_SIGNALED:
		sk_str_addf(out, "killed by signal %d", signal);
		break;
	case SK_REASON_TIMEOUT:
		sk_str_adds(out, "timed out");
		break;
	case SK_REASON_START_FAILED:
		sk_str_adds(out, "could not be started");
		break;
	case SK_REASON_OOM:
		sk_str_adds(out, "out of memory");
		break;
	case SK_REASON_CANCELLED:
	case SK_REASON_LOST:
	case SK_REASON_INTERRUPTED:
	case SK_REASON_SKIPPED:
		sk_str_adds(out, sk_reason_name(r));
		break;
	}
}

static void
put_le(struct sk_str *s, uint64_t v, size_t bytes)
{
	unsigned char b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = (unsigned char)(v >> (8 * i));
	sk_str_add(s, b, bytes);
}

static uint64_t
le(const unsigned char *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void
sk_put_u32(struct sk_str *s, uint32_t v)
{
	put_le(s, v, 4);
}

void
sk_put_u64(struct sk_str *s, uint64_t v)
{
	put_le(s, v, 8);
}

void
sk_put_f64(struct sk_str *s, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_le(s, bits, 8);
}

void
sk_put_bytes(struct sk_str *s, const void *p, size_t n)
{
	put_le(s, n, 4);
	sk_str_add(s, p, n);
}

void
sk_put_text(struct sk_str *s, const char *text)
{
	sk_put_bytes(s, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

struct sk_reader
sk_reader_of(const struct sk_frame *f)
{
	return (struct sk_reader){ .p = f->data, .left = f->len, .bad = false };
}

static uint64_t
get_le(struct sk_reader *r, size_t bytes)
{
	uint64_t v;

	if (r->bad || r->left < bytes) {
		r->bad = true;
		return 0;
	}
	v = le(r->p, bytes);
	r->p += bytes;
	r->left -= bytes;
	return v;
}

uint32_t
sk_get_u32(struct sk_reader *r)
{
	return (uint32_t)get_le(r, 4);
}

uint64_t
sk_get_u64(struct sk_reader *r)
{
	return get_le(r, 8);
}

double
sk_get_f64(struct sk_reader *r)
{
	uint64_t bits = get_le(r, 8);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

const void *
sk_get_bytes(struct sk_reader *r, size_t *n)
{
	const void *p;

	*n = sk_get_u32(r);
	if (r->bad || r->left < *n) {
		r->bad = true;
		*n = 0;
		return "";
	}
	p = r->p;
	r->p += *n;
	r->left -= *n;
	return p;
}

const char *
sk_get_text(struct sk_reader *r, struct sk_arena *a)
{
	size_t n;
	const char *p = sk_get_bytes(r, &n);

	if (n > 0 && memchr(p, '\0', n) != NULL) {
		r->bad = true;
		return "";
	}
	return n > 0 ? sk_arena_strndup(a, p, n) : "";
}

static void
put_strings(struct sk_str *s, const char *const *list)
{
	uint32_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	sk_put_u32(s, n);
	for (uint32_t i = 0; i < n; i++)
		sk_put_text(s, list[i]);
}

static const char **
get_strings(struct sk_reader *r, struct sk_arena *a)
{
	uint32_t n = sk_get_u32(r);
	const char **list;

	/* each string costs at least its length field: a hostile count cannot allocate more */
	if (r->bad || n > MAX_STRINGS || n > r->left / 4) {
		r->bad = true;
		n = 0;
	}
	list = sk_arena_alloc(a, (n + 1) * sizeof(*list));
	for (uint32_t i = 0; i < n; i++)
		list[i] = sk_get_text(r, a);
	return list;
}

void
sk_put_start(struct sk_str *s, const struct sk_start *st)
{
	sk_put_text(s, st->id);
	sk_put_text(s, st->class_name);
	sk_put_u32(s,
		(st->program ? 1u : 0u) | (st->isolate ? 2u : 0u) | (st->reusable ? 4u : 0u) |
			(st->returnable ? 8u : 0u) | (st->by_keys ? 16u : 0u));
	sk_put_u64(s, (uint64_t)st->timeout_ms);
	sk_put_u64(s, (uint64_t)st->grace_ms);
	sk_put_u64(s, (uint64_t)st->memory_mb);
	sk_put_u64(s, (uint64_t)st->output_limit);
	sk_put_u32(s, st->failures);
	sk_put_u64(s, st->spec_hash);
	sk_put_bytes(s, st->attachments, st->attachments_len);
	put_strings(s, st->argv);
	put_strings(s, st->env);
	sk_put_text(s, st->cwd);
	sk_put_text(s, st->input);
	sk_put_text(s, st->user);
	sk_put_text(s, st->refusal);
}

bool
sk_get_start(struct sk_reader *r, struct sk_arena *a, struct sk_start *st)
{
	uint32_t flags;
	const void *p;

	*st = (struct sk_start){ .id = sk_get_text(r, a) };
	st->class_name = sk_get_text(r, a);
	flags = sk_get_u32(r);
	st->program = (flags & 1) != 0;
	st->isolate = (flags & 2) != 0;
	st->reusable = (flags & 4) != 0;
	st->returnable = (flags & 8) != 0;
	st->by_keys = (flags & 16) != 0;
	st->timeout_ms = (int64_t)sk_get_u64(r);
	st->grace_ms = (int64_t)sk_get_u64(r);
	st->memory_mb = (int64_t)sk_get_u64(r);
	st->output_limit = (int64_t)sk_get_u64(r);
	st->failures = sk_get_u32(r);
	st->spec_hash = sk_get_u64(r);
	p = sk_get_bytes(r, &st->attachments_len);
	st->attachments = memcpy(sk_arena_alloc(a, st->attachments_len), p, st->attachments_len);
	st->argv = get_strings(r, a);
	st->env = get_strings(r, a);
	st->cwd = sk_get_text(r, a);
	st->input = sk_get_text(r, a);
	st->user = sk_get_text(r, a);
	st->refusal = sk_get_text(r, a);
	return !r->bad && r->left == 0 && st->id[0] != '\0' && (!st->program || st->argv[0] != NULL);
}

void
sk_put_report(struct sk_str *s, const struct sk_task_report *rep)
{
	sk_put_text(s, rep->id);
	sk_put_text(s, rep->class_name);
	sk_put_u32(s, (uint32_t)rep->state);
	sk_put_u32(s, rep->failures);
	sk_put_u64(s, rep->spec_hash);
	sk_put_u32(s, rep->by_keys ? 1 : 0);
	sk_put_u64(s, (uint64_t)rep->pid);
	sk_put_u64(s, (uint64_t)rep->start_ms);
	sk_put_u64(s, (uint64_t)rep->end_ms);
	sk_put_u64(s, (uint64_t)rep->start_boot_ms);
	sk_put_u64(s, (uint64_t)rep->end_boot_ms);
	sk_put_u32(s, (uint32_t)rep->reason);
	sk_put_u32(s, (uint32_t)rep->code);
	sk_put_u32(s, (uint32_t)rep->signal);
	sk_put_u64(s, (uint64_t)rep->max_rss_kb);
	sk_put_u64(s, (uint64_t)rep->cpu_ms);
	sk_put_text(s, rep->message);
	sk_put_bytes(s, rep->result, rep->result_len);
}

bool
sk_get_report(struct sk_reader *r, struct sk_arena *a, struct sk_task_report *rep)
{
	uint32_t state, reason;
	const void *p;

	*rep = (struct sk_task_report){ .id = sk_get_text(r, a) };
	rep->class_name = sk_get_text(r, a);
	state = sk_get_u32(r);
	rep->failures = sk_get_u32(r);
	rep->spec_hash = sk_get_u64(r);
	rep->by_keys = sk_get_u32(r) != 0;
	rep->pid = (int64_t)sk_get_u64(r);
	rep->start_ms = (int64_t)sk_get_u64(r);
	rep->end_ms = (int64_t)sk_get_u64(r);
	rep->start_boot_ms = (int64_t)sk_get_u64(r);
	rep->end_boot_ms = (int64_t)sk_get_u64(r);
	reason = sk_get_u32(r);
	rep->code = (int32_t)sk_get_u32(r);
	rep->signal = (int32_t)sk_get_u32(r);
	rep->max_rss_kb = (int64_t)sk_get_u64(r);
	rep->cpu_ms = (int64_t)sk_get_u64(r);
	rep->message = sk_get_text(r, a);
	p = sk_get_bytes(r, &rep->result_len);
	rep->result = memcpy(sk_arena_alloc(a, rep->result_len), p, rep->result_len);
	if (r->bad || r->left != 0 || state > SK_T_ENDED || reason > SK_REASON_SKIPPED)
		return false;
	rep->state = (enum sk_task_state)state;
	rep->reason = (enum sk_reason)reason;
	return true;
}

void
sk_chan_init(struct sk_chan *c, int fd)
{
	*c = (struct sk_chan){ .fd = fd, .out = SK_STR_INIT, .in = SK_STR_INIT };
}

void
sk_chan_release(struct sk_chan *c)
{
	if (c->fd != -1)
		close(c->fd);
	sk_str_release(&c->out);
	sk_str_release(&c->in);
	sk_chan_init(c, -1);
}

void
sk_chan_queue(struct sk_chan *c, enum sk_frame_type type, uint64_t key, uint32_t attempt,
	const struct sk_str *payload)
{
	size_t len = payload != NULL ? payload->len : 0;

	if (c->fd == -1)
		return;
	put_le(&c->out, len, 4);
	put_le(&c->out, (uint64_t)type, 2);
	put_le(&c->out, SK_FRAME_VERSION, 2);
	put_le(&c->out, ++c->sequence, 8);
	put_le(&c->out, key, 8);
	put_le(&c->out, attempt, 4);
	put_le(&c->out, 0, 4);
	if (len > 0)
		sk_str_add(&c->out, payload->p, len);
}

enum sk_code
sk_chan_flush(struct sk_chan *c, struct sk_err *err)
{
	size_t sent = 0;
	enum sk_code code = SK_OK;

	while (c->fd != -1 && sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + sent, c->out.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			code = errno == EAGAIN ? SK_EAGAIN : sk_fail_errno(err, "send to the other process");
			break;
		}
		sent += (size_t)n;
	}
	sk_str_consume(&c->out, sent);
	return code;
}

enum sk_code
sk_chan_fill(struct sk_chan *c, struct sk_err *err)
{
	char buf[READ_SIZE];
	ssize_t n;

	if (c->in_used > 0) {
		sk_str_consume(&c->in, c->in_used);
		c->in_used = 0;
	}
	if (c->fd == -1)
		return sk_fail(err, SK_ENOENT, "the channel is closed");
	do
		n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return SK_EAGAIN;
	if (n == -1 && errno != ECONNRESET)
		return sk_fail_errno(err, "receive from the other process");
	if (n <= 0)
		return sk_fail(err, SK_ENOENT, "the other process is gone");
	sk_str_add(&c->in, buf, (size_t)n);
	return SK_OK;
}

enum sk_code
sk_chan_next(struct sk_chan *c, struct sk_frame *f, struct sk_err *err)
{
	size_t left = c->in.len - c->in_used, len;
	const unsigned char *p;

	if (left < SK_FRAME_HEAD)
		return SK_EAGAIN;
	p = (const unsigned char *)c->in.p + c->in_used;
	len = (size_t)le(p, 4);
	if (len > SK_FRAME_MAX)
		return sk_fail(err, SK_EINVAL, "frame of %zu bytes is too large", len);
	if (le(p + 6, 2) != SK_FRAME_VERSION)
		return sk_fail(err, SK_EINVAL, "frame of version %u", (unsigned)le(p + 6, 2));
	if (left < SK_FRAME_HEAD + len)
		return SK_EAGAIN;
	*f = (struct sk_frame){
		.type = (uint16_t)le(p + 4, 2),
		.sequence = le(p + 8, 8),
		.key = le(p + 16, 8),
		.attempt = (uint32_t)le(p + 24, 4),
		.data = p + SK_FRAME_HEAD,
		.len = len,
	};
	c->in_used += SK_FRAME_HEAD + len;
	return SK_OK;
}
