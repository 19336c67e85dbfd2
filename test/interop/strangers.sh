#!/usr/bin/env bash
# Documents without our phase, and lifecycleStatus written by strangers (architecture.md 5, Mixed fleets).
. "$(dirname "$0")/lib.sh"

controller
node c1 --slots 30
LONG='rtspUrl=rtsp://a fixFrame=1 intervalSeconds=0.2'
add()
{
	"$SKALDS" task add "$@" 2>>"$T/add.err"
}
# is_now ID STATE: both members say so
is_now()
{
	peer is "$1" "phase=$2" "lifecycleStatus=$2" --for 30
}
# run_it NAME STEPS: sets ID
run_it()
{
	ID=$(add MyWorker $LONG "steps=$1")
	becomes "$ID" Running 20
}

# ---- lifecycleStatus ----

created_over_finished()
{
	local id
	id=$(add MyWorker $LONG steps=2)
	check "a task of ours finishes" is_now "$id" Finished
	peer set "$id" lifecycleStatus=Created
	check "Created written over Finished runs it again" peer is "$id" attempt=2 phase=Finished lifecycleStatus=Finished --for 30
}
cancelled_over_running()
{
	run_it 3000
	peer set "$ID" lifecycleStatus=Cancelled
	check "Cancelled written over Running cancels it" is_now "$ID" Cancelled
	check "  and stops it" until_true 10 beat_is "$ID" -2
	peer set "$ID" lifecycleStatus=Finished
	check "a final status over another is written over" is_now "$ID" Cancelled
	peer set "$ID" lifecycleStatus=Running
	check "and so is Running over a final one" is_now "$ID" Cancelled
}
written_over() # STATUS
{
	run_it 3000
	peer set "$ID" "lifecycleStatus=$1"
	sleep 0.3
	check "$1 written over Running is written over" is_now "$ID" Running
	is "  its attempt was not touched" "$(doc "$ID" attempt)" 1
}
cancelled_while_it_waits()
{
	local id
	id=$(add MyWorker $LONG steps=1 --delay 1h)
	peer set "$id" lifecycleStatus=Cancelled
	check "Cancelled written over a task that waits cancels it" is_now "$id" Cancelled
	id=$(add NoSuchClass 2>/dev/null || add MyWorker $LONG steps=1 --require no=where)
	peer set "$id" lifecycleStatus=Running
	check "Running written over a task that waits is written over" is_now "$id" Created
}

# ---- what the original made is not judged by what it does not enforce ----

not_enforced()
{
	local past=$(($(date +%s) * 1000 - 1000))
	peer create past1 --executor nobody --status Created rtspUrl=rtsp://a fixFrame=1 steps=2 intervalSeconds=0.1
	peer set past1 "deadlineDateTime=$past" 'dependencies=["not-there"]' executor=
	check "a deadline that is over and a dependency that is not there keep it from nothing" \
		becomes past1 Finished 30
}
odd_documents()
{
	peer create odd1 rtspUrl=rtsp://a fixFrame=1 steps=1
	peer set odd1 priority=99 isPersistent=null createDateTime=12.5
	peer insert '{"id":"odd2"}'
	peer insert '{"id":7,"className":[],"lifecycleStatus":{}}'
	peer insert '{"className":"MyWorker"}'
	peer insert '{"id":"odd5","className":"MyWorker","lifecycleStatus":"Sleeping","attachments":7,"mode":"x"}'
	sleep 6
	check "documents with wrong members hold nobody up" eval 'becomes "$(add MyWorker $LONG steps=1)" Finished 20'
	check "  and are left alone" peer is odd5 lifecycleStatus=Sleeping --for 0
}
process()
{
	peer create proc1 --mode PassiveProcess --executor p9 --status Running rtspUrl=a fixFrame=1
	peer create proc2 --mode PassiveProcess rtspUrl=a fixFrame=1
	peer create act1 --mode Active --executor e9 --status Cancelled rtspUrl=a fixFrame=1
	sleep 8
	is "PassiveProcess is not ours (D17)" "$(doc proc1 lifecycleStatus) $(doc proc2 lifecycleStatus) $(doc proc1 phase)" \
		"Running Created null"
	is "a cancelled Active task stays cancelled (D13)" "$(doc act1 lifecycleStatus) $(doc act1 phase)" "Cancelled null"
}

part created_over_finished
part cancelled_over_running
for status in Assigning Failed Finished Paused Created; do
	part written_over $status
done
part cancelled_while_it_waits
part not_enforced
part odd_documents
part process
parts_end
finish
