#!/usr/bin/env bash
# With a terminal: a live table. Without: plain lines, no escape sequences.
. "$(dirname "$0")/../lib.sh"
helper onpty >/dev/null
esc=$(printf '\033')
export TERM=xterm
unset NO_COLOR COLUMNS LINES

new_file f.yml
task f.yml camera MyWorker '{rtspUrl: "rtsp://x", fixFrame: 5, steps: 30, intervalSeconds: 0.1}'
program f.yml shell '/bin/sh, -c, "for i in 1 2 3; do echo word $i; sleep 0.3; done"'
program f.yml fails '/bin/sh, -c, "sleep 0.5; exit 3"'

# ---- no terminal ----
"$SKALDS" edge -f f.yml --once >plain.out 2>plain.err </dev/null
is "without a terminal: edge --once ends with 1" "$?" 1
is "no escape sequence anywhere" "$(cat plain.out plain.err | grep -c "$esc")" 0
is "no carriage return anywhere" "$(cat plain.out plain.err | grep -c "$(printf '\r')")" 0
like "the program's words are there, tagged with the task" "$(cat plain.out plain.err)" 'shell.*word 2'
like "how it failed is there" "$(cat plain.out plain.err)" 'fails.*3'
"$SKALDS" edge -f f.yml --once --color always >color.out 2>color.err </dev/null
is "--color always does not change the outcome" "$?" 1

# ---- a terminal ----
onpty 100x30 9 "$SKALDS" edge -f f.yml --once >tty.out
is "with a terminal: edge --once ends with 1" "$?" 1
for word in camera shell fails; do
	like "the table has the task $word" "$(tr '\r' '\n' <tty.out)" "$word"
done
like "it is drawn again and again" "$(grep -c "$esc\[" tty.out)" '^[1-9]'
like "the progress is shown" "$(cat tty.out)" '[0-9]+ ?%'
like "the cursor is shown again at the end, if it was hidden" \
	"$(grep -o "$esc\[?25[hl]" tty.out | tail -n 1 | tr -d "$esc")" '^(\[\?25h)?$'

TERM=dumb onpty 100x30 9 "$SKALDS" edge -f f.yml --once >dumb.out
is "TERM=dumb: the same code" "$?" 1
is "and no escape sequence" "$(grep -c "$esc" dumb.out)" 0
NO_COLOR=1 onpty 100x30 9 "$SKALDS" edge -f f.yml --once >nocolor.out
is "NO_COLOR: no colour" "$(grep -cE "$esc\[(3|9)[0-7]m|$esc\[[0-9;]*3[1-7]m" nocolor.out)" 0

new_file wide.yml
id=a-rather-long-task-name-that-fills-a-small-terminal
program wide.yml "$id" '/bin/sh, -c, "echo a long line of output that does not fit at all into the columns; sleep 1.2"'
program wide.yml b '/bin/sleep, "1"'
for size in 40x10 20x5 1x1 200x2; do
	onpty "$size" 9 "$SKALDS" edge -f wide.yml --once >small.out
	is "a terminal of $size: edge ends with 0" "$?" 0 || note "$(tail -n 20 small.out | cat -v)"
done
onpty 80x24 9 "$SKALDS" edge -f wide.yml --once --quiet >quiet.out
is "--quiet on a terminal: the code" "$?" 0

# More tasks than rows.
new_file rows.yml
for i in $(seq 60); do
	program rows.yml "row$i" '/bin/sleep, "0.5"'
done
onpty 80x24 9 "$SKALDS" edge -f rows.yml --once >rows.out
is "60 tasks on 24 rows: edge ends with 0" "$?" 0

# ---- Ctrl-C ----
new_file long.yml
program long.yml one '/bin/sleep, "1000"'
program long.yml stubborn '/bin/sh, -c, "trap : TERM INT; while :; do sleep 0.1; done"' 'graceSeconds: 1'
onpty 80x24 1:3 "$SKALDS" edge -f long.yml >int.out
is "Ctrl-C: edge drains with 0" "$?" 0
is "Ctrl-C: nothing is left" "$(task_processes)" ""
onpty 80x24 1:3 "$SKALDS" run-one -- /bin/sleep 1000 >int1.out
is "Ctrl-C: run-one ends with 130" "$?" 130

# The terminal goes away: edge ends, or goes on without spinning and still obeys.
start hup onpty 80x24 1 "$SKALDS" edge -f long.yml
sleep 3
edge=$(cat "/proc/$PID/task/$PID/children" 2>/dev/null)
edge=${edge%% *}
if [ -n "$edge" ]; then
	from=$(awk '{ print $14 + $15 }' "/proc/$edge/stat")
	sleep 2
	at_most "a terminal that hung up: edge goes on and does not spin (ticks in 2 s)" \
		$(($(awk '{ print $14 + $15 }' "/proc/$edge/stat") - from)) 20
	kill -TERM "$edge"
fi
ended "$PID" 10
like "a terminal that hung up: edge ends well" "$CODE" '^(0|129)$'
is "and nothing is left" "$(task_processes)" ""

# run-one on a terminal: the program has it.
like "a command of run-one may read from the terminal's standard input" \
	"$(onpty 80x24 5:10 "$SKALDS" run-one -- /bin/sh -c 'read -r x; echo got it')" 'got it'

# ---- nowhere to print to ----

if [ -c /dev/full ]; then
	"$SKALDS" run-one --data kept -- sh -c 'echo one; sleep 0.2; echo two; exit 3' >/dev/full 2>full.err </dev/null
	is "a full standard output: the code is the task's" "$?" 3
	is "and what is lost is said, once" "$(grep -c 'standard output: No space left on device' full.err)" 1
	"$SKALDS" run-one --data kept -- seq 100000 2>gone.err </dev/null | head -n 1 >/dev/null
	unlike "a reader that went away is no warning" "$(cat gone.err)" 'standard output'
fi
finish
