#!/usr/bin/env bash
# A C node under a controller of the original (skalds-protocol.md 13.1): how it looks to it, the ways its
# tasks are told of and end. The monitor of the original is repaired (PATCHED: D1), so that it judges.
. "$(dirname "$0")/lib.sh"

PATCHED=1 py_controller_begin MONITOR
node c1
NODE=$PID
check "a controller of the original serves" py_controller_ready

shown()
{
	api GET /api/skalds/c1 | grep -q '"status":"online"'
}
give()
{
	local id=$1
	shift
	peer create "$id" --executor c1 --status Assigning rtspUrl=rtsp://a fixFrame=1 "$@" && peer assign "$id"
}
quick() # ID: of a task that the event alone tells
{
	peer create "$1" --executor c1 --status Assigning rtspUrl=rtsp://q fixFrame=1 steps=3 intervalSeconds=0.1
}

# ---- how it looks ----

looks()
{
	check "it appears online" until_true 15 shown
	local item first
	item=$(api GET /api/skalds/c1)
	like "as a node" "$item" '"type":"node"'
	like "with its classes" "$item" '"supportedTasks":\[.*"MyWorker"'
	is "its class list has exactly what it says" "$(peer key skalds:c1:allow-task-class-name | words value)" \
		"$("$SKALDS" worker list --json | words items className)"
	first=$(peer key skalds:hash)
	like "its activity is decimal ms with a lifetime of its own" "$first" \
		'"field_ttl": \{"c1": (3[0-9]{3})\}.*"c1": "[0-9]{13}"'
	check "it changes within 3 s" until_true 3 eval '[ "$(peer key skalds:hash)" != "'"${first//\"/\\\"}"'" ]'
	like "its mode is there" "$(peer key skalds:mode:hash)" '"c1": "node"'
	like "its heartbeat lives 8 s" "$(peer key skalds:c1:heartbeat)" '"ttl": [5-8].*"value": "[0-9]{1,3}"'
}
words() # MEMBER [NAME]: of a list in JSON, sorted
{
	"$PYSKALDS" -c 'import json, sys
v = json.load(sys.stdin)[sys.argv[1]]
print(" ".join(sorted(x[sys.argv[2]] if len(sys.argv) > 2 else x for x in v)))' "$@"
}

# ---- a task that ends well, one that fails ----

ends_well()
{
	local values before after
	peer put task:ok1:exception "of an earlier run"
	give ok1 steps=9 intervalSeconds=1
	check "its first beat comes within 3 s of the event" until_true 3 beats ok1
	is "the exception key is cleared" "$(peer value task:ok1:exception)" ''
	values=$(peer beats task:ok1:heartbeat 6)
	at_least "its values change each second" "$(wc -l <<<"$values")" 5
	is "none comes twice" "$(sort <<<"$values" | uniq -d)" ''
	unlike "and none of them is an end" "$values" '^(200|-1|-2)$'
	like "all-task has it in snake case" "$(peer value skalds:c1:all-task)" '"tasks":\[.*\{"id":"ok1","class_name":"MyWorker"\}'
	check "the controller calls it Running" becomes ok1 Running 25
	check "and Finished" becomes ok1 Finished 40
	like "200 stays for an hour" "$(peer key task:ok1:heartbeat)" '"ttl": 3[0-9]{3}.*"value": "200"'
	is "the node wrote nothing into the document" "$(doc ok1 phase)" null
	is "nor who ran it" "$(doc ok1 executor)" c1
}
fails()
{
	peer create bad1 --executor c1 --status Assigning --class Fail message=broken && peer assign bad1 --snake
	check "a task that fails becomes Failed (the event in the other spelling)" becomes bad1 Failed 25
	is "-1 is left" "$(beat bad1)" -1
	like "with what went wrong" "$(peer value task:bad1:exception)" 'broken'
	like "for an hour" "$(peer key task:bad1:exception)" '"ttl": 3[0-9]{3}'
}

is_killed()
{
	give dies1 steps=600 intervalSeconds=0.2
	check "one whose process is to die runs" until_true 10 eval '[ -n "$(procs env SKALDS_TASK_ID=dies1)" ]'
	check "and beats" until_true 10 beats dies1
	kill -KILL $(procs env SKALDS_TASK_ID=dies1)
	check "its node tells so at once (N4)" until_true 3 beat_is dies1 -1
	like "  with the signal" "$(peer value task:dies1:exception)" 'signal 9|SIGKILL'
	check "it leaves the list" until_true 5 eval '[[ $(peer value skalds:c1:all-task) != *dies1* ]]'
	check "it is Failed" becomes dies1 Failed 25
}

# ---- cancelled and updated through the original's API ----

is_changed()
{
	grep -rq 'updated RTSP URL: rtsp://a -> rtsp://b, Fix Frame: 1 -> 7' "$T/data-c1/logs"
}
is_stopped()
{
	give stop1 steps=600 intervalSeconds=0.2
	check "one to cancel runs" becomes stop1 Running 30
	api PUT /api/tasks/stop1/attachments \
		'{"attachments":{"rtspUrl":"rtsp://b","fixFrame":7,"steps":600,"intervalSeconds":0.2}}' >"$T/put.out"
	check "an update of its attachments reaches the worker" until_true 10 is_changed
	api PUT /api/tasks/stop1/status '{"lifecycleStatus":"Cancelled"}' >"$T/put2.out"
	check "a cancel through the API stops it" until_true 15 beat_is stop1 -2
	check "it is Cancelled" becomes stop1 Cancelled 10
	check "and stays so" stays stop1 Cancelled 5
}

# ---- what an event may look like ----

events_of_all_kinds()
{
	quick many1 && quick many2
	peer raw task.assign many1 '{"id":null,"title":null,"initiator":"x","taskIds":["none","many1","many2"],"more":{"a":[1]}}'
	check "of several ids each is looked at; unknown members do no harm" until_true 10 beat_is many1 200
	check "  the last of them too" until_true 10 beat_is many2 200
	quick key1
	peer raw task.assign - '{"task_ids":["key1"]}'
	check "a record without a key is read" until_true 10 beat_is key1 200
	for junk in - '' '{' '[]' '{"taskIds":"key1"}' '{"taskIds":[1,null,{}]}' '"key1"' '{"taskIds":null}'; do
		peer raw task.assign junk "$junk"
		peer raw task.cancel junk "$junk"
	done
	quick after1 && peer assign after1
	check "garbage stops nothing" until_true 10 beat_is after1 200
	peer insert '{"id":"bare1","className":"MyWorker","source":"x","executor":"c1","mode":"Passive",
		"lifecycleStatus":"Assigning","createDateTime":1,"attachments":{"rtspUrl":"a","fixFrame":1,"steps":1}}'
	peer assign bare1
	check "a document with few members and a short date runs" until_true 10 beat_is bare1 200
	quick lost1
	check "a task whose event was lost is found and finishes" until_true 20 beat_is lost1 200
}

# ---- what it must not run ----

is_refused()
{
	local id
	peer create other1 --executor somebody --status Assigning rtspUrl=a fixFrame=1 && peer assign other1
	peer create active1 --executor c1 --status Running --mode Active rtspUrl=a fixFrame=1 && peer assign active1
	peer create done1 --executor c1 --status Finished rtspUrl=a fixFrame=1 && peer assign done1
	peer create gone1 --executor c1 --status Cancelled rtspUrl=a fixFrame=1 && peer assign gone1
	peer create alien1 --executor c1 --status Assigning --class OnlyPython rtspUrl=a fixFrame=1 && peer assign alien1
	peer assign nobody1
	peer create wrong1 --executor c1 --status Assigning fixFrame=ten && peer assign wrong1
	check "attachments that are wrong fail it, with the reason (N6)" until_true 10 beat_is wrong1 -1
	like "  in the exception key" "$(peer value task:wrong1:exception)" 'fixFrame|rtspUrl'
	sleep 3
	for id in other1 active1 done1 gone1 nobody1; do
		is "$id is not started (N5)" "$(ls "$T/data-c1/logs/$id" 2>/dev/null)" ''
	done
	is "nor is a class that it does not have" "$(ls "$T/data-c1/logs/alien1" 2>/dev/null)" ''
}

part looks
part ends_well
part fails
part is_killed
part is_stopped
part events_of_all_kinds
part is_refused
parts_end

# ---- a node that dies, one that stops ----

starts()
{
	cat "$T/data-c1/logs/$1"/* 2>/dev/null | grep -c 'starting MyWorker'
}
started_anew()
{
	[ "$(starts again1)" = 2 ]
}
give again1 steps=600 intervalSeconds=0.2
check "a task runs" becomes again1 Running 25
machine_dies "$NODE"
node c1
NODE=$PID
check "after a kill -9 the next one starts it again" until_true 15 started_anew
check "nobody has called it anything else" stays again1 Running 5
is "what had ended is not started again" "$(starts many1)" 1
kill -TERM "$NODE"
ended "$NODE" 30
is "stopped gracefully the node leaves with 0" "$CODE" 0
is "its task is no -2: nobody cancelled it (D16)" "$(beat again1)" ''
check "the controller has lost sight of the node" until_true 30 eval '! shown'
finish
