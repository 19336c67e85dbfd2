#!/usr/bin/env bash
# What edge and run-one execute is shown by `task list` while an `up` has the data directory, and
# nothing of that can hold them up.
. "$(dirname "$0")/../up_lib.sh"

check "up is ready" up --slots 2 --lease 2
new_file f.yml
program f.yml good '/bin/sh, -c, "sleep 1.5; exit 0"'
program f.yml bad '/bin/sh, -c, "exit 5"'
program f.yml after '/bin/true' 'dependencies: [good]'
task f.yml worker MyWorker '{rtspUrl: rtsp://x, fixFrame: 1, steps: 20, intervalSeconds: 0.1}'
SKALD_ID=edge-1 start edge "$SKALDS" edge -f f.yml --once --json
EDGE=$PID
check "a running task of an edge is Running" wait_for Running good
is "by that edge" "$(field good executor) $(field good mode)" "edge-1 Active"
is "one that waits for another is Assigning" "$(field after phase)" Assigning
check "a failed one is Failed" wait_for Failed bad
is "with its code" "$(field bad exit.reason) $(field bad exit.code)" "exited 5"
like "skald list shows the edge" "$("$SKALDS" skald list)" 'edge-1 +edge +online'
"$SKALDS" task cancel --yes --all --state Assigning >/dev/null 2>&1
ended "$EDGE" 15
is "edge --once ends as it would without" "$CODE" 1
is "all of them have ended" "$(field good phase) $(field after phase) $(field worker phase)" \
	"Finished Finished Finished"
unlike "the edge is gone from the list" "$("$SKALDS" skald list)" edge-1
is "up runs none of them" "$(n_in Created)" 0

SKALD_ID=edge-1 "$SKALDS" edge -f f.yml --once --json >edge.out 2>edge.err
is "the file again" "$?" 1
is "is a new attempt of each" "$(field good attempt) $(field bad attempt)" "2 2"
is "and ends as well" "$(field good phase)" Finished

# ---- an edge that dies ----

new_file g.yml
program g.yml long '/bin/sleep, "1000"'
SKALD_ID=edge-2 start edge "$SKALDS" edge -f g.yml
EDGE=$PID
wait_for Running long
link=$(link_of "$EDGE")
kill -9 "$link"
sleep 3 # longer than the lease
is "its link may die" "$(field long phase) $(field long attempt)" "Running 1"
kill -9 "$EDGE"
ended "$EDGE" 5
check "its tasks are Failed when its lease is over" wait_for Failed long 8
is "as lost" "$(field long exit.reason)" lost
SKALD_ID=edge-3 start edge "$SKALDS" edge -f g.yml
EDGE=$PID
check "another one may run them" wait_for Running long
is "as another attempt" "$(field long attempt)" 2
id=$(echo '{"id":"long","className":"Exec","attachments":{"command":["true"]}}' | add --file - 2>/dev/null)
is "nobody can add a task of that id" "$id" ""

# ---- an owner that does not answer ----

kill -STOP "$(link_of "$UP")"
new_file h.yml
program h.yml quick '/bin/true'
before=$(now_ms)
SKALD_ID=edge-4 "$SKALDS" edge -f h.yml --once >h.out 2>h.err
code=$?
took=$(($(now_ms) - before))
is "an edge beside an owner that stands still ends as it should" "$code" 0
at_most "and is held up for a second at most" "$took" 2500
before=$(now_ms)
"$SKALDS" run-one -- sh -c 'exit 6'
is "run-one too" "$?" 6
at_most "and is held up for a second at most" $(($(now_ms) - before)) 2500
kill -CONT "$(link_of "$UP")"

# ---- the owner comes and goes ----

kill -9 "$(link_of "$UP")"
until_true 5 served
check "an edge's task is still Running under the next hub" wait_for Running long
kill -TERM "$EDGE"
ended "$EDGE" 15
check "and told to be over" wait_for Cancelled long

# ---- run-one ----

"$SKALDS" run-one -- sh -c 'exit 7'
is "run-one exits with the task's code" "$?" 7
id=$("$SKALDS" task list --json --limit 1 | sed 's/.*"id":"\([^"]*\)".*/\1/')
is "it was recorded under an id of its own" \
	"$(field "$id" source) $(field "$id" phase) $(field "$id" exit.code)" "run-one Failed 7"
down
before=$(now_ms)
"$SKALDS" run-one -- true
is "without an owner nothing is different" "$?" 0
finish
