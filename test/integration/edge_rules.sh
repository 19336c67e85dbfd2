#!/usr/bin/env bash
# edge: exit codes of --once, restart and back-off, retry, dependencies, slots, resources, signals.
. "$(dirname "$0")/../lib.sh"
helper die >/dev/null
die=$BIN/die

once()
{
	"$SKALDS" edge -f f.yml --once --json "$@" >edge.out 2>edge.err </dev/null
	CODE=$?
}

# Times of the starts of a task, in ms.
starts_of()
{
	events edge.out event=started "taskId=$1" -- time
}

# The smallest and the greatest pause between neighbours of a list of numbers.
pauses()
{
	awk 'NR > 1 { d = $1 - last; if (NR == 2 || d < min) min = d; if (d > max) max = d } { last = $1 }
		END { print min + 0, max + 0 }'
}

# ---- --once ----
new_file f.yml
program f.yml a /bin/true
task f.yml b Sleep '{seconds: 0.1}'
once
is "--once: all finished: 0" "$CODE" 0
program f.yml c /bin/false
once
is "--once: one failed: 1" "$CODE" 1
is "--once: the others have finished" "$(n_events edge.out event=finished)" 2
new_file f.yml
program f.yml a "/no/such/program"
once
is "--once: one that could not be started: 1" "$CODE" 1
"$SKALDS" edge -f none.yml --once >edge.out 2>edge.err </dev/null
is "--once: no such file: 2" "$?" 2
printf 'TaskWorkers: {}\n' >f.yml
once
is "--once: no tasks at all: 0" "$CODE" 0
new_file f.yml
program f.yml a /bin/true
program f.yml a /bin/true
once
is "--once: a task twice: 2" "$CODE" 2
is "--once: then nothing is started" "$(cat edge.out)" ""

# ---- all at once, in no order but theirs ----
new_file f.yml
for i in $(seq 20); do
	program f.yml "t$i" '/bin/sleep, "0.5"'
done
from=$(now_ms)
once
at_most "20 tasks of 0.5 s run at once (ms)" $(($(now_ms) - from)) 2500

# ---- restart ----
new_file f.yml
program f.yml always '/bin/true' 'restart: always'
program f.yml on-failure '/bin/false' 'restart: on-failure'
program f.yml on-failure-good '/bin/true' 'restart: on-failure'
program f.yml never '/bin/false' 'restart: never'
program f.yml by-default '/bin/false'
task f.yml worker Fail '{message: again}' 'restart: on-failure'
start edge "$SKALDS" edge -f f.yml --json
sleep 7
at_least "restart: always starts again after success" "$(starts_of always | wc -l)" 3
at_least "restart: on-failure starts again after failure" "$(starts_of on-failure | wc -l)" 3
is "restart: on-failure does not after success" "$(starts_of on-failure-good | wc -l)" 1
is "restart: never does not" "$(starts_of never | wc -l)" 1
is "never is the default" "$(starts_of by-default | wc -l)" 1
at_least "a compiled-in worker too" "$(starts_of worker | wc -l)" 3
for t in always on-failure worker; do
	at_least "restart ($t): at least 1 s between two starts (ms)" \
		"$(starts_of $t | pauses | cut -d' ' -f1)" 980
done
is "attempts grow by one" "$(events edge.out event=started taskId=always -- attempt | head -n 3 | tr '\n' ' ')" "1 2 3 "
kill -TERM "$PID"
ended "$PID" 10
is "edge drains with 0 while tasks wait for their next start" "$CODE" 0

new_file f.yml
program f.yml both '/bin/false' 'restart: always' 'retry: {maxAttempts: 2}'
once
is "restart: always with retry is refused, with the place" \
	"$CODE $(grep -c '^f.yml:6:.*retry' edge.err)" "2 1"

# ---- retry ----
new_file f.yml
task f.yml third Fail '{times: 2}' 'retry: {maxAttempts: 5, backoffSeconds: 0.2, maxBackoffSeconds: 0.4}'
task f.yml never-good Fail '{message: no luck}' 'retry: {maxAttempts: 3, backoffSeconds: 0.2}'
program f.yml plain "$die, exit, \"75\"" 'retry: {maxAttempts: 2, backoffSeconds: 0.1}'
program f.yml timed "$die, obey" 'timeoutSeconds: 0.3' 'retry: {maxAttempts: 2, backoffSeconds: 0.1}'
once
is "retry: edge --once ends with 1" "$CODE" 1
is "retry: two failures, then success" \
	"$(starts_of third | wc -l) $(n_events edge.out event=retrying taskId=third) $(n_events edge.out event=finished taskId=third)" "3 2 1"
is "retry: three attempts and failed for good" \
	"$(starts_of never-good | wc -l) $(n_events edge.out event=retrying taskId=never-good) $(n_events edge.out event=failed taskId=never-good)" "3 2 1"
is "retry: the last reason is kept" \
	"$(events edge.out event=failed taskId=never-good -- exit.reason exit.code attempt)" "exited	1	3"
is "retry: a program too" "$(starts_of plain | wc -l)" 2
is "retry: timeoutSeconds is per attempt" \
	"$(starts_of timed | wc -l) $(events edge.out event=failed taskId=timed -- exit.reason)" "2 timeout"
at_least "retry: the back-off is kept (ms)" "$(starts_of never-good | pauses | cut -d' ' -f1)" 180
at_least "retry: it grows (ms)" "$(starts_of never-good | pauses | cut -d' ' -f2)" 300

# ---- dependencies ----
new_file f.yml
program f.yml last '/bin/sh, -c, "echo last >>order"' 'dependencies: [left, right]'
program f.yml left '/bin/sh, -c, "sleep 0.3; echo left >>order"' 'dependencies: [first]'
program f.yml right '/bin/sh, -c, "sleep 0.1; echo right >>order"' 'dependencies: [first]'
program f.yml first '/bin/sh, -c, "sleep 0.3; echo first >>order"'
rm -f order
once
is "dependencies: a diamond runs in order" "$CODE $(tr '\n' ' ' <order)" "0 first right left last "
new_file f.yml
program f.yml bad /bin/false
program f.yml child '/bin/touch, should-not-exist' 'dependencies: [bad]'
program f.yml grandchild '/bin/touch, should-not-exist' 'dependencies: [child]'
program f.yml other '/bin/touch, should-exist'
once
is "dependencies: a failed one: edge --once ends with 1" "$CODE" 1
is "dependencies: what needs it is skipped" "$(events edge.out event=skipped -- taskId | sort | tr '\n' ' ')" "child grandchild "
is "dependencies: with the reason skipped" "$(events edge.out event=skipped -- exit.reason | sort -u)" skipped
check "dependencies: it was not run" test ! -e should-not-exist
check "dependencies: the others were" test -e should-exist
new_file f.yml
task f.yml retried Fail '{times: 1}' 'retry: {maxAttempts: 2, backoffSeconds: 0.1}'
program f.yml after '/bin/true' 'dependencies: [retried]'
once
is "dependencies: a retry that succeeds counts as success" "$CODE $(n_events edge.out event=finished taskId=after)" "0 1"
new_file f.yml
program f.yml a /bin/true 'dependencies: [b]'
program f.yml b /bin/true 'dependencies: [a]'
once
is "dependencies: a cycle is refused: 2" "$CODE" 2

# ---- slots and resources ----
# peak: how many ran at the same time, from the events.
peak()
{
	events edge.out -- time event | awk '$2 == "started" { n++; if (n > m) m = n }
		$2 == "finished" || $2 == "failed" { n-- } END { print m + 0 }'
}
new_file f.yml
for i in $(seq 12); do
	program f.yml "t$i" '/bin/sleep, "0.2"'
done
for slots in 1 3 5; do
	once --slots $slots
	is "--slots $slots: never more at once" "$CODE $(peak)" "0 $slots"
done
new_file f.yml
program f.yml low '/bin/sleep, "0.1"' 'priority: 0'
program f.yml mid '/bin/sleep, "0.1"' 'priority: 5'
program f.yml high '/bin/sleep, "0.1"' 'priority: 10'
once --slots 1
is "--slots 1: higher priority first" "$(events edge.out event=started -- taskId | tr '\n' ' ')" "high mid low "
for bad in 0 -1 x 99999999999; do
	once --slots "$bad"
	is "--slots $bad: 2" "$CODE" 2
done
cpus=$(nproc)
new_file f.yml
for i in 1 2 3 4; do
	program f.yml "t$i" '/bin/sleep, "0.3"' "resources: {cpus: $cpus}"
done
once
is "resources: tasks that each want all cpus run one after the other" "$CODE $(peak)" "0 1"
new_file f.yml
program f.yml huge '/bin/true' "resources: {cpus: $((cpus * 1000))}"
program f.yml small '/bin/sleep, "0.3"' "resources: {cpus: $cpus}"
once
is "resources: a task that wants more than there is runs, alone" "$CODE $(peak)" "0 1"

# ---- signals ----
for sig in TERM INT; do
	new_file f.yml
	for i in 1 2 3 4; do
		program f.yml "slow$i" '/bin/sh, -c, "trap \"sleep 1; exit 0\" TERM; echo ready; while :; do sleep 0.05; done"'
	done
	start edge "$SKALDS" edge -f f.yml --json
	until_true 10 eval '[ "$(grep -c ready edge.out)" -ge 4 ]'
	from=$(now_ms)
	kill -$sig "$PID"
	ended "$PID" 10
	is "first SIG$sig: drains with 0" "$CODE" 0
	at_most "first SIG$sig: all at once, not one after the other (ms)" $(($(now_ms) - from)) 2800
	at_least "first SIG$sig: they had their second (ms)" $(($(now_ms) - from)) 900

	new_file f.yml
	program f.yml stubborn "$die, stubborn" 'graceSeconds: 60'
	start edge "$SKALDS" edge -f f.yml --json
	until_true 10 grep -q ready edge.out
	kill -$sig "$PID"
	sleep 0.5
	check "first SIG$sig: waits for the grace" kill -0 "$PID"
	from=$(now_ms)
	kill -$sig "$PID"
	ended "$PID" 10
	at_most "second SIG$sig: now (ms)" $(($(now_ms) - from)) 2000
	is "second SIG$sig: nothing is left" "$(task_processes)" ""
done
new_file f.yml
program f.yml t '/bin/sleep, "1000"'
program f.yml done /bin/true
start edge "$SKALDS" edge -f f.yml --once --json
until_true 10 seen edge.out event=finished
kill -TERM "$PID"
ended "$PID" 10
like "SIGTERM during --once: 0 or 1, not a signal" "$CODE" '^[01]$'

# What a task sees.
new_file f.yml
task f.yml sees Exec '{script: "echo $SKALDS_TASK_ID/$SKALDS_ATTEMPT; echo the result >$SKALDS_RESULT; env; cat; pwd", stdin: "some input", cwd: /usr, env: {MINE: yes it is}}'
once
for want in 'sees/1' 'MINE=yes it is' 'some input' '/usr' 'SKALDS_RUN='; do
	like "a task sees: $want" "$(cat edge.out)" "$want"
done
finish
