#!/usr/bin/env bash
# The routes that our controller and the original's have in common, one beside the other: the same tasks in the same
# mongo-java-server, the same requests by wrk, in turn within each round. What is worth something is the ratio.
#
#	test/bench/api_original.sh	TASKS=2000 (at most), EACH=5 (seconds), ROUNDS=3; api.sh calls it
. "$(dirname "$0")/../interop/lib.sh"
. "$ROOT/test/bench/figures.sh"
TASKS=$((${TASKS:-2000} < 2000 ? ${TASKS:-2000} : 2000))
EACH=${EACH:-5}
ROUNDS=${ROUNDS:-3}
OURS=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

controller controller --data "$T/controller.data" --listen "$OURS" || { note "our controller does not start: $(tail -n 1 controller.err)"; exit 1; }
python3 "$ROOT/test/bench/api_client.py" "$OURS" fill "$TASKS" 0 \
	'{"className":"MyWorker","attachments":{"rtspUrl":"rtsp://bench","fixFrame":1}}' >fill.out 2>&1 ||
	{ note "$(tail -n 1 fill.out)"; exit 1; }
py_controller || { note "the original's controller does not start"; exit 1; }
THEIRS=${API#http://}
id=$(curl -s "http://$OURS/v1/tasks?limit=1" | sed -nE 's/.*"id":"([^"]+)".*/\1/p')

# json KEY FILE
json()
{
	sed -nE "s/.*\"$1\":([0-9.]+).*/\1/p" "$2"
}

# once WHERE PATH: requests a second; fails when one was not answered with success
once()
{
	wrk -t1 -c16 -d"$EACH" -s "$ROOT/test/bench/api.lua" "http://$1$2" 2>wrk.err | tail -n 1 >wrk.out
	[ "$(json errors wrk.out)" = 0 ] && [ "$(json per_second wrk.out)" -gt 0 ] && json per_second wrk.out
}

# beside NAME PATH
beside()
{
	local i ours theirs
	rm -f ./*.rate ./*.ratio
	for ((i = 0; i < ROUNDS; i++)); do
		ours=$(once "$OURS" "$2") || { note "$1, ours: $(cat wrk.out)"; return; }
		theirs=$(once "$THEIRS" "$2") || { note "$1, the original: $(cat wrk.out)"; return; }
		echo "$ours" >>ours.rate
		echo "$theirs" >>theirs.rate
		calc "$ours / $theirs" 1 >>one.ratio
	done
	figure "$1, 16 connections" /s "$(median <ours.rate)" - -
	figure "the original" /s "$(median <theirs.rate)" - -
	figure "ours, of the original" x "$(median <one.ratio)" '>=' 1
}

beside "GET /api/tasks/, first page of $TASKS tasks" "/api/tasks/?page=1&pageSize=20"
beside "GET /api/tasks/, page 50" "/api/tasks/?page=50&pageSize=20"
beside "GET /api/tasks/, by class" "/api/tasks/?className=MyWorker&pageSize=20"
beside "GET /api/tasks/ID/heartbeat" "/api/tasks/$id/heartbeat"
beside "GET /api/tasks/classnames" /api/tasks/classnames
beside "GET /api/system/dashboard/summary" /api/system/dashboard/summary
beside "GET /api/skalds/" /api/skalds/
print_figures "one mongo-java-server, loopback, TCP" "$BIN/../bench-api-original.json"
exit 0
