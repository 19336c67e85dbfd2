#!/usr/bin/env bash
# A fleet beside its goals and beside the original, on the same services in the same run.
#
#	test/bench/fleet.sh [PART…]	parts: latency burst memory nodes; all by default
#
# The store is mongo-java-server, whose disk is not synchronous: figures of the store are those of the
# server and of this machine; the memory store tells what the statements cost. ROUNDS=3 (medians),
# NODES=1000, TASKS=10000 set the sizes; ORIGINAL=no leaves the original's nodes out.
# shellcheck disable=SC2015 # a figure that is missing is a note
. "$(dirname "$0")/../interop/lib.sh"
. "$ROOT/test/bench/figures.sh"
ROUNDS=${ROUNDS:-3}
NODES=${NODES:-1000}
TASKS=${TASKS:-10000}
IDLE=${IDLE:-20}
ORIGINAL=${ORIGINAL:-yes}
parts=${*:-latency burst memory nodes}
OUT=${BUILD:-build}/release/test/bench # as the Makefile calls it
case $OUT in /*) BENCH=$OUT ;; *) BENCH=$ROOT/$OUT ;; esac
S=$T/controller.data/skalds.sock
# user code of both kinds tells its first line there
C_CODE="{\"command\": [\"$BIN/stamp\", \"--append\", \"$OBSERVED\"]}"
PY_CODE='{"rtspUrl": "rtsp://bench", "fixFrame": 1, "steps": 0}'
make -s -C "$ROOT" "$OUT/fleetbench" "$OUT/nodesim" "$OUT/memory_bench" BUILD="${BUILD:-build}" >make.out 2>&1 ||
	{ tail -5 make.out; exit 1; }
helper stamp >/dev/null
helper queuebench >/dev/null
export QUEUEBENCH_PAUSE_MS=100

# value KEY FILE: of the one line of JSON
value()
{
	sed -nE "s/.*\"$1\":([0-9.-]+).*/\1/p" "$2"
}

# of the last minute
load()
{
	cut -d ' ' -f 1 /proc/loadavg
}

# stop PID
stop()
{
	kill -TERM "$1" 2>/dev/null
	ended "$1" 30
}

# In rounds, because the machine is somebody else's as well: script NAME MODE N EXECUTOR CLASS CODE
script()
{
	local name=$1 mode=$2 n=$3 i key
	for ((i = 0; i < ROUNDS; i++)); do
		"$BENCH/fleetbench" "$mode" "$n" "$4" "$5" "$6" "$OBSERVED" >"$name.out" 2>"$name.err" ||
			{ note "$name: $(tail -n 1 "$name.err")"; continue; }
		for key in p50_ms p99_ms max_ms per_second; do
			value $key "$name.out" >>"$name.$key"
		done
	done
}

# the median of a script's figure; "-" when there is none
of()
{
	cat "$1.$2" 2>/dev/null | median
}

# both nodes, unless they run
# c_node [FLAG…]
c_node()
{
	[ -n "${c_pid:-}" ] && kill -0 "$c_pid" 2>/dev/null && return
	node bench-c "$@" || { note "the C node does not start: $(tail -n 1 bench-c.err)"; return 1; }
	c_pid=$PID
}

original_node()
{
	[ "$ORIGINAL" = yes ] || return 1
	[ -n "${py_pid:-}" ] && kill -0 "$py_pid" 2>/dev/null && return
	py_node bench-py || { note "the original's node does not start: $(tail -n 1 bench-py.err)"; return 1; }
	py_pid=$PID
	sleep 3
}

fleet_controller()
{
	[ -n "${controller_pid:-}" ] && kill -0 "$controller_pid" 2>/dev/null && return
	controller controller --data "$T/controller.data" "$@" || { note "the controller does not start: $(tail -n 1 controller.err)"; return 1; }
	controller_pid=$PID
}

# A controller and one node that it believes in: a new leader waits for a sign of life of nodes that it
# has not seen come.
our_fleet()
{
	nodes_stop
	fleet_controller || return
	c_node "$@" && until_true 30 believed
}

believed()
{
	"$SKALDS" skald list --data "$T/controller.data" --json >skalds.out && [ "$(picks skalds.out items.0.id items.0.state)" = "bench-c online" ]
}

# What one part leaves (tasks of scripts that no controller has judged fill the slots of their node) must
# not be in the way of the next.
nodes_stop()
{
	[ -z "${c_pid:-}" ] || stop "$c_pid"
	[ -z "${py_pid:-}" ] || py_stop "$py_pid"
	[ -z "${controller_pid:-}" ] || stop "$controller_pid"
	c_pid=
	py_pid=
	controller_pid=
	peer clean
}

bench_latency()
{
	local i id began
	c_node || return
	script warm latency 20 bench-c Exec "$C_CODE"
	script c latency 200 bench-c Exec "$C_CODE"
	figure "task.assign produced to user code (a process), p50" ms "$(of c p50_ms)" '<' 8
	figure "the same, p99" ms "$(of c p99_ms)" '<' 30
	if original_node; then
		script py latency 20 bench-py MyWorker "$PY_CODE"
		figure "the original, p50" ms "$(of py p50_ms)" - -
		figure "the original, max" ms "$(of py max_ms)" - -
	fi
	[ -z "${py_pid:-}" ] || { py_stop "$py_pid"; py_pid=; }
	our_fleet || return
	for ((i = 0; i < ROUNDS; i++)); do
		queuebench "$S" latency 100 Exec "{\"command\":[\"$BIN/stamp\",\"--result\"]}" >native.out 2>native.err ||
			{ note "native: $(tail -n 1 native.err)"; continue; }
		value code_p50_ms native.out >>native.p50_ms
		value code_p99_ms native.out >>native.p99_ms
		value answer_p50_ms native.out >>native.answer
	done
	figure "our way: submit to the controller to user code, p50" ms "$(of native p50_ms)" - -
	figure "the same, p99" ms "$(of native p99_ms)" - -
	figure "of it: submit to answer (stored), p50" ms "$(of native answer)" - -
	for ((i = 0; i < 20; i++)); do
		began=$EPOCHREALTIME
		id=$("$SKALDS" task add --wait -- "$BIN/stamp" --append "$OBSERVED" 2>add.err </dev/null) ||
			{ note "task add: $(tail -n 1 add.err)"; break; }
		awk -v id="$id" -v began="$began" '$1 == id { print ($3 - began) * 1000 }' "$OBSERVED" >>cli.ms
	done
	figure "skalds task add (a process that connects anew) to user code, p50" ms "$(median <cli.ms)" - -
	nodes_stop
}

# bulk NAME CLASS [ATTACHMENTS]: 1,000 tasks to the controller at once, to the last end in the store
bulk()
{
	local name=$1 i
	shift
	for ((i = 0; i < ROUNDS; i++)); do
		"$BIN/queuebench" "$S" bulk 1000 "$@" >"$name.out" 2>"$name.err" ||
			{ note "$name: $(tail -n 1 "$name.err")"; continue; }
		value per_second "$name.out" >>"$name.per_second"
	done
}

bench_burst()
{
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		seconds sh -c "seq 1000 | xargs -P2 -n1 /bin/true" && calc "1000 / $SECS" 0 >>xargs.rate
	done
	figure "xargs -P2 -n1 /bin/true" tasks/s "$(median <xargs.rate)" - -
	c_node || return
	original_node
	for ((i = 0; i < ROUNDS; i++)); do
		ROUNDS=1 script burst burst 1000 bench-c Exec "$C_CODE"
		[ -n "${py_pid:-}" ] || continue
		ROUNDS=1 script py-burst burst 100 bench-py MyWorker "$PY_CODE"
		# within a round: a machine that is slow for a minute is slow for both
		calc "$(tail -n 1 burst.per_second) / $(tail -n 1 py-burst.per_second)" 1 >>burst.ratio
	done
	figure "1,000 events at once to one node, a process each" tasks/s "$(of burst per_second)" - -
	if [ -n "${py_pid:-}" ]; then
		figure "100 to the original" tasks/s "$(of py-burst per_second)" - -
		figure "ratio, within a round" x "$(median <burst.ratio)" '>=' 40
	fi
	our_fleet || return
	bulk bulk-noop Noop
	bulk bulk-exec Exec '{"command":["/bin/true"]}'
	figure "our way, 1,000 no-ops through the controller to their end in the store" tasks/s \
		"$(of bulk-noop per_second)" - -
	figure "the same, a process each" tasks/s "$(of bulk-exec per_second)" - -
	nodes_stop
	for ((i = 0; i < ROUNDS; i++)); do
		timeout 60 "$BENCH/memory_bench" 1000 2 >memory.out 2>memory.err || note "memory: $(tail -n 1 memory.err)"
		awk '$1 == "Noop" { print $2 }' memory.out >>memory-noop.per_second
		awk '$1 == "Exec" { print $2 }' memory.out >>memory-exec.per_second
	done
	figure "the store in memory, no services: 1,000 no-ops" tasks/s "$(of memory-noop per_second)" - -
	figure "the same, a process each" tasks/s "$(of memory-exec per_second)" - -
}

# Established connections of a process and its descendants, each once whoever shares it.
connections()
{
	local p
	for p in $(procs tree "$1"); do
		ls -l "/proc/$p/fd" 2>/dev/null
	done | sed -nE 's/.*socket:\[([0-9]+)\].*/\1/p' | sort -u >sockets
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk 'NR == FNR { mine[$1] = 1; next } $4 == "01" && ($10 in mine) { n++ } END { print n + 0 }' sockets -
}

# PSS of a process and its descendants, KiB.
tree_pss()
{
	local p sum=0
	for p in $(procs tree "$1"); do
		sum=$((sum + $(awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup" 2>/dev/null || echo 0)))
	done
	echo "$sum"
}

# running NODE N: so many of its tasks beat in Redis
running()
{
	[ "$(peer key "skalds:$1:all-task" | grep -o '\\"id\\"' | wc -l)" -ge "$2" ]
}

bench_memory()
{
	local code='{"rtspUrl": "rtsp://bench", "fixFrame": 1, "intervalSeconds": 1000}' p
	c_node || return
	"$BENCH/fleetbench" send 20 bench-c MyWorker "$code" "$OBSERVED" >send.out 2>&1 || note "$(cat send.out)"
	until_true 20 running bench-c 20 || note "20 tasks do not run"
	sleep 3
	figure "node with 20 running tasks, PSS of all its processes" MB "$(calc "$(tree_pss "$c_pid") / 1024" 1)" '<' 20
	for p in "$c_pid" "$(link_of "$c_pid")"; do
		figure "of it: $(cat "/proc/$p/comm")" MB \
			"$(calc "$(awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup") / 1024" 1)" - -
	done
	figure "its TCP connections" - "$(connections "$c_pid")" '<' 7
	if original_node; then
		"$BENCH/fleetbench" send 20 bench-py MyWorker "${code/1000/1}" "$OBSERVED" >send.out 2>&1
		until_true 60 running bench-py 20 || note "20 tasks of the original do not run"
		sleep 3
		figure "the original's, PSS of all its processes" MB "$(calc "$(tree_pss "$py_pid") / 1024" 0)" - -
		figure "its TCP connections" - "$(connections "$py_pid")" - -
	fi
	nodes_stop
}

# cpu_ms PID: of all its threads so far
cpu_ms()
{
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%d\n", ($12 + $13) * 1000 / hz }' "/proc/$1/stat"
}

server_pid()
{
	head -n 1 "${SKALDS_SERVICES:-$ROOT/build/services}/javamongo/pids" | cut -d ' ' -f 1
}

bench_nodes()
{
	local sim c0 c1 j0 j1 from ms java
	nodes_stop
	fleet_controller || return
	java=$(server_pid)
	start nodesim "$BENCH/nodesim" "$NODES" "$TASKS"
	sim=$PID
	until_true 60 grep -q ready nodesim.out || { note "nodesim: $(tail -n 1 nodesim.err)"; nodes_stop; return; }
	until_true 30 eval '[ "$("$SKALDS" status --data "$T/controller.data" --json | json skalds.online)" = "$NODES" ]'
	c0=$(cpu_ms "$controller_pid") j0=$(cpu_ms "$java") from=$(now_ms)
	sleep "$IDLE"
	c1=$(cpu_ms "$controller_pid") j1=$(cpu_ms "$java") ms=$(($(now_ms) - from))
	figure "$NODES idle nodes: cpu of the controller" % "$(calc "100 * ($c1 - $c0) / $ms")" - -
	figure "the same, of a node" "us/s" "$(calc "1000000 * ($c1 - $c0) / $ms / $NODES" 1)" - -
	figure "the store's server meanwhile" % "$(calc "100 * ($j1 - $j0) / $ms")" - -
	c0=$c1 j0=$j1
	"$BIN/queuebench" "$S" stock "$TASKS" Noop >stock.out 2>stock.err || note "stock: $(tail -n 1 stock.err)"
	ended "$sim" 600 || { kill -TERM "$sim"; ended "$sim" 20; }
	c1=$(cpu_ms "$controller_pid") j1=$(cpu_ms "$java")
	note "$(tail -n 1 nodesim.out)"
	figure "$TASKS tasks to $NODES nodes: first assigned to last Finished" tasks/s "$(value per_second nodesim.out)" - -
	figure "cpu of the controller for a task" us "$(calc "1000 * ($c1 - $c0) / $TASKS" 0)" - -
	figure "cpu of the store's server for a task" us "$(calc "1000 * ($j1 - $j0) / $TASKS" 0)" - -
	figure "assigned to heard and read by the node, p50" ms "$(value assign_p50_ms nodesim.out)" - -
	figure "the same, p99" ms "$(value assign_p99_ms nodesim.out)" - -
	figure "renewals of leases: due to stored, p50" ms "$(value lag_p50_ms nodesim.out)" - -
	figure "the same, p99" ms "$(value lag_p99_ms nodesim.out)" '<' 1000
	nodes_stop
}

figure "load of the machine at the start" - "$(load)" - -
for part in $parts; do
	case $part in
	latency | burst | memory | nodes) "bench_$part" ;;
	*) note "no part $part" ;;
	esac
done
figure "load at the end" - "$(load)" - -
print_figures "store: mongo-java-server, not synced; authenticated: no" "$BIN/../bench-fleet.json"
exit 0
