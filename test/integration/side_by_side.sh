#!/usr/bin/env bash
# Many skalds on one machine: they share a runtime directory and never touch each other's tasks.
. "$(dirname "$0")/../lib.sh"
helper tree >/dev/null
n=$(rounds 300 3000)

# A start clears what dead runs left: with many starts at once it must see none of the living.
seq "$n" | xargs -P16 -I{} "$SKALDS" run-one --quiet -- /bin/echo run {} >many.out 2>many.err
is "$n run-one, 16 at a time: each ends with its task's 0" "$?" 0
is "and each has run once" "$(sort -u many.out | grep -c '^run')" "$n"
is "none of them had anything to say" "$(head -n 3 many.err)" ""
is "no run file stays" "$(find "$SKALDS_RUN_DIR" -type f | wc -l)" 0

# Exit codes do not mix.
codes()
{
	for i in $(seq 0 199); do
		{
			"$SKALDS" run-one --quiet -- /bin/sh -c "exit $i" </dev/null 2>/dev/null
			[ $? = "$i" ] || echo "$i"
		} &
		[ $((i % 16)) != 15 ] || wait
	done
	wait
}
is "200 run-one side by side: every code is its own" "$(codes 2>&1)" ""

# A start beside a living edge leaves its tasks alone; beside a dead one it clears up.
mark=mark-beside-$$
new_file f.yml
program f.yml family "$BIN/tree, family, $mark"
start living "$SKALDS" edge -f f.yml
check "an edge is up" until_true 10 eval '[ "$(marked '$mark')" = 3 ]'
for i in 1 2 3 4 5; do
	"$SKALDS" run-one --quiet -- /bin/true </dev/null
done
is "five other starts leave its tasks alone" "$(marked "$mark")" 3
if can_unshare; then
	# PID 1 of two namespaces: the same number, the same directory.
	new_file ns.yml
	program ns.yml family "$BIN/tree, family, $mark-ns"
	start one unshare --pid --fork --mount-proc "$SKALDS" run-one -f ns.yml
	check "a run-one as PID 1 is up" until_true 10 eval '[ "$(marked '$mark-ns')" = 3 ]'
	unshare --pid --fork --mount-proc "$SKALDS" run-one -- /bin/sh -c 'exit 9' >two.out 2>two.err </dev/null
	is "another one as PID 1 of its own namespace runs too" "$?" 9
	is "and leaves the first alone" "$(marked "$mark-ns")" 3
	kill -KILL "$(cat "/proc/$PID/task/$PID/children")"
	until_true 5 none_marked "$mark-ns"
	unshare --pid --fork --mount-proc "$SKALDS" run-one -- /bin/sh -c 'exit 8' >two.out 2>two.err </dev/null
	is "what a killed PID 1 left does not stop the next one" "$?" 8
else
	skip "as PID 1" "no pid namespace can be made here"
fi
living=${started_pids[0]}
kill -TERM "$living"
ended "$living" 15
is "the edge drains with 0" "$CODE" 0
is "nothing is left" "$(task_processes)" ""
finish
