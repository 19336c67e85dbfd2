#!/usr/bin/env bash
# An edge and a run-one whose services never answer: the start waits 2 s at most and can be interrupted, the
# end a second; without services there is no thread for them.
. "$(dirname "$0")/../lib.sh"
export SKALDS_DATA=$T/none HOME=$T
AWAY=(KAFKA_HOST=127.0.0.1 KAFKA_PORT=1 REDIS_HOST=127.0.0.1 REDIS_PORT=1 MONGO_HOST=mongodb://127.0.0.1:1/)
BLANK=(KAFKA_HOST= REDIS_HOST= MONGO_HOST=)

threads() # PID: of its link
{
	ls "/proc/$(link_of "$1")/task" | wc -l
}
started()
{
	[ "$(n_events "$1.out" event=started)" -gt 0 ]
}

new_file f.yml
program f.yml long '/bin/sleep, "1000"'
new_file g.yml
program g.yml bad '/bin/sh, -c, "exit 3"'

start blank env "${BLANK[@]}" "$SKALDS" edge -f f.yml --json
check "an edge without services starts" until_true 5 started blank
is "without a thread for them" "$(threads "$PID")" 1
is "and without a word" "$(cat blank.err)" ""
kill -TERM "$PID"
ended "$PID" 5

before=$(now_ms)
start away env "${AWAY[@]}" "$SKALDS" edge -f f.yml --json
check "one whose services are away starts" until_true 8 started away
took=$(($(now_ms) - before))
at_least "after it has waited for the store" "$took" 1900
at_most "for two seconds" "$took" 3500
at_most "each is said once" "$(grep -c warning away.err)" 3
link=$(link_of "$PID")
kill -9 "$link"
sleep 3
is "its link may die" "$(n_events away.out event=started)" 1
before=$(now_ms)
kill -TERM "$PID"
ended "$PID" 5
is "it ends well" "$CODE" 0
at_most "and soon" $(($(now_ms) - before)) 1800

start held env "${AWAY[@]}" "$SKALDS" edge -f f.yml --json
sleep 0.7
before=$(now_ms)
kill -HUP "$PID"
kill -TERM "$PID"
ended "$PID" 5
is "told to stop while it waits, it ends well" "$CODE" 0
at_most "at once" $(($(now_ms) - before)) 1500
at_most "and what it has started was interrupted" "$(n_events held.out event=started)" "$(n_events held.out event=interrupted)"

env "${AWAY[@]}" "$SKALDS" edge -f g.yml --once --json >once.out 2>once.err
is "edge --once has its exit code" "$?" 1
env KAFKA_HOST=k MONGO_HOST=nonsense REDIS_HOST= "$SKALDS" edge -f g.yml --once --json >bad.out 2>bad.err
is "with settings that are wrong, too" "$?" 1
like "which is said" "$(cat bad.err)" 'services are not used: the URI of MongoDB'

for how in BLANK AWAY; do
	declare -n set=$how
	before=$(now_ms)
	env "${set[@]}" "$SKALDS" run-one -- sh -c 'exit 6' >"$how.out" 2>"$how.err"
	is "run-one, $how: the program's code" "$?" 6
	at_most "and no long wait" $(($(now_ms) - before)) 1500
done
start one env "${BLANK[@]}" "$SKALDS" run-one -- sleep 1
sleep 0.5
is "run-one without services has no thread for them" "$(threads "$PID")" 1
ended "$PID" 5
finish
