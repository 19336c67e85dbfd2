#!/bin/bash
# probe live|ready against real supervisors.
. "$(dirname "$0")/lib.sh"

sk probe live
like "without a supervisor: 1, and where it looked" "$code:$err" "^1:skalds probe: live: no supervisor runs here \(looked in $SKALDS_RUN_DIR\)"
sk probe liv
like "a mistyped verb gets a suggestion" "$code:$err" '^2:.*did you mean live\?'
sk probe live --timeout soon
like "a wrong timeout is 2" "$code:$err" '^2:.*--timeout: expected seconds'
sk probe live --pid 0
like "a wrong pid is 2" "$code:$err" '^2:.*--pid: expected a process id'

start one "$SKALDS" run-one --class Sleep --attachments '{"seconds": 60}'
first=$PID
answers()
{
	sk probe "$@"
	[ "$code" = 0 ]
}
check "a running task becomes ready" until_true 10 answers ready
sk probe live
is "and is live, silently" "$code:$out:$err" "0::"
sk probe ready --json
is "--json prints the supervisor's answer" "$code:$(json live "$out"):$(json ready "$out"):$(json mode "$out")" "0:true:true:run-one"
is "it is this supervisor's" "$(json pid "$out")" "$first"
sk probe live --pid "$first"
is "--pid chooses it" "$code" 0
sk probe live --pid 4194301
like "a pid without a supervisor is 1" "$code:$err" '^1:.*cannot reach the supervisor 4194301'

start two "$SKALDS" run-one --class Sleep --attachments '{"seconds": 60}'
second=$PID
check "a second one answers to its pid" until_true 10 answers ready --pid "$second"
sk probe ready
like "two of them and no --pid is 2, with both named" "$code:$err" "^2:.*several supervisors.*--pid"
like "both are named" "$err" "$first"
like "both are named" "$err" "$second"

kill -STOP "$second"
begin=$(now_ms)
sk probe live --pid "$second" --timeout 0.5
took=$(($(now_ms) - begin))
like "a stopped supervisor is not live" "$code:$err" '^1:.*did not answer within 0.5 s'
at_most "and the probe waits no longer than it was told" "$took" 2000
kill -CONT "$second"
check "a continued one is live again" until_true 10 answers live --pid "$second"

kill -KILL "$second"
ended "$second" 10
sk probe ready
is "what a killed one left does not count" "$code:$err" "0:"
kill -TERM "$first"
ended "$first" 15
sk probe live
is "a stopped one is gone" "$code" 1

if can_unshare; then
	start ns unshare --pid --fork --mount-proc "$SKALDS" run-one --class Sleep --attachments '{"seconds": 60}'
	for other in a b c d; do
		start "$other" "$SKALDS" run-one --class Sleep --attachments '{"seconds": 60}'
		until_true 10 answers ready --pid "$PID" || fail "supervisor $other becomes ready"
	done
	check "PID 1 of a container is the one that is asked" until_true 10 eval 'answers ready --json && [ "$(json pid "$out")" = 1 ]'
else
	skip "PID 1 of a container is the one that is asked" "no PID namespaces here"
fi
finish
