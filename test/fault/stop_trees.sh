#!/usr/bin/env bash
# P6: a stopped task is gone with its whole tree: 0 processes left 1 s after the report.
. "$(dirname "$0")/../lib.sh"
helper tree >/dev/null
kinds="stubborn family daemon fork50 stopped hopping quiet traced naked"

tree_task()
{
	program f.yml "$1" "$BIN/tree, $1, mark-$1-$$" "graceSeconds: 1"
}

# How many processes a kind has once it is up. Of a hopping one a walk through /proc may miss the
# second: it is always on its way to the next pid.
size_of()
{
	case $1 in
	fork50) echo 51 ;;
	family) echo 3 ;;
	daemon | naked | stopped | traced) echo 2 ;;
	*) echo 1 ;;
	esac
}

all_ready()
{
	local k
	for k in $kinds; do
		[ "$(marked "mark-$k-$$")" -ge "$(size_of "$k")" ] || return 1
	done
}

missing()
{
	local k
	for k in $kinds; do
		echo "$k: $(marked "mark-$k-$$") of $(size_of "$k")"
	done
}

left()
{
	local k
	for k in $kinds; do
		[ "$(marked "mark-$k-$$")" = 0 ] || echo "$k: $(procs arg "mark-$k-$$" | tr '\n' ' ')"
	done
}

# stop_by_signal HOW FLAGS…: SIGTERM to edge; its own end is the report.
stop_by_signal()
{
	local how=$1 from
	shift
	new_file f.yml
	for k in $kinds; do
		tree_task "$k"
	done
	start edge "$SKALDS" edge -f f.yml --json "$@"
	check "$how: all trees are up" until_true 10 all_ready || note "$(missing)"
	sleep 0.3
	from=$(now_ms)
	kill -TERM "$PID"
	ended "$PID" 10
	is "$how: edge drained by SIGTERM ends with 0" "$CODE" 0
	at_most "$how: within the grace of 1 s and 2 s more" $(($(now_ms) - from)) 3000
	sleep 1
	is "$how: no process is left 1 s after the end" "$(left)" ""
}

# stop_one_by_one HOW FLAGS…: each task is taken out of the file; the event is the report.
stop_one_by_one()
{
	local how=$1 bad=
	shift
	new_file f.yml
	for k in $kinds; do
		tree_task "$k"
	done
	start edge "$SKALDS" edge -f f.yml --json "$@"
	check "$how: all trees are up" until_true 10 all_ready || note "$(missing)"
	new_file f.yml
	program f.yml keeper "$BIN/tree, stubborn, mark-keeper-$$" "graceSeconds: 1"
	kill -HUP "$PID"
	for k in $kinds; do
		until_true 6 seen edge.out event=cancelled "taskId=$k" || bad="$bad $k"
	done
	is "$how: every removed task is reported cancelled" "$bad" ""
	sleep 1
	is "$how: no process of a removed task is left 1 s after the report" "$(left)" ""
	is "$how: the task that stayed in the file runs" "$(marked "mark-keeper-$$")" 1
	kill -TERM "$PID"
	ended "$PID" 10
	is "$how: edge ends with 0" "$CODE" 0
	is "$how: nothing is left at all" "$(marked "mark-keeper-$$")" 0
}

# A task that ended leaves nothing behind either.
left_behind()
{
	local how=$1
	shift
	new_file f.yml
	program f.yml escaped "$BIN/tree, escaped, mark-escaped-$$" "graceSeconds: 1"
	"$SKALDS" edge -f f.yml --once --json "$@" >esc.out 2>esc.err </dev/null
	is "$how: a task that left a daemon behind has finished" "$?" 0
	sleep 1
	is "$how: the daemon it left is gone" "$(marked "mark-escaped-$$")" 0
}

for round in $(seq "$(rounds 1 20)"); do
	stop_by_signal "cgroups"
	stop_one_by_one "cgroups, removed"
	left_behind "cgroups"
	# A process with an empty environment carries no mark: only a cgroup can hold it.
	kinds=${kinds/ naked/}
	stop_by_signal "no cgroups" --no-cgroup
	stop_one_by_one "no cgroups, removed" --no-cgroup
	left_behind "no cgroups" --no-cgroup
	kinds="$kinds naked"
done

# A timeout is a stop like any other.
new_file f.yml
program f.yml slow "$BIN/tree, fork50, mark-slow-$$" "timeoutSeconds: 1" "graceSeconds: 0.5"
"$SKALDS" edge -f f.yml --once --json >slow.out 2>slow.err </dev/null
is "a task that timed out makes edge --once end with 1" "$?" 1
is "its reason is timeout" "$(events slow.out event=failed -- exit.reason)" timeout
sleep 1
is "its tree is gone" "$(marked "mark-slow-$$")" 0
finish
