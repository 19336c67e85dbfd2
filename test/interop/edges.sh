#!/usr/bin/env bash
# An edge of the original and one of ours beside each other, below a controller of each kind; a C edge takes
# the place, the file and the id of one of the original. (The edge alone: integration/fleet_edge.sh.)
. "$(dirname "$0")/lib.sh"

att() # STEPS
{
	echo "{rtspUrl: \"rtsp://file\", fixFrame: 1, steps: $1, intervalSeconds: 0.2}"
}
new_file p.yml
task p.yml ap-long MyWorker "$(att 3000)"
task p.yml ap-ends MyWorker "$(att 20)"
new_file c.yml
task c.yml ac-long MyWorker "$(att 3000)"
task c.yml ac-ends MyWorker "$(att 20)"
cp p.yml p.kept # it writes its file again (N10)

PATCHED=1 py_controller_begin MONITOR
py_node_begin pe edge "$T/p.yml"
PE=$PID
controller
edge() # ID FILE
{
	SKALD_ID=$1 start "$1" "$SKALDS" edge -f "$2" --json
}
edge ce c.yml
CE=$PID
check "a controller of the original, repaired" py_controller_ready
check "an edge of it" until_true 30 is_online pe

# ---- both below both ----

shown_by_c()
{
	"$SKALDS" skald list --json | grep -Eq "\"id\":\"$1\",\"mode\":\"edge\",\"state\":\"online\""
}
shown_by_py()
{
	api GET "/api/skalds/$1" | grep -q '"type":"edge".*"status":"online"'
}
for e in pe ce; do
	check "$e is an edge to our controller" until_true 20 shown_by_c $e
	check "$e is one to the original's (D14: never taken for a node)" until_true 20 shown_by_py $e
done
theirs()
{
	check "their task is Running" becomes ap-long Running 20
	check "one that ends is Finished" becomes ap-ends Finished 40
	check "and stays so" stays ap-ends Finished 7
	is "it is not adopted: it stays theirs" "$(doc ap-ends phase) $(doc ap-long phase)" "null null"
}
ours()
{
	check "our task is Running" becomes ac-long Running 20
	check "one that ends is Finished" becomes ac-ends Finished 40
	# what a monitor of the original read before the end it may write after it, once: our controller sets it right
	check "and stays so" eval 'stays ac-ends Finished 7 || { sleep 3; stays ac-ends Finished 7; }'
	is "by the edge's word" "$(doc ac-ends phase) $(doc ac-ends attempt)" "Finished 1"
	check "the original can read the document" peer read ac-ends
}
nobody_dispatches()
{
	local id
	id=$("$SKALDS" task add MyWorker rtspUrl=a fixFrame=1 steps=1)
	sleep 8
	is "no edge gets a task that waits for a node" "$(doc "$id" lifecycleStatus) $(doc "$id" executor)" "Created null"
}
part theirs
part ours
part nobody_dispatches
parts_end

# ---- what the API of the original cannot do to Active tasks (D13, N23) ----

api PUT /api/tasks/ac-long/status '{"lifecycleStatus":"Cancelled"}' >/dev/null
api PUT /api/tasks/ap-long/status '{"lifecycleStatus":"Cancelled"}' >/dev/null
check "a cancel of what our edge runs is written over" peer is ac-long phase=Running lifecycleStatus=Running --for 20
check "one of what theirs runs, too: it lives" becomes ap-long Running 20
is "nothing was stopped" "$(observed ap-long start) $(n_events ce.out event=started taskId=ac-long)" "1 1"

# ---- updates reach both ----

for id in ac-long ap-long; do
	api PUT "/api/tasks/$id/attachments" \
		'{"attachments":{"rtspUrl":"rtsp://new","fixFrame":7,"steps":3000,"intervalSeconds":0.2}}' >/dev/null
done
check "an update through the original's API reaches our edge" until_true 10 has ce.out rtsp://new
check "and theirs" until_true 10 observed_is ap-long update 1

# ---- ours takes its place ----

py_stop "$PE"
edge pe p.kept
PE=$PID
check "a C edge with its id and file runs its task" until_true 10 eval '[ "$(n_events pe.out event=started taskId=ap-long)" = 1 ]'
check "with the attachments that were stored" until_true 5 has pe.out rtsp://new
check "it is Running" becomes ap-long Running 20
kill -TERM "$PE" "$CE"
ended "$PE" 10
ended "$CE" 10
check "edges that are stopped have cancelled tasks" eval 'becomes ap-long Cancelled 5 && becomes ac-long Cancelled 5'
sleep 4
check "and they stay so below both controllers" eval 'becomes ap-long Cancelled 0 && becomes ac-long Cancelled 0'
finish
