#!/usr/bin/env bash
# The oracle of the fault tests finds every planted fault and none in a good history; the witness leaves
# whole lines whenever it is killed and finds another of its task alive.
. "$(dirname "$0")/../lib.sh"
python3 -c 'import json' 2>/dev/null || { skip "the oracle" "there is no python3"; finish; }
helper witness >/dev/null
oracle()
{
	python3 "$ROOT/test/fault/oracle.py" "$@"
}

# ---- planted faults ----

oracle --self-test --seed "$SKALDS_SEED" >self.out 2>self.err
is "the oracle's self-test ends with 0" "$? $(cat self.err)" "0 "
# Whatever the caller's environment makes of the directory of a program.
is "and wherever modules are looked for" "$(PYTHONSAFEPATH=1 oracle --self-test --seed "$SKALDS_SEED" 2>&1 | cksum)" \
	"$(cksum <self.out)"
is "every planted fault is found, nothing in good histories" "$(grep -v -e '^ok' -e '^1\.\.' self.out)" ""
at_least "faults were planted" "$(grep -c '^ok .* found as ' self.out)" 20
at_least "good histories were read" "$(grep -c 'nothing is found in a good' self.out)" 10
for args in "check" "check --client none --store none --truth none" "nonsense"; do
	# shellcheck disable=SC2086
	oracle $args >bad.out 2>bad.err
	is "oracle $args: what cannot be checked ends with 2 and says nothing good" \
		"$? $(cat bad.out)" "2 "
done

# ---- the witness ----

# w ID ATTEMPT ARG…: a witness as skalds would start it
w()
{
	SKALDS_TASK_ID=$1 SKALDS_ATTEMPT=$2 SKALDS_RUN=$SKALDS_SEED exec witness -o "$T/truth" "${@:3}"
}

# told ID: what the truth has of it, without times and pids
told()
{
	grep "^$1 " truth | awk '{ print $2, $3, $6, $7 }' | sed 's/ $//' | tr '\n' ';'
}

(w a 1 -c 3)
is "it ends with its code" "$?" 3
(w a 2 -c 3 -g 2)
is "and with 0 from its good attempt on" "$?" 0
is "both are told with their codes" "$(told a)" \
	"1 start $SKALDS_SEED;1 end $SKALDS_SEED 3;2 start $SKALDS_SEED;2 end $SKALDS_SEED 0;"
(w 'odd id%' 1)
is "an id stays one word" "$(told odd%20id%25)" "1 start $SKALDS_SEED;1 end $SKALDS_SEED 0;"
(witness -o "$T/truth" 2>/dev/null)
is "without an id it is worthless" "$?" 99
(SKALDS_TASK_ID=x SKALDS_ATTEMPT=1 witness -o /dev/full 2>/dev/null)
is "and when it cannot write" "$?" 99

start term w term 1 -s 20000
until_true 5 grep -q '^term 1 start' truth
kill -TERM "$PID"
ended "$PID" 5
is "SIGTERM ends it by that signal, told as 143" "$CODE $(told term)" \
	"143 1 start $SKALDS_SEED;1 end $SKALDS_SEED 143;"
start stubborn w stubborn 1 -s 20000 -i
stubborn=$PID
until_true 5 grep -q '^stubborn 1 start' truth
kill -TERM "$stubborn"
ended "$stubborn" 1
is "a stubborn one stays" "$CODE" running
(w stubborn 2)
is "the next attempt sees it" "$(told stubborn)" \
	"1 start $SKALDS_SEED;2 overlap $SKALDS_SEED $stubborn;2 start $SKALDS_SEED;2 end $SKALDS_SEED 0;"
kill -KILL "$stubborn"
ended "$stubborn" 5
(w stubborn 3)
unlike "and does not when it was killed" "$(told stubborn)" '3 overlap'

(w tree 1 -t)
child=$(procs env SKALDS_TASK_ID=tree)
is "a child stays behind it" "$(wc -w <<<"$child")" 1
(w tree 2)
like "which the next attempt sees" "$(told tree)" "2 overlap $SKALDS_SEED $child;2 start"
kill -KILL "$child"

# Killed at any moment: whole lines, a start before each end.
n=$(rounds 100 2000)
for i in $(seq "$n"); do
	w "k$i" 1 -s 4 &
	p=$!
	sleep "0.0$(printf '%02d' $((RANDOM % 12)))"
	kill -KILL "$p"
	wait "$p"
done 2>/dev/null
is "$n times killed at random moments: every line is whole" \
	"$(grep -vEc '^[^ ]+ [0-9]+ (start|end|overlap) [0-9]+ [0-9]+ [^ ]+( [0-9]+)?$' truth)" 0
is "no end without its start" "$(awk '$3 == "start" { s[$1 $2] = 1 } $3 == "end" && !s[$1 $2]' truth)" ""
note "$(grep -c '^k[0-9]* 1 start' truth) of them had started, $(grep -c '^k[0-9]* 1 end' truth) had ended"
at_least "some were killed in between" \
	"$(($(grep -c '^k[0-9]* 1 start' truth) - $(grep -c '^k[0-9]* 1 end' truth)))" 1

# ---- both together ----

# What really ran twice at once is found, however the clocks of the lines are read.
grep '^stubborn ' truth >truth.stubborn
cat >client <<'END'
{"op":"clock","boot_ns":0,"wall_ms":0}
{"op":"try","id":"stubborn"}
{"op":"add","id":"stubborn","status":0,"begin":1,"end":2}
END
printf '{"id":"stubborn","phase":"Finished","attempt":3,"failures":2,"maxAttempts":3,"attempts":[%s,%s,%s]}\n' \
	'{"attempt":1,"exit":{"reason":"signaled","signal":9,"code":0}}' \
	'{"attempt":2,"exit":{"reason":"exited","code":0}}' '{"attempt":3,"exit":{"reason":"exited","code":0}}' >store
oracle check --client client --store store --truth truth.stubborn >verdict
is "the oracle has read the witness's lines: a task that ran twice at once" "$? $(python3 -c '
import json; v = json.load(open("verdict")); print(v["starts"], v["ends"], v["overlaps"], sorted(v["byRule"]))')" \
	"1 3 2 1 ['failures', 'held']"
finish
