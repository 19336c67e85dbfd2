#!/usr/bin/env bash
# Of the events 10 % each are lost, doubled, late by up to 30 s and swapped: every task ends right, nothing runs twice.
# Then all are lost: reconciling alone is enough (reliability P4, P10).
SKALDS=${SKALDS_HOOKED:-$(dirname "$0")/../../${BUILD:-build}/hooks/skalds}
if [ ! -x "$SKALDS" ]; then
	echo "ok 1 - a fleet with a broken bus # SKIP make FLAVOR=hooks"
	echo "1..1"
	exit 0
fi
. "$(dirname "$0")/fleet_lib.sh"

fault_fleet "${SKALDS_TEST_STORE:-javamongo}"
SLOTS=40

# bulk NAME N: N tasks of truth.sh in one file, of 0 to 0.9 s
bulk()
{
	local i
	for i in $(seq "$2"); do
		printf '{"id":"%s-%d","className":"Exec","attachments":{"command":["%s","0.%d","0"]}}\n' \
			"$1" "$i" "$T/truth.sh" $((i % 10))
	done >"$1.jsonl"
	"$SKALDS" task add --file "$1.jsonl" >"$1.added" 2>"$1.err"
	is "$1: $2 tasks are accepted" "$?:$(wc -l <"$1.added")" "0:$2"
	for i in $(seq "$2"); do
		echo "$1-$i"
	done >>"$IDS"
}

# One by one: each add tells the leader, each wish the node.
singly()
{
	local i
	for i in $(seq "$2"); do
		add_task "$1-$i" 0.1
	done
}

stop_fleet()
{
	local name
	for name in "$@"; do
		kill "${PID_OF[$name]}"
		ended "${PID_OF[$name]}" 30
		is "$name ends with 0" "$CODE" 0
	done
}

# met WORD: the sum over all logs of what the broken bus did
met()
{
	cat "$T"/*.err | sed -n "s/.*the broken bus:.* \([0-9]*\) $1.*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

# ---- 10 % of each ----

N=$(rounds 450 4800)
export SKALDS_HOOKS_BUS="drop=10,double=10,delay=10,swap=10,delay-ms=30000,seed=$SKALDS_SEED"
note "SKALDS_HOOKS_BUS=$SKALDS_HOOKS_BUS"
fleet_up one two -- n1 n2
from=$(now_ms)
bulk chaos "$N"
singly single "$(rounds 50 200)"
check "all end" settled $((60 + N / 5))
note "$((N + $(rounds 50 200))) tasks: $(($(now_ms) - from)) ms"

# Wishes, too: each must come true, late perhaps.
for i in $(seq "$(rounds 5 50)"); do
	"$SKALDS" task add --id "cancel-$i" -- sleep 300 >/dev/null
done
check "long ones run" until_true 30 all_in Running cancel "$(rounds 5 50)"
from=$(now_ms)
for i in $(seq "$(rounds 5 50)"); do
	"$SKALDS" task cancel --yes "cancel-$i" >/dev/null
done
check "cancels come true without their events" until_true 30 all_in Cancelled cancel "$(rounds 5 50)"
note "cancels: $(($(now_ms) - from)) ms"
# What is late comes still, and must do nothing.
[ "$FULL" = 0 ] || sleep 31
truthful "with a bus that loses, doubles, delays and swaps all end right" "$IDS"
stop_fleet n1 n2 one two
for word in lost twice late swapped; do
	at_least "events were $word" "$(met $word)" $((N / 20))
done

# ---- nothing arrives ----

export SKALDS_HOOKS_BUS=drop=100
fleet_up one -- n1 n2
from=$(now_ms)
bulk deaf "$(rounds 100 1000)"
singly alone "$(rounds 5 50)"
check "all end where no event ever arrives" settled $((60 + $(rounds 0 120)))
note "$(rounds 105 1050) tasks without an event: $(($(now_ms) - from)) ms"
truthful "and right" "$IDS"
id=$("$SKALDS" task add -- sleep 300)
check "a long one runs" wait_for Running "$id" 20
"$SKALDS" task cancel --yes "$id" >/dev/null
check "its cancel is found" wait_for Cancelled "$id" 20
check "task wait needs none" timeout 30 "$SKALDS" task add --wait -- "$T/truth.sh" 0 0
stop_fleet n1 n2 one
is "nothing has arrived: other than lost" "$(sed -n 's/.*the broken bus: \([0-9]*\) events, \([0-9]*\) lost.*/\1 \2/p' one.err | awk '{ print $1 - $2 }')" 0
finish
