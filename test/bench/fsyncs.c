/* fsyncs.c - how many appended and synced records the disk takes in a second: the yardstick of the
 * machine, printed beside the figures.
 *
 *	fsyncs FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
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

int
main(int argc, char **argv)
{
	char record[512];
	if (argc != 2)
		return 2;
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	memset(record, 'x', sizeof record);
	int64_t start = now_ms();
	long n = 0;
	while (now_ms() - start < 1000) {
		if (write(fd, record, sizeof record) != (ssize_t)sizeof record || fdatasync(fd) != 0) {
			perror(argv[1]);
			return 1;
		}
		n++;
	}
	close(fd);
	printf("%ld\n", n);
	return 0;
}
