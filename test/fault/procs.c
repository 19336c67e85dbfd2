/* procs.c - finds processes by what they carry, without racing a shell loop over /proc.
 *
 *	procs arg TEXT		pids of which one argument is TEXT
 *	procs env NAME=VALUE	pids whose first environment has exactly this entry
 *	procs exe PATH		pids that run this file
 *	procs zombies PPID	zombies whose parent is PPID
 *	procs tree PID		PID and all its living descendants
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PIDS = 65536 };

struct process {
	int pid, parent;
	char state;
};

static size_t
read_file(int pid, const char *name, char *buf, size_t cap)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size_t n = 0;
	ssize_t r;
	while (n < cap - 1 && (r = read(fd, buf + n, cap - 1 - n)) > 0)
		n += (size_t)r;
	close(fd);
	buf[n] = 0;
	return n;
}

/* True when one of the NUL-ended strings is text. */
static bool
has_string(int pid, const char *name, const char *text)
{
	static char buf[1 << 20];
	size_t n = read_file(pid, name, buf, sizeof buf);
	for (size_t i = 0; i < n; i += strlen(buf + i) + 1)
		if (strcmp(buf + i, text) == 0)
			return true;
	return false;
}

static bool
runs_file(int pid, const char *path)
{
	char link[64], target[PATH_MAX];
	snprintf(link, sizeof link, "/proc/%d/exe", pid);
	ssize_t n = readlink(link, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return strcmp(target, path) == 0;
}

/* The name in stat may hold blanks and brackets: what counts stands behind the last bracket. */
static bool
read_stat(int pid, struct process *p)
{
	char buf[1024];
	if (!read_file(pid, "stat", buf, sizeof buf))
		return false;
	const char *rest = strrchr(buf, ')');
	p->pid = pid;
	return rest && sscanf(rest + 1, " %c %d", &p->state, &p->parent) == 2;
}

static size_t
all_processes(struct process *list)
{
	DIR *d = opendir("/proc");
	if (!d) {
		perror("procs: /proc");
		exit(2);
	}
	size_t n = 0;
	for (const struct dirent *e; (e = readdir(d));)
		if (isdigit((unsigned char)e->d_name[0]) && n < MAX_PIDS &&
			read_stat(atoi(e->d_name), &list[n]))
			n++;
	closedir(d);
	return n;
}

/* Parents may have higher numbers than children, so mark until nothing changes. */
static void
print_tree(const struct process *list, size_t n, int root)
{
	static bool in[MAX_PIDS];
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < n; i++) {
			bool hit = list[i].pid == root;
			for (size_t j = 0; j < n && !hit; j++)
				hit = in[j] && list[j].pid == list[i].parent;
			if (hit && !in[i])
				again = in[i] = true;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (in[i] && list[i].state != 'Z')
			printf("%d\n", list[i].pid);
}

int
main(int argc, char **argv)
{
	static struct process list[MAX_PIDS];
	if (argc != 3) {
		fputs("usage: procs arg|env|exe|zombies|tree WHAT\n", stderr);
		return 2;
	}
	const char *how = argv[1], *what = argv[2];
	size_t n = all_processes(list);
	if (strcmp(how, "tree") == 0)
		print_tree(list, n, atoi(what));
	for (size_t i = 0; i < n; i++) {
		const struct process *p = &list[i];
		if (p->pid == getpid() || p->pid == getppid())
			continue;
		bool hit = (strcmp(how, "arg") == 0 && has_string(p->pid, "cmdline", what)) ||
			(strcmp(how, "env") == 0 && has_string(p->pid, "environ", what)) ||
			(strcmp(how, "exe") == 0 && runs_file(p->pid, what)) ||
			(strcmp(how, "zombies") == 0 && p->state == 'Z' && p->parent == atoi(what));
		if (hit)
			printf("%d\n", p->pid);
	}
	return 0;
}
