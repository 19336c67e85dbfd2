#!/usr/bin/env bash
# What a task of `up` sees, how it is stopped, paused, limited, and how its end is told.
. "$(dirname "$0")/../up_lib.sh"

export MY_SECRET_TOKEN=hush SOMETHING=else TZ=UTC
check "up is ready" up --slots 4 --resources cpus=4,memoryMb=2048,gpus=2

# ---- what it sees ----

cd "$T" || exit 99
mkdir -p sub && cd sub || exit 99
id=$(add --env A=1 -- sh -c 'pwd; env')
"$SKALDS" task wait "$id"
"$SKALDS" task logs "$id" >"$T/env.log"
cd "$T" || exit 99
is "it runs where it was added" "$(head -n 1 env.log)" "$T/sub"
names=$(sed -n '2,$s/=.*//p' env.log | sort | tr '\n' ' ')
is "it sees PATH, HOME, LANG, TZ, the ids and its own variables, nothing else" \
	"$(for n in $names; do case $n in PATH | HOME | LANG | TZ | A | PWD | OLDPWD | SHLVL | _ | SKALDS_*) ;; *) echo "$n" ;; esac; done)" ""
has env.log "SKALDS_TASK_ID=$id"
is "its id is among them" "$?" 0
has env.log 'SKALDS_ATTEMPT=1'
is "and its attempt" "$?" 0
has env.log 'A=1'
is "and what --env gave" "$?" 0

id=$(echo '{"className":"Exec","resources":{"gpus":1},"attachments":{"command":["sh","-c","echo $CUDA_VISIBLE_DEVICES"]}}' |
	add --file -)
"$SKALDS" task wait "$id"
is "a task with a gpu is told which" "$("$SKALDS" task logs "$id")" 0

id=$(add --array 3-5 -- sh -c 'echo "index $SKALDS_TASK_INDEX"; [ "$SKALDS_TASK_INDEX" != 4 ]' | head -n 1)
"$SKALDS" task wait "$id" 2>/dev/null
is "an array's code is its first failed element's" "$?" 1
is "it says how many did not finish" "$(field "$id" exit.message)" "1 of 3 elements did not finish"
is "an element knows its index" "$("$SKALDS" task logs "$id.5")" "index 5"

# ---- how it ends ----

id=$(add --retries 0 -- sh -c 'echo out; echo err >&2; exit 42')
"$SKALDS" task wait "$id" 2>/dev/null
is "a program's code is kept" "$?" 42
is "its output too, both streams" "$("$SKALDS" task logs "$id" | sort | tr '\n' ' ')" "err out "
id=$(add --retries 0 -- sh -c 'kill -SEGV $$')
"$SKALDS" task wait "$id" 2>/dev/null
is "a signal is one" "$(field "$id" exit.reason) $(field "$id" exit.signal)" "signaled 11"
id=$(add --retries 0 -- /no/such/program)
"$SKALDS" task wait "$id" 2>/dev/null
is "what cannot be started: 127" "$?" 127
is "and says so" "$(field "$id" exit.reason)" start-failed
id=$(add --retries 0 --timeout 0.3 Sleep seconds=60)
"$SKALDS" task wait "$id" 2>/dev/null
is "a timeout: 124" "$?" 124
id=$(add --retries 2 -- sh -c 'echo "attempt $SKALDS_ATTEMPT"; exit 1')
"$SKALDS" task wait "$id" 2>/dev/null
is "a failure is tried again" "$(field "$id" attempt) $(field "$id" failures)" "3 3"
is "each attempt's output is kept" "$("$SKALDS" task logs --attempt 2 "$id")" "attempt 2"
id=$(add --retries 2 -- sh -c 'printf 4711 >"$SKALDS_RESULT"')
"$SKALDS" task wait "$id"
is "a result is kept" "$(field "$id" result)" 4711

# ---- stopped, paused ----

id=$(add -- sh -c 'sleep 1000 & sleep 1001 & wait')
wait_for Running "$id"
until_true 5 test "$(procs env "SKALDS_TASK_ID=$id" | wc -l)" -ge 3
"$SKALDS" task cancel "$id" >/dev/null
check "a cancelled task is Cancelled" wait_for Cancelled "$id"
is "its tree is gone by then" "$(procs env "SKALDS_TASK_ID=$id" | wc -l)" 0

id=$(add -- sh -c 'i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo $i; sleep 0.05; done')
wait_for Running "$id"
sleep 0.3
"$SKALDS" task pause "$id" >/dev/null
check "a paused task is Paused" wait_for Paused "$id"
before=$("$SKALDS" task logs "$id" | wc -l)
sleep 0.5
is "it stands still" "$("$SKALDS" task logs "$id" | wc -l)" "$before"
"$SKALDS" task resume "$id" >/dev/null
check "resumed it is Running" wait_for Running "$id"
sleep 0.5
at_least "and goes on" "$("$SKALDS" task logs "$id" | wc -l)" $((before + 3))
"$SKALDS" task pause "$id" >/dev/null
wait_for Paused "$id"
"$SKALDS" task cancel "$id" >/dev/null
check "a paused task can be cancelled" wait_for Cancelled "$id"

# ---- limits ----

for i in 1 2 3 4 5 6; do add Sleep seconds=1.5 >/dev/null; done
sleep 0.7
is "no more run than there are slots" "$(n_in Running) $(n_in Created)" "4 2"
until_true 10 test "$(n_in Running)" = 0
before=$(now_ms)
id=$(add --delay 1s Sleep seconds=0)
"$SKALDS" task wait "$id"
at_least "a delayed task waits" $(($(now_ms) - before)) 950

# ---- output is kept to a size ----

check "up ends" down
check "up is ready, with 1 MiB for output" up --slots 4 --keep-output 1
for i in 1 2 3; do
	out[i]=$(add -- sh -c 'head -c 600000 /dev/zero | tr "\\0" x')
	"$SKALDS" task wait "${out[i]}"
	touch -d "$((5 - i)) hours ago" "$SKALDS_DATA/logs/${out[i]}/1.log"
done
size_of()
{
	"$SKALDS" task logs "$1" | wc -c
}
is "the last one's output is there" "$(size_of "${out[3]}")" 600000
check "up ends" down
check "up is ready again" up --slots 4 --keep-output 1
check "what is too much goes, the oldest first" until_true 15 \
	eval '[ "$(size_of "${out[1]}") $(size_of "${out[2]}") $(size_of "${out[3]}")" = "0 0 600000" ]'
is "the tasks stay" "$(field "${out[1]}" phase)" Finished

# ---- updates ----

id=$(add MyWorker rtspUrl=rtsp://camera fixFrame=1000)
check "a worker runs" wait_for Running "$id"
"$SKALDS" task update "$id" fixFrame=20 >/dev/null
is "its attachments can be changed" "$?" 0
updated()
{
	"$SKALDS" task logs "$id" | grep -q 20
}
check "they reach it" until_true 5 updated
is "its lines are shown without the marks of their levels" "$("$SKALDS" task logs "$id" | grep -c '<[0-7]>')" 0
own=$(add -- echo '<6>mine')
"$SKALDS" task wait "$own"
is "what a program writes is shown as it is" "$("$SKALDS" task logs "$own")" '<6>mine'
"$SKALDS" task cancel "$id" >/dev/null
check "it ends" down
is "with 0" "$CODE" 0
is "nothing of its tasks is left" "$(task_processes | wc -l)" 0
finish
