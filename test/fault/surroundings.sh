#!/usr/bin/env bash
# What skalds was started with and what lives beside it: limits, descriptors, signals, a terminal,
# floods, children of others.
. "$(dirname "$0")/../lib.sh"
helper onpty >/dev/null

logged()
{
	grep -q -- "$2" "$1"
}

# ---- what tasks inherit ----

is "tasks have the descriptor limit that skalds was given" \
	"$(ulimit -Sn 200 && "$SKALDS" run-one -- /bin/sh -c 'ulimit -Sn' 2>/dev/null)" 200
# 0-2 and the directory that ls itself reads
is "no descriptor of ours or of our parent" \
	"$(exec 7</dev/null 8</dev/null; "$SKALDS" run-one -- /bin/ls /proc/self/fd 2>/dev/null | wc -l)" 4
if unshare --pid --mount --fork /bin/true 2>/dev/null; then
	new_file isolated.yml
	task isolated.yml t Exec '{command: [/bin/ls, /proc/self/fd], isolate: true}'
	is "nor of the init of a namespace" \
		"$("$SKALDS" run-one -f isolated.yml 2>/dev/null | wc -l)" 4
else
	skip "nor of the init of a namespace" "no namespaces here"
fi
# slice WHO: how long its turns at the CPU are, in ns
slice()
{
	awk '$1 == "se.slice" { print $3 }' "/proc/$1/sched" 2>/dev/null
}
if [ -n "$(slice self)" ]; then
	start turns "$SKALDS" run-one -- /bin/sh -c 'grep -w se.slice /proc/self/sched; exec /bin/sleep 20'
	until_true 5 test -s turns.out
	is "the short slices that the supervisor asks for are not the task's" \
		"$(awk '{ print $3 }' turns.out)" "$(slice self)"
	case $(uname -r) in
	[0-5].* | 6.[0-9].* | 6.1[01].*) skip "but its own" "before Linux 6.12 nobody can ask for them" ;;
	*) is "but its own" "$(slice "$PID")" 100000 ;;
	esac
	kill -TERM "$PID"
	ended "$PID" 5
else
	skip "slices" "this kernel does not show them"
fi
is "a task has the lowered priority of skalds" "$(nice -n 5 "$SKALDS" run-one -- nice)" $(($(nice) + 5))
if [ "$(nice -n -5 nice 2>/dev/null)" = $(($(nice) - 5)) ]; then
	is "and the raised one" "$(nice -n -5 "$SKALDS" run-one -- nice)" $(($(nice) - 5))
else
	skip "and the raised one" "not allowed here"
fi
mkdir -p cwd
printf '#!/bin/sh\n' >tool
chmod +x tool
new_file relative.yml
task relative.yml t Exec "{command: [./tool], cwd: $T/cwd}"
out=$("$SKALDS" run-one -f relative.yml 2>&1)
is "a relative program counts from the task's directory: not found" "$?" 127
like "and that is what is said" "$out" 'exec ./tool: No such file or directory'

# ---- signals ----

(trap '' HUP; exec "$SKALDS" run-one -- /bin/sleep 1) &
PID=$!
sleep 0.4
kill -HUP "$PID"
ended "$PID" 5
is "nohup: the hang-up does not reach the task" "$CODE" 0

start any "$SKALDS" run-one -- /bin/sh -c \
	'trap "echo alarm" ALRM; trap "echo realtime" RTMIN+3; echo up; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; done'
until_true 5 logged any.out up
kill -ALRM "$PID"
sleep 0.2
kill -RTMIN+3 "$PID"
ended "$PID" 5
is "run-one hands on signals of every kind" "$(grep -v up any.out | tr '\n' ' ')" "alarm realtime "

start still "$SKALDS" run-one -- /bin/sh -c 'echo $$; for i in 1 2 3 4 5; do sleep 0.1; done; exit 9'
until_true 5 test -s still.out
kill -TSTP "$PID"
state()
{
	sed 's/.*) //; s/ .*//' "/proc/$1/stat"
}
check "Ctrl-Z stops skalds" until_true 5 eval '[ "$(state '"$PID"')" = T ]'
is "and its task" "$(state "$(cat still.out)")" T
kill -CONT "$PID"
ended "$PID" 5
is "and both go on" "$CODE" 9

new_file grace.yml
task grace.yml t Exec '{script: "sh -c \"trap \\\"sleep 0.5; echo clean; exit\\\" TERM; echo up; while :; do sleep 0.1; done\"; echo never"}' \
	'graceSeconds: 5'
start grace "$SKALDS" run-one -f grace.yml
until_true 5 logged grace.out up
kill -TERM "$PID"
ended "$PID" 8
is "a child of a script that ends at once has the rest of the grace" "$(tail -n 1 grace.out)" clean

# ---- a terminal ----

new_file flood.yml
task flood.yml t Exec '{script: "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done"}' \
	'graceSeconds: 1'
mkfifo hold
# the terminal's other side is not read while `hold` is empty
from=$(now_ms)
onpty 80x24 60 "$SKALDS" edge -f flood.yml --plain >hold 2>/dev/null &
pty=$!
started_pids+=("$pty")
exec 9<hold
skalds_on_pty()
{
	pgrep -P "$pty" | head -n 1
}
until_true 5 skalds_on_pty
PID=$(skalds_on_pty)
sleep 1
kill -TERM "$PID"
check "a terminal that nobody reads does not keep skalds from ending" until_true 8 gone "$PID"
exec 9<&-

# ---- floods ----

new_file floods.yml
for i in $(seq 60); do
	program floods.yml "t$i" '/usr/bin/yes, a line of some length that a program might well have printed in its haste' \
		'graceSeconds: 1'
done
start floods "$SKALDS" edge -f floods.yml
sleep 2
peak=$(sed -n 's/VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID/status")
from=$(now_ms)
kill -TERM "$PID"
ended "$PID" 10
case $SKALDS in
*asan* | *tsan* | *ubsan*) skip "60 floods take little memory" "a sanitizer has its own" ;;
*) at_most "60 floods take little memory (KiB)" "$peak" 40000 ;;
esac
at_most "and signals are heard meanwhile (ms)" $(($(now_ms) - from)) 4000
rm -f floods.err

new_file big.yml
for i in 1 2; do
	task big.yml "r$i" Exec '{script: "head -c 65000 /dev/zero | tr \"\\\\000\" \"\\\\001\" >$SKALDS_RESULT"}'
	task big.yml "l$i" Exec '{script: "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done"}'
done
"$SKALDS" edge -f big.yml --once --json >big.out 2>big.err
is "lines of JSON stay whole, also the longest" "$(n_events big.out event=log)" 4000
is "and all results came" "$(n_events big.out event=finished)" 4

# ---- others ----

sh -c "sleep 61.5 & echo \$! >other; exec $SKALDS run-one --no-cgroup -- /bin/true" 2>/dev/null
check "a child that skalds did not start is left alone" kill -0 "$(cat other)"
kill "$(cat other)"

new_file words.yml
program words.yml a '/bin/sh, -c, "setsid sh -c \"sleep 0.2; echo stranger; sleep 3\" & sleep 0.15; exit 0"'
program words.yml b '/bin/sh, -c, "sleep 0.2; echo mine"'
"$SKALDS" edge -f words.yml --once --slots 1 --no-cgroup --json >words.out 2>words.err
is "what a leftover says is not the next task's" "$(events words.out event=log taskId=b -- line)" mine
finish
