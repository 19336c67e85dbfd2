# lib.sh - for tests beside the original program, on real Kafka, Redis and a MongoDB-wire server.
#
#	. "$(dirname "$0")/lib.sh"	starts what is not running, an empty database of its own
#	node ID [FLAGS…]		starts a C node
#	py_node ID [MODE [YAML]]	starts one of the original
#	py_controller MODE		the same of a controller; sets PID and API
#	peer ACTION…			peer.py
#	part FUNCTION; parts_end	parts of a script beside each other
#
# SKALDS_TEST_STORE: javamongo (has indexes; the default) or mongo (FerretDB).
# One script at a time: the original knows Redis database 0 only, and the topics are shared.

. "$(dirname "${BASH_SOURCE[0]}")/../fleet_lib.sh"
PEERS=$ROOT/test/interop
mkdir -p "${SKALDS_SERVICES:-$ROOT/build/services}"
exec 8>"${SKALDS_SERVICES:-$ROOT/build/services}/.test-lock"
flock 8

fleet "${SKALDS_TEST_STORE:-javamongo}"
export REDIS_DB=0
export OBSERVED=$T/observed
: >"$OBSERVED"

# One process does what is asked for: starting one each time would take a second.
peer()
{
	local code fd
	exec {fd}<>"/dev/tcp/127.0.0.1/$PEER_PORT" || return 1
	printf '%s\0' "$#" "$@" >&"$fd"
	read -r code <&"$fd"
	cat <&"$fd"
	exec {fd}>&-
	return "${code:-1}"
}
# not killed with what the tests started: it cleans up after them
setsid "$PYSKALDS" "$PEERS/peer.py" serve "$T/peer.port" >"$T/peer.err" 2>&1 </dev/null 8>&- &
PEER=$!
py_pids=()
clean_peers()
{
	local p
	for p in "${py_pids[@]}"; do
		py_stop "$p"
	done
	peer clean
	kill "$PEER"
}
at_exit clean_peers
until_true 60 test -s "$T/peer.port" || { echo "Bail out! peer.py does not start"; exit 99; }
PEER_PORT=$(cat "$T/peer.port")
peer clean || { tail -5 "$T/peer.err" | sed 's/^/# /'; echo "Bail out! the services do not answer"; exit 99; }

# ---- C ----

# node ID [FLAGS…]
node()
{
	local id=$1
	shift
	start "$id" env SKALD_ID="$id" "$SKALDS" node --data "$T/data-$id" --json "$@"
	until_true 20 seen "$T/$id.out" event=ready
}

# machine_dies PID: the node and everything that it started, at once
machine_dies()
{
	kill -KILL $(procs tree "$1")
	ended "$1" 5
}

# ---- the original ----

# In a session of its own: its helper processes outlive it otherwise (N3, N11, N12).
py_start()
{
	local name=$1
	shift
	start "$name" setsid "$PYSKALDS" "$@" # PID leads the session
}

# py_stop PID [SIGNAL [SECONDS]]: the whole session, at once unless a signal is given
py_stop()
{
	kill "-${2:-KILL}" -- "-$1" 2>/dev/null
	ended "$1" "${3:-20}"
}

is_online()
{
	peer key skalds:hash | grep -Fq "\"$1\""
}

# py_node_begin ID [MODE [YAML]], for who has something else to do meanwhile; then py_node_ready ID
py_node_begin()
{
	py_start "$1" "$PEERS/peer_node.py" "$@"
	py_pids+=("$PID")
}

# It hears events from when it has joined its group (N2), some seconds after it was first seen.
py_node_ready()
{
	until_true 40 is_online "$1" && until_true 20 has_joined "$1"
}

has_joined()
{
	grep -q 'Setting newly assigned partitions {' "$T/$1.err"
}

py_node()
{
	py_node_begin "$@"
	py_node_ready "$1"
}

# py_controller_begin MODE, py_controller_ready; sets PID and API
py_controller_begin()
{
	local port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	pycs=$((${pycs:-0} + 1))
	py_start "pyc$pycs" "$PEERS/peer_controller.py" "$port" "${1:-MONITOR}"
	py_pids+=("$PID")
	API=http://127.0.0.1:$port
}

py_controller_ready()
{
	until_true 60 curl -sf "$API/api/system/health"
}

py_controller()
{
	py_controller_begin "$@"
	py_controller_ready
}

# api METHOD PATH [BODY]: of the original's controller
api()
{
	curl -s -m 10 -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "$API$2"
}

# ---- looking ----

# becomes ID STATUS [SECONDS]: lifecycleStatus in the store
becomes()
{
	peer is "$1" "lifecycleStatus=$2" --for $((${3:-20} * ${SKALDS_TEST_SLACK:-1}))
}

# stays ID STATUS SECONDS
stays()
{
	local i
	for ((i = 0; i < $3 * 2; i++)); do
		peer is "$1" "lifecycleStatus=$2" --for 0 || return 1
		sleep 0.5
	done
}

# beat ID: the heartbeat of a task
beat()
{
	peer value "task:$1:heartbeat"
}

# beat_is ID VALUE, beats ID: it has one
beat_is()
{
	[ "$(beat "$1")" = "$2" ]
}
beats()
{
	[ -n "$(beat "$1")" ]
}

# observed ID WORD: how often a Python worker told it
observed()
{
	grep -c "^$1 $2 " "$OBSERVED"
}

# observed_is ID WORD NUMBER
observed_is()
{
	[ "$(observed "$1" "$2")" = "$3" ]
}

# doc ID MEMBER[.MEMBER…]
doc()
{
	peer field "$1" "$2"
}

# is_at ID SKALD: it runs there
is_at()
{
	peer is "$1" "executor=$2" lifecycleStatus=Running --for 0
}

# ---- parts of a script beside each other ----

# part FUNCTION [ARGUMENT…]: in the background, with what it tells; it starts no processes
parts=()
part()
{
	local name=part.${#parts[@]}
	(
		tests=0 failed=0
		"$@"
		echo "= $tests $failed"
	) >"$T/$name" 2>&1 &
	parts+=("$!")
}

# parts_end: waits for them; what they told, in order
parts_end()
{
	local i n bad line
	for ((i = 0; i < ${#parts[@]}; i++)); do
		wait "${parts[$i]}"
		n=
		while IFS= read -r line; do
			case $line in
			"ok "* | "not ok "*)
				tests=$((tests + 1))
				sed -E "s/^(not ok|ok) [0-9]+/\\1 $tests/" <<<"$line"
				;;
			"= "*) read -r _ n bad <<<"$line" && failed=$((failed + bad)) ;;
			*) echo "$line" ;;
			esac
		done <"$T/part.$i"
		[ -n "$n" ] || fail "part $i came to its end"
	done
	parts=()
}
