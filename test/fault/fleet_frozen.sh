#!/usr/bin/env bash
# Kafka, Redis and MongoDB stand still for longer than anybody may take to tell of it: in one round each alone, in the next
# all at once (reliability P1, P4, P9).
# ROUNDS: 5 of 16 s, 100 of 60 s in full.

# A third of the lease may have gone by when the store stops, and its return takes its time: what runs shall outlive both.
[ "${FULL:-0}" = 1 ] || LEASE=40
. "$(dirname "$0")/services_lib.sh"
ROUNDS=${ROUNDS:-$(rounds 5 100)}
SECONDS_FROZEN=$(rounds 16 60)

frozen()
{
	local since
	# An attempt without the store for a lease is stopped, as it must, and up to a third of it may have gone by before:
	# what shall live through a long fault of the store ends meanwhile.
	if [[ " $* " = *" mongo "* && $SECONDS_FROZEN -ge 20 ]]; then
		begin 16
	else
		begin $((SECONDS_FROZEN + 4))
	fi
	since=$(now_ms)
	svc freeze "$@"
	red "frozen $*" "$since" "$@"
	until [ $(($(now_ms) - since)) -ge $((SECONDS_FROZEN * 1000)) ]; do
		sleep 0.5
	done
	svc thaw "$@"
	since=$(now_ms)
	back "frozen $*" "$since" "$@"
	untouched "frozen $*" 20
}

for ((round = 1; round <= ROUNDS; round++)); do
	note "round $round"
	in_turn $round frozen kafka redis mongo
done
services_finish "$ROUNDS"
