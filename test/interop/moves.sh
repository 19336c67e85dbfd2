#!/usr/bin/env bash
# One machine at a time: a task moves from a dead node of the original to a C node, and from a dead C node
# to one of the original; a C node takes the place, and the id, of one of the original, and the other way.
. "$(dirname "$0")/lib.sh"

py_node_begin p1
P1=$PID
controller main --lease 4
py_node_ready p1
TASK='rtspUrl=rtsp://a fixFrame=1 steps=3000 intervalSeconds=0.2 --retries 9 --backoff 1s'
A=$("$SKALDS" task add MyWorker $TASK)
check "it runs at the node of the original" until_true 40 is_at "$A" p1
node c1 --lease 4
C1=$PID
py_stop "$P1"
check "after its death at the C node" until_true 60 is_at "$A" c1
is "as its second attempt" "$(doc "$A" attempt)" 2
py_node p2
P2=$PID
sleep 2 # it must have been seen twice
machine_dies "$C1"
check "after that one's death at another of the original" until_true 60 is_at "$A" p2
is "as its third attempt" "$(doc "$A" attempt)" 3
is "two Python nodes started it once each" "$(observed "$A" start)" 2
like "what was, is kept" "$("$SKALDS" task get "$A" --json)" "\"executor\":\"p2\".*\"attempt\":3"

# ---- the same id, the other program ----

py_stop "$P2"
node p2 --lease 4
C2=$PID
starts()
{
	cat "$T/data-p2/logs/$A"/* 2>/dev/null | grep -c 'starting MyWorker'
}
check "a C node with the id p2 goes on with it: it is executed in the original's way" \
	until_true 40 eval '[ "$(starts)" = 1 ]'
check "Running, as the same attempt" peer is "$A" executor=p2 lifecycleStatus=Running attempt=3 --for 10
machine_dies "$C2"
py_node_begin p2
check "when it is dead a node of the original with the id p2 gets it" until_true 60 observed_is "$A" start 3
check "as a new attempt" peer is "$A" executor=p2 lifecycleStatus=Running attempt=4 --for 20
is "nothing of it came to an end" "$(observed "$A" end)" 0
"$SKALDS" task cancel "$A" >/dev/null
check "it is cancelled there" becomes "$A" Cancelled 20
finish
