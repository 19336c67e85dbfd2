#!/usr/bin/env bash
# Deep bad states: a link or a supervisor that is stopped in its tracks (P18).
. "$(dirname "$0")/../lib.sh"
helper tree >/dev/null
seconds=$(rounds 15 60)

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

# ---- a supervisor that hangs: its tasks are not left alone for ever ----
mark=mark-hang-$$
new_file f.yml
program f.yml trees "$BIN/tree, family, $mark"
program f.yml ticker "$ticker"
start edge "$SKALDS" edge -f f.yml --json
check "the tree is up" until_true 10 eval '[ "$(marked '"$mark"')" = 3 ]'
kill -STOP "$PID"
sleep 1
at_least "a supervisor that stands still for 1 s loses nothing" "$(marked "$mark")" 3
kill -CONT "$PID"
sleep 1
at_least "nor after it went on" "$(marked "$mark")" 3
kill -STOP "$PID"
check "one that stands still for longer than its lease: its tasks are stopped by the other side" \
	until_true 30 none_marked "$mark"
kill -CONT "$PID" 2>/dev/null
sleep 1
kill -TERM "$PID" 2>/dev/null
check "what is left of it ends on SIGTERM" ended "$PID" 15
is "and nothing stays" "$(marked "$mark")" 0

# ---- everything stopped and continued, as a laptop that sleeps ----
new_file f.yml
program f.yml t '/bin/sh, -c, "sleep 3; exit 7"'
start edge "$SKALDS" edge -f f.yml --once --json
until_true 10 seen edge.out event=started taskId=t
all=$(procs tree "$PID")
kill -STOP $all
sleep 2
kill -CONT $all
ended "$PID" 20
is "all processes stopped for 2 s and continued: the code is kept" \
	"$(events edge.out event=failed -- exit.reason exit.code)" "exited	7"
finish
