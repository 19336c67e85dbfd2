#!/bin/sh
# demo.sh [BINARY] - what skalds is for, in under 30 seconds: the tasks of a YAML file, one task
# whose exit code counts, and a queue that loses nothing when its processes are killed.
set -eu
cd "$(dirname "$0")/.."
skalds=${1:-build/skalds}
file=workers/examples/all_workers.yml
work=$(mktemp -d "${BUILD:-build}/demo.XXXXXX")
data=$work/data
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
# Only what the demo shows, whatever the caller has configured.
unset SKALD_MODE YAML_FILE LOG_PATH SKALDS_DATA SKALDS_URL SKALDS_TOKEN
export KAFKA_HOST='' REDIS_HOST='' MONGO_HOST=''

show()
{
	echo
	echo "\$ $*"
}

fail()
{
	echo "demo: $*" >&2
	exit 1
}

# child PID NAME: the first child of a process with that name.
child()
{
	for c in $(cat "/proc/$1/task/$1/children"); do
		[ "$(cat "/proc/$c/comm" 2>/dev/null)" != "$2" ] || { echo "$c"; return; }
	done
}

# ---- tasks of a file ----

show "$skalds edge -f $file		# for 3 seconds, then SIGTERM"
"$skalds" edge -f "$file" --plain &
pid=$!
sleep 3
kill -TERM $pid
status=0
wait $pid || status=$?
pid=
echo "exit code $status: the tasks were asked to end, and did"
[ "$status" = 0 ] || fail "edge ended with $status"

show "$skalds run-one -- sh -c 'echo the work; exit 3'"
status=0
"$skalds" run-one -- sh -c 'echo the work; exit 3' || status=$?
echo "exit code $status: the program's own"
[ "$status" = 3 ] || fail "run-one ended with $status"

# ---- a queue on this machine ----

show "$skalds up --data $data --slots 2 &"
"$skalds" up --data "$data" --slots 2 2>"$work/up.log" &
pid=$!
n=0
until [ -S "$data/skalds.sock" ]; do
	n=$((n + 1))
	[ $n -lt 100 ] || fail "up is not ready: $(cat "$work/up.log")"
	sleep 0.1
done

# 1,000 tasks that do nothing and 100 programs; each program writes down that it really ran.
truth=$PWD/$work/truth
awk -v truth="$truth" 'BEGIN {
	for (i = 0; i < 1000; i++)
		print "{\"className\":\"Noop\"}"
	for (i = 0; i < 100; i++)
		printf "{\"className\":\"Exec\",\"attachments\":{\"script\":\"sleep 0.05; echo $SKALDS_TASK_ID >>%s\"},\"maxAttempts\":5}\n", truth
}' >"$work/tasks.jsonl"
show "$skalds task add --file tasks.jsonl		# 1,100 tasks; each id is printed when it is on disk"
"$skalds" task add --data "$data" --file "$work/tasks.jsonl" >"$work/ids"
accepted=$(sort -u "$work/ids" | wc -l)
echo "$accepted accepted"

hub=$(child $pid skalds-link)
[ -n "$hub" ] || fail "the hub was not found"
show "kill -9 $hub		# the hub: scheduler, store and API"
kill -9 "$hub"
sleep 0.5
worker=$(child $pid sh)
if [ -n "$worker" ]; then
	show "kill -9 $worker		# a program in the middle of its work"
	kill -9 "$worker"
fi
show "$skalds status"
"$skalds" status --data "$data"

n=0
while [ "$("$skalds" task list --data "$data" --state Created,Assigning,Running --limit 1 --json 2>/dev/null)" != \
	'{"items":[],"next":null}' ]; do
	n=$((n + 1))
	[ $n -lt 200 ] || fail "the tasks do not end"
	sleep 0.1
done
show "$skalds status"
"$skalds" status --data "$data"

finished=$("$skalds" task list --data "$data" --state Finished --all --json 2>/dev/null | grep -o '"id":"[^"]*"' | sort -u | wc -l)
ran=$(sort -u "$truth" | wc -l)
echo
echo "accepted $accepted, finished $finished; of 100 programs $ran wrote down that they ran"
[ "$accepted" = 1100 ] && [ "$finished" = 1100 ] && [ "$ran" = 100 ] || fail "something was lost"
echo "nothing was lost"
kill -TERM $pid
wait $pid || fail "up did not end well"
pid=
echo
echo "Next: $skalds help, $skalds up, $skalds task add Sleep seconds=5, $skalds worker list"
