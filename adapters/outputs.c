#include "adapters/outputs.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/run/output.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_MS 60000
#define SHARE 50 /* one part of so many of a cpu */
#define ASK_MS 1000 /* whether a look is over; whether who lives is known */
#define BLOCK 4096
#define FRESH_S 60
#define BUCKETS 1024
#define ROUNDS 4 /* BUCKETS to this power of seconds is more than there are */

/* ---- who lives ---- */

struct live_attempt {
	char *dir; /* the name of the task's directory */
	uint32_t attempt;
};

struct sk_outputs_live {
	char *data_dir;
	struct live_attempt *list;
	size_t n, cap;
	bool sorted;
};

struct sk_outputs_live *
sk_outputs_live_new(const char *data_dir)
{
	struct sk_outputs_live *l = sk_xcalloc(1, sizeof(*l));

	l->data_dir = sk_xstrdup(data_dir);
	return l;
}

void
sk_outputs_live_free(struct sk_outputs_live *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i].dir);
	free(l->list);
	free(l->data_dir);
	free(l);
}

void
sk_outputs_add_live(struct sk_outputs_live *l, const char *id, uint32_t attempt)
{
	struct sk_str path = SK_STR_INIT;

	if (l->n == l->cap) {
		l->cap = l->cap > 0 ? l->cap * 2 : 64;
		l->list = sk_xreallocarray(l->list, l->cap, sizeof(*l->list));
	}
	sk_out_path(&path, l->data_dir, id, attempt);
	*strrchr(path.p, '/') = '\0';
	l->list[l->n++] =
		(struct live_attempt){ .dir = sk_xstrdup(strrchr(path.p, '/') + 1), .attempt = attempt };
	sk_str_release(&path);
	l->sorted = false;
}

static int
by_dir(const void *a, const void *b)
{
	return strcmp(((const struct live_attempt *)a)->dir, ((const struct live_attempt *)b)->dir);
}

static bool
may_write(struct sk_outputs_live *l, const char *dir, unsigned long attempt)
{
	const struct live_attempt key = { .dir = (char *)(uintptr_t)dir }, *found;

	if (l->n == 0)
		return false;
	if (!l->sorted)
		qsort(l->list, l->n, sizeof(*l->list), by_dir);
	l->sorted = true;
	found = bsearch(&key, l->list, l->n, sizeof(*l->list), by_dir);
	return found != NULL && attempt >= found->attempt;
}

/* ---- the files ---- */

struct trim {
	int logs;
	struct sk_outputs_live *live;
	const atomic_bool *stop;
	int64_t begin; /* seconds, as all times here */
	int64_t total, need; /* bytes */
	/* What may go lies within. All that is older than `from` goes, and of what lies between the two
	 * as much as is still needed. */
	int64_t from, to;
	int64_t below, wanted; /* bytes: older than from; of those between */
	int64_t width, bucket[BUCKETS];
	int64_t files, bytes; /* removed */
};

struct file {
	const char *name;
	int dir;
	int64_t size, time;
};

typedef void look_fn(struct trim *t, const struct file *f);

/* Whoever starts while we look writes now, whatever the clock did before. */
static bool
is_fresh(const struct trim *t, int64_t time)
{
	return time >= t->begin - FRESH_S && time <= sk_wall_ms() / 1000 + FRESH_S;
}

static void
look_at_file(struct trim *t, const char *dir_name, int dir, const char *name, look_fn *fn)
{
	struct file f = { .name = name, .dir = dir };
	char *end;
	unsigned long attempt = strtoul(name, &end, 10);
	struct stat st;

	if (end == name || strcmp(end, ".log") != 0 ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return;
	f.size = (st.st_size + BLOCK - 1) / BLOCK * BLOCK;
	f.time = st.st_mtim.tv_sec;
	if (!may_write(t->live, dir_name, attempt) && !is_fresh(t, f.time))
		fn(t, &f);
}

static DIR *
open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;

	if (d == NULL && fd != -1)
		close(fd);
	return d;
}

static void
look_into(struct trim *t, const char *name, look_fn *fn)
{
	DIR *d = open_dir(t->logs, name);
	int64_t before = t->files;
	const struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		look_at_file(t, name, dirfd(d), e->d_name, fn);
	closedir(d);
	if (t->files != before) /* where it is not empty it stays */
		(void)unlinkat(t->logs, name, AT_REMOVEDIR);
}

static void
walk(struct trim *t, look_fn *fn)
{
	DIR *d = open_dir(t->logs, ".");
	const struct dirent *e;

	if (d == NULL)
		return;
	while (!atomic_load(t->stop) && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			look_into(t, e->d_name, fn);
	closedir(d);
}

static void
count(struct trim *t, const struct file *f)
{
	t->total += f->size;
	t->from = f->time < t->from ? f->time : t->from;
	t->to = f->time > t->to ? f->time : t->to;
}

static void
sort_in(struct trim *t, const struct file *f)
{
	if (f->time >= t->from && f->time <= t->to)
		t->bucket[(f->time - t->from) / t->width] += f->size;
}

/* A million files need no list: how many bytes are how old is enough, seen through a finer and
 * finer glass. */
static void
narrow(struct trim *t)
{
	int i;

	t->width = (t->to - t->from) / BUCKETS + 1;
	memset(t->bucket, 0, sizeof(t->bucket));
	walk(t, sort_in);
	for (i = 0; i < BUCKETS - 1 && t->below + t->bucket[i] < t->need; i++)
		t->below += t->bucket[i];
	t->from += i * t->width;
	if (t->from + t->width - 1 < t->to)
		t->to = t->from + t->width - 1;
}

/* Also those write here that no store knows of (edge, run-one): what they have open is locked, see
 * core/run/output.c. Where nothing can be locked, their age is all there is to go by. */
static bool
remove_unused(const struct file *f)
{
	int fd = openat(f->dir, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool used = fd != -1 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	bool removed = !used && unlinkat(f->dir, f->name, 0) == 0;

	if (fd != -1)
		close(fd);
	return removed;
}

static void
drop(struct trim *t, const struct file *f)
{
	bool older = f->time < t->from;

	if (!older && (f->time > t->to || t->wanted <= 0))
		return;
	if (!remove_unused(f))
		return;
	t->files++;
	t->bytes += f->size;
	if (!older)
		t->wanted -= f->size;
}

static void
make_room(struct trim *t, int64_t limit)
{
	t->need = t->total - limit + limit / 10;
	for (int i = 0; i < ROUNDS && t->to > t->from && !atomic_load(t->stop); i++)
		narrow(t);
	t->wanted = t->need - t->below;
	walk(t, drop);
}

void
sk_outputs_trim(const char *data_dir, int64_t limit, struct sk_outputs_live *live,
	const atomic_bool *stop, struct sk_outputs_result *result)
{
	struct trim *t = sk_xcalloc(1, sizeof(*t));
	char *path = sk_xasprintf("%s/logs", data_dir);

	*t = (struct trim){
		.live = live, .stop = stop, .begin = sk_wall_ms() / 1000, .from = INT64_MAX, .to = INT64_MIN
	};
	t->logs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (t->logs != -1) {
		walk(t, count);
		if (t->total > limit)
			make_room(t, limit);
		close(t->logs);
	}
	*result = (struct sk_outputs_result){ t->total, t->files, t->bytes };
	free(path);
	free(t);
}

/* ---- now and then ---- */

struct sk_outputs {
	struct sk_outputs_config cfg;
	char *data_dir;
	struct sk_timer timer;
	pthread_t thread;
	bool running;
	atomic_bool over, stop;
	struct sk_outputs_live *live;
	int64_t begin_ms, end_ms; /* boot clock; the thread's until it is over */
};

static void *
run(void *arg)
{
	struct sk_outputs *o = arg;
	struct sk_outputs_result r;

	sk_outputs_trim(o->data_dir, o->cfg.limit, o->live, &o->stop, &r);
	if (r.files > 0)
		sk_log(SK_INFO, "retention",
			"there were %lld MiB of output, more than the %lld that are kept: that of the %lld "
			"oldest ended attempts is removed, %lld MiB",
			(long long)(r.before >> 20), (long long)(o->cfg.limit >> 20), (long long)r.files,
			(long long)(r.bytes >> 20));
	o->end_ms = sk_boot_ms();
	atomic_store(&o->over, true);
	return NULL;
}

/* Signals are the loop's. */
static bool
start_thread(struct sk_outputs *o)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&o->thread, NULL, run, o);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0;
}

static void
end_thread(struct sk_outputs *o)
{
	if (o->running)
		pthread_join(o->thread, NULL);
	o->running = false;
	sk_outputs_live_free(o->live);
	o->live = NULL;
}

static int64_t
pause_of(const struct sk_outputs *o)
{
	int64_t least = o->cfg.pause_ms > 0 ? o->cfg.pause_ms : PAUSE_MS;
	int64_t took = (o->end_ms - o->begin_ms) * SHARE;

	return took > least ? took : least;
}

static int64_t
begin_look(struct sk_outputs *o)
{
	o->live = sk_outputs_live_new(o->data_dir);
	if (o->cfg.live(o->cfg.arg, o->live)) {
		atomic_store(&o->over, false);
		o->begin_ms = sk_boot_ms();
		o->running = start_thread(o); /* where that fails: perhaps the next time */
	}
	if (!o->running)
		end_thread(o);
	return ASK_MS;
}

static void
look(void *arg)
{
	struct sk_outputs *o = arg;
	int64_t wait = ASK_MS;

	if (o->running && atomic_load(&o->over)) {
		wait = pause_of(o);
		end_thread(o);
	} else if (!o->running)
		wait = begin_look(o);
	sk_timer_set(o->cfg.loop, &o->timer, sk_boot_ms() + wait);
}

struct sk_outputs *
sk_outputs_open(const struct sk_outputs_config *cfg)
{
	struct sk_outputs *o = sk_xcalloc(1, sizeof(*o));

	o->cfg = *cfg;
	o->data_dir = sk_xstrdup(cfg->data_dir);
	atomic_init(&o->stop, false);
	atomic_init(&o->over, false);
	o->timer = (struct sk_timer){ .fn = look, .arg = o };
	sk_timer_set(cfg->loop, &o->timer, sk_boot_ms() + ASK_MS);
	return o;
}

void
sk_outputs_close(struct sk_outputs *o)
{
	if (o == NULL)
		return;
	atomic_store(&o->stop, true);
	end_thread(o);
	sk_timer_clear(o->cfg.loop, &o->timer);
	free(o->data_dir);
	free(o);
}
