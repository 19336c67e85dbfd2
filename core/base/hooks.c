/* hooks.c - only in a build of FLAVOR=hooks. Nothing here may allocate. */
#ifndef SKALDS_TEST_HOOKS
#define SKALDS_TEST_HOOKS /* for who checks this file alone */
#endif
#include "core/base/hooks.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

/* The allocator has no argument that could carry it. */
static struct {
	struct sk_hooks_page *page;
	_Atomic uint32_t kind, generation;
	_Atomic uint64_t calls;
	int32_t pid; /* as long as there is no thread beside, a fork sets it */
} hooks;

static enum sk_hooks_kind
kind_of(const char *command)
{
	static const char *const supervisors[] = { "up", "edge", "run-one" };

	for (size_t i = 0; i < sizeof(supervisors) / sizeof(supervisors[0]); i++)
		if (strcmp(command, supervisors[i]) == 0)
			return SK_HOOKS_SUPERVISOR;
	return SK_HOOKS_CLI;
}

/* libc hands the arguments to constructors. */
static void __attribute__((constructor)) begin(int argc, char **argv)
{
	const char *path = getenv("SKALDS_HOOKS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p;

	if (fd == -1)
		return;
	p = mmap(NULL, sizeof(struct sk_hooks_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	hooks.page = p;
	sk_hooks_be(argc > 1 ? kind_of(argv[1]) : SK_HOOKS_CLI);
}

void
sk_hooks_be(enum sk_hooks_kind kind)
{
	atomic_store(&hooks.kind, kind);
	atomic_store(&hooks.calls, 0);
	hooks.pid = (int32_t)getpid();
}

int64_t
sk_hooks_clock_ms(void)
{
	return hooks.page != NULL ? atomic_load(&hooks.page->clock_ms[atomic_load(&hooks.kind)]) : 0;
}

/* ---- allocation ---- */

/* The number of this call. */
static uint64_t
count(struct sk_hooks_page *p, uint32_t kind)
{
	uint32_t now = atomic_load(&p->generation);
	uint64_t n;

	if (atomic_exchange(&hooks.generation, now) != now)
		atomic_store(&hooks.calls, 0);
	n = atomic_fetch_add(&hooks.calls, 1) + 1;
	atomic_store(&p->calls[kind], n);
	return n;
}

static bool
fails(unsigned who)
{
	struct sk_hooks_page *p = hooks.page;
	uint32_t kind = atomic_load(&hooks.kind);
	int32_t victim = 0;
	uint64_t n;

	if (p == NULL || atomic_load(&p->kind) != kind || !(atomic_load(&p->who) & who))
		return false;
	n = count(p, kind);
	if (n == atomic_load(&p->at))
		(void)atomic_compare_exchange_strong(&p->victim, &victim, hooks.pid);
	else if (atomic_load(&p->victim) != hooks.pid || !atomic_load(&p->forever))
		return false;
	if (atomic_load(&p->victim) != hooks.pid)
		return false;
	atomic_fetch_add(&p->failed, 1);
	errno = ENOMEM;
	return true;
}

void *
sk_hooks_malloc(size_t n)
{
	return fails(SK_HOOKS_OURS) ? NULL : __real_malloc(n);
}

void *
sk_hooks_calloc(size_t n, size_t size)
{
	return fails(SK_HOOKS_OURS) ? NULL : __real_calloc(n, size);
}

void *
sk_hooks_realloc(void *p, size_t n)
{
	return fails(SK_HOOKS_OURS) ? NULL : __real_realloc(p, n);
}

void *
__wrap_malloc(size_t n)
{
	return fails(SK_HOOKS_OTHERS) ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails(SK_HOOKS_OTHERS) ? NULL : __real_calloc(n, size);
}

/* To nothing: that is free. */
void *
__wrap_realloc(void *p, size_t n)
{
	return n > 0 && fails(SK_HOOKS_OTHERS) ? NULL : __real_realloc(p, n);
}
