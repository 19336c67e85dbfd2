#!/usr/bin/env bash
# Halves of `up` that stand still (SIGSTOP): a hub that comes back finds everything as it was, one that
# does not is replaced, a supervisor that does not is ended with its tasks before their lease is over.
. "$(dirname "$0")/../up_lib.sh"

check "up is ready, lease 2 s" up --slots 6 --lease 2

# ---- the hub, for longer than its lease ----

: >ids
for k in 1 2 3; do add --retries 0 -- "$T/truth.sh" 6 0 >>ids; done
for k in 1 2 3; do add --retries 0 -- "$T/truth.sh" 1 0 >>ids; done
wait_for Running "$(tail -n 1 ids)"
n=$(rounds 3 60)
for ((i = 0; i < n; i++)); do
	hub=$(link_of "$UP")
	kill -STOP "$hub"
	sleep $((3 + RANDOM % 2))
	kill -CONT "$hub"
	check "it serves again" until_true 5 served
	for k in 1 2; do add --retries 0 -- "$T/truth.sh" "0.$((RANDOM % 9))" 0 >>ids; done
done
check "all tasks end" until_true 30 nothing_left
truthful "$n hubs that stood still beyond the lease: nothing is lost or doubled" ids
is "it is the same hub" "$(link_of "$UP")" "$hub"

# ---- the hub, for good ----

id=$(add --retries 0 -- sh -c 'sleep 16; exit 21')
wait_for Running "$id"
hub=$(link_of "$UP")
kill -STOP "$hub"
check "a hub that does not come back is replaced" until_true 20 served
is "it is another one" "$([ "$(link_of "$UP")" != "$hub" ] && echo another)" another
"$SKALDS" task wait "$id" 2>/dev/null
is "the task went on, its code is kept" "$?" 21

# ---- all of it ----

id=$(add --retries 0 -- sh -c 'sleep 6; exit 22')
wait_for Running "$id"
hub=$(link_of "$UP")
task=$(procs env "SKALDS_TASK_ID=$id")
# shellcheck disable=SC2086 # several
kill -STOP "$hub" "$UP" $task
sleep 4
# shellcheck disable=SC2086
kill -CONT $task "$UP" "$hub"
"$SKALDS" task wait "$id" 2>/dev/null
is "a machine that slept has lost nothing" "$? $(field "$id" attempt)" "22 1"

# ---- the supervisor ----

id=$(add --retries 3 -- sh -c 'sleep 1000')
wait_for Running "$id"
hub=$(link_of "$UP")
kill -STOP "$UP"
before=$(now_ms)
no_task()
{
	[ "$(procs env "SKALDS_TASK_ID=$id" | wc -l)" = 0 ]
}
check "a supervisor that stands still: its tasks are ended" until_true 10 no_task
at_most "before the lease is over, and what it takes" $(($(now_ms) - before)) 4500
check "it is ended too" ended "$UP" 5
check "and the hub" until_true 5 gone "$hub"
check "the next one starts" up --slots 6 --lease 2
is "the attempt was lost" "$(field "$id" failures)" 1
check "the task runs again" wait_for Running "$id"
is "as another attempt" "$(field "$id" attempt)" 2
down
is "the end is 0" "$CODE" 0
finish
