#!/usr/bin/env bash
# run.sh [STAGE…] - runs the stages of `make test`, counts, and keeps the logs.
#
# A stage is made of programs that print TAP ("ok - name", "not ok - name", "ok - name # SKIP why") and
# end with 0 when all is well. A program that ends otherwise, prints no test, prints fewer than it
# planned ("1..N") or takes longer than TEST_TIMEOUT seconds (300) counts as failed.
#
# Environment: FLAVOR (release), BUILD (build), JOBS (make -j, 2), PARALLEL (scripts at once,
# 2), FUZZ_SECONDS (10), FULL, SKALDS_SEED, SKALDS_SERVICES (BUILD/services: where the servers of fleets live).
set -u
cd -P "$(dirname "${BASH_SOURCE[0]}")/.." || exit 99

STAGES="build check static unit contract cli badinput integration interop web fault fuzz sanitizers install image"
FLAVOR=${FLAVOR:-release}
BUILD=${BUILD:-build}
JOBS=${JOBS:-2}
PARALLEL=${PARALLEL:-2}
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
TEST_TIMEOUT=${TEST_TIMEOUT:-300}
LOGS=$BUILD/test-logs/$FLAVOR
# Whoever calls us by make must not make us a part of his make, nor shall the tests that call make.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
export -n BUILD FLAVOR JOBS
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac

passed=0
failed=0
skipped=0
bad_logs=()

flavored() { make -j"$JOBS" --no-print-directory FLAVOR="$1" BUILD="$BUILD" "${@:2}"; }

# Most tests wait for time to pass: what later stages need is built meanwhile, by processes that get what nobody
# else wants (of a session of their own: the kernel shares the processors among sessions first).
ahead=
targets() { case $1 in hooks) echo all ;; fuzz) echo fuzz-build ;; *) echo all unit-build ;; esac; }

build_ahead()
{
	local -x JOBS=$JOBS BUILD=$BUILD
	[ "$FLAVOR" = release ] || return 0
	setsid nice -n 19 bash -c "$(declare -f flavored targets)"'
		{ echo 19 >/proc/self/autogroup; } 2>/dev/null
		for f; do flavored "$f" $(targets "$f"); done' ahead "$@" >"$LOGS/ahead.log" 2>&1 </dev/null &
	ahead=$!
}

# built FLAVOR: one test
built()
{
	[ -z "$ahead" ] || wait "$ahead"
	ahead=
	# shellcheck disable=SC2046 # words
	step "$1 builds" flavored "$1" $(targets "$1")
}

binary()
{
	if [ "$1" = release ]; then
		echo "$BUILD/skalds"
	else
		echo "$BUILD/$1/skalds"
	fi
}

# What the sanitizers shall do: end the process loudly. Codes of our own are below 128.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:exitcode=99:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:exitcode=99:die_after_fork=0:allocator_may_return_null=1}

# ---- one program ----

# count LOG STATUS NAME: adds what a program printed to the sums of the stage.
count()
{
	local log=$1 status=$2 name=$3 p f s plan why=

	s=$(grep -acE '^(not )?ok\b.*# SKIP' "$log") # cmocka says "not ok"
	p=$(grep -aE '^ok\b' "$log" | grep -avc '# SKIP')
	f=$(grep -aE '^not ok\b' "$log" | grep -avc '# SKIP')
	plan=$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$log" | awk '{ n += $1 } END { if (NR > 0) print n }')
	if [ "$status" = 124 ] || [ "$status" = 137 ]; then
		why="took longer than $TEST_TIMEOUT s"
	elif [ "$status" != 0 ] && [ "$f" = 0 ]; then
		why="ended with $status"
	elif [ $((p + f + s)) = 0 ]; then
		why="printed no test"
	elif [ -n "$plan" ] && [ "$plan" != $((p + f + s)) ]; then
		why="planned $plan tests, printed $((p + f + s))"
	fi
	if [ -n "$why" ]; then
		echo "not ok - $name $why" >>"$log"
		f=$((f + 1))
	fi
	stage_passed=$((stage_passed + p))
	stage_failed=$((stage_failed + f))
	stage_skipped=$((stage_skipped + s))
	[ "$f" = 0 ] || bad_logs+=("$log")
}

# begin LIMIT NAME COMMAND…: one program in the background, LIMIT at once, its output in the stage's
# directory.
declare -A running=() # pid -> name
declare -A log_of=()
declare -A began_at=()
begin()
{
	local limit=$1 name=$2 log=$LOGS/$stage/${2//\//-}.log
	shift 2
	while [ ${#running[@]} -ge "$limit" ]; do
		reap
	done
	mkdir -p "${log%/*}"
	timeout --kill-after=10 "$TEST_TIMEOUT" "$@" >"$log" 2>&1 </dev/null &
	last=$!
	running[$!]=$name
	log_of[$!]=$log
	began_at[$!]=$SECONDS
}

# Counts the next one that ends.
reap()
{
	local pid status
	wait -n -p pid "${!running[@]}"
	status=$?
	count "${log_of[$pid]}" "$status" "${running[$pid]}"
	echo "$((SECONDS - began_at[$pid])) $stage ${running[$pid]}" >>"$LOGS/seconds"
	unset "running[$pid]" "log_of[$pid]" "began_at[$pid]"
}

finish_all()
{
	while [ ${#running[@]} -gt 0 ]; do
		reap
	done
}

# run NAME COMMAND…: one program, alone.
run()
{
	finish_all
	begin 1 "$@"
	finish_all
}

# step SENTENCE COMMAND…: a command that prints no TAP; its success is one test.
step()
{
	local name=$1 log=$LOGS/$stage/${1// /-}.log status
	shift
	mkdir -p "${log%/*}"
	"$@" >"$log" 2>&1 </dev/null
	status=$?
	if [ "$status" = 0 ]; then
		echo "ok - $name" >>"$log"
	else
		echo "not ok - $name: ended with $status" >>"$log"
	fi
	count "$log" "$status" "$name"
	return "$status"
}

# ---- real services ----

# Tests of fleets share servers, and break them: each lane has its own, and one script at a time.
LANES=2
SERVICES=${SKALDS_SERVICES:-$BUILD/services}
declare -A lane_up=() lane_pid=()
lane_ours=() # that we have started

lane_dir() { [ "$1" = 1 ] && echo "$SERVICES" || echo "$SERVICES-$1"; }

# services_up LANE: started once, when somebody asks for them
services_up()
{
	local -x SKALDS_SERVICES
	[ -z "${lane_up[$1]:-}" ] || return "${lane_up[$1]}"
	SKALDS_SERVICES=$(lane_dir "$1")
	scripts/services.sh status kafka redis mongo javamongo >/dev/null 2>&1 || lane_ours+=("$SKALDS_SERVICES")
	step "services of lane $1 start" \
		scripts/services.sh up kafka redis mongo javamongo pyskalds
	lane_up[$1]=$?
	return "${lane_up[$1]}"
}

services_down()
{
	local dir
	for dir in "${lane_ours[@]}"; do
		SKALDS_SERVICES=$dir scripts/services.sh down >/dev/null 2>&1
	done
}

# free_lane: sets lane; fails while all are taken
free_lane()
{
	for ((lane = 1; lane <= LANES; lane++)); do
		[ -n "${running[${lane_pid[$lane]:-0}]:-}" ] || return 0
	done
	return 1
}

# with_services COMMAND…: their addresses in the environment, for programs that speak to them directly
with_services()
{
	local name names
	names=$(sed -n 's/^export \([A-Z0-9_]*\)=.*/\1/p' "$SERVICES/env")
	# shellcheck disable=SC1091
	. "$SERVICES/env"
	export SKALDS_TEST_REDIS=$REDIS_HOST:$REDIS_PORT SKALDS_TEST_MONGO=$MONGO_HOST
	"$@"
	for name in $names SKALDS_TEST_REDIS SKALDS_TEST_MONGO; do
		unset "$name"
	done
}

# ---- the stages ----

stage_build()
{
	step "$FLAVOR builds" flavored "$FLAVOR" all unit-build
}

stage_check()
{
	run layers scripts/check-layers.sh "$BUILD/$FLAVOR/obj"
	run tree scripts/check-tree.sh
	run headers make --no-print-directory -s BUILD="$BUILD" headers
}

stage_static()
{
	[ "$FLAVOR" = release ] || return 0
	run hardening scripts/check-static.sh "$BUILD"
	run static test/static.sh "$BUILD"
}

# units FLAVOR: some compute, most wait for a clock
units()
{
	local t
	for t in test/unit/*_test.c; do
		t=${t##*/}
		t=${t%.c}
		CMOCKA_MESSAGE_OUTPUT=TAP begin $((PARALLEL * 2)) "$1-unit/$t" "$BUILD/$1/test/unit/$t"
	done
	finish_all
}

stage_unit() { units "$FLAVOR"; }

# Most of them wait for servers. Kafka breaks first, then it is listened to.
contract() # FLAVOR
{
	local t later=()
	for t in test/contract/*_test.c; do
		t=${t##*/}
		t=${t%.c}
		case $t in
		*_fault_test) [ "$1" = "$FLAVOR" ] || continue ;;
		bus_test | kafka_test)
			later+=("$t")
			continue
			;;
		esac
		CMOCKA_MESSAGE_OUTPUT=TAP begin "$PARALLEL" "$1-contract/$t" "$BUILD/$1/test/contract/$t"
	done
	finish_all
	for t in "${later[@]}"; do
		CMOCKA_MESSAGE_OUTPUT=TAP run "$1-contract/$t" "$BUILD/$1/test/contract/$t"
	done
}

stage_contract()
{
	services_up 1 || return 0
	SKALDS_SERVICES=$SERVICES SKALDS_TEST_SERVICES=$PWD/scripts/services.sh with_services contract "$FLAVOR"
}

# Beside each other, and on a machine that may be somebody else's as well, things take longer than by hand.
export SKALDS_TEST_SLACK=${SKALDS_TEST_SLACK:-3}

# Scripts wait most of their time: PARALLEL at once; those of fleets one a lane.
scripts() # FOLDER
{
	local t lane fleet=() rest=()
	for t in test/"$1"/*.sh; do
		[ -x "$t" ] && [ "${t##*/}" != lib.sh ] || continue
		case $t in
		*/fleet_* | test/interop/*) fleet+=("$t") ;;
		*) rest+=("$t") ;;
		esac
	done
	while [ $((${#fleet[@]} + ${#rest[@]})) -gt 0 ]; do
		if [ ${#running[@]} -ge "$PARALLEL" ]; then
			reap
		elif [ ${#fleet[@]} -gt 0 ] && free_lane; then
			t=${fleet[0]}
			fleet=("${fleet[@]:1}")
			services_up "$lane" || continue
			SKALDS_SERVICES=$(lane_dir "$lane") begin "$PARALLEL" "${t#test/}" "$t"
			lane_pid[$lane]=$last
		elif [ ${#rest[@]} -gt 0 ]; then
			t=${rest[0]}
			rest=("${rest[@]:1}")
			begin "$PARALLEL" "${t#test/}" "$t"
		else
			reap
		fi
	done
	finish_all
}

stage_cli() { scripts cli; }
stage_integration() { scripts integration; }
stage_interop() { [ "$FLAVOR" != release ] || TEST_TIMEOUT=$((TEST_TIMEOUT * 2)) scripts interop; }

# In a browser. Pictures of every page are among the logs.
stage_web()
{
	[ "$FLAVOR" = release ] || return 0
	SKALDS_WEB_SHOTS=$BUILD/test-logs/$FLAVOR/web/shots scripts web
}

# Some of them break what only FLAVOR=hooks lets them break.
stage_fault()
{
	if [ "$FLAVOR" = release ]; then
		built hooks || return 0
		export SKALDS_HOOKED=$BUILD/hooks/skalds
	fi
	# those of fleets wait for time to pass, for some minutes each
	PARALLEL=$((PARALLEL + 1)) TEST_TIMEOUT=$((TEST_TIMEOUT * 2)) scripts fault
	unset SKALDS_HOOKED # no setting of skalds, which says so
}

stage_badinput() { scripts badinput; }

# Each is one thread.
stage_fuzz()
{
	local t
	compgen -G 'test/fuzz/*.c' >/dev/null || return 0
	built fuzz || return 0
	for t in test/fuzz/*.c; do
		t=${t##*/}
		begin "$JOBS" "$t" test/fuzz.sh "$BUILD/fuzz/test/fuzz/${t%.c}" "$FUZZ_SECONDS"
	done
	finish_all
}

# The same tests again where a sanitizer looks on: what is quick. make asan|ubsan|tsan run everything.
stage_sanitizers()
{
	[ "$FLAVOR" = release ] || return 0
	if built asan; then
		units asan
		services_up 1 && SKALDS_SERVICES=$SERVICES with_services contract asan
		SKALDS=$(binary asan) sanitized asan "cli/*.sh" integration/edge_rules.sh integration/update.sh
	fi
	if built tsan; then
		units tsan
		SKALDS=$(binary tsan) sanitized tsan cli/commands.sh integration/edge_rules.sh \
			integration/update.sh
	fi
}

sanitized() # FLAVOR SCRIPT…
{
	local flavor=$1 t
	shift
	for t in "${@/#/test/}"; do
		for t in $t; do
			[ -x "$t" ] && [ "${t##*/}" != lib.sh ] || continue
			begin $((PARALLEL + 1)) "$flavor-${t#test/}" "$t"
		done
	done
	finish_all
}

stage_install()
{
	[ "$FLAVOR" = release ] || return 0
	run install test/install.sh "$BUILD"
}

stage_image()
{
	[ "$FLAVOR" = release ] || return 0
	run image test/image.sh "$BUILD"
}

# ---- all of it ----

SKALDS=$(binary "$FLAVOR")
export SKALDS
rm -rf "$LOGS"
# A scratch directory of this run alone; short, because sockets have their paths in it; on a disk,
# because skalds keeps no data in memory unless asked to.
case $(stat -f -c %T /tmp) in
tmpfs | ramfs) TMPDIR=/var/tmp ;;
*) TMPDIR=/tmp ;;
esac
TMPDIR=$(mktemp -d "$TMPDIR/sk.XXXXXX") || exit 99
export TMPDIR
trap '[ -z "$ahead" ] || kill -- "-$ahead"; services_down; rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
began=$(date +%s)
for stage in ${*:-$STAGES}; do
	if ! declare -F "stage_$stage" >/dev/null; then
		echo "run.sh: there is no stage $stage; there are: $STAGES" >&2
		exit 2
	fi
	stage_passed=0 stage_failed=0 stage_skipped=0 stage_began=$(date +%s)
	mkdir -p "$LOGS/$stage"
	"stage_$stage"
	[ $((stage_passed + stage_failed + stage_skipped)) -gt 0 ] || continue
	printf '%-12s %4d s  %5d passed' "$stage" $(($(date +%s) - stage_began)) "$stage_passed"
	[ "$stage_failed" = 0 ] || printf ', %d failed' "$stage_failed"
	[ "$stage_skipped" = 0 ] || printf ', %d skipped' "$stage_skipped"
	echo
	passed=$((passed + stage_passed))
	failed=$((failed + stage_failed))
	skipped=$((skipped + stage_skipped))
	[ "$stage" = build ] || continue
	[ "$stage_failed" = 0 ] || break # nothing that follows would say anything
	[ $# != 0 ] || build_ahead hooks fuzz asan tsan
done

for log in "${bad_logs[@]}"; do
	echo "---- $log"
	grep -a -A 8 -E '^not ok\b' "$log" | head -n 40
	echo "     … and its end:"
	tail -n 12 "$log"
done
echo "took $(($(date +%s) - began)) s, logs are in $LOGS"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
