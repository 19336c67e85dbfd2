#!/usr/bin/env bash
# A node of the original under the C controller (skalds-protocol.md 13.2): gets tasks of its classes, is
# cancelled and updated, is judged by its keys; its loss is noticed and its tasks move.
. "$(dirname "$0")/lib.sh"

SHORT='rtspUrl=rtsp://a fixFrame=1 intervalSeconds=0.2'
py_node_begin p1
P1=$PID
controller main --lease 4
check "a node of the original is up" py_node_ready p1

shown() # ID
{
	"$SKALDS" skald list --json | grep -q "\"id\":\"$1\",[^{]*\"state\":\"online\""
}
not_shown()
{
	! shown "$1"
}
add()
{
	"$SKALDS" task add "$@" 2>>"$T/add.err"
}
check "it is listed as online" until_true 20 shown p1

# ---- its classes only ----

well()
{
	local a
	a=$(add MyWorker $SHORT steps=20)
	check "a task of its class runs there" until_true 20 observed_is "$a" start 1
	is "it is assigned to it" "$(doc "$a" executor)" p1
	check "the first beat makes it Running" becomes "$a" Running 15
	check "200 makes it Finished" becomes "$a" Finished 20
	is "it was started once" "$(observed "$a" start)" 1
	check "the original can read the document" peer read "$a"
	peer create only1 --class OnlyPython rtspUrl=rtsp://x fixFrame=1 steps=2 intervalSeconds=0.1
	check "a class that only it has, made by a script, runs there" becomes only1 Finished 30
}
B=$(add -- true)
C=$(add Noop)
D=$(add MyWorker $SHORT steps=1 --resources cpus=0.5)
E=$(add MyWorker $SHORT steps=1 --require disk=ssd)
is_left()
{
	sleep 5
	is "Exec waits for a C node" "$(doc "$B" lifecycleStatus)" Created
	is "and a class that it does not announce" "$(doc "$C" lifecycleStatus)" Created
	is "and one that asks for resources" "$(doc "$D" lifecycleStatus)" Created
	is "and one that asks for a label" "$(doc "$E" lifecycleStatus)" Created
}

# ---- how they end ----

failed_there()
{
	local f
	f=$(add MyWorker rtspUrl=fail fixFrame=1 --retries 0)
	check "-1 is Failed" becomes "$f" Failed 30
	like "with the text of the exception" "$("$SKALDS" task get "$f" --json)" '"message":"[^"]*made to fail'
}
# Its worker hears only what is sent after its consumer has joined, and nothing tells when: said again.
update_there()
{
	"$SKALDS" task update "$1" rtspUrl=rtsp://b fixFrame=9 >/dev/null 2>>"$T/add.err"
	until_true 5 eval "[ \$(observed '$1' update) -gt 0 ]"
}
cancelled_there()
{
	local g
	g=$(add MyWorker $SHORT steps=3000)
	check "one to cancel runs" becomes "$g" Running 20
	check "an update reaches its worker" until_true 40 update_there "$g"
	is "with what was stored before" "$(grep "^$g update" "$OBSERVED" | sort -u)" "$g update rtsp://b"
	like "it cannot be paused, and is told why" "$("$SKALDS" task pause "$g" 2>&1)" 'original'
	"$SKALDS" task cancel "$g" >/dev/null
	check "a cancel stops it" becomes "$g" Cancelled 20
	is "-2 was its end" "$(beat "$g")" -2
}

# ---- what is left of earlier runs (D6), a worker that is gone but listed (N4) ----

old_end()
{
	peer put task:old1:heartbeat -1 3600
	peer put task:old1:exception "of an earlier run"
	add MyWorker $SHORT steps=15 --id old1 --retries 0 >/dev/null
	check "an end of an earlier run is not taken for one of this" becomes old1 Finished 40
	is "it ran once" "$(observed old1 start) $(doc old1 attempt)" "1 1"
}
dead_worker()
{
	local n
	n=$(add MyWorker $SHORT steps=3000 --backoff 1s)
	check "one whose worker is to die runs" becomes "$n" Running 20
	kill -KILL "$(sed -n "s/^$n start .* //p" "$OBSERVED")"
	check "it is lost and given to the node again, which starts it" until_true 60 observed_is "$n" start 2
	check "as a new attempt" eval "becomes $n Running 15 && [ \"\$(doc $n attempt)\" = 2 ]"
	"$SKALDS" task cancel "$n" >/dev/null
	check "  which can be cancelled" becomes "$n" Cancelled 20
}

# ---- what is said on the bus ----

told()
{
	peer records task.assign 8 >"$T/records" &
	sleep 1.5
	add MyWorker $SHORT steps=1 --id told1 >/dev/null
	check "one that is told of on the bus ends" becomes told1 Finished 20
	peer assign told1
	wait $!
	like "its assignment has its id as key and names it" "$(head -n 1 <(grep '"key": "told1"' "$T/records"))" \
		'"value": ".*taskIds.*told1'
	is "a producer of the original puts it into the same partition" \
		"$(grep '"key": "told1"' "$T/records" | grep -o '"partition": [0-9]*' | sort | uniq -c | tr -s ' ' | cut -d ' ' -f 2)" 2
}

H=$(add MyWorker $SHORT steps=3000)
part well
part is_left
part failed_there
part cancelled_there
part old_end
part dead_worker
part told
parts_end

# ---- its loss ----

check "a task runs there" becomes "$H" Running 20
node c1 --lease 4
check "what waited for a C node runs" eval 'becomes "$B" Finished 20 && becomes "$C" Finished 20'
BEFORE=$(observed "$H" end)
py_stop "$P1"
check "when it dies its task moves to a C node" until_true 60 is_at "$H" c1
is "as attempt 2" "$(doc "$H" attempt)" 2
is "nobody ran it to its end" "$(observed "$H" end)" "$BEFORE"
check "it is not online any more" until_true 20 not_shown p1

# ---- a planned stop is no cancel (D16) ----

"$SKALDS" skald drain c1 >/dev/null
py_node p2
P2=$PID
I=$(add MyWorker $SHORT steps=3000)
check "a task runs at the next node of the original" until_true 30 observed_is "$I" start 1
check "  and is Running" becomes "$I" Running 20
py_stop "$P2" TERM 1
is_free()
{
	peer is "$I" phase=Created lifecycleStatus=Created --for 0
}
check "its -2 without a request is a lost node: the task waits for another" until_true 40 is_free
is "no program of the original finds that end any more" "$(beat "$I")" ''
is "it is no failure" "$(doc "$I" failures)" 0
"$SKALDS" skald undrain c1 >/dev/null
check "and it runs there" becomes "$I" Running 30
finish
