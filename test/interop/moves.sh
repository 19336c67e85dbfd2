#!/usr/bin/env bash
# One machine at a time: a task moves from a dead node of the original to a C node, and from a dead C node
# to one of the original; a C node takes the place, and the id, of one of the original.
. "$(dirname "$0")/lib.sh"

controller main --lease 4
TASK='rtspUrl=rtsp://a fixFrame=1 steps=3000 intervalSeconds=0.2'
runs_at()
{
	[ "$(doc "$1" executor)" = "$2" ] && [ "$(doc "$1" lifecycleStatus)" = Running ]
}
py_node p1
P=$PID
A=$("$SKALDS" task add MyWorker $TASK --max-attempts 10)
check "it runs at the node of the original" until_true 40 runs_at "$A" p1
node c1 --lease 4
py_stop "$P"
check "after its death at the C node" until_true 60 runs_at "$A" c1
C=$(pgrep -P $$ -f 'node --data' | head -n 1)
py_node p2
kill -KILL "$C"
check "after that one's death at another of the original" until_true 60 runs_at "$A" p2
is "that was its third attempt" "$(doc "$A" attempt)" 3
is "told as started by each Python node once" "$(observed "$A" start)" 2

# ---- the same id, the other program ----

"$SKALDS" task cancel "$A" >/dev/null
becomes "$A" Cancelled 20
B=$("$SKALDS" task add MyWorker $TASK --max-attempts 10)
check "a task at p2" until_true 30 runs_at "$B" p2
py_stop "${py_pids[1]}"
node p2 --lease 4
check "a C node with the id p2 gets it as a new attempt" until_true 60 eval 'runs_at "$B" p2 && [ "$(doc "$B" attempt)" = 2 ]'
is "nothing of it ended twice" "$(observed "$B" end)" 0
finish
