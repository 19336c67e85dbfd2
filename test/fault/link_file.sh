#!/usr/bin/env bash
# A link that dies is replaced by one that reads the tasks anew: from a pipe that is empty by then,
# from a file that has changed, from one that is broken.
. "$(dirname "$0")/../lib.sh"

# replaced OLD: there is another link.
replaced()
{
	local now
	now=$(link_of "$PID")
	[ -n "$now" ] && [ "$now" != "$1" ]
}

replace_link()
{
	local old
	old=$(link_of "$PID")
	[ -n "$old" ] && kill -KILL "$old" && until_true 5 replaced "$old" && sleep 0.2
}

logged()
{
	grep -q -- "$2" "$1"
}

stop_edge()
{
	kill -TERM "$PID"
	ended "$PID" 15
	is "$1: edge ends well" "$CODE" 0
}

# ---- tasks from a pipe ----

new_file once.yml
program once.yml a '/bin/sh, -c, "sleep 1; exit 7"'
"$SKALDS" run-one -f - <once.yml >stdin.out 2>&1 &
PID=$!
started_pids+=("$PID")
sleep 0.3
check "tasks from standard input: the link is replaced" replace_link
ended "$PID" 5
is "and the exit code is kept" "$CODE" 7

mkfifo tasks.fifo
cat once.yml >tasks.fifo &
started_pids+=("$!")
start fifo "$SKALDS" run-one -f tasks.fifo
sleep 0.3
check "tasks from a named pipe: the link is replaced" replace_link
ended "$PID" 5
is "and the exit code is kept" "$CODE" 7

"$SKALDS" run-one -f <(cat once.yml) >shell.out 2>&1
is "tasks from a pipe of the shell" "$?" 7

# ---- the file has changed ----

cat >changed.yml <<'END'
TaskWorkers:
  live: {className: MyWorker, attachments: {rtspUrl: "rtsp://old", fixFrame: 1, intervalSeconds: 0.1}}
  anew: {className: Exec, attachments: {script: "echo old; sleep 100"}}
  same: {className: Exec, attachments: {script: "echo same; sleep 100"}}
END
start changed "$SKALDS" edge -f changed.yml --json
check "changed: the tasks run" until_true 5 logged changed.out '"line":"old"'
sed -i 's/rtsp:\/\/old/rtsp:\/\/new/; s/echo old/echo new/' changed.yml
check "changed: the link is replaced" replace_link
check "new attachments reach the update hook" until_true 5 logged changed.out 'rtsp://new'
check "a class without one is started anew" until_true 5 logged changed.out '"line":"new"'
is "the others are left alone" "$(events changed.out event=started taskId=same -- attempt)" 1
is "the live one was not started anew" "$(events changed.out event=started taskId=live -- attempt)" 1
stop_edge changed

# ---- the file is broken ----

new_file broken.yml
program broken.yml t1 '/bin/sh, -c, "sleep 1; exit 3"'
program broken.yml t2 '/bin/sleep, "100"'
cp broken.yml good.yml
start broken "$SKALDS" edge -f broken.yml --json
check "broken: both run" until_true 5 sh -c '[ "$(grep -c started broken.out)" = 2 ]'
echo '{' >broken.yml
check "broken: the link is replaced" replace_link
sleep 1.5
cp good.yml broken.yml
kill -HUP "$PID"
check "an end of that time is told when the file is good again" \
	until_true 5 sh -c 'grep failed broken.out | grep -q "\"code\":3"'
stop_edge broken

# ---- the task was removed ----

new_file removed.yml
program removed.yml t1 '/bin/sh, -c, "trap : TERM; while :; do sleep 0.1; done"' 'graceSeconds: 2'
start removed "$SKALDS" edge -f removed.yml --json
check "removed: it runs" until_true 5 logged removed.out started
sleep 0.3
new_file removed.yml
program removed.yml t2 '/bin/sleep, "100"'
from=$(now_ms)
check "removed: the link is replaced" replace_link
check "it is stopped" until_true 5 logged removed.out cancelled
at_least "and had the grace that it was started with" $(($(now_ms) - from)) 1900
stop_edge removed
finish
