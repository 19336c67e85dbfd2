/* fakehub.c - an owner of a data directory that behaves as it is told: holds DIR/owner.lock, listens
 * on DIR/skalds.sock, answers HTTP.
 *
 *	fakehub DIR ACTION…
 *	fakehub tcp:FILE ACTION…	on a free port of 127.0.0.1 instead; FILE gets its number, and the
 *					header Authorization is printed in front of each request
 *
 * Each request gets the next action, the last one is repeated:
 *	STATUS BODY	as one word, "201:{…}": this answer; also "200+Name: value:BODY" with a header
 *	cut		the connection is closed when the whole request has arrived
 *	gone		cut, and nobody listens (the lock is kept) for half a second
 *	hang		no answer at all
 * Every request is printed as "METHOD PATH BODY" (newlines as |) before it is answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <unistd.h>

static char buf[8 << 20];

static int
listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || strlen(path) >= sizeof a.sun_path)
		return -1;
	memcpy(a.sun_path, path, strlen(path) + 1);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0)
		return -1;
	return fd;
}

/* The length of the whole request at buf, 0 when more must come. */
static size_t
whole(size_t n)
{
	char *end, *p;
	size_t body = 0;

	buf[n] = '\0';
	end = strstr(buf, "\r\n\r\n");
	if (!end)
		return 0;
	for (p = buf; p < end; p++)
		if (strncasecmp(p, "\ncontent-length:", 16) == 0)
			body = strtoul(p + 16, NULL, 10);
	body += (size_t)(end - buf) + 4;
	return n >= body ? body : 0;
}

static int
listen_tcp(const char *file)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *f;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) != 0 || !(f = fopen(file, "w")))
		return -1;
	fprintf(f, "%d\n", ntohs(a.sin_port));
	return fclose(f) == 0 ? fd : -1;
}

static void
print_request(size_t n, int tcp)
{
	char *line_end = strstr(buf, " HTTP/"), *body = strstr(buf, "\r\n\r\n") + 4;
	char *token = tcp ? strstr(buf, "\r\nAuthorization: ") : NULL;

	if (token)
		printf("[%.*s] ", (int)strcspn(token + 17, "\r"), token + 17);
	printf("%.*s ", (int)(line_end - buf), buf);
	for (char *p = body; p < buf + n; p++)
		putchar(*p == '\n' ? '|' : *p);
	putchar('\n');
	fflush(stdout);
}

static int
answer(int fd, const char *action)
{
	int status = atoi(action);
	const char *body = action + strcspn(action, "+:");
	char head[1024], extra[512] = "";

	if (*body == '+') { /* Name: value:BODY */
		const char *value = strchr(body + 1, ':'), *end = value ? strchr(value + 1, ':') : NULL;

		if (!end)
			return -1;
		snprintf(extra, sizeof extra, "%.*s\r\n", (int)(end - body - 1), body + 1);
		body = end;
	}
	body += *body == ':';
	snprintf(head, sizeof head,
		"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n", status,
		extra, strlen(body));
	if (write(fd, head, strlen(head)) < 0 || write(fd, body, strlen(body)) < 0)
		return -1;
	return 0;
}

static int
own(const char *dir)
{
	char path[512];
	int lock;

	mkdir(dir, 0700);
	snprintf(path, sizeof path, "%s/owner.lock", dir);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock == -1 || flock(lock, LOCK_EX | LOCK_NB) != 0)
		return 0;
	dprintf(lock, "%d\n", (int)getpid());
	return 1; /* locked until the end */
}

int
main(int argc, char **argv)
{
	char path[512];
	int next = 2, srv, tcp = argc > 1 && strncmp(argv[1], "tcp:", 4) == 0;

	if (argc < 3)
		return 99;
	signal(SIGPIPE, SIG_IGN);
	if (!tcp && !own(argv[1]))
		return 98;
	snprintf(path, sizeof path, "%s/skalds.sock", argv[1]);
	srv = tcp ? listen_tcp(argv[1] + 4) : listen_at(path);
	if (srv == -1)
		return 97;
	for (;;) {
		int fd = accept(srv, NULL, NULL);
		size_t n = 0, len;
		ssize_t got;

		while (fd != -1 && (got = read(fd, buf + n, sizeof buf - n - 1)) > 0) {
			const char *action;

			n += (size_t)got;
			len = whole(n);
			if (len == 0)
				continue;
			action = argv[next < argc ? next : argc - 1];
			next += next < argc;
			print_request(len, tcp);
			memmove(buf, buf + len, n -= len);
			if (strcmp(action, "hang") == 0)
				pause();
			if (strcmp(action, "gone") == 0) {
				close(srv);
				unlink(path);
				close(fd);
				usleep(500000);
				srv = listen_at(path);
				fd = -1;
				break;
			}
			if (strcmp(action, "cut") == 0 || answer(fd, action) != 0)
				break;
		}
		if (fd != -1)
			close(fd);
	}
}
