#include "test/unit/out_rig.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "test/unit/proc_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void
out_init(struct out_rig *r)
{
	const struct sk_log_config log = { .level = SK_INFO };

	*r = (struct out_rig){ .saved = { -1, -1 } };
	r->cfg = (struct sk_sink_config){
		.console = SK_CONSOLE_TAGGED, .skald_id = "edge1", .log_path = "", .data_dir = ""
	};
	sk_log_setup(&log);
}

static void
drained(void *arg)
{
	((struct out_rig *)arg)->drains++;
}

void
out_begin(struct out_rig *r, int out, int err)
{
	const int to[2] = { out, err };
	struct sk_err e;

	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		int fd = to[i] != -1
			? to[i]
			: open(proc_path("stream%d", i + 1), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		assert_int_not_equal(fd, -1);
		r->saved[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 10);
		assert_int_not_equal(r->saved[i], -1);
		if (dup2(fd, i + 1) == -1)
			abort();
		if (to[i] == -1)
			close(fd);
	}
	r->loop = sk_loop_new(&e);
	r->sink = sk_sink_new(&r->cfg, r->loop, drained, r);
}

void
out_end(struct out_rig *r)
{
	sk_sink_free(r->sink, 100);
	sk_loop_free(r->loop);
	for (int i = 0; i < 2; i++) {
		if (dup2(r->saved[i], i + 1) == -1)
			abort();
		close(r->saved[i]);
		r->text[i] = proc_read(proc_path("stream%d", i + 1));
	}
}

void
out_release(struct out_rig *r)
{
	sk_str_release(&r->text[0]);
	sk_str_release(&r->text[1]);
}

struct sk_str
out_messages(const struct out_rig *r)
{
	struct sk_str all = SK_STR_INIT;
	const char *p = sk_str_text(&r->text[1]);

	sk_str_add(&all, "", 0);
	while ((p = strstr(p, " msg=\"")) != NULL) {
		const char *end = strstr(p, "\"\n");

		p += strlen(" msg=\"");
		assert_non_null(end);
		sk_str_add(&all, p, (size_t)(end - p));
		sk_str_addc(&all, '\n');
		p = end;
	}
	return all;
}

size_t
out_count(const struct out_rig *r, int stream, const char *text)
{
	size_t n = 0;

	for (const char *p = sk_str_text(&r->text[stream - 1]); (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

bool
out_has(const struct out_rig *r, int stream, const char *text)
{
	return out_count(r, stream, text) > 0;
}
