#!/usr/bin/env bash
# The figures of speed and size, beside their goals. Prints a table and, last, one line of JSON
# (also in $BUILD/bench.json). Nothing here fails a build: what is measured is printed.
#
#	test/bench/run.sh [PART…]	parts: start memory many throughput warm size (all by default)
#
# TASKS=10000 ROUNDS=5 set the sizes. Each figure is the median of interleaved rounds of one run:
# only ratios within one run say something about the program.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/bench/figures.sh"
TASKS=${TASKS:-10000}
ROUNDS=${ROUNDS:-5}
parts=${*:-start memory many throughput warm size}

bench_start()
{
	local bare program worker
	helper stamp >/dev/null
	helper coldstart >/dev/null
	coldstart $((ROUNDS * 20)) "$SKALDS" "$BIN/stamp" >cold.txt || return
	bare=$(awk '$1 == "bare" { print $2 }' cold.txt)
	program=$(awk '$1 == "program" { print $2 }' cold.txt)
	worker=$(awk '$1 == "worker" { print $2 }' cold.txt)
	figure "bare static program: exec to its first line" ms "$(calc "$bare / 1000")" - -
	figure "run-one -- program: exec to user code, over bare" ms "$(calc "($program - $bare) / 1000")" '<' 5
	figure "run-one --class MyWorker: exec to its first line of log, over bare" ms \
		"$(calc "($worker - $bare) / 1000")" '<' 5
}

# pss PID: in KiB
pss()
{
	awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup" 2>/dev/null
}

bench_memory()
{
	local i p total=0 own=0 workers=0 most=0 n=0 k
	new_file m.yml
	for i in $(seq 20); do
		task m.yml "camera$i" MyWorker "{rtspUrl: \"rtsp://camera$i/stream\", fixFrame: $i, intervalSeconds: 1000}"
	done
	start idle "$SKALDS" edge -f m.yml --json
	until_true 20 eval '[ "$(n_events idle.out event=started)" = 20 ]' || { note "20 workers did not start"; return; }
	sleep 3
	for p in $(procs tree "$PID"); do
		k=$(pss "$p")
		total=$((total + k))
		case $p in
		"$PID" | "$(link_of "$PID")") own=$((own + k)) ;;
		*)
			workers=$((workers + k))
			n=$((n + 1))
			[ "$k" -le $most ] || most=$k
			;;
		esac
	done
	ticks=$(awk '{ print $14 + $15 }' "/proc/$PID/stat")
	sleep 5
	ticks=$(($(awk '{ print $14 + $15 }' "/proc/$PID/stat") - ticks))
	figure "idle edge: supervisor and link, PSS" MB "$(calc "$own / 1024")" '<' 12
	figure "the same with all $n workers, PSS" MB "$(calc "$total / 1024")" '<' 12
	figure "a sleeping compiled-in worker, PSS, mean" MB "$(calc "$workers / $n / 1024")" '<' 1
	figure "the largest of them" MB "$(calc "$most / 1024")" '<' 1
	figure "idle supervisor: cpu" % "$(calc "$ticks / 5")" - -
	kill -TERM "$PID"
	ended "$PID" 20
}

bench_many()
{
	local i from last
	for ((i = 0; i < 1000; i++)); do
		[ $i -gt 0 ] || echo 'TaskWorkers:'
		printf '  w%d: {className: Sleep, attachments: {seconds: 1000}}\n' $i
	done >many.yml
	for i in $(seq "$ROUNDS"); do
		for mode in "" --no-cgroup; do
			from=$(now_ms)
			start many "$SKALDS" edge -f many.yml --json $mode
			sleep 1.5 # counting them takes a cpu of the two
			until_true 30 eval '[ "$(n_events many.out event=started)" = 1000 ]' ||
				note "1,000 did not start"
			last=$(events many.out event=started -- time | sort -n | tail -n 1)
			echo $((last - from)) >>"many$mode.txt"
			kill -TERM "$PID"
			ended "$PID" 60
		done
	done
	for mode in "" --no-cgroup; do
		figure "1,000 compiled-in workers ${mode:-with cgroups}: edge's start to the last started" s \
			"$(calc "$(median <"many$mode.txt") / 1000" 3)" '<' 1
	done
}

# rate FILE: tasks in a second, from seconds for all
rate()
{
	calc "$TASKS / $(median <"$1")" 0
}

# edge_once FLAG…: all must have finished.
edge_once()
{
	"$SKALDS" edge -f true.yml --once --slots 2 --json "$@" >once.out
}

bench_throughput()
{
	local i mode m raw
	helper rawloop >/dev/null
	awk -v n="$TASKS" 'BEGIN { print "TaskWorkers:"
		for (i = 1; i <= n; i++) printf "  t%d: {className: Exec, attachments: {command: [/bin/true]}}\n", i }' >true.yml
	rm -f ./*.times ./*.ratios
	for i in $(seq "$ROUNDS"); do
		seconds rawloop "$TASKS" /bin/true && raw=$SECS raw_cpu=$CPU_SECS && echo "$SECS" >>raw.times
		seconds sh -c "seq $TASKS | xargs -P2 -n1 /bin/true" && xargs=$SECS && echo "$SECS" >>xargs.times
		for mode in "" --no-cgroup; do
			seconds edge_once $mode || continue
			[ "$(n_events once.out event=finished)" = "$TASKS" ] || { note "not all have finished"; continue; }
			echo "$SECS" >>"edge$mode.times"
			# ratios within a round: a machine that is slow for a minute is slow for all four
			calc "100 * $raw / $SECS" 2 >>"raw$mode.ratios"
			calc "$xargs / $SECS" 3 >>"xargs$mode.ratios"
			calc "$CPU_SECS / $raw_cpu" 3 >>"cpu$mode.ratios"
		done
	done
	figure "raw loop, two at a time, /bin/true" tasks/s "$(rate raw.times)" - -
	figure "xargs -P2 -n1 /bin/true" tasks/s "$(rate xargs.times)" - -
	for mode in --no-cgroup ""; do
		m=${mode:-with cgroups}
		[ -s "edge$mode.times" ] || { note "edge $m: no figure"; continue; }
		figure "edge --once --slots 2 $m" tasks/s "$(rate "edge$mode.times")" - -
		figure "edge $m, of the raw loop" % "$(calc "$(median <"raw$mode.ratios")" 1)" '>=' \
			"$([ -n "$mode" ] && echo 90 || echo 75)"
		figure "edge $m, of xargs" x "$(calc "$(median <"xargs$mode.ratios")")" '>=' 1.0
		figure "edge $m, cpu time over that of the raw loop" x "$(calc "$(median <"cpu$mode.ratios")")" - -
	done
}

# The supervisor and its warm workers alone: a link that sends no-op tasks and takes their ends.
bench_warm()
{
	local program=${BUILD:-build}/release/test/bench/warm_bench name
	make -s -C "$ROOT" "$program" >/dev/null || return
	rm -f warm.*
	for i in $(seq "$ROUNDS"); do
		(cd "$ROOT" && "$program" 300000 2 1024) >warm.out || return
		while read -r name value; do
			echo "$value" >>"warm.$name"
		done <warm.out
	done
	figure "warm workers: no-op tasks through one supervisor, 2 slots" tasks/s "$(median <warm.rate)" '>=' 100000
	figure "the same, cpu of the supervisor for a task" us "$(median <warm.supervisor_us)" - -
	figure "the same, cpu of the workers for a task" us "$(median <warm.workers_us)" - -
	figure "warm worker: START to user code, p50" us "$(median <warm.warm_code_p50_us)" '<' 100
	figure "the same, p99" us "$(median <warm.warm_code_p99_us)" - -
	figure "a forked process: START to user code, p50" us "$(median <warm.process_code_p50_us)" '<' 1000
	figure "the same, p99" us "$(median <warm.process_code_p99_us)" '<' 3000
}

bench_size()
{
	figure "binary" MB "$(calc "$(stat -Lc %s "$SKALDS") / 1000000" 1)" '<' 14
}

bench_disk
for part in $parts; do
	case $part in
	start | memory | many | throughput | warm | size) "bench_$part" ;;
	*) note "no part $part" ;;
	esac
done

print_figures "durable: no, authenticated: no" "$BIN/../bench.json"
exit 0
