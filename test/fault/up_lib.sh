# up_lib.sh - what the fault tests of `skalds up` share: the service that is broken, the clients that
# go on all the while, the truth, and the judgement at the end. Sourced behind lib.sh.
#
#	DATA		the data directory, SLOTS and LEASE how it is run
#	TRUTH CLIENT FAULTS	the histories that oracle.py compares
#	UP		the pid of the supervisor

DATA=$T/data
TRUTH=$T/truth
CLIENT=$T/client
FAULTS=$T/faults
SLOTS=24 # more than the clients keep busy: what waits at the end is not the backlog
LEASE=
UP=
UP_FLAGS=() # more of `up`
UP_TURNS=0 # 1: every second start is one without control groups
UP_STARTS=0
: >"$TRUTH" && : >"$CLIENT" && : >"$FAULTS"

python3 -c 'import json' 2>/dev/null || { skip "skalds up under faults" "there is no python3"; finish; }
# What bash says of children that were killed is no news here.
exec 2> >(grep -v ' Killed  ' >&2)
for name in witness feed; do
	helper $name >/dev/null || exit 99
done

oracle()
{
	python3 "$ROOT/test/fault/oracle.py" "$@"
}

# sk_task VERB ARG…
sk_task()
{
	"$SKALDS" task "$1" --data "$DATA" "${@:2}"
}

# ---- the service ----

up_start()
{
	local flags=("${UP_FLAGS[@]}")
	[ "$UP_TURNS" = 0 ] || [ $((UP_STARTS % 2)) = 0 ] || flags+=(--no-cgroup)
	"$SKALDS" up --data "$DATA" --slots "$SLOTS" ${LEASE:+--lease "$LEASE"} "${flags[@]}" \
		>>"$T/up.out" 2>>"$T/up.err" </dev/null &
	UP=$!
	started_pids+=("$UP")
	UP_STARTS=$((UP_STARTS + 1))
}

# hub_of PID: the hub of a supervisor
hub_of()
{
	local c
	for c in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		case $(cat "/proc/$c/comm" 2>/dev/null) in skalds-hub | skalds-link) echo "$c" ;; esac
	done
}

is_up()
{
	keep_up
	[ -S "$DATA/skalds.sock" ] && [ -n "$(hub_of "$UP")" ] && sk_task list --limit 1
}

# up_ready SECONDS
up_ready()
{
	until_true "$1" is_up
}

# A service manager's work: start it again when it is gone.
keep_up()
{
	gone "$UP" || return 0
	wait "$UP" 2>/dev/null
	up_start
}

# watch_for SECONDS: sleeps, and keeps it up meanwhile
watch_for()
{
	local end=$(($(now_ms) + $(to_ms "$1")))
	while keep_up && [ "$(now_ms)" -lt "$end" ]; do
		sleep 0.05
	done
}

# to_ms 1.25 -> 1250
to_ms()
{
	local whole=${1%.*} rest=000
	case $1 in *.*) rest=${1#*.}000 ;; esac
	echo $((whole * 1000 + 10#${rest:0:3}))
}

# between LOW HIGH: a random time, both in ms, as seconds
between()
{
	local ms=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
	printf '%d.%03d\n' $((ms / 1000)) $((ms % 1000))
}

# up_stop SECONDS: SIGTERM; sets CODE, and TOOK in ms
up_stop()
{
	local from
	from=$(now_ms)
	fault term
	kill -TERM "$UP"
	ended "$UP" "$1"
	TOOK=$(($(now_ms) - from))
}

# ---- faults ----

# fault WHAT [ID ATTEMPT]: written down for the oracle
fault()
{
	if [ $# = 3 ]; then
		printf '{"wall_ms":%d,"what":"%s","id":"%s","attempt":%d}\n' "$(now_ms)" "$1" "$2" "$3"
	else
		printf '{"wall_ms":%d,"what":"%s"}\n' "$(now_ms)" "$1"
	fi >>"$FAULTS"
}

# kill_one supervisor|hub|both|worker: with -9; fails when there is none
kill_one()
{
	local p=
	case $1 in
	supervisor) p=$UP ;;
	hub) p=$(hub_of "$UP" | head -n 1) ;;
	both) p="$UP $(hub_of "$UP" | head -n 1)" ;;
	worker) kill_worker; return ;;
	esac
	# shellcheck disable=SC2086
	[ -n "$p" ] && kill -KILL $p 2>/dev/null && fault "$1"
}

kill_worker()
{
	local p list=() env
	for p in $(cat "/proc/$UP/task/$UP/children" 2>/dev/null); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" = witness ] && list+=("$p")
	done
	[ ${#list[@]} -gt 0 ] || return 1
	p=${list[RANDOM % ${#list[@]}]}
	env=$(tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null) && kill -KILL "$p" 2>/dev/null &&
		fault worker "$(sed -n 's/^SKALDS_TASK_ID=//p' <<<"$env")" \
			"$(sed -n 's/^SKALDS_ATTEMPT=//p' <<<"$env")"
}

# ---- clients ----

# feed_start PREFIX ARG…: see feed.c; sets FEED
feed_start()
{
	feed -b "$SKALDS" -d "$DATA" -w "$BIN/witness" -t "$TRUTH" -o "$CLIENT" -p "$1" -s "$SKALDS_SEED" \
		"${@:2}" 2>>"$T/feed.err" </dev/null &
	FEED=$!
	started_pids+=("$FEED")
}

# accepted_at_least N
accepted_at_least()
{
	[ "$(grep -c '^{"op":"add".*"status":0,' "$CLIENT")" -ge "$1" ]
}

# feed_end SECONDS: waits for all answers; with SIGTERM unless a count was given
feed_end()
{
	kill -TERM "$FEED" 2>/dev/null
	feed_wait "$1"
}

feed_wait()
{
	local end=$(($(now_ms) + $1 * 1000))
	until gone "$FEED"; do
		keep_up
		[ "$(now_ms)" -lt "$end" ] || { fail "the clients get their answers within $1 s"; return 1; }
		sleep 0.05
	done
	wait "$FEED"
	[ $? = 0 ] || fail "the clients have done their work" "$(tail -n 3 "$T/feed.err")"
}

# ---- the judgement ----

is_drained()
{
	keep_up
	[ "$(sk_task list --state Created,Assigning,Running,Paused --limit 1 --json 2>>"$T/list.err" |
		grep -c '"items":\[\]')" = 1 ]
}

# Processes of tasks: PID ID ATTEMPT. They have the name of the truth among their arguments.
left_over()
{
	local p env
	for p in $(procs arg "$TRUTH"); do
		case $(cat "/proc/$p/comm" 2>/dev/null) in witness) ;; *) continue ;; esac
		env=$(tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null) || continue
		echo "$p $(sed -n 's/^SKALDS_TASK_ID=//p' <<<"$env") $(sed -n 's/^SKALDS_ATTEMPT=//p' <<<"$env")"
	done
}

none_left_over()
{
	[ -z "$(left_over)" ]
}

# verdict PATH…: values of the verdict
verdict()
{
	events "$T/verdict" -- "$@"
}

# drain_all: waits until all is done. What is behind only because the machine is slow goes on; what is stuck
# does not: 60 s without a start or an end of a task, or 600 s in all, are enough.
drain_all()
{
	local size now
	size=$(stat -c %s "$TRUTH")
	for _ in $(seq 10); do
		! until_true 60 is_drained || return 0
		now=$(stat -c %s "$TRUTH")
		[ "$now" != "$size" ] || break
		size=$now
	done
	note "not drained: $(tail -n 2 "$T/list.err")"
}

# judge NAME [ORACLE-ARG…]: waits until all is done, and compares the histories.
judge()
{
	local name=$1 code
	shift
	drain_all
	until_true 2 none_left_over
	left_over >"$T/processes"
	if ! oracle dump --skalds "$SKALDS" --data "$DATA" >"$T/store" 2>"$T/dump.err"; then
		fail "$name: the store can be read" "$(cat "$T/dump.err"; tail -n 5 "$T/up.err")"
		keep_evidence
		return 1
	fi
	oracle check --client "$CLIENT" --store "$T/store" --truth "$TRUTH" --faults "$FAULTS" \
		--processes "$T/processes" --name "$name" --seed "$SKALDS_SEED" "$@" >"$T/verdict" 2>"$T/check.err"
	code=$?
	if [ "$code" = 2 ]; then
		fail "$name: the oracle can judge" "$(cat "$T/check.err")"
		keep_evidence
		return 1
	fi
	note "$(cut -c1-700 "$T/verdict")"
	is "$name: 0 lost, 0 overlaps, 0 stuck, 0 orphans" "$(verdict lost overlaps stuck orphans)" "0	0	0	0"
	is "$name: the oracle has nothing else to say" "$(verdict nViolations)" 0 ||
		note "$(python3 -c 'import json, sys
for v in json.load(open(sys.argv[1]))["violations"][:20]: print(v)' "$T/verdict")"
	[ "$code" = 0 ] || keep_evidence
}

# What a failed run leaves for whoever looks into it.
keep_evidence()
{
	local to=$BIN/../failed/$(basename "$0" .sh).$SKALDS_SEED
	rm -rf "$to"
	mkdir -p "$to"
	cp "$CLIENT" "$TRUTH" "$FAULTS" "$T"/{store,verdict,processes,up.out,up.err,feed.err} "$to" 2>/dev/null
	note "the histories are in $(realpath "$to")"
}

at_exit 'for p in $(procs arg "$TRUTH"); do kill -KILL "$p" 2>/dev/null; done'
