#include "core/run/tail.h"
#include "core/run/output.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "skalds-output 1 "
#define MAX_HEAD ((size_t)64)

void
sk_tail_write(struct sk_str *out, const struct sk_tail *t)
{
	sk_str_addf(out, HEAD "%lld %s\n", (long long)t->total, t->ended ? "ended" : "open");
	sk_str_add(out, t->bytes, t->n);
}

bool
sk_tail_read(const void *value, size_t n, struct sk_tail *t)
{
	const char *p = value, *nl = memchr(value, '\n', n < MAX_HEAD ? n : MAX_HEAD);
	char head[MAX_HEAD + 1], *end;

	if (nl == NULL || (size_t)(nl - p) < strlen(HEAD) || memcmp(p, HEAD, strlen(HEAD)) != 0)
		return false;
	memcpy(head, p, (size_t)(nl - p));
	head[nl - p] = '\0';
	if (head[strlen(HEAD)] < '0' || head[strlen(HEAD)] > '9')
		return false;
	errno = 0;
	t->total = strtoll(head + strlen(HEAD), &end, 10);
	t->ended = strcmp(end, " ended") == 0;
	t->bytes = nl + 1;
	t->n = n - (size_t)(t->bytes - p);
	return errno == 0 && (t->ended || strcmp(end, " open") == 0) && (int64_t)t->n <= t->total;
}

static int64_t
read_end(struct sk_str *out, int fd, size_t max, int64_t known)
{
	struct stat st;
	char buf[16384];
	int64_t at, size;

	if (fstat(fd, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	size = st.st_size;
	if (size == known)
		return size;
	at = size > (int64_t)max ? size - (int64_t)max : 0;
	while (at < size) {
		size_t want = size - at < (int64_t)sizeof(buf) ? (size_t)(size - at) : sizeof(buf);
		ssize_t got = pread(fd, buf, want, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return at; /* it was cut meanwhile */
		sk_str_add(out, buf, (size_t)got);
		at += got;
	}
	return size;
}

int64_t
sk_tail_of_file(struct sk_str *out, const char *data_dir, const char *id, uint32_t attempt,
	size_t max, int64_t known)
{
	struct sk_str path = SK_STR_INIT;
	int64_t size;
	int fd, error;

	sk_str_clear(out);
	sk_out_path(&path, data_dir, id, attempt);
	fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	sk_str_release(&path);
	if (fd == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	size = read_end(out, fd, max, known);
	error = errno;
	close(fd);
	errno = error;
	return size;
}
