/* spam.c - writes a lot.
 *
 *	spam MIB [line|bytes|nul|long]
 *
 * line: lines of 100 bytes with a running number; bytes: random bytes; long: one line without an
 * end; nul: zero bytes. Ends with "took MS" on standard error, code 0.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(1, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			perror("spam: write");
			exit(1);
		}
		p += w;
		n -= (size_t)w;
	}
}

static void
fill(char *buf, size_t n, const char *kind)
{
	static unsigned long number;
	if (strcmp(kind, "line") == 0)
		for (size_t i = 0; i + 100 <= n; i += 100) {
			char head[32];
			int len = snprintf(head, sizeof head, "line %lu ", number++);
			memset(buf + i, '.', 99);
			memcpy(buf + i, head, (size_t)len);
			buf[i + 99] = '\n';
		}
	else if (strcmp(kind, "bytes") == 0)
		for (size_t i = 0; i < n; i++)
			buf[i] = (char)rand();
	else
		memset(buf, strcmp(kind, "nul") == 0 ? 0 : 'x', n);
}

int
main(int argc, char **argv)
{
	static char buf[100000];
	if (argc < 2)
		return 99;
	const char *kind = argc > 2 ? argv[2] : "line";
	uint64_t left = strtoull(argv[1], NULL, 10) << 20;
	int64_t start = now_ms();

	srand(1);
	while (left > 0) {
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
		fill(buf, sizeof buf, kind);
		write_all(buf, n);
		left -= n;
	}
	fprintf(stderr, "took %lld\n", (long long)(now_ms() - start));
	return 0;
}
