# services_lib.sh - for tests that break Kafka, Redis and MongoDB one by one while a fleet works: nothing is lost, doubled
# or cancelled, what runs is left alone within the lease, health tells of it, and the speed is back within 10 s.
#
#	. "$(dirname "$0")/services_lib.sh"	starts the services, a controller `one`, nodes n1 and n2, a doctor that
#						looks on, and work that goes on all the while
#	begin SECONDS			two tasks that must outlive the fault; untouched SENTENCE SECONDS: they did
#	red SENTENCE SINCE NAMES…	who shall tell that they are away does so within 15 s
#	back SENTENCE SINCE NAMES…	the speed is back, and the health
#	in_turn ROUND FAULT NAMES…		in odd rounds each of them alone, in even ones all at once
#	services_finish ROUNDS [TASKS]		what must be true at the end; so many tasks were accepted, 100

# DISK=SIZE beforehand: they get a disk of their own, $T/small, of that size.

. "$(dirname "${BASH_SOURCE[0]}")/fleet_lib.sh"

if [ -n "${DISK:-}" ]; then
	mkdir "$T/small"
	if [ "$(id -u)" != 0 ] || ! mount -t tmpfs -o "size=$DISK" tmpfs "$T/small" 2>/dev/null; then
		skip "services on a disk of their own" "mounting is not allowed"
		finish
	fi
	export SKALDS_SERVICES=$T/small/s
	at_exit 'svc down; umount -l "$T/small"'
fi
fault_fleet mongo
fleet_up one -- n1 n2
usual
check "a doctor looks on" watch_health
feed_start 0.3 0.5
slowest=0
LONG=0

# promised MS: so long it may take; beside other scripts, which break their own fleets on the same processors, twice that.
# Alone (by hand, FULL=1) it is measured exactly.
promised()
{
	echo $(($1 * (${SKALDS_TEST_SLACK:-1} > 1 && FULL == 0 ? 2 : 1)))
}

# name in the health of MongoDB; svc knows it as mongo
of()
{
	[ "$1" = mongo ] && echo mongodb || echo "$1"
}

begin()
{
	LONG=$((LONG + 1))
	add_task "long-$LONG-a" "$1"
	add_task "long-$LONG-b" "$1"
	until_true 10 eval "[ \$(grep -c '^long-$LONG-. 1 start' \"$TRUTH\") = 2 ]"
}

# The same attempts must have ended.
untouched()
{
	until_true "$2" eval "[ \$(grep -c '^long-$LONG-. 1 end' \"$TRUTH\") = 2 ]"
	is "$1: what ran was not touched" "$(grep -c "^long-$LONG-. 1 end" "$TRUTH")/$(grep -c "^long-$LONG-. . start" "$TRUTH")" 2/2
}

back()
{
	local sentence=$1 since=$2 name
	shift 2
	full_speed "$since"
	at_most "$sentence: full speed again, ms after the return" "$SPEED" "$(promised 10000)"
	[ "$SPEED" -le $slowest ] || slowest=$SPEED
	for name in "$@"; do
		check "$sentence: health of $name is green again" until_true 15 health_is "$(of "$name")" ok
	done
	check "$sentence: node and controller are ready" until_true 15 eval 'ready one && ready n1 && ready n2'
}

red()
{
	local sentence=$1 since=$2 name
	shift 2
	for name in "$@"; do
		until_true 20 health_is "$(of "$name")" broken
		at_most "$sentence: the doctor says so, ms" $(($(now_ms) - since)) "$(promised 15000)"
		[ "$name" = mongo ] || continue
		until_true 20 not_ready n1
		at_most "$sentence: a node is not ready, ms" $(($(now_ms) - since)) "$(promised 15000)"
		until_true 20 not_ready one
		at_most "$sentence: the controller is not ready, ms" $(($(now_ms) - since)) "$(promised 15000)"
	done
}

in_turn()
{
	local round=$1 fault=$2 name
	shift 2
	if [ $((round % 2)) = 0 ]; then
		$fault "$@"
		return
	fi
	for name in "$@"; do
		$fault "$name"
	done
}

services_finish()
{
	local name
	feed_end
	check "everything ends" settled 60
	truthful "nothing was lost, doubled or cancelled" "$IDS"
	at_least "tasks were accepted all the while" "$(grep -c ^feed "$IDS")" "${2:-100}"
	note "the slowest return to full speed: $slowest ms"
	for name in n1 n2 one; do
		at_most "$name's log is no flood: lines" "$(wc -l <"$T/$name.err")" $((300 * $1))
		unlike "$name's log has no crash" "$(cat "$T/$name.err")" 'again in|assert|Sanitizer'
	done
	finish
}
