#!/usr/bin/env bash
# The API over TCP beside its goals: what one task, a hundred thousand, a page of a million cost.
#
#	test/bench/api.sh [PART…]	parts: post bulk get lists counts sse original; all by default
#
# TASKS=1000000 (in the store for lists and counts), EACH=5 (seconds of a measurement), ROUNDS=3 (medians),
# LIST_MS=600 of each list. Everything is durable (synchronous=FULL) and in plain HTTP on loopback, by wrk and by
# api_client.py. The yardstick is GET /livez: what HTTP alone costs here and now. On a machine that does
# other work p99 is the machine's: the server's cpu time stands beside it.
# shellcheck disable=SC2015 # a figure that is missing is a note
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/bench/figures.sh"
TASKS=${TASKS:-1000000}
EACH=${EACH:-5}
ROUNDS=${ROUNDS:-3}
LIST_MS=${LIST_MS:-600}
parts=${*:-post bulk get lists counts sse original}
D=$ROOT/build/bench-data.$$ # not in memory: /tmp may be
at_exit "rm -rf $D"
CLIENT=$ROOT/test/bench/api_client.py
NOOP='{"className":"Noop","attachments":{}}'

command -v wrk >/dev/null || apt-get install -y wrk >apt.out 2>&1 || { note "there is no wrk: $(tail -n 1 apt.out)"; exit 1; }

# ---- the server ----

free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# up_start [FLAG…]: on an empty directory; PID, HUB_PID and WHERE are set.
up_start()
{
	rm -rf "$D"
	WHERE=127.0.0.1:$(free_port)
	start up "$SKALDS" up --data "$D" --slots 2 --quiet --keep 10000000 --listen "$WHERE" "$@"
	until_true 20 curl -sf "http://$WHERE/readyz" || { note "up did not start: $(tail -n 1 up.err)"; return 1; }
	HUB_PID=$(link_of "$PID")
	export HUB_PID
}

up_stop()
{
	kill -TERM "$PID" 2>/dev/null
	ended "$PID" 30
}

# its cpu time so far, in us
hub_us()
{
	cat /proc/"$HUB_PID"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f\n", n / 1000 }'
}

# What is added from now on waits.
hold()
{
	"$SKALDS" skald drain --data "$D" \
		"$("$SKALDS" skald list --data "$D" --json | sed -nE 's/.*"id":"([^"]+)".*/\1/p')" >drain.out 2>&1 ||
		note "drain: $(cat drain.out)"
}

nothing_waits()
{
	curl -s "http://$WHERE/v1/status" | grep -q '"Created":0,"Assigning":0,"Running":0,'
}

# ---- measuring ----

# json KEY FILE
json()
{
	sed -nE "s/.*\"$1\": ?([0-9.]+).*/\1/p" "$2"
}

# load NAME PATH: wrk with 64 connections, ROUNDS times; NAME.per_second, NAME.p99_ms and NAME.cpu_us grow by a line a round
load()
{
	local name=$1 i from
	for ((i = 0; i < ROUNDS; i++)); do
		from=$(hub_us)
		wrk -t2 -c64 -d"$EACH" -s "$ROOT/test/bench/api.lua" "http://$WHERE$2" 2>wrk.err | tail -n 1 >wrk.out
		[ "$(json errors wrk.out)" = 0 ] || { note "$name: $(cat wrk.out wrk.err)"; return 1; }
		json per_second wrk.out >>"$name.per_second"
		json p99_ms wrk.out >>"$name.p99_ms"
		calc "($(hub_us) - $from) / $(json requests wrk.out)" >>"$name.cpu_us"
	done
}

# of NAME KEY: the median
of()
{
	cat "$1.$2" 2>/dev/null | median
}

# client ARG…: into client.out
client()
{
	python3 "$CLIENT" "$WHERE" "$@" >client.out 2>client.err || { note "$1: $(tail -n 1 client.err)"; return 1; }
}

# figures_of NAME TITLE GOAL-A-SECOND GOAL-P99 (- = none)
figures_of()
{
	[ -s "$1.per_second" ] || { note "$2: no figure"; return; }
	figure "$2" /s "$(of "$1" per_second)" "$([ "$3" = - ] && echo - || echo '>=')" "$3"
	figure "the same, p99" ms "$(of "$1" p99_ms)" "$([ "$4" = - ] && echo - || echo '<')" "$4"
	figure "the same, cpu of the server for each" us "$(of "$1" cpu_us)" - -
	figure "the same, of GET /livez" % "$(calc "100 * $(of "$1" per_second) / $(of livez per_second)" 0)" - -
}

bench_post()
{
	up_start || return
	[ -s livez.per_second ] || load livez /livez
	API_BODY=$NOOP load post /v1/tasks
	figures_of post "POST of one task, 64 connections, stored and run" 10000 30
	until_true 120 nothing_waits
	hold
	API_BODY=$NOOP load post_only /v1/tasks
	figures_of post_only "POST of one task, 64 connections, stored" 10000 30
	up_stop
}

bench_bulk()
{
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		up_start || return
		client bulk 100000 "$NOOP" && json seconds client.out >>bulk.seconds
		up_stop
	done
	figure "100,000 tasks in one request, JSON Lines, stored" s "$(of bulk seconds)" '<' 3
}

bench_get()
{
	up_start || return
	hold
	client fill 20000 0 "$NOOP"
	curl -s "http://$WHERE/v1/tasks?limit=1000" | grep -o '"id":"[^"]*"' | cut -d '"' -f 4 >ids
	[ -s livez.per_second ] || load livez /livez
	API_IDS=$T/ids load get /v1/tasks/
	figures_of get "GET of one task, 64 connections" 30000 -
	up_stop
}

# ---- a million ----

# Half of them have ended, the newer half waits, as in a queue that is behind; ten teams, a thousand values of
# another label; two rare classes, one of them new. The directory is kept for the next part.
filled()
{
	[ ! -e filled ] || return 0
	up_start || return
	client fill $((TASKS / 2)) 1000 "$NOOP" || return
	client fill 5000 0 '{"className":"Sleep","attachments":{"seconds":0.001}}' || return
	until_true 600 nothing_waits || { note "they do not end"; return 1; }
	hold
	client fill 20000 50 '{"className":"MyWorker","attachments":{"rtspUrl":"rtsp://x/y","fixFrame":1},"priority":3}' &&
		client fill $((TASKS / 2 - 25000)) 1000 "$NOOP" || return
	touch filled
}

# paths NAME PATH…: each is measured alone; the worst p50, p99 and cpu of them
paths()
{
	local name=$1 path
	shift
	: >worst.p50_ms && : >worst.p99_ms && : >worst.cpu_ms
	for path in "$@"; do
		client get "$(calc "$LIST_MS / 1000" 3)" "$path" || return
		for key in p50_ms p99_ms cpu_ms; do
			json $key client.out >>worst.$key
		done
	done
	figure "$name, p99" ms "$(sort -n worst.p99_ms | tail -n 1)" '<' 20
	figure "the same, p50; cpu of the server" ms "$(sort -n worst.p50_ms | tail -n 1); $(sort -n worst.cpu_ms | tail -n 1)" - -
}

# sorts NAME FILTER: a page of 50 in each documented order
sorts()
{
	paths "$1" "/v1/tasks?sort=-created&$2" "/v1/tasks?sort=created&$2" "/v1/tasks?sort=updated&$2" "/v1/tasks?sort=rank&$2"
}

walked()
{
	client walk 3 "$2" || return
	figure "$1, p99" ms "$(json p99_ms client.out)" '<' 20
	figure "the same, p50; cpu of the server" ms "$(json p50_ms client.out); $(json cpu_ms client.out)" - -
}

bench_lists()
{
	local id part
	filled || return
	client get 0.1 "/v1/tasks?sort=updated" # the first one makes what the others go by
	figure "$TASKS tasks: the first list by update" ms "$(json first_ms client.out)" - -
	id=$(curl -s "http://$WHERE/v1/tasks?limit=1&sort=created&class=MyWorker" | sed -nE 's/.*"id":"([^"]+)".*/\1/p')
	part=${id:16:8}
	sorts "a page of 50 of all, the slowest order" ""
	sorts "state=Finished" state=Finished
	sorts "state=Created" state=Created
	sorts "state=Failed (none)" state=Failed
	sorts "class, half of them" class=Noop
	sorts "class, a fiftieth" class=MyWorker
	sorts "class, nobody's" class=Nobody
	sorts "executor, nobody's" executor=nobody
	sorts "label, a tenth" label=team=t3
	sorts "label, any value" label=team
	sorts "label, a thousandth" label=n=17
	sorts "id, part" "id=$part"
	sorts "id, part that none has" id=uuuu
	sorts "older" older=30
	sorts "newer" newer=30
	walked "page after page, newest first" "/v1/tasks?limit=50"
	walked "page after page, by update" "/v1/tasks?limit=50&sort=updated"
	walked "page after page, class by rank" "/v1/tasks?limit=50&class=Noop&sort=rank"
	paths "/api/tasks/ by number, the first to the last page" "/api/tasks/?page=1&pageSize=50" \
		"/api/tasks/?page=1000&pageSize=50" "/api/tasks/?page=$((TASKS / 50))&pageSize=50"
	paths "/api/tasks/, each filter of it" "/api/tasks/?className=work" "/api/tasks/?lifecycleStatus=Finish&page=100" \
		"/api/tasks/?executor=x" "/api/tasks/?id=$part"
}

bench_counts()
{
	local path
	filled || return
	for path in /v1/status /api/system/dashboard/summary /api/system/metrics /api/system/status \
		/api/system/analytics/task-distribution /api/tasks/classnames /metrics; do
		curl -sf -o counts.out "http://$WHERE$path" || { note "$path: not there"; continue; }
		paths "$TASKS tasks: GET $path" "$path"
	done
}

bench_sse()
{
	up_start || return
	client sse 100 200 && {
		figure "an event at each of 100 readers after its commit, p99" ms "$(json p99_ms client.out)" '<' 20
		figure "the same, p50" ms "$(json p50_ms client.out)" - -
	}
	up_stop
}

bench_disk
for part in $parts; do
	case $part in
	post | bulk | get | lists | counts | sse) "bench_$part" ;;
	original) TASKS=$TASKS ROUNDS=$ROUNDS EACH=$EACH "$ROOT/test/bench/api_original.sh" || note "original: it did not run" ;;
	*) note "no part $part" ;;
	esac
done
figure "load of the last minute" tasks "$(cut -d ' ' -f 1 /proc/loadavg)" - -
print_figures "durable: yes, authenticated: no, TCP" "$BIN/../bench-api.json"
exit 0
