#include "test/unit/prog_rig.h"
#include "test/unit/proc_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct rlimit keep_limit = { 0, 0 };

void
prog_init(struct prog *r, const char *program)
{
	static char search[] = "PATH=/usr/bin:/bin";

	*r = (struct prog){ .argv = { program }, .env = { search } };
	r->start = (struct sk_start){ .id = "t1",
		.class_name = "Exec",
		.program = true,
		.argv = r->argv,
		.cwd = "",
		.input = "",
		.refusal = "" };
	assert_int_equal(pipe2(r->out, O_CLOEXEC), 0);
	r->spawn = (struct sk_spawn){ .start = &r->start,
		.attempt = 1,
		.env = r->env,
		.path = r->path,
		.in = -1,
		.out = r->out[1],
		.err = -1,
		.channel = -1,
		.nofile = &keep_limit,
		.oom_score = "" };
	snprintf(r->path, sizeof(r->path), "%s", program);
}

void
prog_sh(struct prog *r, const char *script)
{
	prog_init(r, "/bin/sh");
	r->argv[1] = "-c";
	r->argv[2] = script;
}

void
prog_read(struct prog *r)
{
	char buf[4096];
	ssize_t n;

	close(r->out[1]);
	r->out[1] = -1;
	while ((n = read(r->out[0], buf, sizeof(buf))) > 0)
		sk_str_add(&r->text, buf, (size_t)n);
}

int
prog_to_end(struct prog *r)
{
	pid_t pid = sk_spawn_program(&r->spawn, &r->failure);

	assert_int_not_equal(pid, -1);
	prog_read(r);
	return proc_wait(pid);
}

void
prog_release(struct prog *r)
{
	close(r->out[0]);
	if (r->out[1] != -1)
		close(r->out[1]);
	sk_str_release(&r->text);
}
