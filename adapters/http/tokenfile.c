#include "adapters/http/tokenfile.h"
#include "core/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading ---- */

/* Who can write it can let anybody in; who can read it learns who is let in. */
static enum sk_code
check_mode(const char *path, const struct stat *st, struct sk_err *err)
{
	if (!S_ISREG(st->st_mode))
		return sk_fail(err, SK_EINVAL, "%s is not a file", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return sk_fail(err, SK_EINVAL, "%s belongs to another user: chown %u %s", path,
			(unsigned)geteuid(), path);
	if ((st->st_mode & 0137) != 0)
		return sk_fail(err, SK_EINVAL, "%s can be used by others (mode %04o): chmod 600 %s", path,
			(unsigned)st->st_mode & 07777, path);
	return SK_OK;
}

static enum sk_code
read_all(int fd, const char *path, struct sk_str *text, struct sk_err *err)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return sk_fail_errno(err, "%s", path);
		sk_str_add(text, buf, (size_t)n);
		if (text->len > SK_TOKENFILE_MAX)
			return sk_fail(
				err, SK_EINVAL, "%s is longer than a file of tokens can be (1 MiB)", path);
	}
	return SK_OK;
}

/* The text, checked: what is wrong with it is said now and not when the next one reads it. */
static enum sk_code
load(
	const char *path, struct sk_str *text, struct stat *st, struct sk_tokens *t, struct sk_err *err)
{
	/* what is no file is not waited for */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum sk_code code;

	if (fd == -1 && errno == ENOENT)
		return sk_fail(err, SK_ENOENT, "%s is not there", path);
	if (fd == -1)
		return sk_fail_errno(err, "%s", path);
	code = fstat(fd, st) == 0 ? check_mode(path, st, err) : sk_fail_errno(err, "%s", path);
	if (code == SK_OK)
		code = read_all(fd, path, text, err);
	close(fd);
	if (code == SK_OK && sk_tokens_parse(t, sk_str_text(text), text->len, err) != SK_OK)
		code = sk_wrap(err, path);
	return code;
}

enum sk_code
sk_tokenfile_read(const char *path, struct sk_tokens *t, struct sk_err *err)
{
	struct sk_str text = SK_STR_INIT;
	struct stat st;
	enum sk_code code = load(path, &text, &st, t, err);

	sk_str_release(&text);
	return code;
}

/* ---- changing ---- */

/* The directory is locked meanwhile: the file itself is another one afterwards. */
struct change {
	char *path; /* not a link */
	char *dir, *temp;
	int dir_fd;
	struct sk_str text;
	struct sk_tokens tokens;
	struct stat st;
	bool is_new;
};

static enum sk_code
begin(struct change *c, const char *path, struct sk_err *err)
{
	const char *slash;
	enum sk_code code;

	*c = (struct change){ .dir_fd = -1, .text = SK_STR_INIT };
	c->path = realpath(path, NULL);
	if (c->path == NULL && errno != ENOENT)
		return sk_fail_errno(err, "%s", path);
	if (c->path == NULL)
		c->path = sk_xstrdup(path);
	slash = strrchr(c->path, '/');
	c->dir = slash == NULL ? sk_xstrdup(".")
						   : sk_xstrndup(c->path, slash > c->path ? (size_t)(slash - c->path) : 1);
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd == -1 || flock(c->dir_fd, LOCK_EX) != 0)
		return sk_fail_errno(err, "%s", c->dir);
	code = load(c->path, &c->text, &c->st, &c->tokens, err);
	c->is_new = code == SK_ENOENT;
	return c->is_new ? SK_OK : code;
}

static enum sk_code
write_all(int fd, const char *path, const struct sk_str *text, struct sk_err *err)
{
	for (size_t at = 0; at < text->len;) {
		ssize_t n = write(fd, text->p + at, text->len - at);

		if (n == -1 && errno != EINTR)
			return sk_fail_errno(err, "%s", path);
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? SK_OK : sk_fail_errno(err, "%s", path);
}

/* Who may use it stays as it was. A new one that root makes is for whoever has the directory. */
static bool
give(const struct change *c, int fd)
{
	struct stat st = c->st;

	if (c->is_new && geteuid() != 0)
		return true; /* 0600 and ours, as mkostemp makes it */
	if (c->is_new && fstat(c->dir_fd, &st) != 0)
		return false;
	return fchown(fd, st.st_uid, st.st_gid) == 0 &&
		fchmod(fd, c->is_new ? 0600 : st.st_mode & 0777) == 0;
}

static enum sk_code
write_temp(struct change *c, struct sk_err *err)
{
	int fd;
	enum sk_code code = SK_OK;

	c->temp = sk_xasprintf("%s.XXXXXX", c->path);
	fd = mkostemp(c->temp, O_CLOEXEC);
	if (fd == -1)
		return sk_fail_errno(err, "%s cannot be written", c->path);
	if (!give(c, fd))
		code = sk_fail_errno(err, "%s", c->temp);
	if (code == SK_OK)
		code = write_all(fd, c->path, &c->text, err);
	close(fd);
	if (code != SK_OK)
		unlink(c->temp);
	return code;
}

static enum sk_code
replace(struct change *c, struct sk_err *err)
{
	enum sk_code code = write_temp(c, err);

	if (code != SK_OK)
		return code;
	if (rename(c->temp, c->path) != 0) {
		code = sk_fail_errno(err, "%s", c->path);
		unlink(c->temp);
		return code;
	}
	return fsync(c->dir_fd) == 0 ? SK_OK : sk_fail_errno(err, "%s", c->dir);
}

static void
finish(struct change *c)
{
	if (c->dir_fd != -1)
		close(c->dir_fd);
	sk_tokens_release(&c->tokens);
	sk_str_release(&c->text);
	free(c->temp);
	free(c->dir);
	free(c->path);
}

/* "cert:NAME" is a certificate. */
static const struct sk_token *
find(const struct sk_tokens *t, const char *name)
{
	const bool certificate = strncmp(name, "cert:", 5) == 0;

	if (certificate)
		return sk_tokens_certificate(t, name + 5);
	for (size_t i = 0; i < t->n; i++)
		if (!t->items[i].certificate && strcmp(t->items[i].name, name) == 0)
			return &t->items[i];
	return NULL;
}

enum sk_code
sk_tokenfile_add(const char *path, const char *name, const char *line, struct sk_err *err)
{
	struct change c;
	enum sk_code code = begin(&c, path, err);

	if (code == SK_OK && find(&c.tokens, name) != NULL)
		code = sk_fail(err, SK_ECONFLICT, "%s has a token %s already", path, name);
	if (code == SK_OK) {
		if (c.text.len > 0 && c.text.p[c.text.len - 1] != '\n')
			sk_str_addc(&c.text, '\n');
		sk_str_adds(&c.text, line);
		code = replace(&c, err);
	}
	finish(&c);
	return code;
}

/* Cut the line with this number, which is there, out of the text. */
static void
remove_line(struct sk_str *text, int line)
{
	size_t from = 0, to;

	if (text->p == NULL)
		return;
	for (int i = 1; i < line; i++)
		from += strcspn(text->p + from, "\n") + 1;
	to = from + strcspn(text->p + from, "\n");
	to += text->p[to] == '\n' ? 1 : 0;
	memmove(text->p + from, text->p + to, text->len - to + 1); /* with the NUL */
	text->len -= to - from;
}

enum sk_code
sk_tokenfile_remove(const char *path, const char *name, struct sk_err *err)
{
	struct change c;
	enum sk_code code = begin(&c, path, err);
	const struct sk_token *token = code == SK_OK ? find(&c.tokens, name) : NULL;

	if (token != NULL) {
		remove_line(&c.text, token->line);
		code = replace(&c, err);
	} else if (code == SK_OK)
		code = sk_fail(err, SK_ENOENT, "%s has no token %.64s", path, name);
	finish(&c);
	return code;
}
