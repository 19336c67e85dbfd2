/* orphans.c - makes N orphans: children of children whose parents have ended. They live for a
 * random time of at most 30 ms and end with a random code, so that their deaths come in bursts.
 *
 *	orphans N PER-SECOND SEED
 *
 * Samples the zombies of its adopter (the pid in SKALDS_ADOPTER, 1 by default) every 20 ms and
 * prints one line at the end: "orphans N seconds S longest_over_10_ms M left Z".
 */
#include <dirent.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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
pause_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	nanosleep(&t, NULL);
}

static int
is_zombie_of(const char *pid, int adopter)
{
	char path[300], buf[512], state;
	int parent;
	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return 0;
	size_t n = fread(buf, 1, sizeof buf - 1, f);
	fclose(f);
	buf[n] = 0;
	const char *rest = strrchr(buf, ')');
	return rest && sscanf(rest + 1, " %c %d", &state, &parent) == 2 && state == 'Z' &&
		parent == adopter;
}

static int
count_zombies(int adopter)
{
	DIR *d = opendir("/proc");
	if (!d) {
		perror("orphans: /proc");
		exit(99);
	}
	int n = 0;
	for (const struct dirent *e; (e = readdir(d));)
		n += isdigit((unsigned char)e->d_name[0]) && is_zombie_of(e->d_name, adopter);
	closedir(d);
	return n;
}

static void
make_orphan(unsigned r)
{
	pid_t middle = fork();
	if (middle == 0) {
		pid_t orphan = fork();
		if (orphan == 0) {
			pause_us((long)(r % 30000));
			_exit((int)(r % 256));
		}
		_exit(orphan < 0);
	}
	int status;
	if (middle < 0 || waitpid(middle, &status, 0) != middle || status != 0) {
		perror("orphans: fork");
		exit(98);
	}
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		return 99;
	long n = atol(argv[1]), rate = atol(argv[2]);
	const char *adopter_text = getenv("SKALDS_ADOPTER");
	int adopter = adopter_text ? atoi(adopter_text) : 1;
	int64_t start = now_ms(), next_sample = start, over_since = 0, longest = 0;

	srand((unsigned)atol(argv[3]));
	for (long i = 0; i < n; i++) {
		make_orphan((unsigned)rand());
		int64_t now = now_ms(), due = start + i * 1000 / rate;
		if (now >= next_sample) {
			next_sample = now + 20;
			if (count_zombies(adopter) <= 10)
				over_since = 0;
			else if (!over_since)
				over_since = now;
			if (over_since && now - over_since > longest)
				longest = now - over_since;
		}
		if (due > now)
			pause_us((long)(due - now) * 1000);
	}
	pause_us(500000);
	printf("orphans %ld seconds %lld longest_over_10_ms %lld left %d\n", n,
		(long long)(now_ms() - start) / 1000, (long long)longest, count_zombies(adopter));
	return 0;
}
