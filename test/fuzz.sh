#!/usr/bin/env bash
# fuzz.sh PROGRAM SECONDS - one fuzz target over its corpus for some seconds. Prints TAP.
#
# New inputs go to a directory beside the program; a finding is kept there as crash-… and shown.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 99

program=$1
seconds=$2
name=${program##*/}
found=$program.found
corpus=test/fuzz/corpus/$name
log=$(mktemp) || exit 99
trap 'rm -f "$log"' EXIT

mkdir -p "$found"
seeds=("$found")
[ ! -d "$corpus" ] || seeds+=("$corpus")
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix="$found/" "${seeds[@]}" >"$log" 2>&1
status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
cover=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$log" | tail -n 1)
if [ "$status" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
	echo "ok 1 - $name: $runs inputs, $cover edges"
	exit 0
fi
echo "not ok 1 - $name: ended with $status after ${runs:-0} inputs; see $found"
tail -n 60 "$log" | sed 's/^/#   /'
exit 1
