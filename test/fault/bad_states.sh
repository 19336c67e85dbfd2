#!/usr/bin/env bash
# Deep bad states: a link or a supervisor that is stopped in its tracks (P18).
. "$(dirname "$0")/../lib.sh"
helper tree >/dev/null
seconds=$(rounds 15 60)
short=$(rounds 8 60)

ticker='/bin/sh, -c, "i=0; while :; do i=$((i+1)); echo $i >ticks; sleep 0.1; done"'
ticks()
{
	cat ticks 2>/dev/null || echo 0
}

# ---- a link that hangs must not stop the work ----
new_file f.yml
program f.yml ticker "$ticker"
program f.yml spammer '/bin/sh, -c, "while :; do echo a line of output; sleep 0.01; done"'
program f.yml short '/bin/sh, -c, "sleep 2; exit 23"'
start edge "$SKALDS" edge -f f.yml --json
until_true 10 seen edge.out event=started taskId=ticker
sleep 0.5
link=$(link_of "$PID")
check "the link is a process of its own" test -n "$link"
kill -STOP "$link"
before=$(ticks)
sleep "$seconds"
kill -CONT "$link" 2>/dev/null
at_least "tasks went on while the link stood still for $seconds s" $(($(ticks) - before)) \
	$((seconds * 5))
check "the end of a task in that time is reported afterwards" \
	until_true 20 seen edge.out event=failed taskId=short exit.code=23
is "once" "$(n_events edge.out event=failed taskId=short)" 1
kill -TERM "$PID"
ended "$PID" 15
is "edge drains with 0 afterwards" "$CODE" 0

# ---- a supervisor that hangs: nothing is lost, or with a lease its tasks end ----
mark=mark-hang-$$
new_file f.yml
program f.yml trees "$BIN/tree, family, $mark"
program f.yml short '/bin/sh, -c, "sleep 1; exit 23"'
start edge "$SKALDS" edge -f f.yml --json
check "the tree is up" until_true 10 eval '[ "$(marked '"$mark"')" = 3 ]'
kill -STOP "$PID"
sleep "$short"
is "a supervisor that stands still for $short s: its tasks run on" "$(marked "$mark")" 3
kill -CONT "$PID"
check "what ended meanwhile is reported" until_true 10 seen edge.out event=failed taskId=short exit.code=23
sleep 1
is "the others still run" "$(marked "$mark")" 3
kill -TERM "$PID"
ended "$PID" 15
is "and edge drains with 0" "$CODE" 0

for flags in "" --no-cgroup; do
	how="--lease 2 ${flags:-with cgroups}"
	start edge "$SKALDS" edge -f f.yml --json --lease 2 $flags
	check "$how: the tree is up" until_true 10 eval '[ "$(marked '"$mark"')" = 3 ]'
	sleep 4
	is "$how: a healthy supervisor is left alone" "$(marked "$mark")" 3
	kill -STOP "$PID"
	sleep 1
	kill -CONT "$PID"
	sleep 1
	is "$how: one that stands still for 1 s too" "$(marked "$mark")" 3
	kill -STOP "$PID"
	check "$how: one that stands still for longer: its tasks end within 5 s" \
		until_true 5 none_marked "$mark"
	check "$how: it has ended as well" ended "$PID" 5
	is "$how: nothing of the tasks is left" "$(task_processes)" ""
done

# ---- everything stopped and continued, as a laptop that sleeps ----
new_file f.yml
program f.yml t '/bin/sh, -c, "sleep 3; exit 7"'
# A lease is no reason to kill: the link slept as long as the supervisor.
start edge "$SKALDS" edge -f f.yml --once --json --lease 1
until_true 10 seen edge.out event=started taskId=t
all=$(procs tree "$PID")
kill -STOP $all
sleep 4
kill -CONT $all
ended "$PID" 20
is "all processes stopped for 4 s and continued: the code is kept" \
	"$(events edge.out event=failed -- exit.reason exit.code)" "exited	7"
finish
