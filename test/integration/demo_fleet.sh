#!/usr/bin/env bash
# make demo-fleet: ends well, says what is true, and leaves nothing, also on Ctrl-C.
. "$(dirname "$0")/../lib.sh"
# Services of its own, so that it is the one who starts and stops them.
export SKALDS_SERVICES=$T/services BUILD=$T/build
at_exit '"$ROOT/scripts/services.sh" down >/dev/null 2>&1'

# Processes of the fleet carry its directory.
fleet_processes()
{
	grep -lsz "^SKALDS_RUN_DIR=$BUILD/demo-fleet" /proc/[0-9]*/environ | wc -l
}

# What may be left: processes, services, files.
left()
{
	echo "$(fleet_processes)" \
		"$("$ROOT/scripts/services.sh" status | awk '$2 == "up" { n++ } END { print n + 0 }')" \
		"$(find "$BUILD" -mindepth 1 2>/dev/null | wc -l)"
}

start=$(now_ms)
"$ROOT/scripts/demo-fleet.sh" "$SKALDS" >demo.out 2>demo.err
is "it ends with 0" "$?" 0 || note "$(tail -n 5 demo.out demo.err)"
note "took $(($(now_ms) - start)) ms"
is "nothing was lost" "$(tail -n 1 demo.out)" "nothing was lost"
unlike "the shell complains of nothing" "$(cat demo.err)" 'line [0-9]+:'
like "the numbers are there" "$(cat demo.out)" \
	'^accepted 200, finished 200; of 160 programs 160 wrote down that they ran$'
like "node-2 was lost and its tasks have moved" "$(cat demo.out)" '^[1-9][0-9]* tasks were at node-2 when it died'
# a node may die between storing that one has finished and telling it
at_least "where they finished is known" \
	"$(awk '/^finished where/ { on = 1; next } on && /^  / { n += $2; next } { on = 0 } END { print n }' demo.out)" 190
is "nothing is left of it" "$(left)" "0 0 0"

# ---- Ctrl-C while it works ----

set -m # a process group of its own, as on a terminal
"$ROOT/scripts/demo-fleet.sh" "$SKALDS" >cut.out 2>cut.err &
demo=$!
set +m
check "it runs again" until_true 60 grep -q '^200 accepted' cut.out
at_least "its processes are found by their directory" "$(fleet_processes)" 5
kill -INT -- "-$demo"
wait "$demo"
is "Ctrl-C ends it with 130" "$?" 130
is "and nothing is left" "$(left)" "0 0 0"
finish
