#!/usr/bin/env bash
# P16: skalds as PID 1 reaps what it adopts, and as a subreaper where it is not PID 1.
. "$(dirname "$0")/../lib.sh"
helper orphans >/dev/null
n=$(rounds 10000 100000)
rate=$(rounds 2500 1667)

# figure FILE NAME: a number out of what orphans.c printed
figure()
{
	sed -n "s/.*$2 \([0-9]*\).*/\1/p" "$1" | tail -n 1
}

can_unshare || { skip "PID 1" "no pid namespace can be made here"; finish; }
unshare --pid --fork --mount-proc "$SKALDS" run-one -- "$BIN/orphans" "$n" "$rate" "$SKALDS_SEED" \
	>one.out 2>one.err </dev/null
is "run-one as PID 1 ends with its task's code after $n orphans" "$?" 0
note "$(cat one.out)"
at_most "run-one as PID 1 has more than 10 zombies for at most 200 ms" \
	"$(figure one.out longest_over_10_ms)" 200
is "run-one as PID 1 leaves no zombie" "$(figure one.out left)" 0

new_file f.yml
program f.yml orphans "$BIN/orphans, \"$n\", \"$rate\", \"$SKALDS_SEED\""
unshare --pid --fork --mount-proc "$SKALDS" edge -f f.yml --once >edge.out 2>edge.err </dev/null
is "edge --once as PID 1 ends with 0 after $n orphans" "$?" 0
all=$(cat edge.out edge.err)
printf '%s\n' "$all" | grep 'orphans [0-9]' >edge.line
note "$(cat edge.line)"
at_most "edge as PID 1 has more than 10 zombies for at most 200 ms" \
	"$(figure edge.line longest_over_10_ms)" 200
is "edge as PID 1 leaves no zombie" "$(figure edge.line left)" 0

# Not PID 1: the orphans must come to the supervisor, not to the machine's init.
cat >adopt.sh <<'END'
SKALDS_ADOPTER=$PPID exec orphans 500 1000 1
END
"$SKALDS" run-one -- /bin/sh adopt.sh >sub.out 2>sub.err </dev/null
is "run-one that is not PID 1 ends with its task's code" "$?" 0
is "run-one that is not PID 1 leaves no zombie" "$(figure sub.out left)" 0
finish
