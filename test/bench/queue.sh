#!/usr/bin/env bash
# The queue of `skalds up` beside its goals (performance.md, B1-B6) and beside other queues.
#
#	test/bench/queue.sh [PART…]	parts: bulk process latency clients add idle scale peers
#
# TASKS=100000 PROCESSES=20000 ROUNDS=3 set the sizes. Everything is durable (synchronous=FULL),
# authenticated by the socket's owner alone, on two slots; "process" starts a program for each task,
# the others run in warm workers. PEERS=DIR: a directory that their set-up has filled (env.sh in it),
# PEER_BENCHES=DIR: their scripts; without them only skalds is measured.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/bench/figures.sh"
TASKS=${TASKS:-100000}
PROCESSES=${PROCESSES:-20000}
ROUNDS=${ROUNDS:-3}
PEERS=${PEERS:-}
PEER_BENCHES=${PEER_BENCHES:-}
parts=${*:-bulk process latency clients add idle scale peers}
D=$ROOT/build/bench-data.$$ # not in memory: /tmp may be
at_exit "rm -rf $D"
S=$D/skalds.sock

# up_start [FLAG…]: a new queue; PID is set.
up_start()
{
	rm -rf "$D"
	start up "$SKALDS" up --data "$D" --slots 2 --quiet "$@"
	until_true 20 test -S "$S" || { note "up did not start: $(tail -n 1 up.err)"; return 1; }
}

up_stop()
{
	kill -TERM "$PID" 2>/dev/null
	ended "$PID" 30
}

# json KEY: from the line that queuebench printed
json()
{
	sed -nE "s/.*\"$1\":([0-9.]+).*/\1/p" bench.out
}

measure()
{
	"$BIN/queuebench" "$S" "$@" >bench.out 2>bench.err || { note "queuebench $1: $(tail -n 1 bench.err)"; return 1; }
}

xargs_rate()
{
	seconds sh -c "seq 2000 | xargs -P2 -n1 /bin/true" && calc "2000 / $SECS" 0
}

bench_bulk()
{
	local i r
	for i in $(seq "$ROUNDS"); do
		up_start || return
		r=$(xargs_rate)
		measure bulk "$TASKS" Noop && {
			json per_second >>bulk.txt
			calc "$(json per_second) / $r" 1 >>bulk.ratio
		}
		up_stop
	done
	figure "B1, B3: $TASKS no-ops, bulk, first byte to last end on disk" tasks/s "$(median <bulk.txt)" '>=' 50000
	figure "the same, of xargs -P2" x "$(median <bulk.ratio)" - -
}

bench_process()
{
	local i x
	for i in $(seq "$ROUNDS"); do
		up_start || return
		seconds sh -c "seq $PROCESSES | xargs -P2 -n1 /bin/true" && x=$SECS
		measure bulk "$PROCESSES" Exec '{"command":["/bin/true"]}' && {
			json per_second >>process.txt
			calc "$x / $(json seconds)" 3 >>process.ratio
		}
		up_stop
	done
	figure "B2: $PROCESSES x /bin/true, output and exit codes kept" tasks/s "$(median <process.txt)" - -
	figure "the same, of xargs -P2" x "$(median <process.ratio)" '>=' 1.0
}

bench_latency()
{
	helper stamp >/dev/null
	helper coldstart >/dev/null
	up_start || return
	measure latency 200 Noop '{"stamp":true}' # warm
	measure latency 2000 Noop '{"stamp":true}' && {
		figure "B4: submit to user code, warm worker, p50" ms "$(json code_p50_ms)" - -
		figure "the same, p99" ms "$(json code_p99_ms)" - -
		figure "submit to answer (stored), p50" ms "$(json answer_p50_ms)" - -
	}
	measure latency 500 Exec "{\"script\":\"$BIN/stamp >\$SKALDS_RESULT\"}" && {
		figure "B4: submit to user code, sh and a program, p50" ms "$(json code_p50_ms)" - -
		figure "the same, p99" ms "$(json code_p99_ms)" - -
	}
	# what no queue can be below: the program alone, and the commit before it (answer, above)
	coldstart 200 "$SKALDS" "$BIN/stamp" >cold.txt &&
		figure "the same program started without a queue, to its main, p50" ms "$(calc "$(awk '$1 == "bare" { print $2 }' cold.txt) / 1000" 3)" - -
	measure latency 1000 Exec "{\"command\":[\"$BIN/stamp\",\"--entry\"]}" && {
		figure "B4: submit to a process's first instruction, p50" ms "$(json code_p50_ms)" '<' 1
		figure "the same, p99" ms "$(json code_p99_ms)" '<' 3
	}
	measure latency 1000 Exec "{\"command\":[\"$BIN/stamp\",\"--result\"]}" && {
		figure "B4: submit to its main, p50" ms "$(json code_p50_ms)" '<' 1
		figure "the same, p99" ms "$(json code_p99_ms)" '<' 3
	}
	up_stop
}

bench_clients()
{
	up_start || return
	measure clients 64 100000 Noop && {
		figure "64 clients, one task at a time each" commits/s "$(json per_second)" '>=' 15000
		figure "the same, p99 of the answer" ms "$(json p99_ms)" '<' 30
	}
	up_stop
}

bench_add()
{
	helper exectime >/dev/null
	local p50
	up_start || return
	read -r p50 _ < <(exectime 200 "$SKALDS" task add --data "$D" Noop 2>bench.err)
	figure "task add, exec to exit, p50" ms "$(calc "$p50 / 1000")" '<' 8
	up_stop
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

bench_idle()
{
	up_start || return
	sleep 2
	figure "B5: idle up, PSS of all its processes" MB "$(calc "$(tree_pss "$PID") / 1024")" '<' 12
	up_stop
}

bench_scale()
{
	local from hub empty full id
	up_start || return
	measure bulk 50000 Noop && empty=$(json per_second)
	# of the same class: nobody takes them while the only skald is drained
	id=$("$SKALDS" skald list --data "$D" --json | sed -nE 's/.*"id":"([^"]+)".*/\1/p')
	"$SKALDS" skald drain --data "$D" "$id" >drain.out 2>&1 || note "drain: $(cat drain.out)"
	measure stock 1000000 Noop || { up_stop; return; }
	"$SKALDS" skald undrain --data "$D" "$id" >drain.out 2>&1 || note "undrain: $(cat drain.out)"
	measure ends 10 && figure "B6: dispatch from 1,000,000 of the same class, of the empty queue" % \
		"$(calc "100 * $(json per_second) / $empty" 0)" '>=' 80
	up_stop
	up_start || return
	measure bulk 50000 Noop && empty=$(json per_second)
	measure fill 1000000 Sleep '{"seconds":1}' || { up_stop; return; }
	from=$(now_ms)
	"$SKALDS" task list --data "$D" --json >list.out
	figure "B6: 1,000,000 queued: task list, first page, whole command" ms $(($(now_ms) - from)) '<' 20
	measure bulk 50000 Noop && full=$(json per_second)
	figure "B6: dispatch beside them, of the empty queue" % "$(calc "100 * $full / $empty" 0)" '>=' 80
	hub=$(procs tree "$PID" | while read -r p; do [ "$(cat "/proc/$p/comm")" = skalds-link ] && echo "$p"; done)
	figure "B6: hub, RSS" MB "$(awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$hub/status")" '<' 600
	from=$(now_ms)
	kill -9 "$hub"
	sleep 0.2
	"$SKALDS" task list --data "$D" --limit 1 --json >list.out && [ "$(wc -c <list.out)" -gt 50 ] || note "no list after the restart"
	figure "B6: kill -9 of the hub to its next answer" s "$(calc "($(now_ms) - $from) / 1000" 2)" '<' 10
	from=$(now_ms)
	"$SKALDS" task add --data "$D" --array 1-1000000 --delay 1h Noop >list.out
	figure "B6: task add --array 1-1000000" s "$(calc "($(now_ms) - $from) / 1000" 3)" '<' 2
	up_stop
}

# The others, in the same sitting: their own scripts print a line of JSON a figure.
bench_peers()
{
	local b
	[ -n "$PEERS" ] && [ -n "$PEER_BENCHES" ] || { note "peers: PEERS and PEER_BENCHES are not set"; return; }
	# shellcheck disable=SC1091
	. "$PEERS/env.sh"
	for b in "bench_beanstalkd.py 20000 $ROUNDS" "bench_redis_queues.py 20000 $ROUNDS" "bench_spawners.py 5000 $ROUNDS" \
		"bench_hyperqueue.py 5000 $ROUNDS"; do
		# shellcheck disable=SC2086
		(cd "$PEER_BENCHES" && NO_PUEUE=1 python3 $b) >peer.out 2>peer.err || note "$b: $(tail -n 1 peer.err)"
		cat peer.out
	done
}

helper queuebench >/dev/null
bench_disk
figure "xargs -P2 -n1 /bin/true" tasks/s "$(xargs_rate)" - -
for part in $parts; do
	case $part in
	bulk | process | latency | clients | add | idle | scale | peers) "bench_$part" ;;
	*) note "no part $part" ;;
	esac
done
print_figures "durable: yes, authenticated: file mode" "$BIN/../bench-queue.json"
exit 0
