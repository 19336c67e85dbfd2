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
starts()
{
	cat "$T/data-c1/logs/$1"/* 2>/dev/null | grep -c 'starting MyWorker'
}

# ---- without a controller ----

give s1 '' --status Created
BEFORE=$(peer doc s1)
give s2 --snake --status Assigning
give s8 '' --class Fail message=broken
check "without a controller a C node runs what a script gave it" until_true 15 beat_is s1 200
check "in the other spelling too" until_true 15 beat_is s2 200
check "a failure is told" until_true 15 beat_is s8 -1
give s9 '' --status Created steps=1000
until_true 10 beats s9
peer set s9 lifecycleStatus=Cancelled
peer cancel s9
check "a script may cancel, too" until_true 10 beat_is s9 -2
ours='["createDateTime","updateDateTime","lifecycleStatus","executor","attachments","mode","priority","name"]'
same() # of the members that the original has
{
	[ "$(members "$1")" = "$(members "$2")" ]
}
members()
{
	"$PYSKALDS" -c 'import json, sys
d = json.loads(sys.argv[1])
print({k: d[k] for k in sorted(d) if k in json.loads(sys.argv[2])})' "$1" "$ours"
}
check "the document stays as the script made it (13.1.8)" same "$BEFORE" "$(peer doc s1)"
peer assign s1
sleep 2
is "a second event does not start it again" "$(starts s1)" 1

# ---- with one ----

controller
check "a controller that comes later takes note of its end" becomes s1 Finished 30
check "  and of the others'" eval 'becomes s2 Finished && becomes s8 Failed && becomes s9 Cancelled'
with_controller()
{
	give "$1" "$2" --status "$3"
	check "with a controller: $3, ${2:-camelCase}: it runs" until_true 20 beat_is "$1" 200
	check "  and is Finished" becomes "$1" Finished 20
	is "  once" "$(starts "$1")" 1
}
nobodys()
{
	peer create s5 rtspUrl=rtsp://a fixFrame=1 steps=2 intervalSeconds=0.1
	check "one that nobody was given is dispatched" becomes s5 Finished 30
	is "it is ours now" "$(doc s5 phase)" Finished
}
nowheres()
{
	peer create s6 --executor nowhere rtspUrl=rtsp://a fixFrame=1 steps=2 intervalSeconds=0.1
	check "one that was given to a skald that does not exist goes to another" becomes s6 Finished 60
}
unknown()
{
	peer create s7 --class NoSuchClass a=1
	sleep 5
	is "one of an unknown class waits" "$(doc s7 lifecycleStatus)" Created
}
part with_controller s3 '' Created
part with_controller s4 --snake Assigning
part nobodys
part nowheres
part unknown
parts_end
is "nothing ran twice" "$(for i in 1 2 3 4 5 6; do starts s$i; done | sort -u)" 1
finish
