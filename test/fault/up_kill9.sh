#!/usr/bin/env bash
# kill -9 of a random process of skalds every 0.5 to 2 s, while clients add and cancel: nothing accepted is
# lost, nothing runs twice at once, nothing hangs, nothing is left (reliability P1, P4, P7, P12).
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=${ROUNDS:-$(rounds 60 1000)}
UP_TURNS=1

up_start
check "up answers" up_ready 10
feed_start k -r 50

supervisor=0
hub=0
worker=0
both=0
slow=0
slowest=0
for i in $(seq "$n"); do
	watch_for "$(between 500 2000)"
	case $((RANDOM % 20)) in [0-3]) who=supervisor ;; [45]) who=both ;; [6-9] | 1[0-3]) who=hub ;; *) who=worker ;; esac
	if kill_one $who; then
		eval "$who=\$(($who + 1))"
	fi
	[ $who = hub ] || continue
	# The supervisor has it back at once, or, when it dies again and again, after the pause that it tells.
	from=$(now_ms)
	until_true 10 eval '[ -n "$(hub_of "$UP")" ]'
	pause=$(tail -n 20 up.err | grep -o 'again in [0-9]* ms' | tail -n 1 | grep -o '[0-9]*')
	took=$(($(now_ms) - from - ${pause:-0}))
	[ $took -le 2000 ] || slow=$((slow + 1))
	[ "$took" -le "$slowest" ] || slowest=$took
done
note "killed: $supervisor supervisors, $hub hubs, $both of both at once, $worker tasks; the slowest return of a hub took $slowest ms beyond its pause"
at_least "$n rounds of kill -9 have met somebody" $((supervisor + hub + both + worker)) $((n * 8 / 10))
is "a hub that was killed was always back within 2 s of its pause" "$slow" 0
feed_end 60
check "up is there at the end" up_ready 15
judge "kill -9, $n rounds"
at_least "tasks were accepted all the while" "$(verdict accepted)" $((n * 20))
at_least "and most finished" "$(verdict finished)" $((n * 10))
up_stop 25
is "and up drains with 0" "$CODE" 0
is "no process is left" "$(left_over)" ""
finish
