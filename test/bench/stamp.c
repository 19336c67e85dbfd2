/* stamp.c - the user code of the start-up figure: the first thing it does is to note the time. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

int
main(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	printf("%" PRId64 "\n", (int64_t)t.tv_sec * 1000000000 + t.tv_nsec);
	return 0;
}
