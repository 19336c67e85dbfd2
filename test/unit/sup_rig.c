#include "test/unit/sup_rig.h"

#include "core/base/clock.h"
#include "core/base/value.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
	lk_script *script;
	void *arg;
	uint32_t *lives; /* shared by all links of a run */
};

static struct sk_str said;

static void
broken(const char *what)
{
	perror(what);
	_exit(99);
}

/* ---- the link's side ---- */

static void
quit(struct lk *l, uint32_t code)
{
	struct sk_str p = SK_STR_INIT;
	int64_t until = sk_boot_ms() + LK_PATIENCE_MS;

	l->on_frame = NULL;
	sk_put_u32(&p, code);
	lk_send(l, SK_F_QUIT, 0, 0, &p);
	while (!l->gone && sk_boot_ms() < until)
		lk_take(l, 1000);
	_exit((int)code);
}

void
lk_must_at(struct lk *l, bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	quit(l, 1);
}

static void
flush(struct lk *l)
{
	struct pollfd p = { .fd = l->chan.fd, .events = POLLOUT | POLLIN };

	/* both sides may be full: what comes must be taken in the meantime */
	while (sk_chan_flush(&l->chan, NULL) == SK_EAGAIN) {
		if (poll(&p, 1, 1000) > 0 && (p.revents & POLLIN))
			lk_take(l, 0);
	}
}

void
lk_send(
	struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt, const struct sk_str *p)
{
	sk_chan_queue(&l->chan, type, key, attempt, p);
	if (l->chan.out.len > 32768)
		flush(l);
}

void
lk_number(struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt, uint32_t v)
{
	struct sk_str p = SK_STR_INIT;

	sk_put_u32(&p, v);
	lk_send(l, type, key, attempt, &p);
	sk_str_release(&p);
}

void
lk_start(struct lk *l, uint64_t key, uint32_t attempt, const struct sk_start *st)
{
	static const unsigned char nothing[2] = { 7, 0 }; /* an empty map */
	struct sk_start s = *st;
	struct sk_str p = SK_STR_INIT;
	char id[32];

	if (s.id == NULL) {
		snprintf(id, sizeof(id), "t%llu", (unsigned long long)key);
		s.id = id;
	}
	if (s.attachments == NULL) {
		s.attachments = nothing;
		s.attachments_len = sizeof(nothing);
	}
	if (s.grace_ms == 0)
		s.grace_ms = 2000;
	sk_put_start(&p, &s);
	lk_send(l, SK_F_START, key, attempt, &p);
	sk_str_release(&p);
}

void
lk_stop(struct lk *l, uint64_t key, uint32_t attempt, enum sk_reason reason, int64_t grace_ms)
{
	struct sk_str p = SK_STR_INIT;

	sk_put_u32(&p, (uint32_t)reason);
	sk_put_u64(&p, (uint64_t)grace_ms);
	lk_send(l, SK_F_STOP, key, attempt, &p);
	sk_str_release(&p);
}

void
lk_attach(struct lk *l, struct sk_start *st, const char *key, const char *text)
{
	struct sk_value *map = sk_value_new(l->arena, SK_MAP);
	struct sk_str bytes = SK_STR_INIT;
	char *copy;

	sk_map_set(l->arena, map, key, sk_value_string(l->arena, text, strlen(text)));
	sk_value_encode(&bytes, map);
	copy = sk_arena_alloc(l->arena, bytes.len);
	memcpy(copy, bytes.p, bytes.len);
	st->attachments = copy;
	st->attachments_len = bytes.len;
	sk_str_release(&bytes);
}

static void
hello(struct lk *l, struct sk_reader *r)
{
	l->supervisor = (int)sk_get_u32(r);
	snprintf(l->run_id, sizeof(l->run_id), "%s", sk_get_text(r, l->arena));
	sk_get_u32(r);
	snprintf(l->dir, sizeof(l->dir), "%s", sk_get_text(r, l->arena));
	for (int i = 0; i < 2; i++)
		snprintf(l->cgroup[i], sizeof(l->cgroup[i]), "%s", sk_get_text(r, l->arena));
}

static bool
read_frame(struct lk *l, const struct sk_frame *f, struct lk_frame *out, struct sk_arena *a)
{
	struct sk_reader r = sk_reader_of(f);

	*out = (struct lk_frame){
		.type = f->type, .key = f->key, .attempt = f->attempt, .text = "", .at_ms = sk_boot_ms()
	};
	switch (f->type) {
	case SK_F_HELLO:
		hello(l, &r);
		return true;
	case SK_F_TASK:
		out->number = sk_get_u32(&r);
		return sk_get_report(&r, a, &out->rep);
	case SK_F_STARTED:
	case SK_F_EXITED:
		return sk_get_report(&r, a, &out->rep);
	case SK_F_PROGRESS:
		out->progress = sk_get_f64(&r);
		out->text = sk_get_text(&r, a);
		return !r.bad;
	case SK_F_PAUSED:
	case SK_F_RESUMED:
	case SK_F_UPDATED:
		out->number = sk_get_u32(&r);
		out->text = sk_get_text(&r, a);
		return !r.bad;
	case SK_F_SIGNAL:
		out->number = sk_get_u32(&r);
		return !r.bad;
	default:
		return true;
	}
}

static void
keep(struct lk *l, const struct lk_frame *f)
{
	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->log = sk_xreallocarray(l->log, l->cap, sizeof(*l->log));
	}
	l->log[l->n++] = *f;
}

static void
take_frame(struct lk *l, const struct sk_frame *f)
{
	struct sk_arena *a = l->on_frame != NULL ? sk_arena_new() : l->arena;
	struct lk_frame in;

	if (!read_frame(l, f, &in, a)) {
		fprintf(stderr, "malformed frame of type %u\n", f->type);
		_exit(1);
	}
	if (l->on_frame != NULL)
		l->on_frame(l, &in);
	else
		keep(l, &in);
	if (l->ack && f->type == SK_F_EXITED)
		sk_chan_queue(&l->chan, l->forget ? SK_F_FORGET : SK_F_ACK, f->key, f->attempt, NULL);
	if (l->ack && f->type == SK_F_STARTED)
		sk_chan_queue(&l->chan, SK_F_SEEN, f->key, f->attempt, NULL);
	if (a != l->arena)
		sk_arena_free(a);
}

void
lk_take(struct lk *l, int64_t ms)
{
	struct pollfd p = { .fd = l->chan.fd, .events = POLLIN };
	struct sk_frame f;
	struct sk_err err;
	enum sk_code code;

	if (sk_chan_flush(&l->chan, NULL) == SK_EAGAIN)
		p.events |= POLLOUT;
	if (poll(&p, 1, (int)ms) <= 0)
		return;
	code = sk_chan_fill(&l->chan, &err);
	while (sk_chan_next(&l->chan, &f, &err) == SK_OK)
		take_frame(l, &f);
	l->gone = code != SK_OK && code != SK_EAGAIN;
	(void)!sk_chan_flush(&l->chan, NULL);
}

const struct lk_frame *
lk_find(const struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->log[i].type == type && l->log[i].key == key &&
			(attempt == 0 || l->log[i].attempt == attempt))
			return &l->log[i];
	return NULL;
}

const struct lk_frame *
lk_await(struct lk *l, enum sk_frame_type type, uint64_t key, uint32_t attempt)
{
	int64_t until = sk_boot_ms() + LK_PATIENCE_MS;
	const struct lk_frame *f;

	while ((f = lk_find(l, type, key, attempt)) == NULL) {
		if (l->gone || sk_boot_ms() > until) {
			fprintf(stderr, "no frame %d of task %llu, attempt %u\n", (int)type,
				(unsigned long long)key, attempt);
			lk_must(l, false);
		}
		lk_take(l, 100);
	}
	return f;
}

size_t
lk_count(const struct lk *l, enum sk_frame_type type, uint64_t key)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->log[i].type == type && l->log[i].key == key;
	return n;
}

void
lk_clear(struct lk *l)
{
	l->n = 0;
}

static int
link_main(int channel, void *arg)
{
	const struct job *job = arg;
	struct lk l = { .arena = sk_arena_new(), .ack = true };

	sk_chan_init(&l.chan, channel);
	l.life = (*job->lives)++;
	lk_await(&l, SK_F_TASKS_END, 0, 0);
	job->script(&l, job->arg);
	quit(&l, 0);
	return 1;
}

/* ---- the test's side ---- */

const char *
lk_stderr(void)
{
	return sk_str_text(&said);
}

static void
listen_to(int fd)
{
	char buf[4096];
	ssize_t n;

	sk_str_clear(&said);
	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n == -1 && errno == EINTR))
		if (n > 0)
			sk_str_add(&said, buf, (size_t)n);
}

int
lk_run(struct sk_supervisor_config *cfg, lk_script *script, void *arg)
{
	return lk_run_as(0, cfg, script, arg);
}

int
lk_run_as(unsigned uid, struct sk_supervisor_config *cfg, lk_script *script, void *arg)
{
	static const char *const no_env[] = { "PATH=/usr/bin:/bin", NULL };
	struct job job = { .script = script, .arg = arg };
	int out[2], status;
	pid_t pid;

	job.lives =
		mmap(NULL, sizeof(*job.lives), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job.lives == MAP_FAILED || pipe2(out, O_CLOEXEC) != 0)
		broken("lk_run");
	cfg->link = link_main;
	cfg->link_arg = &job;
	if (cfg->env == NULL)
		cfg->env = no_env;
	if (cfg->mode == NULL)
		cfg->mode = "test";
	if (cfg->sink.skald_id == NULL)
		cfg->sink.skald_id = "test";
	if (cfg->sink.log_path == NULL)
		cfg->sink.log_path = "";
	if (cfg->sink.data_dir == NULL)
		cfg->sink.data_dir = "";
	fflush(NULL);
	pid = fork();
	if (pid == -1)
		broken("fork");
	if (pid == 0) {
		if (dup2(out[1], 2) == -1)
			broken("dup2");
		if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0))
			broken("setuid");
		_exit(sk_supervise(cfg));
	}
	close(out[1]);
	listen_to(out[0]);
	close(out[0]);
	if (waitpid(pid, &status, 0) != pid)
		broken("waitpid");
	munmap(job.lives, sizeof(*job.lives));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
