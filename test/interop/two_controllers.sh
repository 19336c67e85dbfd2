#!/usr/bin/env bash
# Controllers of both kinds in one fleet (skalds-protocol.md 13.3): the released one, and one whose monitor
# is repaired and writes states by the rules of 4.4; C nodes and one of the original.
. "$(dirname "$0")/lib.sh"

controller one --lease 4
controller two --lease 4
PATCHED=${PATCHED:-1} py_controller DISPATCHER
check "a repaired controller of the original serves beside two of ours" api GET /api/system/health
node c1
py_node p1
ids=()
for ((i = 0; i < 40; i++)); do
	ids+=("$("$SKALDS" task add MyWorker rtspUrl=rtsp://a fixFrame=1 steps=$((1 + i % 12)) intervalSeconds=1 --max-attempts 1)")
done
done_all()
{
	"$SKALDS" status --json | grep -q '"Finished":40'
}
check "40 tasks finish" until_true 150 done_all
attempts=0
for id in "${ids[@]}"; do
	attempts=$((attempts + $(doc "$id" attempt)))
done
is "one attempt each: nobody's flips started one again" "$attempts" 40
is "the documents say so" "$(for id in "${ids[@]}"; do doc "$id" lifecycleStatus; done | sort | uniq -c | tr -s ' ')" ' 40 Finished'
like "the original's API lists them" "$(api GET '/api/tasks/?pageSize=50')" '"total":40'
like "and sees both nodes" "$(api GET /api/skalds/)" '"id":"c1".*"id":"p1"'
finish
