/* sup.h - the inside of the supervisor, shared by supervisor.c and sup_*.c. */
#ifndef SK_CORE_RUN_SUP_H
#define SK_CORE_RUN_SUP_H

#include "core/base/loop.h"
#include "core/base/map.h"
#include "core/run/cgroup.h"
#include "core/run/frames.h"
#include "core/run/output.h"
#include "core/run/probe.h"
#include "core/run/rundir.h"
#include "core/run/supervisor.h"
#include "core/run/title.h"
#include "core/run/user.h"
#include "core/run/warm.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

struct sup_class; /* sup_warm.h */
struct sup_warm;

/* Descriptors and paths that attempts use one after another. */
struct sup_slot {
	struct sup_slot *next; /* while idle or used up */
	struct sup *sup;
	struct sup_task *task;
	struct sup_warm *warm; /* in place of a task: whose process writes */
	int out[2][2]; /* pipes for stdout and stderr: [stream][0 = read]; -1 = none */
	struct sk_watch *watch[2];
	bool dirty; /* a process of an old attempt may still hold the pipes */
	char *result; /* path of the result file; NULL without a runtime directory */
};

/* Why a tree stands still. */
enum sup_frozen { SUP_RUNS, SUP_FREEZING, SUP_FROZEN };

/* An attempt; or, with hosting, the process of a warm worker, which no link knows of (key 0). */
struct sup_task {
	struct sup *sup;
	struct sup_task *prev, *next; /* queue */
	struct sk_arena *arena;
	struct sk_start start;
	uint64_t key;
	uint32_t attempt;
	enum sk_task_state state;
	pid_t pid; /* 0 = not running, or reaped */
	pid_t session; /* pid of the first process: session and group of the tree */
	struct sup_slot *slot; /* the next in the queue may have its own already */
	char **env; /* programs and workers: built when the slot is known */
	struct sk_cgroup *cg;
	struct sk_chan chan; /* to a compiled-in worker */
	struct sk_watch *chan_watch;
	struct sk_out out;
	struct sk_timer timer; /* timeout, then grace, then the wait for an empty tree */
	enum sk_reason stop_reason; /* why we stopped it; EXITED = we did not */
	int stop_signal;
	int64_t grace_until_ms; /* boot clock: how long the whole tree has to obey */
	bool killed; /* SIGKILL was sent to it by us */
	bool hurry; /* what is left of the tree gets no more grace */
	bool reaped; /* the first process is gone; status holds its end */
	int status;
	int64_t reaped_ns; /* boot clock */
	int64_t scan_after_ns; /* boot clock: only a walk begun later tells what is left now */
	uint64_t scan_found; /* the last walk that found something of its tree */
	bool group_gone; /* nothing is left of the first process's group */
	int sweeps; /* rounds of killing what is left of the tree */
	bool isolated_end; /* the init of the namespace reported isolated_status */
	int isolated_status;
	const char *path; /* programs: what was executed */
	const struct sk_user *user; /* start.user; NULL = as skalds */
	struct sk_str result; /* report.result points into it */
	struct sup_class
		*class; /* may run in a warm worker of this class; NULL = has its own process */
	struct sup_warm *warm; /* whose ring it is in; or the worker that it hosts */
	uint64_t ticket; /* its place in the ring */
	bool hosting;
	int64_t cpu_before_ms; /* of its process, when the attempt began */
	bool start_told; /* STARTED was sent */
	bool start_seen; /* a link has told the world of the start */
	bool start_failed; /* message and code say why */
	int start_code;
	struct sk_task_report report;
	char message[512];
	double progress;
	char stage[128];
	bool progress_dirty, line_dirty;
	enum sup_frozen frozen;
	struct sk_timer freeze; /* looks whether it stands still yet */
	int64_t freeze_ms; /* boot clock: when it was asked to */
	bool freeze_said; /* that it takes long */
	int64_t timeout_left_ms; /* while it does not run: the timeout's clock stands still as well */
};

/* What stays of an attempt whose end is settled: a new link must know that it was. */
struct sup_settled {
	uint64_t key;
	uint32_t attempt;
	struct sk_task_report report; /* texts: only id, behind the struct */
	char id[];
};

struct sup_link {
	pid_t pid; /* 0 = not running */
	struct sk_chan chan;
	struct sk_watch *watch;
	int err_fd; /* its stderr */
	struct sk_str held[2]; /* of stdout, stderr: a line too long for one frame, so far */
	struct sk_watch *err_watch;
	struct sk_str err_line;
	struct sk_timer restart;
	uint32_t restarts;
	int64_t backoff_ms, started_ms, heard_ms;
	bool spoke; /* this life has sent a frame */
	unsigned silent_seconds; /* counted, not read from a clock: a suspended machine is no silence */
	unsigned silent_deaths; /* in a row */
	bool ready;
};

struct sup_pool {
	struct sup_class *classes; /* one for each of cfg->workers */
	struct sup_warm *all;
	unsigned n_idle;
	size_t cpus;
	bool wake; /* a worker that may sleep got something */
	struct sk_timer look;
};

struct sup {
	const struct sk_supervisor_config *cfg;
	struct sk_loop *loop;
	struct sk_sink *sink;
	struct sk_cgroups *cgs;
	struct sk_run_file run;
	struct sk_title title;
	int signal_fd, null_fd;
	bool terminal[3]; /* was standard input, output, error one at the start? */
	struct sk_watch *signal_watch;
	sigset_t changed; /* signals whose action is not the default one: ours, or as we were started */
	char oom_score[8]; /* of tasks; "" = the same as ours */
	struct rlimit nofile; /* as we were started; ours is raised, the tasks' is not */
	struct sk_map by_key, by_pid;
	struct sk_map settled; /* by key */
	struct sup_task *queue_head, *queue_tail;
	struct sup_slot *idle;
	struct sup_slot *used; /* to be given new pipes before others get them */
	unsigned n_slots, n_running, n_queued; /* n_slots 0 = no limit */
	struct sup_pool pool;
	struct sup_link link;
	bool flush_now; /* something urgent is queued for the link */
	unsigned results; /* names of result files so far */
	struct sk_timer flush, sweep, second, notes;
	int64_t last_flush_ms;
	int64_t scan_ns, scan_end_ns; /* boot clock: the last walk for what is left of trees */
	uint64_t scans;
	int64_t oom_seen; /* of our own group's counter, as far as attributed to tasks or old */
	int64_t oom_last; /* its value a second ago */
	bool memory_said; /* that memoryMb cannot be enforced */
	bool stalled; /* a console takes no more: reading from tasks pauses, none starts */
	bool draining;
	int64_t drain_began_ms; /* boot clock */
	int drain_signal; /* the first signal that asked to stop */
	int64_t drain_ms; /* when the last one that counted came */
	bool quitting, done;
	int exit_code;
	struct sk_timer give_up;
	struct sk_probe *probe; /* NULL = none */
};

/* sup_task.c: attempts */
void sup_task_new(struct sup *s, const struct sk_frame *f);
void sup_task_stop(struct sup_task *t, enum sk_reason reason, int sig, int64_t grace_ms);
void sup_task_kill(struct sup_task *t);
/* A signal for its process group; nothing happens when the first process is gone. */
void sup_task_signal(const struct sup_task *t, int sig);
void sup_task_update(struct sup_task *t, const struct sk_frame *f);
/* Free it, whatever its state. */
void sup_task_free(struct sup_task *t);
/* Into the queue: in front of all, it was there before; and out of it. */
void sup_queue_again(struct sup_task *t);
void sup_dequeue(struct sup_task *t);
/* One that no link knows of: the host of a warm worker. */
struct sup_task *sup_task_blank(struct sup *s);
/* It runs, as report.pid and report.start_… say: tell, and begin to count its timeout. */
void sup_tell_started(struct sup_task *t);
/* Arm the timer of the timeout, if it has one. */
void sup_time_out_in(struct sup_task *t, int64_t left_ms);
/* The end was acknowledged: only the outcome stays. */
void sup_task_settle(struct sup_task *t);
void sup_settled_forget(struct sup *s, uint64_t key);
/* A child was reaped. */
void sup_reaped(struct sup *s, pid_t pid, int status, int64_t max_rss_kb, int64_t cpu_ms);
/* Send progress and last lines that have changed. */
void sup_send_notes(void *arg);
void sup_notes_soon(struct sup *s);
void sup_send_progress(struct sup_task *t, struct sk_str *payload);
void sup_send_line(struct sup_task *t, struct sk_str *payload);
/* Build the report of a task as it stands. */
void sup_report(const struct sup_task *t, struct sk_str *payload);

/* sup_start.c: starts */
/* Start what may start, a few at a time. True when there is more: call again soon. */
bool sup_start_queued(struct sup *s);
/* Nothing else is to be done now: what the next one needs is made before a slot is free for it. */
void sup_prepare_next(struct sup *s);
/* Start its process; warm: the memory that it shares with us, for a host. -1: it failed, the task
 * says why. */
pid_t sup_launch(struct sup_task *t, struct sk_warm *warm);
/* The start failed at a step of enum sk_spawn_step. */
void sup_start_failure(struct sup_task *t, int step, int err);

/* sup_freeze.c: trees that stand still */
void sup_task_pause(struct sup_task *t);
void sup_task_resume(struct sup_task *t);
/* Before it is stopped or when it has ended: let it run, tell nobody. */
void sup_thaw(struct sup_task *t);

/* sup_warm.c: warm workers, their tasks */
enum sup_chance { SUP_STARTED, SUP_WAITS, SUP_ORDINARY };
/* The class, when the task may run in a warm worker, else NULL. */
struct sup_class *sup_warm_class(const struct sup_task *t);
/* Give the first of the queue to a warm worker. room: one more process may run.
 * SUP_ORDINARY: it needs a process of its own. */
enum sup_chance sup_warm_start(struct sup_task *t, bool room);
/* An ordinary attempt will start: idle workers make room for it. */
void sup_warm_make_room(struct sup *s);
/* End of a round: whoever sleeps and got something is woken. */
void sup_warm_wake(struct sup *s);
/* Once a second. */
void sup_warm_tick(struct sup *s);
void sup_warm_end_idle(struct sup *s);
void sup_warm_open(struct sup *s);
void sup_warm_free(struct sup *s);
/* sup_ring.c: the ring of a warm worker */
/* It is in a ring: make it an ordinary attempt, running or queued. False: it has ended by itself,
 * and this was told. */
bool sup_warm_claim(struct sup_task *t);
/* The host's process is gone. Who has ended: an attempt, or the host itself. */
struct sup_task *sup_warm_died(struct sup_task *host);
/* The host's process, pipes and group are gone. */
void sup_warm_bury(struct sup_task *host);
void sup_warm_frame(struct sup_warm *w, const struct sk_frame *f);
/* The channel was read: see what has become of its tasks. */
void sup_warm_look(struct sup_warm *w);
/* Around a read from its pipe; the second tells whose n bytes they are, NULL = nobody's. */
void sup_warm_reading(struct sup_warm *w);
struct sup_task *sup_warm_read(struct sup_warm *w, ssize_t n);
void sup_warm_pause_reading(struct sup *s, bool pause);

/* sup_io.c: slots, pipes and the worker's channel */
bool sup_slot_take(struct sup_task *t, struct sk_err *err);
/* The attempt runs as somebody else: what it must open is that user's. */
void sup_slot_for_user(struct sup_task *t, const struct sk_user *u);
void sup_slot_give(struct sup_task *t);
/* Close what used up slots hold. */
void sup_slots_renew(struct sup *s);
void sup_slots_free(struct sup *s);
void sup_read_rest(struct sup_task *t);
void sup_pause_reading(struct sup *s, bool pause);
bool sup_watch_worker(struct sup_task *t, int fd, struct sk_err *err);
void sup_read_worker(struct sup_task *t);
/* What a compiled-in worker says of the attempt. */
void sup_worker_frame(struct sup_task *t, const struct sk_frame *f);
/* The pipes and the channel of a host become an attempt's. */
void sup_take_over(struct sup_task *t, struct sup_task *host);
void sup_slot_pause(struct sup_slot *slot, bool pause);
/* The result file, if the task wrote one; fills the report. */
void sup_take_result(struct sup_task *t);
/* Are its bytes passed on unchanged (run-one), and is it read by us at all? */
bool sup_raw(const struct sup_task *t);
bool sup_captured(const struct sup_task *t);

/* sup_end.c: how it ended */
#define SUP_UNKILLABLE_MS 20000
#define SUP_UNKILLABLE "a process survives SIGKILL (uninterruptible sleep?): the slot stays taken"
/* Once a second: kills for want of memory that explain nobody's death are old then. */
void sup_age_memory_kills(struct sup *s);
/* Fill reason, code, signal and message of the report. */
void sup_judge(struct sup_task *t);
/* The first process is gone: end the rest of the tree, then finish the attempt. */
void sup_end_tree(struct sup_task *t);
/* It was stopped, its first process has gone, and others of its group still have time. */
bool sup_in_grace(struct sup_task *t);
/* It has ended now. */
void sup_note_end(struct sup_task *t);
/* Report the end and free what the attempt held. The tree must be gone. */
void sup_finish(struct sup_task *t);
/* Give back pipes, channel and group of a tree that is gone. */
void sup_let_go(struct sup_task *t);
/* It has ended as its report says. */
void sup_tell_end(struct sup_task *t);

/* sup_stray.c */
#define SUP_SWEEP_MS 200
/* Without cgroups: end what escaped from attempts that are over. */
void sup_sweep(void *arg);
/* Is something of a tree left whose first process is gone? It gets SIGKILL. */
bool sup_strays_left(struct sup_task *t);
/* Kill and reap what tasks left behind; for the very end, when no task and no link is left. */
void sup_clear_strays(struct sup *s);

/* sup_link.c */
void sup_link_start(struct sup *s);
void sup_link_died(struct sup *s, int status);
/* Once a second: one that hangs is killed, and thereby replaced. */
void sup_link_tick(struct sup *s);
/* Everything that it has sent so far. */
void sup_link_last_words(struct sup *s);
/* Queue a frame for the link; urgent: sent at the end of this round, else within 2 ms. */
void sup_tell(struct sup *s, enum sk_frame_type type, const struct sup_task *t,
	const struct sk_str *payload, bool urgent);
void sup_link_flush(void *arg);
void sup_link_free(struct sup *s);
void sup_link_pause(struct sup *s, bool pause);

/* sup_signal.c */
bool sup_signals_open(struct sup *s, struct sk_err *err);

/* sup_status.c */
void sup_status_open(struct sup *s);

/* supervisor.c */
void sup_drain(struct sup *s, enum sk_reason reason, int sig);
void sup_quit(struct sup *s, int code);
void sup_check_done(struct sup *s);

#endif
