#!/usr/bin/env bash
# The disk of Kafka and MongoDB is full for a while, shorter than the lease: tasks are refused and it is said why, what runs
# is not touched, nothing is lost or doubled, and the speed is back within 10 s after there is room. ROUNDS: 2, 100 in full.
DISK=500m
. "$(dirname "$0")/services_lib.sh"
ROUNDS=${ROUNDS:-$(rounds 2 100)}

fill()
{
	dd if=/dev/zero of="$T/small/filler" bs=1M 2>/dev/null
	dd if=/dev/zero of="$T/small/rest" bs=512 2>/dev/null
}

# refused: a task that nobody takes
refused()
{
	! timeout 30 "$SKALDS" task add --id "none-$RANDOM$RANDOM" -- "$T/truth.sh" 0 0 >none.out 2>none.err
}

for ((round = 1; round <= ROUNDS; round++)); do
	begin 18
	fill
	check "$round: a task is refused" until_true 10 refused
	like "$round: and it is said why" "$(cat none.err)" 'disk|space|room|full'
	sleep 10
	rm "$T/small/filler" "$T/small/rest"
	svc up kafka mongo # a broker that cannot write ends
	since=$(now_ms)
	back "$round: there is room" "$since" kafka mongo
	untouched "$round: there is room" 30
done
at_most "that nothing can be assigned is said once a time" "$(grep -c 'cannot assign' "$T/one.err")" $ROUNDS
services_finish "$ROUNDS" $((ROUNDS * 5))
