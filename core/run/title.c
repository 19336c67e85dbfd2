#include "core/run/title.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
sk_title_find(struct sk_title *t)
{
	char buf[2048];
	unsigned long long at[4];
	const char *p;
	ssize_t n;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	*t = (struct sk_title){ NULL, NULL, NULL, NULL };
	if (fd == -1)
		return;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	p = strrchr(buf, ')');
	/* fields 48 to 51; field 3 stands behind the name's bracket */
	for (int field = 2; p != NULL && field < 48; field++)
		p = strchr(p + 1, ' ');
	if (p == NULL || sscanf(p, " %llu %llu %llu %llu", &at[0], &at[1], &at[2], &at[3]) != 4 ||
		at[0] == 0 || at[1] < at[0] || at[3] < at[2])
		return; /* zeros: not ours to see */
	t->arg = (char *)(uintptr_t)at[0];
	t->arg_end = (char *)(uintptr_t)at[1];
	t->env = (char *)(uintptr_t)at[2];
	t->env_end = (char *)(uintptr_t)at[3];
}

void
sk_title_set(const struct sk_title *t, const char *text)
{
	size_t room = t->arg != NULL ? (size_t)(t->arg_end - t->arg) : 0, len = strlen(text);

	if (room < 2)
		return;
	if (len > room - 1)
		len = room - 1;
	memset(t->arg, '\0', room); /* the last byte must be NUL: else the kernel reads on */
	memcpy(t->arg, text, len);
}

bool
sk_title_marks(const struct sk_title *t, const char *const *entries)
{
	char *at = t->env;
	size_t room, need = 0;

	if (at == NULL)
		return false;
	room = (size_t)(t->env_end - at);
	for (const char *const *e = entries; *e != NULL; e++)
		need += strlen(*e) + 1;
	if (need > room)
		return false;
	memset(at, '\0', room);
	for (; *entries != NULL; entries++) {
		size_t len = strlen(*entries) + 1;

		memcpy(at, *entries, len);
		at += len;
	}
	return true;
}
