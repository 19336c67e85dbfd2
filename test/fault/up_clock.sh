#!/usr/bin/env bash
# The wall clock jumps, of hub, supervisor and commands alike or of each in its own way, while tasks are added, run,
# wait and are tried again: no lease is lost, nothing runs twice, no time is negative, what waits starts once
# (reliability P17).
. "$(dirname "$0")/hooks_lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=$(rounds 15 300)
LEASE=2
UP_FLAGS=(--keep "40000 days") # what ended long ago is removed, and ten years ahead everything did
SECOND=1000
HOUR=3600000
DAY=86400000
YEARS=315576000000
JUMPS=($SECOND -$SECOND $HOUR -$HOUR $DAY -$DAY $YEARS)

# jump KIND MS: its clock, from where it is
declare -A offset=([cli]=0 [supervisor]=0 [hub]=0 [worker]=0)
jump()
{
	local kind kinds=$1
	[ "$1" != all ] || kinds="cli supervisor hub worker"
	for kind in $kinds; do
		offset[$kind]=$((offset[$kind] + $2))
		# never before the epoch, and never beyond what a date can be
		[ ${offset[$kind]#-} -le $((3 * YEARS)) ] || offset[$kind]=0
		hooks "$HOOKS" clock "$kind" "${offset[$kind]}"
	done
}

phase_of()
{
	sk_task get "$1" --json >.task 2>/dev/null && events .task -- phase
}

is_final()
{
	case $(phase_of "$1") in Finished | Failed | Cancelled) ;; *) return 1 ;; esac
}

starts_of()
{
	grep -c "^$1 [0-9]* start " "$TRUTH"
}

witness_with() # ID FLAGS…
{
	sk_task add --id "$1" "${@:2}" -- "$BIN/witness" -o "$TRUTH" -s 50 >/dev/null 2>>add.err
}

up_start
check "up answers" up_ready 15
hub=$(hub_of "$UP")

# ---- jumps under load ----

feed_start c -r 10 -m 12 -x pppppgggfatl
said=
for i in $(seq "$n"); do
	sleep "$(between 200 900)"
	ms=${JUMPS[RANDOM % ${#JUMPS[@]}]}
	case $((RANDOM % 5)) in 0) who=hub ;; 1) who=supervisor ;; 2) who=cli ;; *) who=all ;; esac
	jump $who "$ms"
	said="$said $who:$((ms / 1000))"
done
note "jumps in s:$said"
jump all 0
for kind in cli supervisor hub worker; do
	offset[$kind]=0
	hooks "$HOOKS" clock $kind 0
done
feed_end 60
judge "the clock jumps, $n times" --clock-jumps
is "it is the same hub" "$(hub_of "$UP")" "$hub"
unlike "no lease was lost" "$(cat up.err)" 'was not renewed|lease of its skald|silent|lost with'
at_least "tasks were accepted all the while" "$(verdict accepted)" $((n * 2))

# ---- what waits ----

# waits NAME JUMP: a task with --delay, and one that is tried again, meet a jump of the clock. A delay ends at a
# moment of the day, which the task shows (notBefore): the clock comes back before it is asked for. A pause
# before the next try is a duration.
waits()
{
	local delayed="d$2" again="r$2"
	witness_with "$delayed" --delay 2s
	sk_task add --id "$again" --retries 1 --backoff 2s --max-backoff 2s -- \
		"$BIN/witness" -o "$TRUTH" -c 7 -g 2 >/dev/null 2>>add.err
	until_true 5 eval '[ "$(starts_of "$again")" = 1 ]'
	until_true 5 eval '[ "$(phase_of "$again")" = Created ]'
	hooks "$HOOKS" clock all "$2"
	check "$1: what failed is tried again" until_true 12 is_final "$again"
	hooks "$HOOKS" clock all 0
	check "$1: what was delayed starts" until_true 12 is_final "$delayed"
	is "$1: each as often as it shall" "$(starts_of "$delayed") $(starts_of "$again")" "1 2"
}
waits "1 s ahead" $SECOND
waits "1 s back" -$SECOND
waits "1 h ahead" $HOUR
waits "1 h back" -$HOUR
waits "a day back" -$DAY
waits "10 years ahead" $YEARS

# ---- a start in the past ----

hooks "$HOOKS" clock all -$DAY
fault term
kill -TERM "$UP"
ended "$UP" 25
is "up drains with 0" "$CODE" 0
up_start
check "up starts a day earlier" up_ready 15
witness_with past
check "and runs tasks" until_true 10 is_final past

up_stop 25
is "up drains with 0" "$CODE" 0
finish
