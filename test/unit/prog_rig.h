/* prog_rig.h - programs and workers started as the supervisor starts them, their stdout in a pipe. */
#ifndef SK_TEST_UNIT_PROG_RIG_H
#define SK_TEST_UNIT_PROG_RIG_H

#include "core/run/spawn.h"

/* A program with its stdout in a pipe. */
struct prog {
	const char *argv[8];
	char *env[8];
	struct sk_start start;
	struct sk_spawn spawn;
	struct sk_spawn_failure failure;
	int out[2];
	struct sk_str text;
	char path[4096];
};

/* The program of that path, with PATH alone in its environment. */
void prog_init(struct prog *r, const char *program);
/* /bin/sh -c script. */
void prog_sh(struct prog *r, const char *script);
/* Read its stdout to the end. */
void prog_read(struct prog *r);
/* Start, read all, reap: the code, or -signal. */
int prog_to_end(struct prog *r);
void prog_release(struct prog *r);

#endif
