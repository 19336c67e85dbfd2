#!/usr/bin/env bash
# Kafka, Redis and MongoDB are killed and started again, Kafka and Redis come back empty: in one round each alone, in the
# next all at once (reliability P1, P4, P9). ROUNDS: 5, 100 in full.
. "$(dirname "$0")/services_lib.sh"
ROUNDS=${ROUNDS:-$(rounds 5 100)}

killed()
{
	local since
	begin 6
	svc kill "$@"
	sleep 1
	svc up "$@"
	since=$(now_ms)
	back "killed $*" "$since" "$@"
	untouched "killed $*" 20
}

wiped()
{
	local since
	begin 8
	svc wipe "$@"
	since=$(now_ms)
	back "wiped $*" "$since" "$@"
	untouched "wiped $*" 20
}

for ((round = 1; round <= ROUNDS; round++)); do
	note "round $round"
	in_turn $round killed kafka redis mongo
	in_turn $round wiped kafka redis
done
services_finish "$ROUNDS"
