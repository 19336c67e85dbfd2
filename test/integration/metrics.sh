#!/usr/bin/env bash
# GET /metrics: Prometheus' own parser takes it, and its numbers agree with what was done.
. "$(dirname "$0")/../up_lib.sh"

check "the parser is there" "$ROOT/scripts/services.sh" up pytools || finish
# not the servers that stand there too: those make commands look for a fleet
eval "$(grep '^export PYTOOLS=' "${SKALDS_SERVICES:-$ROOT/build/services}/env")"

scrape()
{
	curl -s --max-time 10 --unix-socket "$SKALDS_DATA/skalds.sock" -D metrics.head http://skalds/metrics >metrics.txt
}

# value NAME LABEL=VALUE…
value()
{
	"$PYTOOLS" "$ROOT/test/openapi/metrics.py" metrics.txt "$@"
}

check "up is ready" up --slots 3
scrape
check "before anything was done it is well-formed" "$PYTOOLS" "$ROOT/test/openapi/metrics.py" metrics.txt
like "it is the text format" "$(cat metrics.head)" '^[Cc]ontent-[Tt]ype: text/plain; version=0\.0\.4'
is "no task was accepted" "$(value skalds_tasks_created_total class=Exec)" 0

# ---- five that go well, two that do not, one that is tried again, one that is cancelled ----

ids=()
for _ in 1 2 3 4 5; do
	ids+=("$(add -- sh -c 'sleep 0.2')")
done
for _ in 1 2; do
	ids+=("$(add --retries 0 -- false)")
done
ids+=("$(add --retries 1 Fail)")
sleeper=$(add Sleep seconds=600)
wait_for Running "$sleeper"
"$SKALDS" task cancel "$sleeper" >/dev/null
timeout 60 "$SKALDS" task wait "${ids[@]}" "$sleeper" >/dev/null 2>wait.err
[ $? != 124 ] || fail "they end" "$("$SKALDS" task list; "$SKALDS" status; tail -n 20 wait.err up.err)"
later=$(add --delay 600 Noop)
sleep 5.1 # a count of the tasks serves for five seconds
scrape
check "it is well-formed" "$PYTOOLS" "$ROOT/test/openapi/metrics.py" metrics.txt

is "seven programs were accepted" "$(value skalds_tasks_created_total class=Exec)" 7
is "five finished" "$(value skalds_tasks_finished_total class=Exec)" 5
is "two failed" "$(value skalds_tasks_failed_total class=Exec)" 2
is "they were not tried again" "$(value skalds_task_retries_total class=Exec)" 0
is "one of another class was" "$(value skalds_task_retries_total class=Fail)" 1
is "and failed for good" "$(value skalds_tasks_failed_total class=Fail)" 1
is "one was cancelled" "$(value skalds_tasks_cancelled_total class=Sleep)" 1
is "the store has as many finished" "$(value skalds_tasks phase=Finished)" 5
is "failed" "$(value skalds_tasks phase=Failed)" 3
is "cancelled" "$(value skalds_tasks phase=Cancelled)" 1
is "and one that waits" "$(value skalds_tasks phase=Created)" 1
like "the oldest waits for some seconds" "$(value skalds_tasks_oldest_seconds)" '^[5-9](\.|$)|^[1-9][0-9]'
is "seven attempts of programs were timed" "$(value skalds_task_duration_seconds_count class=Exec)" 7
is "five of them took more than a tenth of a second" "$(($(value skalds_task_duration_seconds_count class=Exec) - \
	$(value skalds_task_duration_seconds_bucket class=Exec le=0.1)))" 5
is "each start was: two of the class that was tried again" "$(value skalds_dispatch_latency_seconds_count)" 10
is "each first assignment was" "$(value skalds_task_wait_seconds_count)" 9
is "a skald is online" "$(value skalds_skalds state=online)" 1
id=$("$SKALDS" skald list --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -n 1)
is "it has three slots" "$(value skalds_skald_slots "skald=$id")" 3
is "and no task" "$(value skalds_skald_tasks "skald=$id")" 0
is "ten requests stored a task" "$(value skalds_http_requests_total method=POST route=/v1/tasks code=201)" 10
is "as many operations of the store were timed" "$(value skalds_store_operation_seconds_count operation=insert)" 10
is "a connection is open: this one" "$(value skalds_http_connections door=socket)" 1
is "it dispatches" "$(value skalds_leader)" 1
is "the store answers" "$(value skalds_store_up)" 1

# ---- a name that needs escaping; a skald that is gone ----

curl -s --unix-socket "$SKALDS_DATA/skalds.sock" -X PUT -H 'Content-Type: application/json' \
	-d '{"mode":"edge","incarnation":1}' 'http://skalds/v1/skalds/q%22b%5Cn%0Ae' >put.json
scrape
check "any name of a skald is well-formed" "$PYTOOLS" "$ROOT/test/openapi/metrics.py" metrics.txt
is "and comes back as it is" "$(value skalds_skald_up "skald=$(printf 'q"b\\n\ne')")" 1

# ---- the machine, and how quick everything is: known after ten seconds ----

knows()
{
	scrape && [ "$(value "$@")" != 0 ]
}

check "the memory of its machine is told" until_true 30 knows skalds_skald_memory_total_bytes "skald=$id"
check "how long the store takes" until_true 30 knows skalds_latency_seconds part=store
check "it is well-formed" "$PYTOOLS" "$ROOT/test/openapi/metrics.py" metrics.txt

# ---- the process ----

like "its memory is told" "$(value process_resident_memory_bytes)" '^[1-9][0-9.]*e\+0[6-9]$|^[1-9][0-9]{6,}$'
like "it was started a moment ago" "$(($(date +%s) - $("$PYTOOLS" -c 'import sys
for line in open("metrics.txt"):
    if line.startswith("process_start_time_seconds "):
        print(int(float(line.split()[1])))')))" '^-?[0-9]{1,2}$'
at_least "it has descriptors" "$(value process_open_fds)" 5
down
is "up ends well" "$CODE" 0

finish
