#!/usr/bin/env bash
# kill -9 of the hub, the supervisor, both, while tasks run: nothing accepted is lost, no exit code is,
# nothing runs twice at once, nothing is left behind.
. "$(dirname "$0")/../up_lib.sh"

plant_lies

# ---- the hub ----

check "up is ready" up --slots 4
long=$(add --retries 0 -- sh -c 'sleep 3; exit 7')
wait_for Running "$long"
hub=$(link_of "$UP")
kill -9 "$hub"
before=$(now_ms)
check "the socket is served again" until_true 5 served
at_most "in less than a second" $(($(now_ms) - before)) 999
is "the task went on" "$(field "$long" phase) $(field "$long" attempt)" "Running 1"
"$SKALDS" task wait "$long" 2>/dev/null
is "its exit code is kept" "$?" 7

short=$(add --retries 0 -- sh -c 'sleep 0.3; exit 9')
wait_for Running "$short"
kill -STOP "$UP" # so that nobody starts another hub yet
kill -9 "$(link_of "$UP")"
sleep 1
kill -CONT "$UP"
"$SKALDS" task wait "$short" 2>/dev/null
is "an end while there was no hub is stored by the next one" "$?" 9

kill -STOP "$UP"
kill -9 "$(link_of "$UP")"
start list "$SKALDS" task list --json
sleep 1
check "a command waits for the next hub" kill -0 "$PID"
kill -CONT "$UP"
check "and is answered by it" ended "$PID" 5
is "it did not look into the directory itself" "$CODE $(cat list.err)" "0 "

n=$(rounds 20 300)
: >ids
for ((i = 0; i < n; i++)); do
	for k in 1 2 3; do
		add --retries 50 -- "$T/truth.sh" "0.$((RANDOM % 5))" 0 >>ids
	done
	sleep "0.$((RANDOM % 4))"
	kill -9 "$(link_of "$UP")" 2>/dev/null
done
check "all tasks end" until_true 60 nothing_left
is "the add command was never refused" "$(wc -l <ids)" $((n * 3))
truthful "$n deaths of the hub: no end is lost, none made up, nothing ran twice" ids
is "no attempt was lost: tasks do not notice" "$(awk '$3 == "start" && $2 > 1' "$TRUTH" | wc -l)" 0
down
is "up ends with 0 after all that" "$CODE" 0

# ---- the supervisor ----

: >"$TRUTH"
: >ids
up --slots 4
id=$(add -- sh -c 'sleep 1000')
wait_for Running "$id"
hub=$(link_of "$UP")
kill -9 "$UP"
ended "$UP" 5
check "the hub ends as well" until_true 5 gone "$hub"
is "the tasks too" "$(task_processes | wc -l)" 0
check "the next up starts" up --slots 4
is "the attempt was stored as lost" \
	"$("$SKALDS" task get "$id" --json >g.json; grep -c '"reason":"lost"' g.json)" 1
"$SKALDS" task cancel "$id" >/dev/null

n=$(rounds 10 200)
for ((i = 0; i < n; i++)); do
	for k in 1 2 3; do
		add --retries 50 -- "$T/truth.sh" "0.$((RANDOM % 5))" 0 >>ids
	done
	sleep "0.$((RANDOM % 6))"
	case $((RANDOM % 3)) in
	0) kill -9 "$UP" ;;
	1) kill -9 "$UP" "$(link_of "$UP")" ;;
	2)
		hub=$(link_of "$UP")
		kill -9 "$hub"
		sleep "0.0$((RANDOM % 9))"
		kill -9 "$UP"
		;;
	esac
	ended "$UP" 5
	up --slots 4 || fail "up starts in round $i" "$(cat up.err)"
done
is "the add command was never refused" "$(wc -l <ids)" $((n * 3))
check "all tasks end" until_true 120 nothing_left
truthful "$n deaths of the supervisor or both: nothing is lost, made up or doubled" ids
is "no process is left" "$(task_processes | wc -l)" 0
down
is "up ends with 0" "$CODE" 0
is "no run file of a dead run is left" "$(ls "$SKALDS_RUN_DIR" | wc -l)" 0

# ---- drained again and again ----

: >"$TRUTH"
: >ids
n=$(rounds 6 60)
up --slots 4
for ((i = 0; i < n; i++)); do
	for k in 1 2 3 4 5; do
		add --retries 0 -- "$T/truth.sh" "0.$((RANDOM % 9))" 0 >>ids
	done
	sleep "0.$((RANDOM % 6))"
	before=$(now_ms)
	down
	[ "$CODE" = 0 ] || fail "a drain ends with 0" "got $CODE"
	up --slots 4
done
check "all tasks end" until_true 60 nothing_left
truthful "$n restarts: nothing is lost, doubled, or failed because of them" ids
down

# ---- a task that does not want to go ----

up
id=$(add --retries 0 -- sh -c 'trap "" TERM; sleep 1000 & while :; do wait; done')
wait_for Running "$id"
before=$(now_ms)
kill -TERM "$UP"
sleep 0.5
kill -TERM "$UP"
check "a second signal ends it now" ended "$UP" 5
is "with 0" "$CODE" 0
is "nothing is left of the task" "$(task_processes | wc -l)" 0
up
is "it was handed back: not its failure" "$(field "$id" failures)" 0
"$SKALDS" task cancel "$id" >/dev/null
wait_for Cancelled "$id"
id=$(echo '{"className":"Exec","graceSeconds":3600,"attachments":{"command":["sh","-c","trap : TERM; while :; do sleep 0.1; done"]}}' | add --file -)
wait_for Running "$id"
before=$(now_ms)
down
at_most "a task with an hour of grace holds the end up for 25 s at most" $(($(now_ms) - before)) 25000
is "the end is 0" "$CODE" 0
finish
