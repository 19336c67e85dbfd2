/* task_bulk.c - `skalds task add --file`: first every line is checked (task_check.c), then all are
 * sent in pieces (task_piece.c). */
#include "cmd/bulk.h"
#include "core/base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND SK_ADD_COMMAND
#define MAX_INPUT ((size_t)1 << 30)
#define PIECE_LINES 2000

/* ---- reading ---- */

static int
cannot_read(const struct sk_bulk *b, const char *why)
{
	sk_complain(COMMAND, "%s: %s", b->file, why);
	return SK_EXIT_USAGE;
}

static int
read_all(struct sk_bulk *b, const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *buf;
	ssize_t n = -1;

	if (fd == -1)
		return cannot_read(b, strerror(errno));
	buf = sk_xmalloc(1 << 16);
	while (b->text.len <= MAX_INPUT) {
		n = read(fd, buf, 1 << 16);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		sk_str_add(&b->text, buf, (size_t)n);
	}
	if (n == -1)
		cannot_read(b, strerror(errno));
	else if (b->text.len > MAX_INPUT)
		cannot_read(b, "this is more than 1 GiB; split it");
	if (!standard)
		close(fd);
	free(buf);
	return n == 0 ? 0 : SK_EXIT_USAGE;
}

/* ---- sending ---- */

static void
print_ids(struct sk_bulk *b, struct sk_value *const *ids, size_t n)
{
	struct sk_str lines = SK_STR_INIT;

	for (size_t i = 0; i < n; i++) {
		if (ids[i]->kind != SK_STRING)
			continue;
		if (!b->args->json) {
			sk_str_adds(&lines, ids[i]->u.str.s);
			sk_str_addc(&lines, '\n');
		} else {
			sk_json_next(&b->out);
			sk_str_addc(&b->out, '{');
			sk_json_kstr(&b->out, "id", ids[i]->u.str.s);
			sk_str_addc(&b->out, '}');
		}
		if (!b->args->json && sk_arg_set(b->args, "wait"))
			sk_str_add(&b->out, ids[i]->u.str.s, ids[i]->u.str.len + 1);
	}
	sk_progress_clear(&b->progress);
	sk_out(&lines);
	fflush(stdout);
	sk_str_release(&lines);
}

/* What the other side stored of a piece; what it left out (--skip-invalid) is said by line. */
static int
take_answer(struct sk_bulk *b, const struct sk_bulk_piece *p, const struct sk_value *answer)
{
	struct sk_value *const *ids;
	size_t n;

	sk_bulk_say_problems(b, p, answer);
	ids = sk_member_list(answer, "ids", &n);
	b->stored += n;
	b->refused += p->n - (n < p->n ? n : p->n);
	b->existing += (size_t)sk_member_int(answer, "existing", 0);
	print_ids(b, ids, n);
	sk_progress_draw(&b->progress, "stored", b->stored, b->n);
	return 0;
}

static int
send_all(struct sk_bulk *b)
{
	const struct sk_bulk_send send = {
		.path = sk_arg_set(b->args, "skip-invalid") ? "/v1/tasks?skip_invalid=1" : "/v1/tasks",
		.lines = PIECE_LINES,
		.take = take_answer
	};
	int code = sk_bulk_send(b, &send);

	sk_progress_clear(&b->progress);
	return code;
}

/* ---- the end ---- */

static void
say_sum(struct sk_bulk *b, int code)
{
	char stored[SK_COUNT_LEN], all[SK_COUNT_LEN], existing[SK_COUNT_LEN], took[16];

	sk_count_text((int64_t)b->stored, stored);
	sk_count_text((int64_t)b->n, all);
	sk_age_text(sk_boot_ms() - b->progress.start_ms, took);
	if (code != 0) {
		sk_complain(COMMAND, "%s%s of %s tasks are stored%s", code == 130 ? "interrupted: " : "",
			stored, all,
			b->stored > 0 && b->key != NULL ? "; the same command again stores the others" : "");
		return;
	}
	if (b->progress.on && b->stored > 0)
		fprintf(stderr, "%s tasks stored in %s\n", stored, took);
	if (b->existing > 0 && !b->args->quiet)
		sk_complain(COMMAND, "%s of them were there already",
			sk_count_text((int64_t)b->existing, existing));
	if (b->bad + b->refused > 0)
		sk_complain(COMMAND, "%s wrong lines were left out",
			sk_count_text((int64_t)(b->bad + b->refused), all));
	if (b->stored > 0 && sk_door_inside(b->door) && !b->args->quiet)
		sk_complain(COMMAND, "the tasks are stored, but nothing is running: start `skalds up`");
}

static int
wait_for_them(struct sk_bulk *b)
{
	struct sk_wait wait = { .command = COMMAND, .quiet = b->args->quiet };
	const char **ids = sk_xcalloc(b->stored + 1, sizeof(*ids));
	const char *p = sk_str_text(&b->out);
	int code;

	for (size_t i = 0; i < b->stored; i++, p += strlen(p) + 1)
		ids[i] = p;
	code = sk_task_wait_all(b->door, &wait, ids, b->stored);
	free(ids);
	return code;
}

static int
store(struct sk_bulk *b)
{
	int code;

	sk_progress_start(&b->progress);
	code = send_all(b);
	say_sum(b, code);
	if (b->args->json)
		fprintf(stdout, "{\"items\":[%s],\"next\":null}\n", sk_str_text(&b->out));
	return code;
}

/* Ctrl-C is looked for between two pieces: a piece is stored as a whole or not at all. */
static void
hold_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, before);
}

static void
release(struct sk_bulk *b)
{
	sk_door_close(b->door);
	sk_str_release(&b->text);
	sk_str_release(&b->out);
	sk_map_release(&b->ids);
	sk_map_release(&b->keys);
	for (size_t i = 0; i < b->n_deps; i++)
		free(b->deps[i].id);
	free(b->deps);
	free(b->lines);
}

int
sk_add_bulk(const struct sk_args *args, struct sk_settings *settings)
{
	const struct sk_door_config cfg = { .command = COMMAND, .create = true };
	const char *path = sk_arg(args, "file");
	struct sk_bulk b = { .args = args,
		.file = strcmp(path, "-") == 0 ? "stdin" : path,
		.key = sk_arg(args, "idempotency-key"),
		.ids = SK_MAP_INIT,
		.keys = SK_MAP_INIT };
	sigset_t before;
	int code;

	if (sk_arg_set(args, "wait") && args->json)
		return sk_usage_error(COMMAND, "--wait, --json and --file do not go together");
	code = read_all(&b, path);
	if (code == 0) {
		hold_signals(&before);
		sk_progress_init(&b.progress, args->quiet);
		if (!sk_arg_set(args, "dry-run"))
			b.door = sk_door_open(settings, &cfg);
		code = sk_bulk_check(&b);
		if (code == 0 && b.door != NULL && b.n > 0)
			code = store(&b);
		if (code == 0 && b.n == 0 && !args->quiet)
			sk_complain(COMMAND, "%s holds no task", b.file);
		if (code != 130)
			sigprocmask(SIG_SETMASK, &before, NULL);
		if (code == 0 && b.door != NULL && sk_arg_set(args, "wait"))
			code = wait_for_them(&b);
	}
	release(&b);
	return code;
}
