#!/usr/bin/env bash
# run-one: the exit codes of the contract, one by one, as PID 1 and not.
. "$(dirname "$0")/../lib.sh"
helper die >/dev/null
die=$BIN/die

# gives CODE SENTENCE COMMAND…
gives()
{
	local want=$1 sentence=$2 code
	shift 2
	"$@" >one.out 2>one.err </dev/null
	code=$?
	if [ "$code" = "$want" ]; then
		pass "$sentence: $want"
	else
		fail "$sentence: $want" "got $code
$(head -n 5 one.err)"
	fi
}

one()
{
	"$SKALDS" run-one "$@"
}

pid1()
{
	unshare --pid --fork --mount-proc "$SKALDS" run-one "$@"
}

says()
{
	like "$1" "$(cat one.err)" "$2"
}

ways="one pid1"
can_unshare || { ways=one; skip "as PID 1" "no pid namespace can be made here"; }
for how in $ways; do
	[ $how = one ] && where="" || where=" as PID 1"
	for n in 0 1 2 3 42 69 71 75 100 124 125 126 127 128 130 143 200 255; do
		gives $n "a program's code$where" $how -- "$die" exit $n
	done
	for n in 1 2 3 6 9 11 13 14 15 24; do
		gives $((128 + n)) "a program that signal $n ended$where" $how -- "$die" signal $n
	done
	gives 127 "no such program$where" $how -- /no/such/program
	says "it is named$where" '/no/such/program.*No such file or directory'
	gives 127 "no such program in PATH$where" $how -- no-such-program-anywhere
	gives 126 "a directory$where" $how -- /tmp
	says "it is named$where" '/tmp.*(Permission denied|Is a directory)'
	echo text >plain.txt
	gives 126 "not executable$where" $how -- "$T/plain.txt"
	gives 0 "a compiled-in worker that finishes$where" $how --class Sleep --attachments '{"seconds":0}'
	gives 1 "a compiled-in worker that fails$where" $how --class Fail --attachments '{"message":"told so"}'
	says "its sentence is there$where" 'told so'
	gives 75 "a compiled-in worker that says try again$where" $how --class Fail --attachments '{"tryAgain":true}'
	gives 139 "a compiled-in worker that crashes$where" $how --class Fail --attachments '{"crash":"segv"}'
done

# ---- files ----
new_file f.yml
program f.yml first "$die, exit, \"11\""
program f.yml second "$die, exit, \"12\""
program f.yml slow "$die, obey" 'timeoutSeconds: 0.5'
program f.yml slow-stubborn "$die, stubborn" 'timeoutSeconds: 0.5' 'graceSeconds: 0.5'
program f.yml polite "$die, polite, \"7\"" 'timeoutSeconds: 0.5'
task f.yml no-cwd Exec '{command: [/bin/true], cwd: /no/such/dir}'
gives 11 "the first task of the file" one -f f.yml
gives 12 "a task by its name" one -f f.yml second
gives 11 "the file named by YAML_FILE" env "YAML_FILE=$T/f.yml" "$SKALDS" run-one
gives 11 "SKALD_MODE=single_process and YAML_FILE" \
	env SKALD_MODE=single_process "YAML_FILE=$T/f.yml" "$SKALDS"
gives 124 "timed out" one -f f.yml slow
gives 124 "timed out and had to be killed" one -f f.yml slow-stubborn
gives 124 "timed out, though it ended with a code of its own" one -f f.yml polite
# Which of the two is the contract's "could not be started"; both are.
"$SKALDS" run-one -f f.yml no-cwd >one.out 2>one.err </dev/null
like "a working directory that is missing: 126 or 127" "$?" '^12[67]$'
says "it is named" '/no/such/dir.*No such file or directory'
gives 3 "no such task in the file" one -f f.yml secnd
says "a suggestion is made" 'second'

# ---- usage and input: nothing is started ----
gives 2 "no file, no class, no command" one
gives 2 "a file that is not there" one -f no-such.yml
says "it is named" 'no-such\.yml'
gives 2 "an unknown flag" one --no-such-flag -- /bin/true
gives 2 "an unknown class" one --class Slep --attachments '{}'
says "a suggestion is made" 'Sleep'
gives 2 "attachments that are no JSON" one --class Sleep --attachments '{seconds'
gives 2 "attachments of the wrong type" one --class Sleep --attachments '{"seconds":"long"}'
says "the field is named" 'seconds'
gives 2 "attachments without a class" one --attachments '{}'
gives 2 "a class and a command" one --class Sleep --attachments '{"seconds":0}' -- /bin/true
gives 2 "a file and a command" one -f f.yml -- /bin/true
echo '{"seconds":0}' >att.json
gives 0 "attachments from a file" one --class Sleep --attachments @att.json
gives 2 "attachments from a file that is not there" one --class Sleep --attachments @none.json
"$SKALDS" run-one --class Sleep --attachments - <att.json >/dev/null 2>&1
is "attachments from the standard input" "$?" 0
printf 'TaskWorkers:\n  t:\n    className: Exec\n    attachments: {command: [/bin/touch, %s/touched]}\n    oops: 1\n' "$T" >bad.yml
gives 2 "a file with an unknown key" one -f bad.yml
says "the place is named" 'bad\.yml:5:5'
check "and nothing was started" test ! -e touched

# ---- skalds itself cannot ----
(
	ulimit -n 4
	# the leak checker needs descriptors of its own
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	exec "$SKALDS" run-one -- /bin/true
) >one.out 2>one.err </dev/null
like "too few descriptors: 125 or 71" "$?" '^(125|71)$'
at_least "and it says why" "$(wc -c <one.err)" 20

# ---- output ----
one -- /bin/sh -c 'echo to stdout; echo to stderr >&2; exit 5' >split.out 2>split.err </dev/null
is "stdout carries the program's stdout alone" "$(cat split.out)" "to stdout"
like "stderr has the program's stderr" "$(cat split.err)" 'to stderr'
echo "typed in" | one -- /bin/cat >cat.out 2>/dev/null
is "a command gets the standard input" "$(cat cat.out)" "typed in"
one --quiet -- /bin/sh -c 'exit 3' >q.out 2>q.err </dev/null
is "--quiet keeps the code" "$?" 3
one --quiet -- /bin/echo word >q.out 2>q.err </dev/null
is "and prints nothing of its own when all is well" "$(cat q.out q.err)" "word"
is "a command is handed over untouched" \
	"$(one -- /usr/bin/printf '%s|' --json -f '' 'a  b' '$HOME' 2>/dev/null </dev/null)" '--json|-f||a  b|$HOME|'
like "the task knows its id and its attempt" \
	"$(one -- /usr/bin/env 2>/dev/null </dev/null)" '^SKALDS_ATTEMPT=1$'
like "and where its result goes" "$(one -- /usr/bin/env 2>/dev/null </dev/null)" '^SKALDS_RESULT=/'

# ---- signals to skalds ----
send_when_ready()
{
	local sig=$1 target
	until_true 10 grep -q ready sig.out || return 1
	target=$PID
	[ "$how" = one ] || target=$(cat "/proc/$PID/task/$PID/children")
	# shellcheck disable=SC2086
	kill -"$sig" $target
}

# stopped_by CODE SIGNAL SENTENCE ARGUMENTS-OF-run-one…
stopped_by()
{
	local want=$1 sig=$2 sentence=$3
	shift 3
	if [ "$how" = one ]; then
		start sig "$SKALDS" run-one "$@"
	else
		start sig unshare --pid --fork --mount-proc "$SKALDS" run-one "$@"
	fi
	send_when_ready "$sig"
	ended "$PID" 10
	is "SIG$sig$where: $sentence" "$CODE" "$want"
}

new_file s.yml
program s.yml stubborn "$die, stubborn" 'graceSeconds: 0.5'
for how in $ways; do
	[ $how = one ] && where="" || where=" as PID 1"
	stopped_by 7 TERM "a program that ends by itself keeps its code" -- "$die" polite 7
	stopped_by 0 TERM "code 0 too" -- "$die" polite 0
	stopped_by 143 TERM "a program that the signal ends: 128 + 15" -- "$die" obey
	stopped_by 130 INT "a program that SIGINT ends: 128 + 2" -- "$die" obey
	stopped_by 143 TERM "one that had to be killed: 128 + 15" -f s.yml stubborn
	stopped_by 9 USR1 "is passed on" -- /bin/sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.05; done'
	stopped_by 8 HUP "is passed on" -- /bin/sh -c 'trap "exit 8" HUP; echo ready; while :; do sleep 0.05; done'
done
how=one
where=""
# A compiled-in worker.
start sig "$SKALDS" run-one --class MyWorker \
	--attachments '{"rtspUrl":"rtsp://x","fixFrame":1,"intervalSeconds":0.1}'
until_true 10 grep -q 'step' sig.out sig.err
kill -TERM "$PID"
ended "$PID" 10
is "SIGTERM: a compiled-in worker that was stopped: 128 + 15" "$CODE" 143
like "its release hook has run" "$(cat sig.out sig.err)" 'released RTSP URL'

# The second signal does not wait for the grace.
new_file s.yml
program s.yml stubborn "$die, stubborn" 'graceSeconds: 60'
start sig "$SKALDS" run-one -f s.yml
until_true 10 grep -q ready sig.out
kill -TERM "$PID"
sleep 0.3
from=$(now_ms)
kill -TERM "$PID"
ended "$PID" 10
at_most "a second SIGTERM ends it now" $(($(now_ms) - from)) 2000
is "with 128 + 15" "$CODE" 143

# timeout(1) tells its child and then the group that both are in: one request, the grace stands.
for mode in run-one "edge -f two.yml" "up --data $PWD/two.d"; do
	late='trap "sleep 0.3; echo grace >>two.out; exit 0" TERM; echo ready >>two.out; while :; do sleep 0.05; done'
	new_file two.yml
	: >two.out
	case $mode in
	run-one) set -- run-one -- /bin/sh -c "$late" ;;
	edge*)
		printf '  late: {className: Exec, attachments: {script: %s}}\n' "'$late'" >>two.yml
		set -- $mode
		;;
	up*)
		"$SKALDS" task add -q --data "$PWD/two.d" --cwd "$PWD" -- /bin/sh -c "$late" >two.id
		set -- $mode
		;;
	esac
	timeout 1.5 "$SKALDS" "$@" >two.log 2>&1 </dev/null
	is "timeout(1) and ${mode%% *}: the task had its grace" "$(tr '\n' ' ' <two.out)" "ready grace "
done
finish
