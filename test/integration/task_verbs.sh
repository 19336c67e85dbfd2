#!/usr/bin/env bash
# The verbs of task, skald and status with a running `up`: exit codes, output, live changes; a hub that
# is killed in the middle costs nothing.
. "$(dirname "$0")/../cli/lib.sh"

D=$T/data
export SKALDS_DATA=$D

t()
{
	out=$("$SKALDS" "$@" 2>"$T/stderr" </dev/null)
	code=$?
	err=$(cat "$T/stderr")
}

field()
{
	json "$1" "$("$SKALDS" task get --json "$2")"
}

# phase_is PHASE ID
phase_is()
{
	[ "$(field phase "$2")" = "$1" ]
}

up()
{
	start up "$SKALDS" up "$@"
	UP=$PID
	until_true 30 "$SKALDS" status -q --json || echo "Bail out! up does not start: $(cat "$T/up.err")"
}

up --slots 4
cd "$T" || exit 99

# ---- the task's own code ----

# ends CODE ARGUMENTS…: of task add --wait
ends()
{
	local want=$1
	shift
	t task add --wait --retries 0 "$@"
	is "$* gives $want" "$code" "$want"
	is "with the id alone on standard output" "$(grep -Ec '^[0-9a-z]{26}$' <<<"$out"):$(wc -l <<<"$out")" "1:1"
}
ends 0 Sleep seconds=0
ends 0 -- true
ends 7 -- sh -c 'exit 7'
ends 75 -- sh -c 'exit 75'
ends 255 -- sh -c 'exit 255'
ends 137 -- sh -c 'kill -9 $$'
ends 143 -- sh -c 'kill $$'
ends 127 -- no-such-program
ends 126 -- /etc/passwd
ends 124 --timeout 0.3 -- sleep 10
ends 1 Fail
ends 3 --env N=3 -- sh -c 'exit $N'
t task add --wait --json --retries 0 -- sh -c 'exit 4'
is "--wait --json gives the task" "$code:$(json exit.code "$out"):$(wc -l <<<"$out")" "4:4:1"
is "what failed is said" "$(grep -c 'Failed: exited with code 4' <<<"$err")" 1
t task add --wait --retries 2 --backoff 0.1 -- sh -c '[ $SKALDS_ATTEMPT = 3 ]'
is "retries count" "$code:$(field attempt "$out"):$(field failures "$out")" "0:3:2"
mkdir -p "$T/here" && cd "$T/here" || exit 99
t task add --wait -- sh -c 'pwd; echo "$0" "$@"' 'two words' '*'
cd "$T" || exit 99
t task logs "$out"
is "a command runs where it was given, without a shell in between" "$out" "$T/here
two words *"
echo '#!/bin/sh
echo relative' >"$T/here/run.sh"
chmod +x "$T/here/run.sh"
t task add --wait --cwd here -- ./run.sh
t task logs "$out"
is "--cwd" "$out" relative
SHOWN=yes t task add --wait --pass-env SHOWN -- sh -c 'echo "$SHOWN$HIDDEN"'
t task logs "$out"
is "--pass-env" "$out" yes
t task add --retries 0 -- sh -c 'exit 5'
a=$out
t task add --retries 0 -- sh -c 'exit 6'
b=$out
t task add -- true
t task wait "$out" "$a" "$b"
is "of several the first code that is not 0" "$code:$(grep -c Failed <<<"$err")" "5:2"
t task add --array 1-20 --retries 0 -- sh -c 'test $SKALDS_TASK_INDEX -ne 7 || exit 9'
t task wait "$out"
is "an array's code is the first failed element's" "$code" 9

# ---- logs ----

head -c 3000000 /dev/urandom >"$T/bytes"
t task add --wait -- cat "$T/bytes"
"$SKALDS" task logs "$out" | cmp -s - "$T/bytes"
is "three million bytes come as they are" "$?" 0
is "the end of them" "$("$SKALDS" task logs --tail 1000 "$out" | cksum)" "$(tail -c 1000 "$T/bytes" | cksum)"
t task logs --json "$out"
is "--json: each of its lines" "$(events <(printf '%s\n' "$out") event=log -- attempt | wc -l)" \
	"$(($(tr -cd '\n' <"$T/bytes" | wc -c) + 1))"
t task add --wait -- sh -c 'printf "a\r\n\nno end!"; head -c 70000 /dev/zero | tr "\0" e | sed "s/e/é/g"'
t task logs --json "$out"
is "--json: the end without a newline, a line that is too long, no character cut" \
	"$(events <(printf '%s\n' "$out") event=log -- line | sed 's/^no end!//' | LC_ALL=C awk '{ print length }' | xargs)" "1 0 65528 65536 8936"
t task add --retries 1 --backoff 0.2 -- sh -c 'for i in 1 2 3; do echo $SKALDS_ATTEMPT.$i; sleep 0.2; done; exit 1'
id=$out
t task logs -f "$id"
is "-f follows over attempts and ends" "$code:$(xargs <<<"$out")" "0:1.1 1.2 1.3 2.1 2.2 2.3"
t task logs --attempt 1 "$id"
is "an attempt" "$(xargs <<<"$out")" "1.1 1.2 1.3"
t task logs -f --json "$("$SKALDS" task add --retries 1 --backoff 0.2 -- sh -c 'printf "$SKALDS_ATTEMPT.1\n$SKALDS_ATTEMPT.2"; exit 1')"
is "-f --json: an event a line, with its attempt" \
	"$(events <(printf '%s\n' "$out") event=log -- attempt line | tr '\t\n' ': ')" "1:1.1 1:1.2 2:2.1 2:2.2 "
t task logs --attempt 3 "$id"
is "an attempt that there is not" "$code" 3
id=$("$SKALDS" task add -- sh -c 'echo first; sleep 100')
start follow "$SKALDS" task logs -f "$id"
check "what is there comes at once" until_true 30 grep -q first "$T/follow.out"
# Its output may be read some ms before the store says that it runs.
check "the task is Running" until_true 30 phase_is Running "$id"
t task cancel --all --state Running --class Exec --yes -q
is "all that run are cancelled" "$code" 0
ended "$PID" 30
is "-f ends when the task is cancelled" "$CODE" 0
"$SKALDS" task logs -f "$("$SKALDS" task add -- sh -c 'while :; do echo y; sleep 0.01; done')" 2>"$T/stderr" | head -n 1 >/dev/null
is "a reader that went away is no error" "${PIPESTATUS[0]}:$(cat "$T/stderr")" "0:"
"$SKALDS" task cancel --all --yes -q

# ---- changes of what runs ----

t task add -- sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
id=$out
until_true 30 grep -q up <("$SKALDS" task logs "$id") || until_true 30 eval '"$SKALDS" task logs "$id" | grep -q up'
t task cancel "$id"
is "cancel answers at once" "$code" 0
t task list --id "$id"
like "meanwhile it is Cancelling" "$out" "$id +Exec +(Cancelling|Cancelled)"
"$SKALDS" task cancel "$id"
t task add MyWorker rtspUrl=rtsp://x fixFrame=1 intervalSeconds=0.05
id=$out
until_true 30 eval '[ "$(field phase $id)" = Running ]'
start updates "$SKALDS" task watch --json "$id"
watcher=$PID
until_true 30 test -s "$T/updates.out" # it tells of the progress: it listens
t task update "$id" fixFrame=77
until_true 30 eval '"$SKALDS" task logs "$id" | grep -q "Fix Frame: 77"'
is "an update reaches a running worker" "$code:$("$SKALDS" task logs "$id" | grep -c 'updated .*1 -> 77')" "0:1"
updates() { events "$T/updates.out" event=updated -- message | tr '\n' ','; }
check "it is told when it is stored and when it is taken" \
	until_true 5 eval '[ "$(updates)" = "stored,taken by its worker," ]'
kill "$watcher"
t task pause "$id"
check "pause freezes it" until_true 30 eval '[ "$(field phase $id)" = Paused ]'
n=$("$SKALDS" task logs "$id" | wc -l)
sleep 0.4
is "it stands still" "$("$SKALDS" task logs "$id" | wc -l)" "$n"
t task resume "$id"
check "resume thaws it" until_true 30 eval '[ "$("$SKALDS" task logs "$id" | wc -l)" -gt $n ]'
t task delete "$id"
is "what runs is not deleted" "$code" 1
t task cancel "$id"
t task wait "$id"
is "cancelled" "$code" 125
t task retry "$id"
check "retry runs it again" until_true 30 eval '[ "$(field phase $id)" = Running ]'
t task cancel "$id"

# ---- watching ----

start watch "$SKALDS" task watch --json
sleep 0.3
t task add --wait Sleep seconds=0 --id seen
check "watch tells the end" until_true 30 grep -q '"event":"finished".*"taskId":"seen"\|"taskId":"seen".*"event":"finished"' "$T/watch.out"
is "from the beginning" "$(events "$T/watch.out" taskId=seen -- event | sed 's/progress//' | xargs)" \
	"created assigned started finished"
kill "$PID"
id=$("$SKALDS" task add Sleep seconds=0.5)
is "created by no skald, before any attempt" \
	"$(events "$T/watch.out" taskId=seen event=created -- attempt skald)" $'0\t-'
t task watch "$id"
is "watch of one ends with it" "$code:$(tail -n 1 <<<"$out" | grep -c "finished *$id")" "0:1"
t task watch "$id"
is "and says so when it has ended already" "$code:$out:$(grep -c 'has ended already: Finished' <<<"$err")" "0::1"

# ---- skalds ----

t skald list --json
skald=$(json items.0.id "$out")
is "one skald with its slots" "$(json items.0.slots "$out"):$(json items.0.state "$out")" "4:online"
t skald drain "$skald"
is "drain" "$code" 0
t skald list
like "is shown" "$out" "^$skald +node +draining"
id=$("$SKALDS" task add -q Sleep seconds=0)
sleep 0.5
is "it gets no more" "$(field phase "$id")" Created
t skald undrain "$skald"
t task wait "$id"
is "undrain" "$code" 0
t skald drain nobody
is "an unknown skald is 3" "$code" 3
t status
like "status" "$out" '1 online, [0-9]+ tasks in 4 slots'
is "completion of ids" "$("$SKALDS" __complete -- task get see)" seen
is "completion of skalds" "$("$SKALDS" __complete -- skald drain '')" "$skald"

# ---- a hub that dies ----

kill_hub()
{
	local hub
	hub=$(link_of "$UP")
	[ -z "$hub" ] || kill -KILL "$hub"
}

is "there is a hub" "$(link_of "$UP" | wc -l)" 1
seq 1 60000 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":0},"labels":{"batch":"b"},"notBefore":4102444800000}/' >"$T/batch.jsonl"
start bulk "$SKALDS" task add -q --file "$T/batch.jsonl"
BULK=$PID
for i in $(rounds "1 2 3" "1 2 3 4 5 6 7 8 9 10"); do
	sleep 0.$((RANDOM % 5 + 1))
	kill_hub
done
ended "$BULK" 60
is "a bulk add goes on over killed hubs" "$CODE:$(cat "$T/bulk.err")" "0:"
is "every id was told once" "$(wc -l <"$T/bulk.out"):$(sort -u "$T/bulk.out" | wc -l)" "60000:60000"
t task list --label batch=b --all --json
is "and is stored once" "$(grep -o '"id":"[^"]*"' <<<"$out" | cut -d'"' -f4 | sort | cksum)" "$(sort "$T/bulk.out" | cksum)"
start wait "$SKALDS" task add --wait Sleep seconds=2
WAIT=$PID
start logs "$SKALDS" task logs -f "$("$SKALDS" task add -- sh -c 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done')"
LOGS=$PID
sleep 0.7
kill_hub
ended "$WAIT" 60
is "a wait goes on over a killed hub" "$CODE:$(cat "$T/wait.err")" "0:"
ended "$LOGS" 60
is "logs -f too" "$CODE:$(xargs <"$T/logs.out")" "0:1 2 3 4 5 6"
kill "$UP"
ended "$UP" 60
is "up ends" "$CODE" 0
t task add Sleep seconds=0
like "and then nothing is running" "$code:$err" '^0:.*nothing is running: start `skalds up`'
t status --json
is "but all is there" "$(($(json tasks.total "$out") > 60000)):$(json running "$out")" "1:false"
finish
