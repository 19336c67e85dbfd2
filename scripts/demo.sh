#!/bin/sh
# demo.sh [BINARY] - the main job: the tasks of a YAML file, then one task whose exit code counts.
set -eu
cd "$(dirname "$0")/.."
skalds=${1:-build/skalds}
file=workers/examples/all_workers.yml
# Only what the demo shows, whatever the caller has configured.
unset SKALD_MODE YAML_FILE LOG_PATH SKALDS_DATA SKALDS_URL
export KAFKA_HOST='' REDIS_HOST='' MONGO_HOST=''

show()
{
	echo
	echo "\$ $*"
}

show "$skalds edge -f $file		# for 5 seconds, then SIGTERM"
"$skalds" edge -f "$file" --plain &
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT
sleep 5
kill -TERM $pid
status=0
wait $pid || status=$?
trap - EXIT
echo "exit code $status: the tasks were asked to end, and did"
[ "$status" = 0 ]

show "$skalds run-one -- sh -c 'echo the work; exit 3'"
status=0
"$skalds" run-one -- sh -c 'echo the work; exit 3' || status=$?
echo "exit code $status: the program's own"
[ "$status" = 3 ]

show "$skalds check -f $file"
"$skalds" check -f "$file"
echo
echo "Next: $skalds help, $skalds worker describe MyWorker, $skalds doctor"
