/* bad_files.c - writes files of tasks that are wrong in one way each, and a list of them.
 *
 *	bad_files DIR SEED LABELLED MUTATED
 *
 * DIR/list has one line a file: NAME <tab> bad|any <tab> LINE <tab> WORDS. "bad" must be refused;
 * LINE is where the mistake was made (0: not said) and WORDS stand in what is printed there.
 * "any" may be right by chance.
 */
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
	int line;		/* the one being written */
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

struct mistake {
	const char *words;	/* what must stand in the message */
	const char *wrong;
	const char *before[6];	/* lines of the task before it, behind "  Bad:" */
	const char *after[3];	/* and behind it */
};

#define CAMERA "    className: MyWorker", "    attachments:", "      rtspUrl: rtsp://x"
#define NAP "    className: Sleep", "    attachments: {seconds: 1}"
#define ECHO_ "    className: Exec", "    attachments:"

static const struct mistake mistakes[] = {
	{ "expected integer, got \"ten\"", "      fixFrame: ten", { CAMERA }, { NULL } },
	{ "expected integer, got \"ten\"", "      fixFrame: 'ten'", { CAMERA }, { "      steps: 3" } },
	{ "(write it without quotes)", "      fixFrame: \"10\"", { CAMERA }, { NULL } },
	{ "expected integer, got 1.5", "      fix_frame: 1.5", { CAMERA }, { NULL } },
	{ "expected integer, got nothing", "      fixFrame:", { CAMERA }, { "      steps: 3" } },
	{ "expected integer, got null", "      fixFrame: ~", { CAMERA }, { NULL } },
	{ "expected integer, got a list", "      fixFrame: [1]", { CAMERA }, { NULL } },
	{ "expected integer, got a map", "      fixFrame: {a: 1}", { CAMERA }, { NULL } },
	{ "does not fit 64 bits", "      fixFrame: 123456789012345678901234567890", { CAMERA }, { NULL } },
	{ "did you mean \"fixFrame\"?", "      fixFram: 1", { CAMERA, "      fix_frame: 2" }, { NULL } },
	{ "unknown key, known are:", "      colour: red", { CAMERA, "      fixFrame: 2" }, { NULL } },
	{ "duplicate key, first given in line", "      rtspUrl: y", { CAMERA }, { "      fixFrame: 1" } },
	{ "is the same", "      rtsp_url: y", { CAMERA }, { "      fixFrame: 1" } },
	{ "missing key \"rtspUrl\"", "    attachments:", { "    className: MyWorker" },
	  { "      fixFrame: 3" } },
	{ "missing key \"seconds\"", "    attachments: {}", { "    className: Sleep" }, { NULL } },
	{ "(write it in quotes)", "      rtspUrl: 10", { "    className: MyWorker", "    attachments:" },
	  { "      fixFrame: 3" } },
	{ "(write it in quotes)", "        - 5", { ECHO_, "      command:", "        - echo" },
	  { "        - x" } },
	{ "must be 0 to", "      seconds: -1", { "    className: Sleep", "    attachments:" }, { NULL } },
	{ "must be finite", "      seconds: .nan", { "    className: Sleep", "    attachments:" }, { NULL } },
	{ "missing key \"name\"", "        - duration: 1", { "    className: ComplexWorker",
	  "    attachments:", "      jobId: j", "      sub_tasks:", "        - name: a" }, { NULL } },
	{ "must be 0 to 1, got 2", "          fail_chance: 2", { "    className: ComplexWorker",
	  "    attachments:", "      jobId: j", "      sub_tasks:", "        - name: a" }, { NULL } },
	{ "did you mean \"MyWorker\"?", "    className: MyWroker", { NULL }, { "    attachments: {}" } },
	{ "unknown class \"Recorder\"", "    className: Recorder", { NULL }, { NULL } },
	{ "expected string, got 7", "    className: 7", { NULL }, { NULL } },
	{ "(write true or false)", "    isPersistent: yes", { NAP }, { NULL } },
	{ "must be 0 to 10, got 11", "    priority: 11", { NAP }, { NULL } },
	{ "must be 0 to 10, got -1", "    priority: -1", { NAP }, { "    restart: never" } },
	{ "must be 0 to 315360000", "    timeoutSeconds: 1e10", { NAP }, { NULL } },
	{ "did you mean \"timeoutSeconds\"?", "    timeoutSecond: 1", { NAP }, { NULL } },
	{ "did you mean \"dependencies\"?", "    dependancies: []", { NAP }, { NULL } },
	{ "did you mean \"always\"?", "    restart: alwys", { NAP }, { NULL } },
	{ "applies only with restart: never", "    retry: {maxAttempts: 2}",
	  { NAP, "    restart: always" }, { NULL } },
	{ "must be 1 to 1000000, got 0", "      maxAttempts: 0", { NAP, "    retry:" }, { NULL } },
	{ "is larger than maxBackoffSeconds", "    retry: {backoffSeconds: 9, maxBackoffSeconds: 1}", { NAP },
	  { NULL } },
	{ "there is no task \"Nobody\"", "    dependencies: [Nobody]", { NAP }, { NULL } },
	{ "depends on itself", "      - Bad", { NAP, "    dependencies:" }, { NULL } },
	{ "expected list of strings", "    dependencies: Bad", { NAP }, { NULL } },
	{ "expected number, got \"much\"", "    resources: {cpus: much}", { NAP }, { NULL } },
	{ "expected map", "    attachments: [1]", { "    className: Sleep" }, { NULL } },
	{ "a tab cannot indent", "\tpriority: 1", { NAP }, { NULL } },
	{ "inside a value", "    priority: 1: 2", { NAP }, { NULL } },
	{ "wrong indentation", "     priority: 1", { "    className: Sleep" }, { NULL } },
	{ "wrong indentation", "   priority: 1", { NAP }, { NULL } },
	{ "this [ is never closed", "    dependencies: [Task0, Task1", { NAP }, { "    priority: 1" } },
	{ "this { is never closed", "    retry: {maxAttempts: 2", { NAP }, { "    priority: 1" } },
	{ "", "    description: \"no end", { NAP }, { "    priority: 1" } },
	{ "", "    description: 'no end", { NAP }, { "    priority: 1" } },
	{ "cannot start with '@'", "    priority: @1", { NAP }, { NULL } },
	{ "cannot start with '`'", "    priority: `1", { NAP }, { NULL } },
	{ "invalid escape", "    className: \"\\q\"", { NULL }, { NULL } },
	{ "expected \": \" behind the key", "    priority 1", { NAP }, { "    restart: never" } },
	{ "there is no anchor", "    priority: *high", { NAP }, { NULL } },
	{ "inside its own anchor", "    attachments: &a {seconds: *a}", { "    className: Sleep" }, { NULL } },
	{ "merge keys", "    <<: {priority: 1}", { NAP }, { NULL } },
	{ "is not supported here", "    priority: !high 1", { NAP }, { NULL } },
	{ "does not fit its tag", "    priority: !!int x", { NAP }, { NULL } },
	{ "a list or map cannot be a key", "    ? [a, b]", { NAP }, { "    : 1" } },
	{ "not valid UTF-8", "    priority: \"\xff\"", { NAP }, { NULL } },
	{ "not valid UTF-8", "    priority: \xc3", { NAP }, { NULL } },
	{ "control character 0x1b", "    priority: \x1b[31m1", { NAP }, { NULL } },
	{ "cannot contain a NUL", "    className: \"Sle\\0ep\"", { NULL }, { NULL } },
	{ "a line cannot start with %", "%TAG ! tag:x,2000:", { NAP }, { NULL } },
	{ "nested deeper than 64", "    attachments: {a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
	  "[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",{ "    className: Sleep" }, { NULL } },
};

#define N_MISTAKES (sizeof(mistakes) / sizeof(mistakes[0]))

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
	"[", "]", "{", "}", ": ", "- ", "? ", "&a ", "*a", "!x ", "|\n", ">\n", "\"", "'", "#", "%", "\n",
	"\t", "  ", "---\n", "...\n", "\xff", "~", "<<: ", ",", "\\", "0x", "\r", "\xe2\x80\xa8",
};

static void
damage(void)
{
	size_t at = pick((unsigned)g.n + 1), len = 1 + pick(8);
	const char *piece = pieces[pick(sizeof(pieces) / sizeof(pieces[0]))];

	if (at + len > g.n)
		len = g.n - at;
	switch (pick(5)) {
	case 0:		/* another byte */
		if (at < g.n)
			g.text[at] = (char)pick(256);
		break;
	case 1:		/* something is missing */
		memmove(g.text + at, g.text + at + len, g.n - at - len);
		g.n -= len;
		break;
	case 2:		/* the rest is missing */
		g.n = at;
		break;
	default:	/* something that does not belong there */
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

/* ---- bombs: short to write, expensive for a careless reader ---- */

static const struct { const char *head, *body; size_t times; const char *tail, *words; } bombs[] = {
	{ "", "[", 100000, "", "" }, { "", "{a: ", 100000, "", "" }, { "", "- ", 100000, "x", "64" },
	{ "", "? ", 100000, "", "" }, { "", "[a: ", 100000, "", "" }, { "a: ", "[", 100000, "", "64" },
	{ "TaskWorkers: ", "x", 1048000, "\n", "expected map of tasks" },
	{ "TaskWorkers: \"", "x", 1048000, "", "never closed" },
	{ "TaskWorkers: '", "''", 500000, "'\n", "expected map of tasks" },
	{ "TaskWorkers:\n  a: |\n", "\n", 1000000, "", "blank lines" },
	{ "TaskWorkers:\n  a: >\n", "   x\n", 200000, "", "expected map" },
	{ "", "\n", 1000000, "", "" }, { "", " ", 1000000, "", "" }, { "", "#\n", 500000, "", "empty" },
	{ "? ? ", " ", 1000000, "", "" }, { "%", "Y", 1000000, "", "%" }, { "", "%TAG ! x\n", 100000, "", "%" },
	{ "", "&a ", 300000, "", "" }, { "", "!a ", 300000, "", "" }, { "", "*a ", 300000, "", "" },
	{ "", "&a\n", 300000, "", "" }, { "[", "\"a\" ", 200000, "]", "" }, { "- [", "a,", 500000, "]", "" },
	{ "k: [", "a,", 500000, "]", "" }, { "", "a: 1\n", 100000, "", "duplicate" },
	{ "", "- a\n", 260000, "", "" }, { "", "---\n", 200000, "", "" }, { "", "a: ", 300000, "", "" },
	{ "", "\xff\xfe", 1000, "", "UTF-16" }, { "\xfe\xff", "x", 10, "", "UTF-16" },
	{ "", "\xef\xbb\xbf", 1000, "", "" }, { "", "\x01", 1000, "", "0x01" }, { "", "%\xff", 1, "", "UTF-8" },
	{ "", "\xc3", 100000, "", "UTF-8" }, { "", "x", 1048577, "", "1 MiB" }, { "", "x: y\n", 400000, "", "1 MiB" },
	{ "TaskWorkers:\n", "  a: {className: Sleep, attachments: {seconds: x}}\n", 15000, "", "duplicate" },
	{ "a: \"", "\\x41", 250000, "\"\n", "" }, { "a: \"", "\\\\", 500000, "", "never closed" },
	{ "TaskWorkers:\n  T:\n    className: Exec\n    attachments:\n      command: [", "1,", 200000, "]\n",
	  "write it in quotes" },
};

static void
alias_bomb(void)
{
	begin();
	line("a: &a [x,x,x,x,x,x,x,x,x]");
	for (char c = 'b'; c < 'j'; c++)
		line("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]", c, c, c - 1, c - 1, c - 1, c - 1, c - 1,
			c - 1, c - 1, c - 1, c - 1);
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
