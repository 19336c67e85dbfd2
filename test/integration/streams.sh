#!/usr/bin/env bash
# Events over the network as they happen: our stream and the original's, with curl on a real server.
. "$(dirname "$0")/../up_lib.sh"

up --listen 127.0.0.1:0 --slots 2
URL=$(events up.out event=ready -- url)

get()
{
	curl -sS --max-time 20 "$@"
}

# read_stream NAME ADDRESS [ARGUMENT…]: in the background; sets PID.
read_stream()
{
	local name=$1 address=$2
	shift 2
	start "$name" curl -sSN "$@" "$URL$address"
	until_true 5 has "$T/$name.out" 'retry: 1000'
}

readers_are()
{
	[ "$(get "$URL/api/events/status" | sed 's/.*"connectedClients":\([0-9]*\).*/\1/')" = "$1" ]
}

# ---- ours ----

read_stream all /v1/stream
ALL=$PID
read_stream ends '/v1/stream?kinds=finished,failed'
ENDS=$PID
read_stream tasks /api/events/tasks
TASKS=$PID
read_stream skalds /api/events/skalds
SKALDS_READER=$PID
add --id good -- true >/dev/null
add --id bad --retries 0 -- sh -c 'exit 3' >/dev/null
check "an end is told" until_true 10 has "$T/all.out" '"event":"finished","taskId":"good"'
check "and the other" until_true 10 has "$T/all.out" '"event":"failed","taskId":"bad"'
check "to who wants ends, too" until_true 5 has "$T/ends.out" '"taskId":"bad"'
is "and nothing else" "$(grep -c '^event: ' ends.out)" 2
sed -n 's/^id: [0-9]*-//p' all.out >ids
is "the numbers follow one another" "$(sed -n '2,$p' ids | awk 'NR > 1 && $1 != last + 1 { n++ } { last = $1 } END { print n + 0 }')" 0
is "every event has an id" "$(grep -c '^event: ' all.out)" "$(($(wc -l <ids) - 1))"

# ---- the original's ----

check "a task that runs" until_true 5 has "$T/tasks.out" '"taskId":"good","data":{"heartbeat":200,"lifecycleStatus":"Finished"}'
check "one that failed, and why" until_true 5 has "$T/tasks.out" \
	'data: {"type":"task_exception","taskId":"bad","data":{"exception":"exited with code 3","lifecycleStatus":"Failed"}'
check "the skald" until_true 5 has "$T/skalds.out" '"type":"skald_heartbeat"'
like "its first line has blanks" "$(cat skalds.out)" '^data: \{"type": "connection", "message": "Connected to Skalds events"\}$'
is "what is asked for is said to be a stream" \
	"$(curl -sSi --max-time 1 "$URL/api/events/test" 2>/dev/null | tr -d '\r' | grep -ic '^content-type: text/event-stream; charset=utf-8$')" 1

# ---- going away, coming back ----

check "four read" until_true 5 readers_are 4
kill "$ENDS" "$TASKS" "$SKALDS_READER"
check "who went away is not counted" until_true 5 readers_are 1
ID=$(sed -n 's/^id: //p' all.out | sed -n 2p)
read_stream again /v1/stream -H "Last-Event-ID: $ID"
check "who comes back gets what came since" until_true 5 has "$T/again.out" '"event":"failed","taskId":"bad"'
is "each once, and no more" "$(grep -c '^event: ' again.out)" "$(($(grep -c '^event: ' all.out) - 1))"

began=$(now_ms)
down
is "readers do not keep a server from ending" "$CODE" 0
at_most "it ends at once (ms)" $(($(now_ms) - began)) 5000
ended "$ALL" 5
is "and a stream ends as it should" "$CODE" 0
up --listen 127.0.0.1:0 --slots 2
URL=$(events up.out event=ready -- url)
read_stream anew /v1/stream -H "Last-Event-ID: $ID"
like "another start counts anew" "$(sed -n '3,5p' anew.out)" '^event: reset$'
like "and says why" "$(cat anew.out)" '^data: \{"reason":"the events are counted anew'

# ---- versions of a task ----

get -D headers "$URL/v1/tasks/bad" >/dev/null
TAG=$(tr -d '\r' <headers | sed -n 's/^ETag: //Ip')
like "a task has a version" "$TAG" '^"[0-9a-f]{16}"$'
is "it is not sent twice" "$(get -o body -w '%{http_code}' -H "If-None-Match: $TAG" "$URL/v1/tasks/bad") $(cat body 2>/dev/null)" '304 '
is "what was seen may be changed" "$(get -o /dev/null -w '%{http_code}' -X POST -H "If-Match: $TAG" "$URL/v1/tasks/bad/retry")" 200
is "what has changed may not" "$(get -o body -w '%{http_code}' -X DELETE -H "If-Match: $TAG" "$URL/v1/tasks/bad")" 412
like "and it says so" "$(cat body)" '"detail":"the task \\"bad\\" has changed since it was read'

# ---- the way to the dashboard ----

is "the root leads there" "$(get -o /dev/null -w '%{http_code} %{redirect_url}' "$URL/")" "302 $URL/dashboard"

down
finish
