#!/usr/bin/env bash
# A C node under a controller of the original (skalds-protocol.md 13.1): how it looks to it, the ways its
# tasks are told of and end. The monitor of the original is repaired (PATCHED: D1), so that it judges.
. "$(dirname "$0")/lib.sh"

PATCHED=1 py_controller MONITOR
check "a controller of the original serves" api GET /api/system/health
node c1
NODE=$PID

seen()
{
	api GET "/api/skalds/$1" | grep -q '"status":"online"'
}
check "it appears online" until_true 15 seen c1
ITEM=$(api GET /api/skalds/c1)
like "as a node" "$ITEM" '"type":"node"'
like "with its classes" "$ITEM" '"supportedTasks":\[.*"MyWorker"'
is "its class list has exactly what it says" \
	"$(peer key skalds:c1:allow-task-class-name | "$PYSKALDS" -c 'import json,sys; print(" ".join(sorted(json.load(sys.stdin)["value"])))')" \
	"$("$SKALDS" worker list --json | "$PYSKALDS" -c 'import json,sys; d=json.load(sys.stdin); print(" ".join(sorted(w["name"] for w in d["items"])))')"
like "its activity is decimal ms with a lifetime of its own" "$(peer key skalds:hash)" \
	'"field_ttl": \{"c1": (3[0-9]{3})\}.*"c1": "[0-9]{13}"'
like "its mode is there" "$(peer key skalds:mode:hash)" '"c1": "node"'
like "its heartbeat lives 8 s" "$(peer key skalds:c1:heartbeat)" '"ttl": [5-8].*"value": "[0-9]{1,3}"'

# ---- a task ends well ----

give()
{
	local id=$1
	shift
	peer create "$id" --executor c1 --status Assigning rtspUrl=rtsp://a fixFrame=1 "$@" && peer assign "$id"
}
give ok1 steps=9 intervalSeconds=1
check "within 3 s of the event it has a heartbeat" until_true 3 test -n "$(beat ok1)" || true
until_true 3 eval '[ -n "$(beat ok1)" ]'
check "its heartbeat is there within 3 s" eval '[ -n "$(beat ok1)" ]'
like "all-task has it in snake case" "$(sleep 1; peer key skalds:c1:all-task)" \
	'\{\\"id\\":\\"ok1\\",\\"class_name\\":\\"MyWorker\\"\}'
is "the exception key is cleared" "$(peer key task:ok1:exception | grep -c '"value": ""')" 1
VALUES=$(for i in 1 2 3 4 5; do beat ok1; sleep 1.1; done | sort -u | wc -l)
is "five samples are five values" "$VALUES" 5
check "the controller calls it Running" becomes ok1 Running 25
check "and Finished" becomes ok1 Finished 40
like "200 stays for an hour" "$(peer key task:ok1:heartbeat)" '"ttl": 3[0-9]{3}.*"value": "200"'
is "the node wrote nothing into the document" "$(doc ok1 phase)" null
is "nor who ran it" "$(doc ok1 executor)" c1

# ---- it fails, it is cancelled, it is updated ----

peer create bad1 --executor c1 --status Assigning --class Fail message=broken && peer assign bad1 --snake
check "a task that fails becomes Failed (the event in the other spelling)" becomes bad1 Failed 25
is "-1 is left" "$(beat bad1)" -1
like "with what went wrong" "$(peer key task:bad1:exception)" 'broken'

give stop1 steps=600 intervalSeconds=0.2
check "one to cancel runs" becomes stop1 Running 30
api PUT /api/tasks/stop1/attachments '{"attachments":{"rtspUrl":"rtsp://b","fixFrame":7,"steps":600,"intervalSeconds":0.2}}' >/dev/null
check "an update of its attachments reaches the worker" until_true 10 grep -rq 'updated RTSP URL: rtsp://a -> rtsp://b, Fix Frame: 1 -> 7' "$T/data-c1/logs"
api PUT /api/tasks/stop1/status '{"lifecycleStatus":"Cancelled"}' >/dev/null
check "a cancel through the API stops it" until_true 15 eval '[ "$(beat stop1)" = -2 ]'
check "it is Cancelled" becomes stop1 Cancelled 10
check "and stays so" stays stop1 Cancelled 7

# ---- what it must not run ----

peer create other1 --executor somebody --status Assigning rtspUrl=a fixFrame=1 && peer assign other1
peer create active1 --executor c1 --status Running --mode Active rtspUrl=a fixFrame=1 && peer assign active1
peer create done1 --executor c1 --status Finished rtspUrl=a fixFrame=1 && peer assign done1
peer create alien1 --executor c1 --status Assigning --class OnlyPython rtspUrl=a fixFrame=1 && peer assign alien1
peer assign nobody1
peer create wrong1 --executor c1 --status Assigning fixFrame=ten && peer assign wrong1
check "attachments that are wrong fail it, with the reason" until_true 10 eval '[ "$(beat wrong1)" = -1 ]'
like "  in the exception key" "$(peer key task:wrong1:exception)" 'fixFrame|rtspUrl'
sleep 2
for id in other1 active1 done1 alien1 nobody1; do
	is "$id is not started" "$(beat "$id")" ''
done

# ---- events that were lost, a node that starts anew ----

peer create quiet1 --executor c1 --status Assigning rtspUrl=rtsp://q fixFrame=1 steps=3 intervalSeconds=0.1
check "a task whose event was lost is found and finishes" until_true 20 eval '[ "$(beat quiet1)" = 200 ]'
give again1 steps=600 intervalSeconds=0.2
until_true 10 eval '[ -n "$(beat again1)" ]'
kill -KILL "$NODE"
ended "$NODE" 5
sleep 9
node c1
NODE=$PID
check "after a kill -9 the task is started again" until_true 15 eval '[ -n "$(beat again1)" ]'
is "the one that had ended is not" "$(beat quiet1)" 200
kill -TERM "$NODE"
ended "$NODE" 30
is "stopped gracefully the node leaves with 0" "$CODE" 0
is "its task is no -2: nobody cancelled it" "$(beat again1 | grep -c -- -2)" 0
check "the controller has lost sight of it" until_true 30 eval '! seen c1'
finish
