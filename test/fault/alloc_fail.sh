#!/usr/bin/env bash
# The n-th allocation fails, once or from there on for ever: a clean stop with 71 or a clean answer, and
# whoever restarts goes on. Never a signal, never a task that is lost, stuck or run twice (reliability P23).
. "$(dirname "$0")/hooks_lib.sh"
. "$ROOT/test/fault/up_lib.sh"
SLOTS=4
points=0 # that have failed a call
CALLS= # of the command at hand, when it forgets them itself
crashes=0

# ---- one point ----

well()
{
	hooks "$HOOKS" fail cli all 0 once
}

# victim: the process whose call has failed, 0 = none
victim()
{
	local v rest
	read -r v rest < <(hooks "$HOOKS" show)
	echo "$v"
}

# calls: how many allocations the process that counted last has made
calls()
{
	local v f n
	read -r v f n < <(hooks "$HOOKS" show)
	echo "$n"
}

# choose N TOTAL: N numbers from 1 to TOTAL, one out of each N-th part; all of them with FULL=1, or as many
# as there are seconds for.
choose()
{
	local n=$1 i width
	[ "$FULL" = 1 ] && n=$3
	[ "$n" -le "$2" ] || n=$2
	width=$(($2 / n))
	for ((i = 0; i < n; i++)); do
		echo $((i * $2 / n + 1 + (RANDOM * 32768 + RANDOM) % width))
	done
}

# met: the point has failed somebody's call
met()
{
	[ "$(victim)" = 0 ] || points=$((points + 1))
}

wrong=()
# mistake SENTENCE…: of the point at hand
mistake()
{
	wrong+=("$WHERE: $*")
}

# told SENTENCE: the verdict on the points of a scenario
told()
{
	if [ ${#wrong[@]} = 0 ]; then
		pass "$1"
	else
		fail "$1" "$(printf '%s\n' "${#wrong[@]} wrong" "${wrong[@]}")"
		keep_evidence
	fi
	wrong=()
}

# each KIND WHO SMALL FULL COMMAND…: counts the calls of one COMMAND and fails some of them, one a COMMAND
each()
{
	local kind=$1 who=$2 small=$3 full=$4 total n mode
	shift 4
	WHERE="$kind $who 0"
	hooks "$HOOKS" fail "$kind" "$who" 0 once
	CALLS=
	"$@" 0
	total=${CALLS:-$(calls)}
	well
	note "$1: $total calls of $kind $who"
	[ "$total" != 0 ] || return
	for n in $(choose "$small" "$total" "$full"); do
		mode=once
		[ "$who" = ours ] || [ $((RANDOM % 2)) = 0 ] || mode=forever
		WHERE="$kind $who $n of $total $mode"
		hooks "$HOOKS" fail "$kind" "$who" "$n" "$mode"
		"$@" "$n"
		well
	done
}

# both SMALL FULL KIND COMMAND…: our own calls, and those of others
both()
{
	local small=$1 full=$2 kind=$3
	shift 3
	each "$kind" ours "$small" "$full" "$@"
	each "$kind" others "$small" "$full" "$@"
}

# ---- a command ----

accepted=()
# clean CODE: an error that is told, no signal; 2 would say that the input was wrong
clean()
{
	case $1 in 0 | 1 | 69 | 71 | 74) ;; *) mistake "$2 ended with $1: $(tail -n 2 cli.err)" ;; esac
}

# in_process N: adds a task where nothing runs
in_process()
{
	local code id from
	from=$(now_ms)
	timeout 20 "$SKALDS" task add --data "$T/alone" --id "a$1-$RANDOM" Noop >cli.out 2>cli.err
	code=$?
	clean $code "task add"
	[ "$1" != 0 ] || return
	met
	[ $(($(now_ms) - from)) -lt 10000 ] || mistake "it took $(($(now_ms) - from)) ms"
	[ $code != 0 ] || accepted+=("$(cat cli.out)")
}

# read_file N: a file of tasks is read
read_file()
{
	local code
	"$SKALDS" check -f "$ROOT/workers/examples/all_workers.yml" >cli.out 2>cli.err
	code=$?
	clean $code "check"
	[ "$1" = 0 ] || met
}

# ---- up ----

# settle: `up` answers, and has nothing left to do
settle()
{
	until_true 20 is_drained || mistake "not drained: $(tail -n 3 up.err)"
}

# ended_by: looks whether the supervisor is the one whose call failed
look_at_up()
{
	until_true 1 gone "$UP" || return
	wait "$UP" 2>/dev/null
	CODE=$?
	fault supervisor
	[ $CODE = 71 ] || mistake "up ended with $CODE: $(tail -n 2 up.err)"
	up_start
}

# Whoever finds the supervisor gone first, in place of the one that only starts it again: the oracle must hear
# of it, and its code is looked at.
keep_up()
{
	! gone "$UP" || look_at_up
}

# refresh: hubs that die one after the other come back more and more slowly
refresh()
{
	[ $((fed % 7)) = 0 ] || return
	fault term
	kill -TERM "$UP"
	ended "$UP" 25
	[ "$CODE" = 0 ] || mistake "up drains with $CODE: $(tail -n 2 up.err)"
	up_start
	up_ready 15 || mistake "up does not come back"
}

fed=0
# feed_some N: clients add some tasks, all of them end
feed_some()
{
	fed=$((fed + 1))
	feed_start "f$fed" -n 3 -r 200 -x ppg
	until gone "$FEED"; do
		! gone "$UP" || look_at_up
		sleep 0.02
	done
	wait "$FEED" || mistake "the clients: $(tail -n 1 feed.err)"
	[ "$1" = 0 ] || met
	# with no memory at all it need not get on
	SKALDS_TEST_SLACK=1 until_true 3 is_drained_once || { ! gone "$UP" || look_at_up; well; }
	! gone "$UP" || look_at_up
	settle
	CALLS=$(calls)
	well
	refresh
}

is_drained_once()
{
	gone "$UP" || is_drained
}

# class CLASS N: a task in a process of ours
class()
{
	local code
	timeout 30 "$SKALDS" task add --wait --data "$DATA" --retries 4 --backoff 100ms "$1" "${@:2:$#-2}" \
		>cli.out 2>cli.err
	code=$?
	[ $code = 0 ] || mistake "the task ended with $code: $(tail -n 2 cli.err)"
	[ "${*: -1}" = 0 ] || met
}

boot()
{
	up_start
	until_true 15 eval 'gone "$UP" || served_by "$UP"' || mistake "up does not start: $(tail -n 3 up.err)"
	[ "$1" = 0 ] || met
	if gone "$UP"; then
		wait "$UP" 2>/dev/null
		CODE=$?
		case $CODE in 71) ;; *) mistake "up ended with $CODE: $(tail -n 2 up.err)" ;; esac
		return
	fi
	[ "$1" = 0 ] || well
	kill -TERM "$UP"
	ended "$UP" 20 || { mistake "up does not end"; kill -KILL "$UP"; }
	case $CODE in 0 | 71) ;; *) mistake "up ended with $CODE when it was stopped: $(tail -n 2 up.err)" ;; esac
}

served_by()
{
	[ -S "$DATA/skalds.sock" ] && [ -n "$(hub_of "$1")" ] && SKALDS_HOOKS='' sk_task list --limit 1
}

# ---- edge ----

edge_file()
{
	new_file new.yml
	program new.yml stays "/bin/sleep, \"1000\", \"$T/stays\""
	program new.yml "n$1" '/bin/true'
	mv new.yml edge.yml
}

edge_up()
{
	edge_file first
	"$SKALDS" edge -f edge.yml --json >edge.out 2>>edge.err </dev/null &
	EDGE=$!
	started_pids+=("$EDGE")
	until_true 10 seen edge.out taskId=nfirst event=finished || mistake "edge does not start: $(tail -n 2 edge.err)"
}

reloads=0
reload()
{
	local before
	before=$(procs arg "$T/stays")
	reloads=$((reloads + 1))
	edge_file "$reloads"
	kill -HUP "$EDGE"
	SKALDS_TEST_SLACK=1 until_true 3 eval 'gone "$EDGE" || seen edge.out "taskId=n$reloads" event=finished'
	[ "$1" = 0 ] || met
	if gone "$EDGE"; then
		wait "$EDGE" 2>/dev/null
		CODE=$?
		[ $CODE = 71 ] || mistake "edge ended with $CODE: $(tail -n 2 edge.err)"
		until_true 5 none_marked "$T/stays" || mistake "a task is left"
		well
		edge_up
		return
	fi
	if ! seen edge.out "taskId=n$reloads" event=finished; then
		# it has refused the file and said so, or has no memory at all
		well
		kill -HUP "$EDGE"
		until_true 10 seen edge.out "taskId=n$reloads" event=finished ||
			mistake "the file is not taken: $(tail -n 3 edge.err)"
	fi
	[ "$(procs arg "$T/stays")" = "$before" ] || mistake "the task that stays did not: $(tail -n 3 edge.err)"
}

# ---- all of it ----

no_signals()
{
	unlike "$1: nobody was ended by a signal" "$(cat "$2")" 'killed by signal|panic|Assert'
}

both "$(rounds 12 0)" 4000 cli read_file
told "a file is read: it is good, or there is no memory"
both "$(rounds 8 0)" 2000 cli in_process
told "task add with nothing running: a clean answer"
"$SKALDS" task list --all --data "$T/alone" --json >list.json 2>list.err
is "what was accepted is there" "$(for id in "${accepted[@]}"; do grep -c "\"id\":\"$id\"" list.json; done | sort -u)" 1

both "$(rounds 3 0)" 600 supervisor boot
told "up is started: it comes up or ends with 71"
both "$(rounds 3 0)" 400 hub boot
told "up is started, its hub fails: it comes up"

up_start
check "up answers" up_ready 15
both "$(rounds 4 0)" 200 cli feed_some
told "clients fail"
both "$(rounds 6 0)" 1200 hub feed_some
told "the hub fails while tasks are added and run"
both "$(rounds 3 0)" 1000 supervisor feed_some
told "the supervisor fails while tasks are added and run"
both "$(rounds 2 0)" 200 worker class Sleep seconds=0.01
both "$(rounds 2 0)" 200 worker class Noop
told "workers fail, the task is tried again"
up_ready 15
for i in $(sk_task list --all --json | tr '{' '\n' | sed -n 's/^"id":"\([^"]*\)".*"className":"\(Sleep\|Noop\)".*/\1/p'); do
	sk_task delete "$i" >/dev/null || fail "task $i can be removed"
done
no_signals "up" up.err
judge "allocations that fail"
check "the store is whole" "$SKALDS" backup --data "$DATA" "$T/backup.db"
up_stop 25
is "up drains with 0" "$CODE" 0

edge_up
told "edge starts"
both "$(rounds 3 0)" 1000 hub reload
told "edge reads its file again: the link fails, tasks go on"
both "$(rounds 2 0)" 1000 supervisor reload
told "edge reads its file again: the supervisor fails, no task is left"
no_signals "edge" edge.err
at_least "calls have failed" "$points" "$(rounds 50 4000)"
finish
