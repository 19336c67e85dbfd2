#!/usr/bin/env bash
# Documents without our phase, and lifecycleStatus written by strangers (architecture.md 5, Mixed fleets).
. "$(dirname "$0")/lib.sh"

controller
node c1
LONG='rtspUrl=rtsp://a fixFrame=1 intervalSeconds=0.2'
add()
{
	"$SKALDS" task add "$@" 2>>"$T/add.err"
}
A=$(add MyWorker $LONG steps=2)
check "a task of ours finishes" becomes "$A" Finished 20
ATTEMPT=$(doc "$A" attempt)
peer set "$A" lifecycleStatus=Created
more()
{
	[ "$(doc "$A" attempt)" -gt "$ATTEMPT" ] && [ "$(doc "$A" phase)" = Finished ]
}
check "Created written over Finished runs it again" until_true 30 more
B=$(add MyWorker $LONG steps=3000)
becomes "$B" Running 20
peer set "$B" lifecycleStatus=Cancelled
cancelled()
{
	[ "$(doc "$1" phase)" = Cancelled ] && [ "$(doc "$1" lifecycleStatus)" = Cancelled ]
}
check "Cancelled written over Running cancels it" until_true 30 cancelled "$B"
C=$(add MyWorker $LONG steps=3000)
becomes "$C" Running 20
for status in Assigning Failed Finished Paused; do
	peer set "$C" "lifecycleStatus=$status"
	check "$status written over Running is written over" becomes "$C" Running 30
done
is "its attempt was not touched" "$(doc "$C" attempt)" 1
D=$(add MyWorker $LONG steps=1 --not-before +1h)
peer set "$D" lifecycleStatus=Cancelled
check "Cancelled written over a task that waits cancels it" until_true 30 cancelled "$D"
"$SKALDS" task cancel "$C" >/dev/null
becomes "$C" Cancelled 20
peer set "$C" lifecycleStatus=Finished
check "a final status over another is written over" becomes "$C" Cancelled 30

# ---- what the original made is not judged by what it does not enforce ----

PAST=$(($(date +%s) * 1000 - 1000))
peer create past1 rtspUrl=rtsp://a fixFrame=1 steps=2 intervalSeconds=0.1
peer set past1 "deadlineDateTime=$PAST" 'dependencies=["not-there"]'
check "a deadline that is over and a dependency that is not there keep it from nothing" \
	becomes past1 Finished 30
peer create prio1 rtspUrl=rtsp://a fixFrame=1 steps=1
peer set prio1 priority=99 isPersistent=null createDateTime=12.5
sleep 6
check "a document with wrong types holds nobody up" eval 'becomes "$(add MyWorker $LONG steps=1)" Finished 20'
finish
