/* hooks.c - says what a build of FLAVOR=hooks shall get wrong (core/base/hooks.h).
 *
 *	hooks FILE new			an empty file: all is well
 *	hooks FILE fail KIND ours|others|all N once|forever
 *					the N-th allocation from now on fails; 0 = none does, calls are counted
 *	hooks FILE clock KIND MS	its wall clock goes ahead by MS (negative: behind)
 *	hooks FILE show			"VICTIM FAILED CALLS": the process whose call has failed, 0 = none yet;
 *					how many calls have; how many the process that counted last has made
 *
 * KIND: cli, supervisor, hub, worker; of clock also: all. */
#define SKALDS_TEST_HOOKS
#include "../../core/base/hooks.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int
usage(void)
{
	fputs("usage: see the head of hooks.c\n", stderr);
	return 2;
}

static int
kind_of(const char *name)
{
	static const char *const names[] = { "cli", "supervisor", "hub", "worker", "all" };
	for (int i = 0; i < 5; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	exit(usage());
}

static struct sk_hooks_page *
map(const char *path, int flags)
{
	int fd = open(path, O_RDWR | flags, 0644);
	void *p = MAP_FAILED;
	if (fd != -1 && ftruncate(fd, sizeof(struct sk_hooks_page)) == 0)
		p = mmap(NULL, sizeof(struct sk_hooks_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	return p;
}

/* Nobody's call fails by the old words while the new ones are written. */
static int
fail_at(struct sk_hooks_page *p, char **argv)
{
	int kind = kind_of(argv[0]);
	unsigned who = strcmp(argv[1], "ours") == 0 ? SK_HOOKS_OURS
		: strcmp(argv[1], "others") == 0		? SK_HOOKS_OTHERS
		: strcmp(argv[1], "all") == 0			? SK_HOOKS_OURS | SK_HOOKS_OTHERS
												: 0;
	if (kind == SK_HOOKS_KINDS || who == 0)
		return usage();
	atomic_store(&p->who, 0);
	atomic_store(&p->victim, 0);
	atomic_store(&p->failed, 0);
	atomic_store(&p->calls[kind], 0);
	atomic_store(&p->kind, (uint32_t)kind);
	atomic_store(&p->at, strtoull(argv[2], NULL, 10));
	atomic_store(&p->forever, strcmp(argv[3], "forever") == 0);
	atomic_fetch_add(&p->generation, 1);
	atomic_store(&p->who, who);
	return 0;
}

static int
set_clock(struct sk_hooks_page *p, const char *name, const char *ms)
{
	int kind = kind_of(name);
	for (int i = 0; i < SK_HOOKS_KINDS; i++)
		if (kind == i || kind == SK_HOOKS_KINDS)
			atomic_store(&p->clock_ms[i], strtoll(ms, NULL, 10));
	return 0;
}

static int
show(struct sk_hooks_page *p)
{
	printf("%" PRId32 " %" PRIu32 " %" PRIu64 "\n", atomic_load(&p->victim),
		atomic_load(&p->failed), atomic_load(&p->calls[atomic_load(&p->kind)]));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[2], "new") == 0)
		return map(argv[1], O_CREAT | O_TRUNC) == NULL;
	if (argc == 7 && strcmp(argv[2], "fail") == 0)
		return fail_at(map(argv[1], 0), argv + 3);
	if (argc == 5 && strcmp(argv[2], "clock") == 0)
		return set_clock(map(argv[1], 0), argv[3], argv[4]);
	if (argc == 3 && strcmp(argv[2], "show") == 0)
		return show(map(argv[1], 0));
	return usage();
}
