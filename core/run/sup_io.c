/* sup_io.c - the pipes of attempts, the channel of compiled-in workers, results. */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/run/spawn.h"
#include "core/run/sup.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)
#define SMALL_READ ((size_t)4 << 10)
#define ROUND_BYTES ((size_t)256 << 10) /* read from all tasks in one round of the loop, about */
#define READS_AT_END 32 /* a pipe holds 64 KiB; whoever still writes is killed already */
#define RESULT_MAX ((size_t)64 << 10)

bool
sup_raw(const struct sup_task *t)
{
	return t->start.program && t->sup->cfg->inherit;
}

bool
sup_captured(const struct sup_task *t)
{
	const struct sk_sink_config *sink = &t->sup->cfg->sink;

	return !sup_raw(t) || sink->log_path[0] != '\0' || sink->data_dir[0] != '\0';
}

/* ---- pipes ---- */

/* At most size bytes. Returns how many came: fewer than size means that there are no more now. */
static size_t
read_stream(struct sup_slot *slot, int stream, size_t size)
{
	char buf[READ_SIZE];
	struct sup_task *t = slot->task;
	ssize_t n;

	if (slot->warm != NULL)
		sup_warm_reading(slot->warm);
	do
		n = read(slot->out[stream][0], buf, size);
	while (n == -1 && errno == EINTR);
	if (slot->warm != NULL)
		t = sup_warm_read(slot->warm, n);
	if (n <= 0 || t == NULL)
		return 0; /* nothing; or, between attempts, a stranger's last words */
	sk_out_feed(t->sup->sink, &t->out, stream + 1, buf, (size_t)n, sup_raw(t));
	sk_sink_flush_early(t->sup->sink);
	t->line_dirty = true;
	return (size_t)n;
}

/* Each task gets its share of the round, so that neither signals nor the other tasks wait for a
 * flood. What is left unread stays readable: the next round comes back to it. */
static void
read_some(struct sup_slot *slot, int stream)
{
	const struct sup *s = slot->sup;
	size_t share = ROUND_BYTES / (s->n_running > 0 ? s->n_running : 1);

	if (share < SMALL_READ)
		share = SMALL_READ;
	while (share > 0 && (s->draining || !sk_sink_stalled(s->sink))) {
		size_t size = share < READ_SIZE ? share : READ_SIZE;

		if (read_stream(slot, stream, size) < size)
			return;
		share -= size;
	}
}

static void
stdout_ready(uint32_t events, void *arg)
{
	(void)events;
	read_some(arg, 0);
}

static void
stderr_ready(uint32_t events, void *arg)
{
	(void)events;
	read_some(arg, 1);
}

void
sup_read_rest(struct sup_task *t)
{
	for (int stream = 0; stream < 2 && t->slot != NULL; stream++)
		if (t->slot->out[stream][0] != -1)
			for (int i = 0;
				 i < READS_AT_END && read_stream(t->slot, stream, READ_SIZE) == READ_SIZE; i++)
				;
}

void
sup_slot_pause(struct sup_slot *slot, bool pause)
{
	for (int stream = 0; stream < 2; stream++)
		if (slot->watch[stream] != NULL)
			sk_watch_set(slot->watch[stream], pause ? 0 : EPOLLIN);
}

void
sup_pause_reading(struct sup *s, bool pause)
{
	struct sup_task *t;
	size_t i = 0;

	while ((t = sk_map_each(&s->by_key, &i)) != NULL)
		if (t->slot != NULL)
			sup_slot_pause(t->slot, pause);
	sup_warm_pause_reading(s, pause);
}

static void
close_pipe(struct sup_slot *slot, int stream)
{
	sk_watch_remove(slot->watch[stream]);
	slot->watch[stream] = NULL;
	for (int end = 0; end < 2; end++) {
		if (slot->out[stream][end] != -1)
			close(slot->out[stream][end]);
		slot->out[stream][end] = -1;
	}
}

static bool
open_pipe(struct sup_slot *slot, int stream, struct sk_err *err)
{
	static sk_watch_fn *const ready[2] = { stdout_ready, stderr_ready };
	struct sup *s = slot->sup;
	int *ends = slot->out[stream];

	if (ends[0] != -1)
		return true;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		sk_fail_errno(err, "pipe");
		ends[0] = ends[1] = -1;
		return false;
	}
	/* only our end: programs expect a blocking stdout */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		sk_fail_errno(err, "fcntl");
	else
		slot->watch[stream] =
			sk_watch_add(s->loop, ends[0], s->stalled ? 0 : EPOLLIN, ready[stream], slot, err);
	if (slot->watch[stream] == NULL)
		close_pipe(slot, stream); /* half a pipe would look like a whole one next time */
	return slot->watch[stream] != NULL;
}

static void
close_pipes(struct sup_slot *slot)
{
	close_pipe(slot, 0);
	close_pipe(slot, 1);
}

static struct sup_slot *
new_slot(struct sup *s)
{
	struct sup_slot *slot = sk_xcalloc(1, sizeof(*slot));

	*slot = (struct sup_slot){ .sup = s, .out = { { -1, -1 }, { -1, -1 } } };
	return slot;
}

/* Pipes that are there already may have been left while a console was stalled, or before. */
static bool
open_pipes(const struct sup_task *t, struct sk_err *err)
{
	sup_slot_pause(t->slot, t->sup->stalled);
	return !sup_captured(t) ||
		(open_pipe(t->slot, 0, err) && (!sup_raw(t) || open_pipe(t->slot, 1, err)));
}

bool
sup_slot_take(struct sup_task *t, struct sk_err *err)
{
	struct sup *s = t->sup;
	struct sup_slot *slot = s->idle != NULL ? s->idle : new_slot(s);

	if (slot == s->idle)
		s->idle = slot->next;
	slot->task = t->hosting ? NULL : t;
	slot->warm = t->hosting ? t->warm : NULL;
	t->slot = slot;
	if (slot->result == NULL && s->run.dir[0] != '\0')
		slot->result = sk_xasprintf("%s/%d.%u.result", s->run.dir, (int)getpid(), ++s->results);
	if (open_pipes(t, err))
		return true;
	if (s->used == NULL)
		return false;
	sup_slots_renew(s); /* they may hold the descriptors that are missing */
	return open_pipes(t, err);
}

void
sup_slots_renew(struct sup *s)
{
	while (s->used != NULL) {
		struct sup_slot *slot = s->used;

		s->used = slot->next;
		close_pipes(slot);
		free(slot->result);
		slot->result = NULL;
		slot->next = s->idle;
		s->idle = slot;
	}
}

/* /dev/stdout can then be opened, and the result be written: its directory, which is ours alone,
 * lets others through from now on, but shows them nothing. What fails shows in the task. */
void
sup_slot_for_user(struct sup_task *t, const struct sk_user *u)
{
	struct sup_slot *slot = t->slot;
	struct stat st;
	int fd = -1;

	slot->dirty = true; /* for this attempt only */
	for (int stream = 0; stream < 2; stream++)
		if (slot->out[stream][1] != -1 && fchown(slot->out[stream][1], u->uid, u->gid) != 0)
			sk_sink_log(t->sup->sink, SK_DEBUG, t->start.id, t->attempt, "its pipe stays ours: %s",
				strerror(errno));
	if (slot->result != NULL && stat(t->sup->run.dir, &st) == 0 && st.st_uid == geteuid() &&
		((st.st_mode & 011) == 011 || chmod(t->sup->run.dir, (st.st_mode & 07777) | 011) == 0))
		fd = open(slot->result, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return;
	if (fchown(fd, u->uid, u->gid) != 0)
		unlink(slot->result);
	close(fd);
}

void
sup_slot_give(struct sup_task *t)
{
	struct sup_slot *slot = t->slot, **list = &t->sup->idle;

	if (slot == NULL)
		return;
	/* A leftover could still write: the next attempt gets other pipes and another result file.
	 * Without a cgroup nobody knows whether there is one. */
	if (slot->dirty || (t->session != 0 && t->cg == NULL))
		list = &t->sup->used;
	slot->dirty = false;
	slot->task = NULL;
	slot->warm = NULL;
	slot->next = *list;
	*list = slot;
	t->slot = NULL;
}

void
sup_slots_free(struct sup *s)
{
	sup_slots_renew(s);
	while (s->idle != NULL) {
		struct sup_slot *slot = s->idle;

		s->idle = slot->next;
		close_pipes(slot);
		free(slot->result);
		free(slot);
	}
}

/* ---- the channel of a compiled-in worker, or of the init of a namespace ---- */

static void
keep_bytes(struct sup_task *t, const void *p, size_t n)
{
	sk_str_clear(&t->result); /* a worker may replace it as often as it likes */
	sk_str_add(&t->result, p, n);
	t->report.result = sk_str_text(&t->result);
	t->report.result_len = n;
}

static void
on_isolated(struct sup_task *t, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	uint32_t status = sk_get_u32(&r);

	if (f->type != SK_F_RESULT || r.bad)
		return;
	t->isolated_end = true;
	t->isolated_status = (int)status;
}

/* The child could not become the task. */
static void
on_unstarted(struct sup_task *t, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	uint32_t step = sk_get_u32(&r), err = sk_get_u32(&r);

	if (!r.bad && step >= SK_SPAWN_FORK && step <= SK_SPAWN_EXEC)
		sup_start_failure(t, (int)step, (int)err);
}

void
sup_worker_frame(struct sup_task *t, const struct sk_frame *f)
{
	struct sk_reader r = sk_reader_of(f);
	struct sk_str payload = SK_STR_INIT;
	const void *p;
	size_t n;

	switch (f->type) {
	case SK_F_PROGRESS:
		t->progress = sk_get_f64(&r);
		if (!(t->progress >= 0 && t->progress <= 1))
			t->progress = 0;
		p = sk_get_bytes(&r, &n);
		snprintf(t->stage, sizeof(t->stage), "%.*s", (int)(n < sizeof(t->stage) ? n : 0),
			(const char *)p);
		t->progress_dirty = true;
		break;
	case SK_F_FAILURE:
		p = sk_get_bytes(&r, &n);
		snprintf(
			t->message, sizeof(t->message), "%.*s", (int)(n < 4096 ? n : 4096), (const char *)p);
		break;
	case SK_F_RESULT:
		p = sk_get_bytes(&r, &n);
		if (!r.bad && n <= RESULT_MAX)
			keep_bytes(t, p, n);
		break;
	case SK_F_UPDATED:
		sk_str_add(&payload, f->data, f->len);
		sup_tell(t->sup, SK_F_UPDATED, t, &payload, true);
		sk_str_release(&payload);
		break;
	default:
		break;
	}
}

void
sup_read_worker(struct sup_task *t)
{
	struct sk_frame f;
	struct sk_err err;
	enum sk_code code, next;

	if (t->chan.fd == -1)
		return;
	do {
		code = sk_chan_fill(&t->chan, &err);
		while ((next = sk_chan_next(&t->chan, &f, &err)) == SK_OK) {
			if (t->hosting)
				sup_warm_frame(t->warm, &f);
			else if (f.type == SK_F_UNSTARTED)
				on_unstarted(t, &f);
			else if (t->start.program)
				on_isolated(t, &f);
			else
				sup_worker_frame(t, &f);
		}
	} while (code == SK_OK && next == SK_EAGAIN);
	if (next == SK_EAGAIN && code == SK_EAGAIN)
		return;
	/* gone, or talking nonsense (user code wrote to its descriptor 3): it ends by itself */
	sk_watch_remove(t->chan_watch);
	t->chan_watch = NULL;
	sk_chan_release(&t->chan);
}

static void
worker_ready(uint32_t events, void *arg)
{
	struct sup_task *t = arg;

	if ((events & EPOLLOUT) && sk_chan_flush(&t->chan, NULL) != SK_EAGAIN)
		sk_watch_set(t->chan_watch, EPOLLIN);
	sup_read_worker(t);
	if (t->hosting)
		sup_warm_look(t->warm);
	if (t->progress_dirty)
		sup_notes_soon(t->sup);
}

void
sup_take_over(struct sup_task *t, struct sup_task *host)
{
	struct sk_err err = { SK_OK, "" };

	t->slot = host->slot;
	t->slot->task = t;
	t->slot->warm = NULL;
	host->slot = NULL;
	sk_watch_remove(host->chan_watch);
	host->chan_watch = NULL;
	t->chan = host->chan;
	sk_chan_init(&host->chan, -1);
	if (t->chan.fd == -1)
		return;
	t->chan_watch = sk_watch_add(t->sup->loop, t->chan.fd, EPOLLIN, worker_ready, t, &err);
	if (t->chan_watch == NULL) /* what it says is read at its end */
		sk_sink_log(t->sup->sink, SK_ERROR, t->start.id, t->attempt, "%s", err.msg);
}

bool
sup_watch_worker(struct sup_task *t, int fd, struct sk_err *err)
{
	sk_chan_init(&t->chan, fd);
	t->chan_watch = sk_watch_add(t->sup->loop, fd, EPOLLIN, worker_ready, t, err);
	return t->chan_watch != NULL;
}

/* ---- results ---- */

void
sup_take_result(struct sup_task *t)
{
	char buf[RESULT_MAX];
	size_t len = 0;
	ssize_t n;
	int fd;

	if (t->slot == NULL || t->slot->result == NULL)
		return;
	fd = open(t->slot->result, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return; /* it wrote none */
	while (len < sizeof(buf) && (n = read(fd, buf + len, sizeof(buf) - len)) > 0)
		len += (size_t)n;
	close(fd);
	unlink(t->slot->result);
	if (len > 0 || t->user == NULL) /* a user's is there from the start, and empty */
		keep_bytes(t, buf, len);
}
