# lib.sh - what every shell test sources. Prints TAP; see test/README.md.
#
#	. "$(dirname "$0")/../lib.sh"
#	is "a sentence" "$got" "$want"
#	finish
#
# Environment: SKALDS (the binary), FULL=1 (the full counts), SKALDS_SEED (random choices),
# KEEP=1 (leave the scratch directory).

set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SKALDS=${SKALDS:-$ROOT/build/skalds}
case $SKALDS in /*) ;; *) SKALDS=$PWD/$SKALDS ;; esac
FULL=${FULL:-0}
SKALDS_SEED=${SKALDS_SEED:-20}
RANDOM=$SKALDS_SEED
BIN=$(cd "$ROOT" && realpath -m "${BUILD:-build}")/test
T=$(mktemp -d "${TMPDIR:-/tmp}/skalds-test.XXXXXX") || exit 99
export SKALDS T
export SKALDS_RUN_DIR=$T/run
# The tests decide what is configured; the variables of the caller's shell must not.
unset SKALD_MODE SKALD_ID YAML_FILE LOG_PATH LOG_LEVEL SKALDS_DATA SKALDS_URL SKALDS_TOKEN
export KAFKA_HOST='' REDIS_HOST='' MONGO_HOST='' LOG_PATH=''
mkdir -p "$T/run" "$BIN"
cd "$T" || exit 99

tests=0
failed=0
started_pids=()
at_exit_commands=()

echo "# $(basename "$0") seed=$SKALDS_SEED full=$FULL"
if [ ! -x "$SKALDS" ]; then
	echo "Bail out! $SKALDS is not there: make"
	exit 99
fi

# ---- TAP ----

pass()
{
	tests=$((tests + 1))
	echo "ok $tests - $1"
}

# fail SENTENCE [DETAILS]
fail()
{
	tests=$((tests + 1))
	failed=$((failed + 1))
	echo "not ok $tests - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 12 | cut -c1-400 | sed 's/^/#   /'
	return 1
}

skip()
{
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:  $2
want: $3"
	fi
}

# like SENTENCE TEXT EXTENDED-REGEX
like()
{
	if grep -Eq -- "$3" <<<"$2"; then
		pass "$1"
	else
		fail "$1" "no match of: $3
in: $2"
	fi
}

unlike()
{
	if grep -Eq -- "$3" <<<"$2"; then
		fail "$1" "matches: $3
in: $(printf '%s\n' "$2" | grep -E -- "$3" | head -n 5)"
	else
		pass "$1"
	fi
}

# at_most SENTENCE NUMBER LIMIT
at_most()
{
	if [ -n "$2" ] && [ "$2" -le "$3" ]; then
		pass "$1 ($2)"
	else
		fail "$1" "got ${2:-nothing}, at most $3 expected"
	fi
}

at_least()
{
	if [ -n "$2" ] && [ "$2" -ge "$3" ]; then
		pass "$1 ($2)"
	else
		fail "$1" "got ${2:-nothing}, at least $3 expected"
	fi
}

# check SENTENCE COMMAND…: passes when the command succeeds.
check()
{
	local sentence=$1 check_out=$T/.check # a name that the command's variables do not have
	shift
	[ "$BASHPID" = $$ ] || check_out=$check_out.$BASHPID # others may check something meanwhile
	# not in a subshell: what the command sets must stay
	if "$@" >"$check_out" 2>&1; then
		pass "$sentence"
	else
		fail "$sentence" "failed: $*
$(cat "$check_out")"
	fi
}

finish()
{
	echo "1..$tests"
	[ "$failed" = 0 ] || echo "# $failed of $tests failed"
	[ "$failed" = 0 ]
	exit
}

# ---- cleaning up ----

at_exit()
{
	at_exit_commands+=("$1")
}

is_child()
{
	[ "$(sed 's/.*) . //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = $$ ]
}

clean_up()
{
	local code=$? p c
	trap - EXIT
	# A child that got a signal between fork and exec still has our traps.
	[ "$BASHPID" = $$ ] || exit $code
	for p in "${started_pids[@]}"; do
		# the number of one that has ended may be somebody else's by now
		is_child "$p" || continue
		kill -CONT "$p" 2>/dev/null
		kill -KILL "$p" 2>/dev/null
	done
	for c in "${at_exit_commands[@]}"; do
		eval "$c"
	done
	# What a broken supervisor may have left: only processes that carry this run's directory.
	if [ -x "$BIN/procs" ]; then
		for p in $("$BIN/procs" env "SKALDS_RUN_DIR=$SKALDS_RUN_DIR"); do
			[ "$p" = $$ ] || [ "$p" = "$BASHPID" ] || kill -KILL "$p" 2>/dev/null
		done
	fi
	cd /
	[ "${KEEP:-0}" = 1 ] && echo "# kept $T" || rm -rf "$T"
	exit $code
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# ---- helper programs ----

# helper NAME: build/test/NAME from test/{fault,bench,cli}/NAME.c, built once, static so
# that its own start is cheap and the same everywhere. Prints the path.
helper()
{
	local src out=$BIN/$1 libs=
	for src in "$ROOT/test/fault/$1.c" "$ROOT/test/bench/$1.c" "$ROOT/test/cli/$1.c"; do
		[ -f "$src" ] && break
	done
	grep -q 'jansson\.h' "$src" && libs=-ljansson
	grep -q '^void entry(void);' "$src" && libs=-Wl,-e,entry # it has its own first instruction
	if [ ! -x "$out" ] || [ "$src" -nt "$out" ]; then
		${CC:-gcc} -std=c17 -D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic -Wconversion -Wcast-qual \
			-Wshadow -Wstrict-prototypes -Wvla -Werror -static -o "$out.$$" "$src" $libs >&2 &&
			mv "$out.$$" "$out" || { echo "Bail out! $src does not compile"; exit 99; }
	fi
	echo "$out"
}

for name in procs events; do
	helper $name >/dev/null || exit 99
done
# From here on the helpers are plain commands.
PATH=$BIN:$PATH

# ---- processes ----

# start NAME COMMAND…: in the background, output to $T/NAME.out and $T/NAME.err; sets PID.
start()
{
	local name=$1
	shift
	# what an earlier one printed must not be taken for this one's
	rm -f "$T/$name.out" "$T/$name.err"
	"$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null &
	PID=$!
	started_pids+=("$PID")
}

# ended PID SECONDS: waits until it has ended; sets CODE. Fails when it still runs.
ended()
{
	if ! until_true "$2" gone "$1"; then
		CODE=running
		return 1
	fi
	wait "$1" 2>/dev/null
	CODE=$?
	return 0
}

# A child that has ended but was not waited for counts as gone.
gone()
{
	local state
	state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
	[ -z "$state" ] || [ "$state" = Z ]
}

# until_true SECONDS COMMAND…: polls; succeeds as soon as the command does. Beside other scripts things take longer:
# SKALDS_TEST_SLACK multiplies the patience; what is promised in time is measured, by at_most.
until_true()
{
	local began now pause=0.05
	began=$(now_ms)
	local end=$((began + $1 * 1000 * ${SKALDS_TEST_SLACK:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		now=$(now_ms)
		[ "$now" -lt "$end" ] || return 1
		[ $((now - began)) -lt 3000 ] || pause=0.2 # looking costs those who are waited for
		sleep $pause
	done
}

now_ms()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# The supervisor is the process that was started; its link is the child of this name.
link_of()
{
	local c
	for c in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		[ "$(cat "/proc/$c/comm" 2>/dev/null)" = skalds-link ] && echo "$c"
	done
}

# marked MARK: how many processes carry it as an argument.
marked()
{
	procs arg "$1" | wc -l
}

# Processes of tasks that this script's supervisors started.
task_processes()
{
	local p
	for p in $(procs env "SKALDS_RUN_DIR=$SKALDS_RUN_DIR"); do
		tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -q '^SKALDS_TASK_ID=' && echo "$p"
	done
}

none_marked()
{
	[ "$(marked "$1")" = 0 ]
}

# has FILE FIXED-STRING
has()
{
	grep -Fq -- "$2" "$1"
}

# rounds SMALL FULL
rounds()
{
	[ "$FULL" = 1 ] && echo "$2" || echo "$1"
}

can_unshare()
{
	unshare --pid --fork --mount-proc true 2>/dev/null
}

# ---- stored tasks ----

# field ID PATH: of the task as JSON.
field()
{
	"$SKALDS" task get "$1" --json >"$T/.task" 2>/dev/null && events "$T/.task" -- "$2"
}

# is_in STATE ID
is_in()
{
	[ "$(field "$2" phase)" = "$1" ]
}

# wait_for STATE ID [SECONDS]
wait_for()
{
	until_true "${3:-10}" is_in "$1" "$2"
}

# ---- task files ----

new_file()
{
	echo 'TaskWorkers:' >"$1"
}

# task FILE ID CLASS ATTACHMENTS [FIELD…]: ATTACHMENTS is a YAML flow mapping, FIELD "name: value".
task()
{
	local file=$1 field
	printf '  %s:\n    className: %s\n    attachments: %s\n' "$2" "$3" "$4" >>"$file"
	shift 4
	for field in "$@"; do
		printf '    %s\n' "$field" >>"$file"
	done
}

# program FILE ID 'COMMAND, ARG, …' [FIELD…]
program()
{
	local file=$1 id=$2 command=$3
	shift 3
	task "$file" "$id" Exec "{command: [$command]}" "$@"
}

# ---- events ----

# n_events FILE FILTER…: how many events match (see events.c).
n_events()
{
	events "$@" -- event | wc -l
}

# seen FILE FILTER…: at least one event matches. Tolerates a last line that is being written.
seen()
{
	[ "$(n_events "$@" 2>/dev/null)" -gt 0 ]
}
