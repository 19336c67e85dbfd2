#!/usr/bin/env bash
# demo-fleet.sh [BINARY] - a fleet on this machine, in about a minute: Kafka, Redis and a MongoDB-wire
# server, a controller, three nodes and one of the original program in Python; 200 tasks; one node dies.
#
#	KEEP=1	leave it all running until Ctrl-C, to try commands in another terminal
#
# What it starts it stops, also on Ctrl-C; services that ran before stay (scripts/services.sh).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
skalds=${1:-build/skalds}
services="kafka redis javamongo pyskalds"
state=${SKALDS_SERVICES:-$PWD/build/services}
lease=6 # seconds; a node that is silent for longer is lost
work=
pids=()
python=
started=()

show()
{
	echo
	echo "\$ $*"
}

fail()
{
	echo "demo-fleet: $*" >&2
	exit 1
}

now_ms()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# until_true SECONDS COMMAND…
until_true()
{
	local end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# A process and all that descend from it.
tree()
{
	local c
	echo "$1"
	for c in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		tree "$c"
	done
}

alive()
{
	kill -0 "$1" 2>/dev/null
}

# ---- leaving ----

clean_up()
{
	local code=$? p
	trap '' INT TERM HUP
	trap - EXIT
	[ ${#pids[@]} = 0 ] || kill -TERM "${pids[@]}" 2>/dev/null
	[ -z "$python" ] || kill -KILL -- "-$python" 2>/dev/null
	for p in "${pids[@]}"; do
		# shellcheck disable=SC2046 # a list of numbers
		until_true 15 eval "! alive $p" || kill -KILL $(tree "$p") 2>/dev/null
	done
	[ -z "${DB_NAME:-}" ] || forget
	[ ${#started[@]} = 0 ] || scripts/services.sh down "${started[@]}"
	[ -z "$work" ] || rm -rf "$work"
	exit "$code"
}

# What it has written into services that stay.
forget()
{
	"$PYSKALDS" - 2>/dev/null <<-'END'
	import os, pymongo
	env = os.environ
	pymongo.MongoClient(env["MONGO_HOST"], serverSelectionTimeoutMS=3000).drop_database(env["DB_NAME"])
	END
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the services ----

[ -x "$skalds" ] || fail "$skalds is not there: make"
# Only what the demo shows, whatever the caller has configured.
for name in $("$skalds" config --json | grep -oE '"[A-Z][A-Z_]+"' | tr -d '"' | sort -u); do
	unset "$name"
done
mkdir -p "${BUILD:-build}"
work=$(mktemp -d "${BUILD:-build}/demo-fleet.XXXXXX") && work=$(realpath "$work") || exit 1
for name in $services; do
	scripts/services.sh status "$name" >/dev/null || started+=("$name")
done
show "scripts/services.sh up $services"
echo "the first time this fetches and builds them, some minutes"
# shellcheck disable=SC2086 # a list of words
scripts/services.sh up $services || fail "the services do not start"
# shellcheck disable=SC2086
scripts/services.sh status $services
# shellcheck source=/dev/null
. "$state/env"
export MONGO_HOST=$SKALDS_TEST_MONGO2 DB_NAME=demo_$$ KAFKA_REPLICATION_FACTOR=1 LOG_LEVEL=WARNING
export SKALDS_RUN_DIR=$work/run OBSERVED=$work/observed XDG_STATE_HOME=$work/state
mkdir "$SKALDS_RUN_DIR"
: >"$OBSERVED"
for name in KAFKA_HOST KAFKA_PORT REDIS_HOST REDIS_PORT MONGO_HOST DB_NAME; do
	echo "export $name='${!name}'"
done >"$work/env"

# ---- the fleet ----

# begin NAME COMMAND…: in a session of its own, so that Ctrl-C reaches the demo alone; sets PID.
begin()
{
	local name=$1
	shift
	setsid "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	PID=$!
	disown # that one was killed is no news for the shell
}

ready()
{
	until_true 30 "$skalds" probe ready --pid "$2" || fail "$1 does not get ready: $(tail -n 3 "$work/$1.err")"
}

show "$skalds controller --data DIR &"
begin controller "$skalds" controller --data "$work/controller" --lease $lease
pids+=("$PID")
ready controller "$PID"
for name in node-1 node-2 node-3; do
	show "SKALD_ID=$name $skalds node &"
	begin $name env SKALD_ID=$name "$skalds" node --data "$work/$name" --slots 8 --lease $lease --no-cgroup
	pids+=("$PID")
	[ $name != node-2 ] || victim=$PID
	ready $name "$PID"
done
original=$(scripts/services.sh status pyskalds | awk '{ print $NF }')
show "python peer_node.py python-1 &		# the original, Skalds $original, with a MyWorker of its own"
begin python-1 env ONLY_MYWORKER=1 "$PYSKALDS" test/interop/peer_node.py python-1
python=$PID

# is_seen ID STATE: by the controller, whose lease is what counts
is_seen()
{
	"$skalds" skald list --data "$work/controller" --json |
		grep -q "\"id\":\"$1\",\"mode\":\"node\",\"state\":\"$2\""
}

until_true 40 is_seen python-1 online || fail "the Python node does not come up: $(tail -n 3 "$work/python-1.err")"
show "$skalds skald list"
"$skalds" skald list

# ---- 200 tasks ----

# Programs write down that they really ran; the classes of the Python node do so too.
for ((i = 0; i < 160; i++)); do
	printf '{"className":"Exec","attachments":{"script":"sleep %s; echo $SKALDS_TASK_ID >>%s"}}\n' \
		$((1 + i % 2)) "$work/truth"
done >"$work/tasks.jsonl"
for ((i = 0; i < 40; i++)); do
	echo '{"className":"MyWorker","attachments":
		{"rtspUrl":"rtsp://camera","fixFrame":1,"steps":5,"intervalSeconds":0.2}}' | tr -d '\n\t'
	echo
done >>"$work/tasks.jsonl"
begin watch "$skalds" task watch --json
pids+=("$PID")
show "$skalds task add --file tasks.jsonl		# 160 programs, 40 of MyWorker, which all have"
"$skalds" task add --file "$work/tasks.jsonl" >"$work/ids" || fail "tasks were not taken"
accepted=$(sort -u "$work/ids" | wc -l)
echo "$accepted accepted"
sleep 4
show "$skalds status"
"$skalds" status

# ---- a node dies ----

show "kill -9 \$(all processes of node-2)		# as if its machine had lost power"
kill -STOP "$victim" # so that it starts nothing meanwhile
# shellcheck disable=SC2046 # a list of numbers
kill -KILL $(tree "$victim") 2>/dev/null
killed=$(now_ms)
until_true 30 is_seen node-2 offline || fail "that node-2 is gone is not noticed"
echo "noticed after $((($(now_ms) - killed + 500) / 1000)) s: its lease is $lease s here, 30 s by default"
show "$skalds skald list --data DIR		# as the controller sees them"
"$skalds" skald list --data "$work/controller"

none_left()
{
	[ "$("$skalds" task list --state Created,Assigning,Running --limit 1 --json)" = '{"items":[],"next":null}' ]
}

until_true 90 none_left || fail "the tasks do not end"
show "$skalds status --data DIR"
"$skalds" status --data "$work/controller"

# ---- what became of it ----

sleep 1 # the last events
"$skalds" task list --all --json 2>/dev/null |
	sed 's/{"id":/\n&/g' |
	sed -n 's/^{"id":"\([^"]*\)".*"phase":"\([^"]*\)".*"attempt":\([0-9]*\).*/\1 \2 \3/p' >"$work/end"
finished=$(awk '$2 == "Finished"' "$work/end" | wc -l)
moved=$(awk '$3 > 1' "$work/end" | wc -l)
ran=$(sort -u "$work/truth" | wc -l)
echo
echo "finished where (from \`skalds task watch\`):"
sed -n 's/.*"event":"finished".*"skald":"\([^"]*\)".*/\1/p' "$work/watch.out" | sort | uniq -c |
	awk '{ printf "  %-10s %3d\n", $2, $1 }'
echo "$moved tasks were at node-2 when it died and have run again elsewhere"
echo "the Python node says that it has run $(awk '$2 == "end"' "$OBSERVED" | wc -l) to their end"
echo "accepted $accepted, finished $finished; of 160 programs $ran wrote down that they ran"
[ "$accepted" = 200 ] && [ "$finished" = 200 ] && [ "$ran" = 160 ] || fail "something was lost"

if [ "${KEEP:-0}" = 1 ]; then
	echo
	echo "It runs on until Ctrl-C. In another terminal: . $work/env; $skalds status"
	while :; do
		sleep 1
	done
fi
echo "nothing was lost"
