# fleet_lib.sh - for tests that break a fleet: services, controllers and nodes of the test's own, work that goes on all
# the while, and what must be true at the end.
#
#	. "$(dirname "$0")/fleet_lib.sh"
#	fault_fleet [mongo|javamongo]	services in a directory of this script, ended with it
#	svc COMMAND NAME…		scripts/services.sh on them
#	controllers NAME…, nodes NAME…	start them; PID_OF[NAME]
#	feed_start [SECONDS [HOW-LONG]]	adds a task of truth.sh every SECONDS that runs HOW-LONG; feed_end
#
# SKALDS_SERVICES names a directory with services that this script may break; they are left running then.

. "$(dirname "${BASH_SOURCE[0]}")/../fleet_lib.sh"
. "$ROOT/test/truth_lib.sh"

FAULT=$(basename "$0" .sh)
IDS=$T/ids # of what was accepted
: >"$IDS"
declare -A PID_OF=() # by name
LEASE=${LEASE:-30}
SLOTS=24

fault_fleet()
{
	if [ -z "${SKALDS_SERVICES:-}" ]; then
		export SKALDS_SERVICES=$ROOT/${BUILD:-build}/services-$FAULT
		case ${BUILD:-build} in /*) SKALDS_SERVICES=$BUILD/services-$FAULT ;; esac
		at_exit 'svc thaw kafka redis mongo javamongo; svc down'
	fi
	fleet "${1:-mongo}"
}

svc()
{
	"$ROOT/scripts/services.sh" "$@" >>"$T/services.log" 2>&1
}

controllers()
{
	local name
	for name in "$@"; do
		controller "$name" --lease "$LEASE" || return 1
		PID_OF[$name]=$PID
	done
}

nodes()
{
	local name
	for name in "$@"; do
		node "$name" --lease "$LEASE" --slots "$SLOTS" || return 1
		PID_OF[$name]=$PID
	done
}

# fleet_up CONTROLLERS -- NODES: what a test begins with, or its end
fleet_up()
{
	local names=()
	while [ "$1" != -- ]; do
		names+=("$1")
		shift
	done
	shift
	if ! controllers "${names[@]}" || ! nodes "$@"; then
		fail "the fleet starts" "$(tail -n 3 "$T"/*.err)"
		finish
	fi
	pass "the fleet starts"
}

# add_task ID SECONDS [FLAGS…]: of truth.sh; its id is noted when it was accepted.
add_task()
{
	local id=$1 seconds=$2
	shift 2
	timeout 30 "$SKALDS" task add --id "$id" "$@" -- "$T/truth.sh" "$seconds" 0 >/dev/null 2>>"$T/add.err" &&
		echo "$id" >>"$IDS"
}

# ---- work that goes on all the while ----

# Tasks that were refused are not waited for; the feeder goes on with the next.
feed()
{
	local i=0
	trap - EXIT
	while [ -e "$T/feeding" ]; do
		i=$((i + 1))
		add_task "feed-$i" "$2"
		sleep "$1"
	done
}

feed_start()
{
	: >"$T/feeding"
	feed "${1:-0.25}" "${2:-0.5}" &
	FEED=$!
}

feed_end()
{
	rm -f "$T/feeding"
	wait "$FEED" 2>/dev/null
}

all_ended()
{
	"$SKALDS" status --json >"$T/.status" &&
		[ "$(($(n_of Created) + $(n_of Assigning) + $(n_of Running)))" = 0 ]
}

n_of()
{
	events "$T/.status" -- "tasks.$1"
}

# all_in PHASE PREFIX N: so many tasks with ids PREFIX-… are in it
all_in()
{
	[ "$(all_tasks id phase | grep "^$2-" | grep -c "	$1\$")" = "$3" ]
}

# settled SECONDS: nothing waits or runs any more
settled()
{
	until_true "$1" all_ended
}

# ---- ways between them that can be cut ----

# way NAME TARGET-PORT: a forwarder on 127.0.0.1, sets PORT; cut_way NAME: nothing comes through any more, and nobody is
# told (connections are half-open, new ones find nobody); mend_way NAME
declare -A WAYS=()
way()
{
	PORT=$(free_port)
	start "way-$1" setsid socat "TCP-LISTEN:$PORT,bind=127.0.0.1,fork,reuseaddr,backlog=128" "TCP:127.0.0.1:$2"
	WAYS[$1]=$PID
	at_exit "kill -KILL -- -$PID 2>/dev/null"
	until_true 5 eval "(exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null"
}

cut_way()
{
	kill -STOP -- "-${WAYS[$1]}"
}

mend_way()
{
	kill -CONT -- "-${WAYS[$1]}"
}

free_port()
{
	local port
	while :; do
		port=$((22000 + (RANDOM * 32768 + RANDOM) % 9000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo $port
}

# ---- how fast it is ----

# quick: a task is added and has ended; sets TOOK to the ms between, by the store, and ENDED: what the command itself takes
# on a busy machine is left out. It counts as work, too.
N_QUICK=0
quick()
{
	local from id
	N_QUICK=$((N_QUICK + 1))
	id=quick-$N_QUICK
	from=$(now_ms)
	if timeout 30 "$SKALDS" task add --wait --id "$id" -- "$T/truth.sh" 0 0 >/dev/null 2>>"$T/add.err"; then
		echo "$id" >>"$IDS"
		ENDED=$(field "$id" finishDateTime)
		TOOK=$((ENDED - $(field "$id" createDateTime)))
	else
		ENDED=$(now_ms)
		TOOK=$((ENDED - from + 30000)) # it was refused, or has not ended
	fi
}

# usual: what a task takes when all is well, measured; sets USUAL, at least as long as a busy machine may make it.
usual()
{
	local i most=0
	for i in 1 2 3 4 5; do
		quick
		[ "$TOOK" -le $most ] || most=$TOOK
	done
	USUAL=$((most * 3))
	[ $USUAL -ge 2500 ] || USUAL=2500
	note "the slowest of five tasks took $most ms; usual is below $USUAL ms"
}

# full_speed SINCE: waits until two tasks in a row take as long as usual: what nobody tells of is found every 5 s, so
# that one alone may have been lucky. SPEED becomes the ms from SINCE to the end of the last that did not.
full_speed()
{
	local slow=$1 end=$(($(now_ms) + 60000)) good=0
	while [ $good -lt 2 ] && [ "$(now_ms)" -lt $end ]; do
		quick
		good=$((good + 1))
		[ $TOOK -gt $USUAL ] || continue
		good=0
		slow=$ENDED
	done
	[ $good = 2 ] || slow=$ENDED
	SPEED=$((slow - $1))
}

# ---- health ----

# A doctor that looks on, all the time.
watch_health()
{
	start doctor "$SKALDS" doctor --watch --json
	until_true 10 eval '[ "$(grep -c "\"status\":\"ok\"" "$T/doctor.out")" -ge 3 ]'
}

# health_of SERVICE: the last that the doctor said
health_of()
{
	grep "\"service\":\"$1\"" "$T/doctor.out" | tail -n 1 | sed 's/.*"status":"\([a-z]*\)".*/\1/'
}

health_is()
{
	[ "$(health_of "$1")" = "$2" ]
}

ready()
{
	"$SKALDS" probe ready --pid "${PID_OF[$1]}"
}

not_ready()
{
	! ready "$1"
}
