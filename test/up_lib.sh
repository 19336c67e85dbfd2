# up_lib.sh - for tests of `skalds up`: one data directory, the real binary on both sides.
#
#	. "$(dirname "$0")/../up_lib.sh"
#	up [FLAGS…]		starts it and waits until it is ready; sets UP
#	down [SIGNAL]		ends it and waits; sets CODE

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$ROOT/test/truth_lib.sh"
export SKALDS_DATA=$T/data

# up [FLAGS…]
up()
{
	start up "$SKALDS" up --json --allow-volatile "$@"
	UP=$PID
	until_true 15 seen "$T/up.out" event=ready
}

down()
{
	kill "-${1:-TERM}" "$UP" 2>/dev/null
	ended "$UP" 30
}

add()
{
	"$SKALDS" task add "$@" 2>>"$T/add.err"
}

# How many tasks the store has in these states.
n_in()
{
	"$SKALDS" status --json >"$T/.status" && events "$T/.status" -- "tasks.$1"
}

served()
{
	"$SKALDS" status --json >/dev/null 2>&1
}

nothing_left()
{
	[ "$(($(n_in Created) + $(n_in Assigning) + $(n_in Running)))" = 0 ]
}
