#!/usr/bin/env bash
# The hub is killed by the kernel at its n-th write, sync or send, for every n over submitting, assigning, running
# and finishing: what was accepted is there at every n (reliability P1, T-SYSKILL).
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
command -v strace >/dev/null || { skip "kill at the n-th system call" "there is no strace"; finish; }
strace -o /dev/null -e trace=none true 2>/dev/null ||
	{ skip "kill at the n-th system call" "ptrace is not allowed here"; finish; }
calls="pwrite64 fdatasync sendto write writev sendmsg"
points=$(rounds 46 100000)

# attach CALL N: the hub will be killed when one of its threads enters its n-th CALL
attach()
{
	HUB=$(hub_of "$UP" | head -n 1)
	[ -n "$HUB" ] || return 1
	rm -f strace.err
	strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" -p "$HUB" 2>strace.err &
	STRACE=$!
	started_pids+=("$STRACE")
	until_true 5 is_traced
}

is_traced()
{
	local t
	for t in /proc/"$HUB"/task/*; do
		grep -q "^TracerPid:	$STRACE\$" "$t/status" || return 1
	done
}

detach()
{
	kill -TERM "$STRACE" 2>/dev/null
	ended "$STRACE" 5
}

# point CALL N: one workload with it; fails when the call was not reached
point()
{
	# A hub that dies again and again is given longer and longer pauses: a new life now and then.
	if [ $((tried % 4)) = 0 ]; then
		up_stop 25
		[ "$CODE" = 0 ] || note "$1 $2: up ended with $CODE"
		up_start
	fi
	up_ready 10 || return 1
	attach "$1" "$2" || { note "no tracing at $1 $2: $(head -c 200 strace.err)"; return 1; }
	feed_start "$1-$2" -n 8 -r 40 -x ppgfabt -s $((SKALDS_SEED + tried))
	feed_wait 60
	until_true 20 is_drained || { note "$1 $2: not drained: $(tail -n 1 list.err)"; hung=$((hung + 1)); }
	gone "$HUB"
	local met=$?
	detach
	[ $met = 0 ] && fault hub
}

up_start
check "up answers" up_ready 10
tried=0
met=0
hung=0
declare -A met_by=() missed=()
for call in $calls; do missed[$call]=0; done
open=$calls
# The small count spreads over all calls: 1, 2, 3, 4, 6, 9, 13 …; the full one takes every n until none is met.
number=1
while [ -n "$open" ] && [ $tried -lt "$points" ]; do
	for call in $open; do
		# the oracle will say what hangs
		[ $tried -lt "$points" ] && [ $hung -lt 2 ] || break 2
		tried=$((tried + 1))
		if point "$call" "$number"; then
			met=$((met + 1))
			met_by[$call]=$((${met_by[$call]:-0} + 1))
			missed[$call]=0
		elif [ $((missed[$call] += 1)) = 2 ]; then # no workload is quite like the other
			open=$(tr ' ' '\n' <<<"$open" | grep -vx "$call" | tr '\n' ' ')
			open=${open% }
		fi
	done
	if [ "$FULL" = 1 ]; then number=$((number + 1)); else number=$((number + number / 3 + 1)); fi
done
note "the hub was killed at: $(for c in "${!met_by[@]}"; do printf '%s x %d, ' "$c" "${met_by[$c]}"; done)last n $number"
at_least "the hub was killed at that many points" "$met" "$(rounds 20 100)"
at_least "in so many different calls" "${#met_by[@]}" 3
check "up answers at the end" up_ready 10
judge "kill at the n-th system call, $met points"
is "no attempt was lost with the hub" "$(verdict attemptsLost)" 0
is "the supervisor lived through all of it" "$UP_STARTS" $((1 + tried / 4))
up_stop 25
is "and up drains with 0" "$CODE" 0
finish
