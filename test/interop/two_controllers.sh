#!/usr/bin/env bash
# Controllers of both kinds in one fleet (skalds-protocol.md 13.3): two of ours, and one whose monitor is
# repaired and writes states by the rules of 4.4; C nodes and one of the original. The start of one of the
# original, which takes what is left in Redis for what is, changes no task of ours for good (D7).
. "$(dirname "$0")/lib.sh"

PATCHED=1 py_controller_begin DISPATCHER
PYC=$PID
py_node_begin p1
controller one --lease 4
controller two --lease 4
node c1 --slots 40 --lease 4
check "a repaired controller of the original serves beside two of ours" py_controller_ready
check "and a node of the original" py_node_ready p1

add()
{
	"$SKALDS" task add MyWorker rtspUrl=rtsp://a fixFrame=1 intervalSeconds=1 "$@"
}
ids=()
for ((i = 0; i < 24; i++)); do
	ids+=("$(add steps=$((1 + i % 12)) --retries 0)")
done
"$SKALDS" skald drain c1 >/dev/null
sleep 1 # it has heard of it
P=$(add steps=3000 --id at-p1)
check "a task at the node of the original runs" until_true 40 is_at "$P" p1
"$SKALDS" skald undrain c1 >/dev/null

# ---- through the original's API ----

# A monitor of the original may write Running over it at once (4.4): then it must be said again.
cancel_there()
{
	api PUT "/api/tasks/$1/status" '{"lifecycleStatus":"Cancelled"}' >/dev/null
	peer is "$1" phase=Cancelled lifecycleStatus=Cancelled --for 12
}
# A worker of the original hears only what is sent after its consumer has joined, and nothing tells when (8, 11 N): said again.
update_there()
{
	api PUT "/api/tasks/$1/attachments" \
		'{"attachments":{"rtspUrl":"rtsp://b","fixFrame":7,"steps":3000,"intervalSeconds":1}}' >/dev/null
	until_true 5 eval "[ \$(observed '$1' update) -gt 0 ]"
}
cancelled_there()
{
	check "its attachments are updated through the original's API" until_true 40 update_there "$P"
	check "it is cancelled through it" until_true 40 cancel_there "$P"
}
cancelled_here()
{
	local id
	id=$(add steps=3000 --require none=such)
	api PUT "/api/tasks/$id/status" '{"lifecycleStatus":"Cancelled"}' >/dev/null
	check "one that waits is cancelled through it" peer is "$id" phase=Cancelled lifecycleStatus=Cancelled --for 20
	api PUT "/api/tasks/$id/status" '{"lifecycleStatus":"Created"}' >/dev/null
	check "and made anew" peer is "$id" phase=Created lifecycleStatus=Created --for 20
	"$SKALDS" task cancel "$id" >/dev/null
}
part cancelled_there
part cancelled_here
parts_end

# ---- what it flips changes nothing ----

done_all()
{
	"$SKALDS" status --json | grep -q '"Finished":24'
}
check "24 tasks finish" until_true 90 done_all
is "one attempt each: nobody's flips started one again" \
	"$(for id in "${ids[@]}"; do doc "$id" attempt; done | sort | uniq -c | tr -s ' ')" ' 24 1'
is "the documents say so" \
	"$(for id in "${ids[@]}"; do doc "$id" lifecycleStatus; done | sort | uniq -c | tr -s ' ')" ' 24 Finished'
like "the original's API lists them" "$(api GET '/api/tasks/?pageSize=50')" '"total":26'
like "and sees both nodes" "$(api GET /api/skalds/ | tr '{' '\n' | grep -o '"id":"[cp]1"' | sort | tr '\n' ' ')" \
	'"id":"c1" "id":"p1"'
is "no controller of ours wrote over another's" "$(grep -c 'level=error' "$T/one.err" "$T/two.err" | tr '\n' ' ')" \
	"$T/one.err:0 $T/two.err:0 "

# ---- a start of the original's ----

R=$(add steps=3000)
until_true 20 beats "$R"
F=${ids[0]}
W=$(add steps=3000 --require none=such)
X=$(add steps=3000 --require none=such)
"$SKALDS" task cancel "$X" >/dev/null
"$SKALDS" task retry "$X" >/dev/null
peer put "task:$X:heartbeat" 200 3600 # of an earlier run: a C node's key was removed, this is somebody's
peer put "task:$W:heartbeat" -1 3600
peer put "task:$F:heartbeat" -2 3600
py_stop "$PYC"
PATCHED=1 py_controller DISPATCHER
sleep 8
settled()
{
	local t
	for t in "$R=Running" "$F=Finished" "$W=Created" "$X=Created"; do
		peer is "${t%=*}" "phase=${t#*=}" "lifecycleStatus=${t#*=}" --for "$1" || return 1
	done
}
check "its start changes no task of ours for good" settled 15
is "nor an attempt" "$(doc "$R" attempt) $(doc "$F" attempt) $(doc "$W" attempt) $(doc "$X" attempt)" "1 1 0 0"
check "what runs is not stopped" stays "$R" Running 4
finish
