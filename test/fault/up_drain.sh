#!/usr/bin/env bash
# Rolling restarts by SIGTERM under load: up ends with 0 within 25 s, what it hands back is no failure, nothing
# is lost and nothing runs twice (reliability P15, T-DRAIN).
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=$(rounds 20 200)
UP_TURNS=1

up_start
check "up answers" up_ready 10
# p, t and l end well by themselves: whatever fails was failed by the restart
feed_start d -r 40 -m 24 -x pppppplltb
bad=0
slowest=0
slow_start=0
for i in $(seq "$n"); do
	watch_for "$(between 300 1200)"
	up_stop 25
	[ "$CODE" = 0 ] || { bad=$((bad + 1)); note "round $i: up ended with $CODE after $TOOK ms"; }
	[ "$TOOK" -le "$slowest" ] || slowest=$TOOK
	[ "$CODE" != running ] || kill -KILL "$UP"
	up_start
	up_ready 10 || slow_start=$((slow_start + 1))
done
is "$n restarts: up ends with 0 within 25 s" "$bad" 0
note "the slowest drain took $slowest ms"
is "and answers again within 10 s" "$slow_start" 0
feed_end 60
judge "rolling restarts, $n rounds"
is "no task failed" "$(verdict failed)" 0
at_least "tasks were accepted all the while" "$(verdict accepted)" $((n * 10))
like "attempts were handed back" "$(grep -c '"reason": "interrupted"' store)" '^[1-9]'

# A second SIGTERM shortens it: tasks that do not listen, with a long grace.
for i in 1 2 3; do
	sk_task add --quiet --id "stubborn-$i" --grace 20s -- "$BIN/witness" -o "$TRUTH" -s 60000 -i >/dev/null
done
until_true 10 eval '[ "$(grep -c "^stubborn-. 1 start" truth)" = 3 ]'
kill -TERM "$UP"
ended "$UP" 1
is "with tasks that do not listen up waits for their grace" "$CODE" running
kill -TERM "$UP"
ended "$UP" 5
is "a second SIGTERM ends it at once, with 0" "$CODE" 0
is "and with it its tasks" "$(left_over)" ""
finish
