#!/usr/bin/env bash
# Kafka, Redis and MongoDB are killed, stand still, come back empty, one by one and all at once, while a controller and
# two nodes work: nothing is lost, doubled or cancelled, what runs is left alone within the lease, health tells of it,
# and the speed is back within 10 s (reliability P1, P4, P9).
. "$(dirname "$0")/fleet_lib.sh"

fault_fleet mongo
fleet_up one -- n1 n2
usual
check "a doctor looks on" watch_health
feed_start 0.3 0.5
slowest=0
LONG=0

# name in the health of MongoDB; svc knows it as mongo
of()
{
	[ "$1" = mongo ] && echo mongodb || echo "$1"
}

# A fault while two tasks run that are longer than it.
begin()
{
	LONG=$((LONG + 1))
	add_task "long-$LONG-a" "$1"
	add_task "long-$LONG-b" "$1"
	until_true 10 eval "[ \$(grep -c '^long-$LONG-. 1 start' \"$TRUTH\") = 2 ]"
}

# The same attempts must have ended: they were not touched.
untouched()
{
	until_true "$2" eval "[ \$(grep -c '^long-$LONG-. 1 end' \"$TRUTH\") = 2 ]"
	is "$1: what ran was not touched" "$(grep -c "^long-$LONG-. 1 end" "$TRUTH")/$(grep -c "^long-$LONG-. . start" "$TRUTH")" 2/2
}

# back SENTENCE SINCE NAMES…: the speed, then the health
back()
{
	local sentence=$1 since=$2 name
	shift 2
	full_speed "$since"
	at_most "$sentence: full speed again, ms after the return" "$SPEED" 10000
	[ "$SPEED" -le $slowest ] || slowest=$SPEED
	for name in "$@"; do
		check "$sentence: health of $name is green again" until_true 15 health_is "$(of "$name")" ok
	done
	check "$sentence: node and controller are ready" until_true 15 eval 'ready one && ready n1 && ready n2'
}

# red SENTENCE SINCE NAMES…
red()
{
	local sentence=$1 since=$2 name
	shift 2
	for name in "$@"; do
		until_true 20 health_is "$(of "$name")" broken
		at_most "$sentence: the doctor says so, ms" $(($(now_ms) - since)) 15000
		[ "$name" = mongo ] || continue
		until_true 20 not_ready n1
		at_most "$sentence: a node is not ready, ms" $(($(now_ms) - since)) 15000
		until_true 20 not_ready one
		at_most "$sentence: the controller is not ready, ms" $(($(now_ms) - since)) 15000
	done
}

# ---- killed, and started again ----

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

frozen()
{
	local seconds since
	seconds=$(rounds 20 60)
	# An attempt without the store for a lease is stopped, as it must: no task is then longer than the lease.
	case " $* " in *" mongo "*) begin 24 ;; *) begin $((seconds + 4)) ;; esac
	since=$(now_ms)
	svc freeze "$@"
	red "frozen $*" "$since" "$@"
	sleep "$(awk "BEGIN { s = $seconds - ($(now_ms) - $since) / 1000; print s > 0 ? s : 0 }")"
	svc thaw "$@"
	since=$(now_ms)
	back "frozen $*" "$since" "$@"
	untouched "frozen $*" 20
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

for round in $(seq "$(rounds 1 20)"); do
	[ "$FULL" = 0 ] || note "round $round"
	for name in kafka redis mongo; do
		killed $name
	done
	killed kafka redis mongo
	for name in kafka redis mongo; do
		frozen $name
	done
	for name in kafka redis; do
		wiped $name
	done
done

feed_end
check "everything ends" settled 60
truthful "nothing was lost, doubled or cancelled" "$IDS"
at_least "tasks were accepted all the while" "$(grep -c ^feed "$IDS")" 100
note "the slowest return to full speed: $slowest ms"
for name in n1 n2 one; do
	at_most "$name's log is no flood: lines" "$(wc -l <"$T/$name.err")" $((300 * $(rounds 1 20)))
	unlike "$name's log has no crash" "$(cat "$T/$name.err")" 'again in|assert|Sanitizer'
done
finish
