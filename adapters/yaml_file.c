/* yaml_file.c - reading the file itself. */
#include "adapters/yaml.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Up to one byte more than is allowed: a file that never ends is too large, not an endless read. */
static bool
read_all(int fd, struct sk_str *out)
{
	char *chunk = sk_xmalloc(65536);
	ssize_t n = 0;

	while (out->len <= SK_YAML_MAX_BYTES) {
		n = read(fd, chunk, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		sk_str_add(out, chunk, (size_t)n);
	}
	free(chunk);
	return n >= 0;
}

struct sk_value *
sk_yaml_file(const char *path, struct sk_arena *a, struct sk_problems *p)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct sk_str text = SK_STR_INIT;
	struct sk_value *v = NULL;

	if (fd < 0) {
		sk_problem(p, 0, 0, "", "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	if (read_all(fd, &text))
		v = sk_yaml_parse(sk_str_text(&text), text.len, a, p);
	else
		sk_problem(p, 0, 0, "", "cannot be read: %s", strerror(errno));
	if (!standard)
		close(fd);
	sk_str_release(&text);
	return v;
}
