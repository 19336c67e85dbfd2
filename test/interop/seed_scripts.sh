#!/usr/bin/env bash
# The scripts of the seed documents: a task made with the original's repository, `task.assign` produced
# with its proxy, both spellings; without any controller, and with the C controller.
. "$(dirname "$0")/lib.sh"

node c1
give()
{
	local id=$1 spelling=$2
	shift 2
	peer create "$id" --executor c1 rtspUrl=rtsp://a fixFrame=1 steps=3 intervalSeconds=0.1 "$@"
	peer assign "$id" $spelling
}
ended_well()
{
	[ "$(beat "$1")" = 200 ]
}
give s1 '' --status Created
give s2 --snake --status Created
check "without a controller a C node runs what a script gave it" until_true 15 ended_well s1
check "in the other spelling too" until_true 15 ended_well s2
is "the document stays as the script made it" "$(doc s1 lifecycleStatus)" Created
peer assign s1
sleep 3
is "a second event does not start it again" "$(grep -l 'starting MyWorker' "$T"/data-c1/logs/s1/* | wc -l)" 1

controller
check "a controller that comes later takes note of its end" becomes s1 Finished 30
give s3 '' --status Created
check "with a controller it becomes Running or ends" until_true 20 ended_well s3
check "and Finished" becomes s3 Finished 20
give s4 --snake --status Assigning
check "the same in the other spelling" becomes s4 Finished 20
is "one log each: nothing ran twice" "$(ls "$T"/data-c1/logs/s3 "$T"/data-c1/logs/s4 | grep -c '^[0-9]')" 2
peer create s5 rtspUrl=rtsp://a fixFrame=1 steps=2 intervalSeconds=0.1
check "one that nobody was given is dispatched" becomes s5 Finished 30
is "it is ours now" "$(doc s5 phase)" Finished
peer create s6 --executor nowhere rtspUrl=rtsp://a fixFrame=1 steps=2 intervalSeconds=0.1
check "one that was given to a skald that does not exist goes to another" becomes s6 Finished 90
peer create s7 --class NoSuchClass a=1
sleep 4
is "one of an unknown class waits" "$(doc s7 lifecycleStatus)" Created
finish
