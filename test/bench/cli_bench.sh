#!/usr/bin/env bash
# How long the commands take that scripts call in loops, from exec to exit, with a running hub and
# without one; and how fast a file of tasks is checked and stored. Nothing here fails a build.
#
#	test/bench/cli_bench.sh		ROUNDS=200 TASKS=100000
. "$(dirname "$0")/../lib.sh"
ROUNDS=${ROUNDS:-200}
TASKS=${TASKS:-100000}
helper exectime >/dev/null
D=$T/data
export SKALDS_DATA=$D

# show NAME GOAL-ms COMMAND…
show()
{
	local name=$1 goal=$2 p50 p90 p99 max
	shift 2
	read -r p50 p90 p99 max < <(exectime "$ROUNDS" "$@" 2>"$T/err")
	if [ -z "${max:-}" ]; then
		note "$name: failed: $(tail -n 1 "$T/err")"
		return
	fi
	awk -v n="$name" -v g="$goal" -v a="$p50" -v b="$p90" -v c="$p99" -v d="$max" 'BEGIN {
		printf "%-44s p50 %6.2f  p90 %6.2f  p99 %6.2f  max %6.2f ms  goal %s\n", n, a / 1000, b / 1000, c / 1000,
			d / 1000, g == "-" ? "-" : "< " g " ms: " (a / 1000 < g ? "yes" : "no") }'
}

# rate NAME N COMMAND…
rate()
{
	local name=$1 n=$2 start
	shift 2
	start=$(now_ms)
	"$@" >/dev/null 2>"$T/err" || note "$name: failed: $(tail -n 1 "$T/err")"
	awk -v n="$name" -v k="$n" -v ms=$(($(now_ms) - start)) 'BEGIN {
		printf "%-44s %d in %.2f s: %.0f/s\n", n, k, ms / 1000, k * 1000 / (ms > 0 ? ms : 1) }'
}

seq "$TASKS" | sed 's/.*/{"className":"Sleep","attachments":{"seconds":0},"notBefore":4102444800000}/' >tasks.jsonl
show "version (the floor)" - "$SKALDS" version
echo "# nothing running"
show "task add" - "$SKALDS" task add -q Sleep seconds=1 --delay 300d
rate "task add --file --dry-run" "$TASKS" "$SKALDS" task add --file tasks.jsonl --dry-run
rate "task add --file" "$TASKS" "$SKALDS" task add -q --file tasks.jsonl
show "task list, $TASKS tasks" - "$SKALDS" task list
show "status" - "$SKALDS" status
show "__complete: ids" - "$SKALDS" __complete -- task get 0

rm -rf "$D"
echo "# a running hub"
start up "$SKALDS" up --slots 1
until_true 10 "$SKALDS" status -q || note "up does not start: $(tail -n 3 "$T/up.err")"
show "task add" 8 "$SKALDS" task add -q Sleep seconds=1 --delay 300d
rate "task add --file" "$TASKS" "$SKALDS" task add -q --file tasks.jsonl
show "task list, $TASKS tasks" 20 "$SKALDS" task list
show "task get" - "$SKALDS" task get "$("$SKALDS" task add -q Sleep seconds=1 --delay 300d)"
show "status" - "$SKALDS" status
show "__complete: ids" - "$SKALDS" __complete -- task get 0
