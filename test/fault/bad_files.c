/* bad_files.c - writes files of tasks that are wrong in one way each, and a list of them.
 *
 *	bad_files DIR SEED LABELLED MUTATED
 *
 * DIR/list has one line a file: NAME <tab> bad|any <tab> LINE <tab> WORDS. "bad" must be refused;
 * LINE is where the mistake was made (0: not said) and WORDS stand in what is printed there.
 * "any" may be right by chance.
 */
#include "bad_files.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)2 << 20)

static struct {
	char *text;
	size_t n;
	int line; /* the one being written */
	int mistake_line;
	const char *words;
	uint64_t random;
	const char *dir;
	FILE *list;
	unsigned files;
} g;

static void
die(const char *what)
{
	fprintf(stderr, "bad_files: %s: %s\n", what, strerror(errno));
	exit(2);
}

static unsigned
pick(unsigned n)
{
	g.random ^= g.random << 13;
	g.random ^= g.random >> 7;
	g.random ^= g.random << 17;
	return (unsigned)((g.random >> 11) % n);
}

/* ---- text ---- */

static void
raw(const char *p, size_t n)
{
	if (g.n + n > MAX_TEXT) {
		errno = EFBIG;
		die("text");
	}
	memcpy(g.text + g.n, p, n);
	g.n += n;
}

static void
begin(void)
{
	g.n = 0;
	g.line = 1;
	g.mistake_line = 0;
	g.words = "";
}

/* One whole line. */
__attribute__((format(printf, 1, 2))) static void
line(const char *fmt, ...)
{
	char buf[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	raw(buf, (size_t)n);
	raw("\n", 1);
	g.line++;
}

/* The line that is written next is the wrong one. */
static void
here(const char *words)
{
	g.mistake_line = g.line;
	g.words = words;
}

static void
noise(void)
{
	if (pick(6) == 0)
		line("%s", pick(2) == 0 ? "" : "    # a comment: with [brackets and \"quotes");
}

static void
repeat(const char *what, size_t times)
{
	while (times-- > 0 && g.n + strlen(what) <= MAX_TEXT)
		raw(what, strlen(what));
}

/* ---- files ---- */

/* Now and then with the line ends of another system, or a byte order mark. */
static void
dress(void)
{
	char *old = g.text;
	size_t n = g.n;
	bool crlf = pick(4) == 0, mark = pick(8) == 0;

	if (!crlf && !mark)
		return;
	g.text = malloc(MAX_TEXT);
	if (g.text == NULL)
		die("memory");
	g.n = 0;
	if (mark)
		raw("\xef\xbb\xbf", 3);
	for (size_t i = 0; i < n; i++) {
		if (crlf && old[i] == '\n')
			raw("\r", 1);
		raw(old + i, 1);
	}
	free(old);
}

static void
save(const char *kind)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%05u.yml", g.dir, g.files);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(g.text, 1, g.n, f) != g.n || fclose(f) != 0)
		die(path);
	fprintf(g.list, "%05u.yml\t%s\t%d\t%s\n", g.files++, kind, g.mistake_line, g.words);
}

/* ---- tasks that are right ---- */

static void
open_task(unsigned i, const char *class)
{
	noise();
	line("  Task%u:", i);
	noise();
	line("    className: %s", class);
}

static void
good_task(unsigned i)
{
	switch (pick(4)) {
	case 0:
		open_task(i, "MyWorker");
		line("    attachments:");
		line("      rtspUrl: rtsp://192.168.1.1/camera%u", i);
		noise();
		line("      %s: %u", pick(2) == 0 ? "fixFrame" : "fix_frame", pick(100));
		break;
	case 1:
		open_task(i, "ComplexWorker");
		line("    attachments: {jobId: 'job-%u', retries: %u}", i, pick(9));
		line("    isPersistent: false");
		break;
	case 2:
		open_task(i, "Exec");
		line("    attachments:");
		line("      command:");
		line("        - /bin/echo");
		line("        - \"%u: [x\"", i);
		line("      stdin: |");
		line("        a: b: c");
		line("%s", "");
		line("        - [");
		line("    retry: {maxAttempts: %u}", 1 + pick(5));
		break;
	default:
		open_task(i, "Sleep");
		line("    attachments: {seconds: 1.5}   # a nap");
		line("    priority: %u", pick(11));
		break;
	}
}

/* ---- mistakes ---- */

static void
bad_task(const struct mistake *m)
{
	line("  Bad:");
	for (size_t i = 0; i < 6 && m->before[i] != NULL; i++) {
		noise();
		line("%s", m->before[i]);
	}
	/* A comment would end a plain text, and so be another mistake. */
	here(m->words);
	line("%s", m->wrong);
	for (size_t i = 0; i < 3 && m->after[i] != NULL; i++)
		line("%s", m->after[i]);
}

/* Mistakes in what stands between tasks. */
static void
odd_task(unsigned kind)
{
	switch (kind) {
	case 0:
		here("duplicate key, first given in line");
		line("  Task0:");
		line("    className: Sleep");
		return;
	case 1:
		here("an id cannot contain any of");
		line("  a/b: {className: Sleep, attachments: {seconds: 1}}");
		return;
	case 2:
		here("missing key \"className\"");
		line("  Bad:");
		line("    attachments: {seconds: 1}");
		return;
	case 3:
		here("expected map with className, got nothing");
		line("  Bad:");
		return;
	case 4:
		here("expected map with className, got \"soon\"");
		line("  Bad: soon");
		return;
	case 5:
		here("a second document starts here");
		line("---");
		return;
	case 6:
		line("  Bad: {className: Sleep, attachments: {seconds: 1}, dependencies: [Worse]}");
		here("form a cycle: Bad -> Worse -> Bad");
		line("  Worse: {className: Sleep, attachments: {seconds: 1}, dependencies: [Bad]}");
		return;
	default:
		here("");
		line("  - a list");
		return;
	}
}

#define N_ODD 8

static void
labelled(unsigned i)
{
	unsigned tasks = 1 + pick(8), at = 1 + pick(tasks), kind = i % (N_MISTAKES + N_ODD);

	begin();
	noise();
	line("TaskWorkers:");
	for (unsigned t = 0; t <= tasks; t++) {
		if (t == at && kind < N_MISTAKES)
			bad_task(&mistakes[kind]);
		else if (t == at)
			odd_task(kind - (unsigned)N_MISTAKES);
		else
			good_task(t);
	}
	dress();
	save("bad");
}

/* ---- damage ---- */

static const char *const pieces[] = {
	"[",
	"]",
	"{",
	"}",
	": ",
	"- ",
	"? ",
	"&a ",
	"*a",
	"!x ",
	"|\n",
	">\n",
	"\"",
	"'",
	"#",
	"%",
	"\n",
	"\t",
	"  ",
	"---\n",
	"...\n",
	"\xff",
	"~",
	"<<: ",
	",",
	"\\",
	"0x",
	"\r",
	"\xe2\x80\xa8",
};

static void
damage(void)
{
	size_t at = pick((unsigned)g.n + 1), len = 1 + pick(8);
	const char *piece = pieces[pick(sizeof(pieces) / sizeof(pieces[0]))];

	if (at + len > g.n)
		len = g.n - at;
	switch (pick(5)) {
	case 0: /* another byte */
		if (at < g.n)
			g.text[at] = (char)pick(256);
		break;
	case 1: /* something is missing */
		memmove(g.text + at, g.text + at + len, g.n - at - len);
		g.n -= len;
		break;
	case 2: /* the rest is missing */
		g.n = at;
		break;
	default: /* something that does not belong there */
		len = strlen(piece);
		raw(piece, len);
		memmove(g.text + at + len, g.text + at, g.n - len - at);
		memcpy(g.text + at, piece, len);
		break;
	}
}

static void
mutated(void)
{
	begin();
	line("TaskWorkers:");
	for (unsigned t = 0, n = 1 + pick(5); t < n; t++)
		good_task(t);
	for (unsigned i = 1 + pick(4); i > 0; i--)
		damage();
	save("any");
}

/* ---- bombs ---- */

static void
alias_bomb(void)
{
	begin();
	line("a: &a [x,x,x,x,x,x,x,x,x]");
	for (char c = 'b'; c < 'j'; c++)
		line("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]", c, c, c - 1, c - 1, c - 1, c - 1,
			c - 1, c - 1, c - 1, c - 1, c - 1);
	line("TaskWorkers: {}");
	g.mistake_line = 4;
	g.words = "more than 1024 values";
	save("bad");
}

static void
anchor_bomb(void)
{
	begin();
	line("TaskWorkers:");
	for (int i = 0; i < 70; i++)
		line("  t%d: &a%d {className: Sleep, attachments: {seconds: 1}}", i, i);
	g.mistake_line = 66;
	g.words = "more than 64 anchors";
	save("bad");
}

static void
all_bombs(void)
{
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		begin();
		repeat(bombs[i].head, 1);
		repeat(bombs[i].body, bombs[i].times);
		repeat(bombs[i].tail, 1);
		g.words = bombs[i].words;
		save("bad");
	}
	begin();
	raw("TaskWorkers:\n  a\0b: 1\n", 23);
	g.mistake_line = 2;
	g.words = "NUL";
	save("bad");
	begin();
	raw("T\0a\0s\0k\0", 8);
	g.words = "UTF-16";
	save("bad");
	begin();
	g.words = "empty";
	save("bad");
	alias_bomb();
	anchor_bomb();
}

int
main(int argc, char **argv)
{
	char path[4096];

	if (argc != 5) {
		fputs("bad_files DIR SEED LABELLED MUTATED\n", stderr);
		return 2;
	}
	g.dir = argv[1];
	g.random = strtoull(argv[2], NULL, 10) * 2654435761U + 88172645463325252U;
	snprintf(path, sizeof(path), "%s/list", g.dir);
	g.list = fopen(path, "w");
	g.text = malloc(MAX_TEXT);
	if (g.list == NULL || g.text == NULL)
		die(path);
	for (unsigned i = 0, n = (unsigned)strtoul(argv[3], NULL, 10); i < n; i++)
		labelled(i);
	for (unsigned i = 0, n = (unsigned)strtoul(argv[4], NULL, 10); i < n; i++)
		mutated();
	all_bombs();
	if (fclose(g.list) != 0)
		die(path);
	free(g.text);
	printf("%u\n", g.files);
	return 0;
}
