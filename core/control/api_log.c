/* api_log.c - the output of an attempt: from its file; where there is none, because it runs on
 * another machine, the end of it from the state cache; and when that has forgotten it, what the
 * store kept of a failed one. Of an end that is only asked for from before it begins, the answer
 * says how much is missing (Skalds-Gap). */
#include "core/control/api_priv.h"
#include "core/base/clock.h"
#include "core/model/names.h"
#include "core/run/output.h"
#include "core/run/tail.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_MS 100 /* nobody tells that a file has grown, */
#define POLL_CACHE_MS 1000 /* or that its node has told more */
#define LAST_LOOKS 3 /* for the last of it: the cache may be behind the store */
#define LOOK_AGAIN_MS 5000

struct logging {
	struct sk_waiter waiter;
	int64_t until_ms, look_ms; /* boot clock: of the wait; of the next look at the store */
	int64_t attempt, offset, limit; /* as asked */
	bool looking, again;
	/* as found */
	uint32_t of; /* the attempt */
	bool over;
	int64_t size; /* of the file; -1 = there is none */
	int64_t gap; /* bytes missing before what is answered; -1 = some */
	struct asking *asking; /* the cache; NULL = not under way */
	int last_looks;
	struct sk_op_attempts op;
	int error; /* errno of reading */
};

/* A question to the cache: its answer may come when nobody wants it any more. */
struct asking {
	struct sk_call *call; /* NULL then */
};

static int
open_log(const struct sk_call *call, const struct logging *l)
{
	struct sk_str path = SK_STR_INIT;
	int fd;

	if (call->c->cfg.data_dir == NULL || call->c->cfg.data_dir[0] == '\0' || l->of == 0) {
		errno = ENOENT;
		return -1;
	}
	sk_out_path(&path, call->c->cfg.data_dir, call->id, l->of);
	fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	sk_str_release(&path);
	return fd;
}

/* Where to read in a log of that size. */
static int64_t
start_of(const struct logging *l, int64_t size)
{
	if (l->offset >= 0)
		return l->offset;
	return size + l->offset > 0 ? size + l->offset : 0;
}

/* Append what there is to the answer. */
static void
read_file(struct sk_call *call, struct logging *l, int fd)
{
	int64_t at = start_of(l, l->size), left = l->size - at < l->limit ? l->size - at : l->limit;
	char buf[16384];

	while (left > 0) {
		ssize_t n = pread(fd, buf, left < (int64_t)sizeof(buf) ? (size_t)left : sizeof(buf), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			l->error = errno;
		if (n <= 0)
			return;
		sk_str_add(&call->out, buf, (size_t)n);
		at += n;
		left -= n;
	}
}

static void
look_at_file(struct sk_call *call, struct logging *l)
{
	int fd = open_log(call, l);
	struct stat st;

	l->error = 0;
	l->size = -1;
	if (fd == -1) {
		l->error = errno == ENOENT || errno == ENOTDIR ? 0 : errno;
		return;
	}
	if (fstat(fd, &st) != 0)
		l->error = errno;
	else if (!S_ISREG(st.st_mode))
		l->error = EINVAL;
	else {
		l->size = st.st_size;
		read_file(call, l, fd);
	}
	close(fd);
}

static void
answer(struct sk_call *call, int64_t size)
{
	struct logging *l = call->state;
	int64_t gap = l->gap > 0 ? l->gap : 0;
	int64_t next = start_of(l, size) + gap + (int64_t)call->out.len;

	if (l->error != 0) {
		sk_str_clear(&call->out);
		sk_call_error(call, 500, "cannot read the log: %s", strerror(l->error));
		return;
	}
	sk_call_header(call, "Skalds-Attempt", sk_arena_printf(call->arena, "%" PRIu32, l->of));
	sk_call_header(call, "Skalds-Offset", sk_arena_printf(call->arena, "%" PRId64, next));
	sk_call_header(call, "Skalds-Ended", l->over && next >= size ? "true" : "false");
	if (l->gap != 0)
		sk_call_header(call, "Skalds-Gap",
			l->gap > 0 ? sk_arena_printf(call->arena, "%" PRId64, l->gap) : "unknown");
	sk_call_answer(call, 200, "text/plain");
}

/* ---- no file: what was kept ---- */

static void
kept(struct sk_op *op)
{
	struct sk_call *call = op->arg;
	struct logging *l = call->state;
	int64_t size = 0;

	if (op->code != SK_OK) {
		sk_call_failed(call, op->code, &op->err);
		return;
	}
	for (size_t i = 0; i < l->op.n; i++) {
		const struct sk_attempt *t = &l->op.attempts[i];
		int64_t at;

		if (t->attempt != l->of || t->tail == NULL)
			continue;
		size = (int64_t)t->tail_len;
		at = start_of(l, size);
		if (t->tail_len >= SK_TAIL_MAX && at == 0)
			l->gap = -1; /* its numbers begin with what was kept */
		if (at < size)
			sk_str_add(&call->out, t->tail + at,
				size - at < l->limit ? (size_t)(size - at) : (size_t)l->limit);
	}
	answer(call, size);
}

static void
look_at_kept(struct sk_call *call)
{
	struct logging *l = call->state;

	sk_call_release(call);
	l->op.id = call->id;
	sk_call_submit(call, &l->op.op, SK_OP_ATTEMPTS, kept);
}

/* ---- no file: what its node has put into the cache ---- */

static void look(struct sk_call *call);
static void wait_on(struct sk_call *call, int64_t poll_ms);

static void
slice(struct sk_call *call, const struct sk_tail *t)
{
	struct logging *l = call->state;
	int64_t begin = t->total - (int64_t)t->n, at = start_of(l, t->total);

	l->gap = at < begin ? begin - at : 0;
	at = at < begin ? begin : at;
	if (at < t->total)
		sk_str_add(&call->out, t->bytes + (at - begin),
			t->total - at < l->limit ? (size_t)(t->total - at) : (size_t)l->limit);
}

/* More may come: of a task that runs, and of one that has just ended. */
static bool
may_grow(struct logging *l, bool told_end)
{
	return !told_end && (!l->over || l->last_looks++ < LAST_LOOKS);
}

static void
cache_has(struct sk_call *call, enum sk_code code, const struct sk_tail *t)
{
	struct logging *l = call->state;
	bool late = sk_boot_ms() >= l->until_ms || call->respond == NULL;

	l->asking = NULL;
	if (t != NULL)
		slice(call, t);
	if (l->again) {
		sk_str_clear(&call->out);
		look(call);
	} else if (t == NULL && l->over)
		look_at_kept(call);
	else if (call->out.len == 0 && !late && may_grow(l, t != NULL && t->ended))
		wait_on(call, POLL_CACHE_MS);
	else if (t == NULL && code != SK_OK)
		sk_call_error(
			call, 503, "its output is on another machine, and the state cache does not answer");
	else
		answer(call, t != NULL ? t->total : 0);
}

static void
asked(void *arg, enum sk_code code, bool found, const void *value, size_t n)
{
	struct asking *q = arg;
	struct sk_call *call = q->call;
	struct sk_tail t;

	free(q);
	if (call != NULL)
		cache_has(call, code, found && sk_tail_read(value, n, &t) ? &t : NULL);
}

static void
ask_cache(struct sk_call *call)
{
	struct logging *l = call->state;
	struct sk_cache *cache = call->c->cfg.cache;
	struct sk_str key = SK_STR_INIT;

	if (cache == NULL || l->of == 0) {
		cache_has(call, SK_OK, NULL);
		return;
	}
	l->asking = sk_xcalloc(1, sizeof(*l->asking));
	l->asking->call = call;
	call->idle = true;
	sk_str_addf(&key, SK_KEY_OUTPUT, call->id, (unsigned)l->of);
	cache->ops->get(cache, key.p, asked, l->asking);
	sk_str_release(&key);
}

/* ---- looking and waiting ---- */

static void
wait_on(struct sk_call *call, int64_t poll_ms)
{
	struct logging *l = call->state;
	int64_t next = sk_boot_ms() + poll_ms;

	sk_waiter_stop(&l->waiter);
	l->waiter.all = l->of == 0; /* its start; later only its end is of interest */
	l->waiter.deadline_ms = next < l->until_ms ? next : l->until_ms;
	sk_waiter_start(call->c, &l->waiter);
	call->idle = true;
}

/* Only the file is looked at while nothing is heard of the task. */
static void
woken(void *arg)
{
	struct sk_call *call = arg;
	struct logging *l = call->state;
	int64_t now = sk_boot_ms();

	if (l->looking || l->asking != NULL) {
		l->again = true;
		return;
	}
	if (now < l->waiter.deadline_ms || now >= l->look_ms || l->of == 0) {
		look(call);
		return;
	}
	look_at_file(call, l);
	if (l->size < 0 && l->error == 0)
		ask_cache(call);
	else if (call->out.len > 0 || l->error != 0 || now >= l->until_ms)
		answer(call, l->size);
	else
		wait_on(call, POLL_MS);
}

static void
looked(struct sk_call *call, struct sk_record *r)
{
	struct logging *l = call->state;
	bool live = sk_phase_live(r->life.phase);

	l->looking = false;
	l->look_ms = sk_boot_ms() + LOOK_AGAIN_MS;
	l->of = l->attempt > 0 ? (uint32_t)l->attempt : r->life.attempt;
	l->over = l->of < r->life.attempt || (!live && (l->of > 0 || sk_phase_final(r->life.phase)));
	if (l->of > r->life.attempt) {
		sk_call_error(call, 404, "task %s has no attempt %" PRIu32 " yet",
			sk_quote(call->arena, r->id), l->of);
		return;
	}
	look_at_file(call, l);
	if (l->again && !l->over && sk_boot_ms() < l->until_ms)
		look(call);
	else if (l->size < 0 && l->error == 0)
		ask_cache(call);
	else if (call->out.len > 0 || l->over || l->error != 0 || sk_boot_ms() >= l->until_ms ||
		call->respond == NULL)
		answer(call, l->size < 0 ? 0 : l->size);
	else
		wait_on(call, POLL_MS);
}

static void
look(struct sk_call *call)
{
	struct logging *l = call->state;

	sk_waiter_stop(&l->waiter);
	l->looking = true;
	l->again = false;
	l->waiter.all = l->of == 0;
	l->waiter.deadline_ms = l->until_ms;
	if (sk_boot_ms() < l->until_ms)
		sk_waiter_start(call->c, &l->waiter);
	sk_call_get(call, looked);
}

static void
stop_waiting(struct sk_call *call)
{
	struct logging *l = call->state;

	sk_waiter_stop(&l->waiter);
	if (l->asking != NULL)
		l->asking->call = NULL;
	l->asking = NULL;
}

void
sk_api_log(struct sk_call *call)
{
	struct logging *l = sk_arena_alloc(call->arena, sizeof(*l));
	int64_t wait;

	if (!sk_call_number(call, "attempt", &l->attempt) ||
		!sk_call_number(call, "offset", &l->offset) || !sk_call_number(call, "limit", &l->limit) ||
		!sk_call_number(call, "wait", &wait))
		return;
	l->until_ms = sk_boot_ms() + wait;
	l->waiter.fn = woken;
	l->waiter.arg = call;
	l->waiter.task = call->id;
	call->state = l;
	call->release = stop_waiting;
	look(call);
}
