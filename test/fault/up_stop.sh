#!/usr/bin/env bash
# The hub or the supervisor stands still (SIGSTOP) for longer than the lease: its attempts are stopped before
# they are given away, never two of one task at once, nothing is lost (reliability P4, T-STOP).
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=$(rounds 20 200)
LEASE=2
UP_TURNS=1

up_start
check "up answers" up_ready 10
# many that run for longer than the pause is, so that it meets them; not more than the time between the
# pauses is good for: free slots are given tasks while nobody is there to start them
feed_start s -r 10 -m 24 -x pppplllltgfa
stopped=0
for i in $(seq "$n"); do
	watch_for "$(between 300 900)"
	up_ready 10 || { note "round $i: up does not answer: $(tail -n 2 up.err)"; continue; }
	case $((RANDOM % 2)) in 0) who=supervisor p=$UP ;; *) who=hub p=$(hub_of "$UP" | head -n 1) ;; esac
	[ -n "$p" ] || continue
	kill -STOP "$p" 2>/dev/null || continue
	fault "stop-$who"
	stopped=$((stopped + 1))
	sleep "$(between 2300 3600)"
	# who stood still for so long may have been killed by the other, and its number taken by somebody else
	case $(cat "/proc/$p/comm" 2>/dev/null) in skalds*) kill -CONT "$p" 2>/dev/null ;; esac
	fault go # until here it stood still
done
at_least "they stood still" "$stopped" $((n * 9 / 10))
feed_end 90
check "up answers again" up_ready 15
judge "SIGSTOP beyond the lease, $n rounds"
at_least "tasks were accepted all the while" "$(verdict accepted)" $((n * 10))
up_stop 25
is "and up drains with 0" "$CODE" 0
finish
