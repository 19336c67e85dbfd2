/* doctor_store.c - the task store of the data directory: is it sound, can this version read it? */
#include "adapters/datadir.h"
#include "adapters/sqlite/store.h"
#include "cmd/doctor.h"
#include "core/base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first of several; the others are counted. */
static void
say_damage(struct sk_checkup *c, const char *path, const char *problems)
{
	size_t first = strcspn(problems, "\n"), more = 0;

	for (const char *p = problems; (p = strchr(p, '\n')) != NULL; p++)
		more++;
	if (more == 0)
		sk_checkup(c, SK_BROKEN, "%s is damaged: %.*s", path, (int)first, problems);
	else
		sk_checkup(
			c, SK_BROKEN, "%s is damaged: %.*s; and %zu more", path, (int)first, problems, more);
	sk_str_adds(&c->text, "; put a copy that `skalds backup` made in its place");
}

static void
look_at_file(struct sk_checkup *c, const char *path)
{
	struct sk_arena *a = sk_arena_new();
	struct sk_sqlite_look look;
	struct sk_err err;

	if (sk_store_sqlite_look(path, a, &look, &err) != SK_OK)
		sk_checkup(c, SK_BROKEN, "%s", err.msg);
	else if (look.problems[0] != '\0')
		say_damage(c, path, look.problems);
	else if (look.older)
		sk_checkup(
			c, SK_FINE, "%s is of an older version: the next command brings it up to date", path);
	else
		sk_checkup(c, SK_FINE, "%s is sound, with %" PRId64 " task%s", path, look.tasks,
			look.tasks == 1 ? "" : "s");
	sk_arena_free(a);
}

/* One process owns the file: while another one does, nobody else looks. */
static void
look_as_owner(struct sk_checkup *c, struct sk_datadir *d, const char *path)
{
	struct sk_err err;
	enum sk_code code = SK_ECONFLICT;

	if (sk_datadir_up_alive(d))
		sk_fail(&err, code, "`skalds up` of %s runs", sk_datadir_path(d));
	else
		code = sk_datadir_lock(d, 0, &err);
	if (code == SK_ECONFLICT)
		sk_checkup(c, SK_FINE, "%s: the store is looked at when nobody uses it", err.msg);
	else if (code != SK_OK)
		sk_checkup(c, SK_BROKEN, "%s", err.msg);
	else
		look_at_file(c, path);
	sk_datadir_unlock(d);
}

static void
look_in(struct sk_checkup *c, const char *dir)
{
	const struct sk_datadir_config cfg = { .path = dir, .allow_volatile = true };
	char *path = sk_xasprintf("%s/%s", dir, SK_DATADIR_STORE);
	struct sk_datadir *d = NULL;
	struct sk_err err;

	if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		sk_checkup(c, SK_FINE, "no tasks in %s yet", dir);
	else if ((d = sk_datadir_open(&cfg, &err)) == NULL)
		sk_checkup(c, SK_BROKEN, "%s", err.msg);
	else
		look_as_owner(c, d, path);
	sk_datadir_close(d);
	free(path);
}

static void
check_store(struct sk_checkup *c)
{
	struct sk_str dir = SK_STR_INIT;
	struct sk_err err;

	if (sk_datadir_locate(sk_setting(c->settings, "SKALDS_DATA"), &dir, &err) != SK_OK)
		sk_checkup(c, SK_FINE, "none: %s", err.msg);
	else
		look_in(c, dir.p);
	sk_str_release(&dir);
}

const struct sk_check sk_store_checks[] = {
	{ "task store", check_store },
	{ NULL, NULL },
};
