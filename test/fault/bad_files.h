/* bad_files.h - the mistakes and the bombs of bad_files.c. */
#ifndef SK_TEST_FAULT_BAD_FILES_H
#define SK_TEST_FAULT_BAD_FILES_H

#include <stddef.h>

struct mistake {
	const char *words; /* what must stand in the message */
	const char *wrong;
	const char *before[6]; /* lines of the task before it, behind "  Bad:" */
	const char *after[3]; /* and behind it */
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
	{ "does not fit 64 bits", "      fixFrame: 123456789012345678901234567890", { CAMERA },
		{ NULL } },
	{ "did you mean \"fixFrame\"?", "      fixFram: 1", { CAMERA, "      fix_frame: 2" },
		{ NULL } },
	{ "unknown key, known are:", "      colour: red", { CAMERA, "      fixFrame: 2" }, { NULL } },
	{ "duplicate key, first given in line", "      rtspUrl: y", { CAMERA },
		{ "      fixFrame: 1" } },
	{ "is the same", "      rtsp_url: y", { CAMERA }, { "      fixFrame: 1" } },
	{ "missing key \"rtspUrl\"", "    attachments:", { "    className: MyWorker" },
		{ "      fixFrame: 3" } },
	{ "missing key \"seconds\"", "    attachments: {}", { "    className: Sleep" }, { NULL } },
	{ "(write it in quotes)", "      rtspUrl: 10",
		{ "    className: MyWorker", "    attachments:" }, { "      fixFrame: 3" } },
	{ "(write it in quotes)", "        - 5", { ECHO_, "      command:", "        - echo" },
		{ "        - x" } },
	{ "must be 0 to", "      seconds: -1", { "    className: Sleep", "    attachments:" },
		{ NULL } },
	{ "must be finite", "      seconds: .nan", { "    className: Sleep", "    attachments:" },
		{ NULL } },
	{ "missing key \"name\"", "        - duration: 1",
		{ "    className: ComplexWorker", "    attachments:", "      jobId: j",
			"      sub_tasks:", "        - name: a" },
		{ NULL } },
	{ "must be 0 to 1, got 2", "          fail_chance: 2",
		{ "    className: ComplexWorker", "    attachments:", "      jobId: j",
			"      sub_tasks:", "        - name: a" },
		{ NULL } },
	{ "did you mean \"MyWorker\"?", "    className: MyWroker", { NULL },
		{ "    attachments: {}" } },
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
	{ "is larger than maxBackoffSeconds", "    retry: {backoffSeconds: 9, maxBackoffSeconds: 1}",
		{ NAP }, { NULL } },
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
	{ "inside its own anchor", "    attachments: &a {seconds: *a}", { "    className: Sleep" },
		{ NULL } },
	{ "merge keys", "    <<: {priority: 1}", { NAP }, { NULL } },
	{ "is not supported here", "    priority: !high 1", { NAP }, { NULL } },
	{ "does not fit its tag", "    priority: !!int x", { NAP }, { NULL } },
	{ "a list or map cannot be a key", "    ? [a, b]", { NAP }, { "    : 1" } },
	{ "not valid UTF-8", "    priority: \"\xff\"", { NAP }, { NULL } },
	{ "not valid UTF-8", "    priority: \xc3", { NAP }, { NULL } },
	{ "control character 0x1b", "    priority: \x1b[31m1", { NAP }, { NULL } },
	{ "cannot contain a NUL", "    className: \"Sle\\0ep\"", { NULL }, { NULL } },
	{ "a line cannot start with %", "%TAG ! tag:x,2000:", { NAP }, { NULL } },
	{ "nested deeper than 64",
		"    attachments: {a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		"[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		{ "    className: Sleep" }, { NULL } },
};

#define N_MISTAKES (sizeof(mistakes) / sizeof(mistakes[0]))

/* Short to write, expensive for a careless reader. */
static const struct {
	const char *head, *body;
	size_t times;
	const char *tail, *words;
} bombs[] = {
	{ "", "[", 100000, "", "" },
	{ "", "{a: ", 100000, "", "" },
	{ "", "- ", 100000, "x", "64" },
	{ "", "? ", 100000, "", "" },
	{ "", "[a: ", 100000, "", "" },
	{ "a: ", "[", 100000, "", "64" },
	{ "TaskWorkers: ", "x", 1048000, "\n", "expected map of tasks" },
	{ "TaskWorkers: \"", "x", 1048000, "", "never closed" },
	{ "TaskWorkers: '", "''", 500000, "'\n", "expected map of tasks" },
	{ "TaskWorkers:\n  a: |\n", "\n", 1000000, "", "blank lines" },
	{ "TaskWorkers:\n  a: >\n", "   x\n", 200000, "", "expected map" },
	{ "", "\n", 1000000, "", "" },
	{ "", " ", 1000000, "", "" },
	{ "", "#\n", 500000, "", "empty" },
	{ "? ? ", " ", 1000000, "", "" },
	{ "%", "Y", 1000000, "", "%" },
	{ "", "%TAG ! x\n", 100000, "", "%" },
	{ "", "&a ", 300000, "", "" },
	{ "", "!a ", 300000, "", "" },
	{ "", "*a ", 300000, "", "" },
	{ "", "&a\n", 300000, "", "" },
	{ "[", "\"a\" ", 200000, "]", "" },
	{ "- [", "a,", 500000, "]", "" },
	{ "k: [", "a,", 500000, "]", "" },
	{ "", "a: 1\n", 100000, "", "duplicate" },
	{ "", "- a\n", 260000, "", "" },
	{ "", "---\n", 200000, "", "" },
	{ "", "a: ", 300000, "", "" },
	{ "", "\xff\xfe", 1000, "", "UTF-16" },
	{ "\xfe\xff", "x", 10, "", "UTF-16" },
	{ "", "\xef\xbb\xbf", 1000, "", "" },
	{ "", "\x01", 1000, "", "0x01" },
	{ "", "%\xff", 1, "", "UTF-8" },
	{ "", "\xc3", 100000, "", "UTF-8" },
	{ "", "x", 1048577, "", "1 MiB" },
	{ "", "x: y\n", 400000, "", "1 MiB" },
	{ "TaskWorkers:\n", "  a: {className: Sleep, attachments: {seconds: x}}\n", 15000, "",
		"duplicate" },
	{ "a: \"", "\\x41", 250000, "\"\n", "" },
	{ "a: \"", "\\\\", 500000, "", "never closed" },
	{ "TaskWorkers:\n  T:\n    className: Exec\n    attachments:\n      command: [", "1,", 200000,
		"]\n", "write it in quotes" },
};

#endif
