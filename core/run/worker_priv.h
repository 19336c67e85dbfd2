/* worker_priv.h - shared by worker_runtime.c (one attempt) and warm_worker.c (many). */
#ifndef SK_CORE_RUN_WORKER_PRIV_H
#define SK_CORE_RUN_WORKER_PRIV_H

#include "core/base/mem.h"
#include "core/run/frames.h"
#include "core/run/worker.h"

#define WORKER_EXIT_SKALDS 125

struct sk_run {
	const struct sk_worker *worker;
	const char *task_id;
	int64_t attempt;
	uint64_t frame_key; /* of frames; 0 where the channel is one attempt's */
	uint32_t frame_attempt;
	bool spoke; /* a frame was sent */
	void *att; /* what the hooks see */
	void *state;
	struct sk_arena *arena; /* of the attachments in force */
	struct sk_chan chan;
	int64_t progress_ms; /* boot clock of the last report */
	double progress;
	char stage[128];
	bool progress_held; /* changed since it was sent */
};

/* The process as a worker is: environment, signals, memory for hooks. */
void worker_init(struct sk_run *run, const struct sk_worker *w, char **env, int channel);
/* The name that ps -c shows. */
void worker_name(const char *text);
/* Attachments into run->att, in run->arena. False with the sentence. */
bool worker_decode(struct sk_run *run, const void *data, size_t n, struct sk_err *err);
/* All hooks and the last words. The process may be used again only after SK_OK. */
enum sk_code worker_run(struct sk_run *run);
/* Flush what stdio holds and exit with the code for it. */
_Noreturn void worker_exit(enum sk_code code);
/* Say why the attachments are not taken, and exit. */
_Noreturn void worker_refuse(struct sk_run *run, const struct sk_err *err);
/* The signal that asked to stop, 0 = none. */
int worker_stopped(void);
/* Wait in the kernel for the channel or a signal, and read what came into run->chan. */
void worker_wait(struct sk_run *run);
/* must: not back before the kernel has it all. */
void
worker_send(struct sk_run *run, enum sk_frame_type type, const struct sk_str *payload, bool must);
/* The same for what was sent without. */
void worker_flush(struct sk_run *run);

#endif
