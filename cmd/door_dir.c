/* door_dir.c - the door into a data directory that nobody owns (door_inside.h). */
#include "adapters/datadir.h"
#include "adapters/local/bus.h"
#include "adapters/local/cache.h"
#include "adapters/sqlite/store.h"
#include "cmd/door_inside.h"
#include "core/base/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LEASE_MS 10000
#define READY_MS 30000

struct dir_ground {
	struct sk_inside_ground g;
	struct sk_datadir *dir;
	char *file; /* of the store */
	struct sk_err failure; /* of the store, for good; SK_OK = it works */
};

/* What is there already was put there on purpose, on a volatile file system too. */
static enum sk_code
open_directory(struct dir_ground *d, const char *dir, bool create, struct sk_err *err)
{
	struct sk_datadir_config cfg = { .path = dir, .create = create };

	d->file = sk_xasprintf("%s/%s", dir, SK_DATADIR_STORE);
	cfg.allow_volatile = access(d->file, F_OK) == 0;
	d->dir = sk_datadir_open(&cfg, err);
	if (d->dir == NULL)
		return err->code;
	d->g.data_dir = sk_datadir_path(d->dir);
	if (sk_datadir_up_alive(d->dir)) /* between two of its hubs, or before the first */
		return sk_fail(err, SK_ECONFLICT, "the `skalds up` of %s does not answer", dir);
	if (sk_datadir_lock(d->dir, 0, err) != SK_OK)
		return err->code;
	if (!create && faccessat(sk_datadir_fd(d->dir), SK_DATADIR_STORE, F_OK, 0) != 0 &&
		errno == ENOENT)
		return sk_fail(err, SK_ENOENT, "there are no tasks in %s", dir);
	return SK_OK;
}

static void
store_failed(void *arg, const char *sentence)
{
	struct dir_ground *d = arg;

	sk_fail(&d->failure, SK_EIO, "%s: %s", d->file, sentence);
}

static enum sk_code
open_ports(struct dir_ground *d, struct sk_err *err)
{
	const struct sk_sqlite_config file = {
		.path = d->file, .read_when_full = true, .fatal = store_failed, .arg = d
	};
	struct sk_bus_local_config bus = { .max_events = 0 };
	struct sk_cache_local_config cache = { .max_bytes = 0 };

	d->g.loop = sk_loop_new(err);
	if (d->g.loop == NULL)
		return err->code;
	bus.loop = cache.loop = d->g.loop;
	d->g.store = sk_store_sqlite_open(&file, d->g.loop, err);
	if (d->g.store == NULL)
		return err->code;
	d->g.bus = sk_bus_local_open(&bus);
	d->g.cache = sk_cache_local_open(&cache);
	return SK_OK;
}

/* What is not a lock is no matter of time. */
static enum sk_code
trouble(void *ground, enum sk_code code, bool late, struct sk_err *err)
{
	struct dir_ground *d = ground;

	if (d->failure.code != SK_OK) {
		*err = d->failure;
		return err->code;
	}
	if (code == SK_ENOSPC)
		return sk_fail(err, SK_ENOSPC, "%s: no room left on the disk", d->file);
	if (late)
		return sk_fail(err, SK_EIO, "the store in %s does not answer", d->g.data_dir);
	return SK_OK;
}

static void
close_ground(void *ground)
{
	struct dir_ground *d = ground;

	if (d->g.cache != NULL)
		d->g.cache->ops->close(d->g.cache);
	if (d->g.bus != NULL)
		d->g.bus->ops->close(d->g.bus);
	sk_loop_free(d->g.loop);
	sk_datadir_close(d->dir);
	free(d->file);
	free(d);
}

enum sk_code
sk_inside_open_dir(const char *dir, bool create, struct sk_inside **inside, struct sk_err *err)
{
	struct dir_ground *d = sk_xcalloc(1, sizeof(*d));
	enum sk_code code;

	d->g = (struct sk_inside_ground){
		.lease_ms = LEASE_MS, .ready_ms = READY_MS, .trouble = trouble, .close = close_ground
	};
	code = open_directory(d, dir, create, err);
	if (code == SK_OK)
		code = open_ports(d, err);
	if (code == SK_OK)
		return sk_inside_open(&d->g, inside, err);
	close_ground(d);
	return code;
}
