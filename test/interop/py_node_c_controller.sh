#!/usr/bin/env bash
# A node of the original under the C controller (skalds-protocol.md 13.2): gets tasks of its classes, is
# cancelled and updated, is judged by its keys; its loss is noticed and its tasks move.
. "$(dirname "$0")/lib.sh"

SHORT='rtspUrl=rtsp://a fixFrame=1 intervalSeconds=0.2'

controller
ONLY_MYWORKER='' py_node p1
P1=$PID
check "a node of the original is up" is_online p1
shown()
{
	"$SKALDS" skald list --json | grep -q '"id":"p1".*"state":"online"'
}
check "it is listed as online" until_true 20 shown

add()
{
	"$SKALDS" task add "$@" 2>>"$T/add.err"
}

# ---- its classes only ----

A=$(add MyWorker $SHORT steps=5)
check "a task of its class runs there" until_true 20 eval '[ "$(observed "$A" start)" = 1 ]'
is "it is assigned to it" "$(doc "$A" executor)" p1
check "Running is told by the first beat" becomes "$A" Running 15
check "200 is Finished" becomes "$A" Finished 20
is "it was started once" "$(observed "$A" start)" 1
check "the original can read the document" peer read "$A"
B=$(add Exec -- true)
C=$(add Noop --cpus 0.5)
D=$(add MyWorker $SHORT steps=1 --label disk=ssd --need disk=ssd 2>/dev/null || echo none)
sleep 4
is "Exec waits for a C node" "$(doc "$B" lifecycleStatus)" Created
is "and so does a class that it does not announce" "$(doc "$C" lifecycleStatus)" Created
peer create only1 --class OnlyPython rtspUrl=rtsp://x fixFrame=1 steps=2 intervalSeconds=0.1
check "a class that only it has, made by a script, runs there" becomes only1 Finished 30

# ---- how they end ----

F=$(add MyWorker rtspUrl=fail fixFrame=1 --max-attempts 1)
check "-1 is Failed" becomes "$F" Failed 30
like "with the text of the exception" "$("$SKALDS" task get "$F" --json)" '"message":"[^"]*made to fail'
G=$(add MyWorker $SHORT steps=3000)
check "one to cancel runs" becomes "$G" Running 20
"$SKALDS" task update "$G" rtspUrl=rtsp://b fixFrame=9 >/dev/null 2>>"$T/add.err"
check "an update reaches its worker" until_true 15 eval '[ "$(observed "$G" update)" -ge 1 ]'
"$SKALDS" task cancel "$G" >/dev/null
check "a cancel stops it" becomes "$G" Cancelled 20
is "-2 was its end" "$(beat "$G")" -2
H=$(add MyWorker $SHORT steps=3000)
becomes "$H" Running 20
like "it cannot be paused, and is told why" "$("$SKALDS" task pause "$H" 2>&1)" 'original|Python'

# ---- its loss ----

node c1
BEFORE=$(observed "$H" end)
py_stop "$P1"
moved()
{
	[ "$(doc "$H" executor)" = c1 ] && [ "$(doc "$H" lifecycleStatus)" = Running ]
}
check "when it dies its task moves to a C node" until_true 60 moved
is "as attempt 2" "$(doc "$H" attempt)" 2
is "nobody ran it to its end" "$(observed "$H" end)" "$BEFORE"
shown_offline()
{
	! shown
}
check "it is not online any more" until_true 20 shown_offline
is "what waited for a C node has run" "$(becomes "$B" Finished 20 && echo yes)" yes

# ---- a planned stop is no cancel (D16) ----

"$SKALDS" task cancel "$H" >/dev/null
becomes "$H" Cancelled 20
"$SKALDS" skald drain c1 >/dev/null
py_node p2
P2=$PID
I=$(add MyWorker $SHORT steps=3000)
check "a task runs at the next node of the original" until_true 30 eval '[ "$(observed "$I" start)" = 1 ]'
becomes "$I" Running 20
py_stop "$P2" TERM
again()
{
	[ "$(doc "$I" lifecycleStatus)" != Cancelled ] && [ "$(doc "$I" phase)" = Created ]
}
check "its -2 without a request is a lost node: the task waits for another" until_true 40 again
"$SKALDS" skald undrain c1 >/dev/null
check "and runs there" becomes "$I" Running 30
"$SKALDS" task cancel "$I" >/dev/null
finish
