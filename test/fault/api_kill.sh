#!/usr/bin/env bash
# kill -9 of the server while 8 clients submit over HTTP with idempotency keys, cut connections and ask again:
# exactly what was accepted exists, nothing of it twice, and the same key gives the same task for ever.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=${ROUNDS:-$(rounds 3 100)}
S=$DATA/skalds.sock
WHERE=("$S")

free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

clients()
{
	python3 "$ROOT/test/fault/api_clients.py" "$@"
}

# Over TCP too, where the server listens there.
if "$SKALDS" up --help | grep -q -- '--listen'; then
	port=$(free_port)
	UP_FLAGS=(--listen "127.0.0.1:$port")
	WHERE+=("127.0.0.1:$port")
fi

up_start
check "up answers" up_ready 10

: >accepted
killed=0
for ((i = 1; i <= n; i++)); do
	python3 "$ROOT/test/fault/api_clients.py" run 8 "r$i" "$T/accepted" "${WHERE[@]}" >>clients.out 2>&1 &
	CLIENTS=$!
	started_pids+=("$CLIENTS")
	for _ in 1 2 3; do
		watch_for "$(between 150 700)"
		if kill_one "$([ $((RANDOM % 4)) = 0 ] && echo both || echo hub)"; then
			killed=$((killed + 1))
		fi
		until_true 15 up_ready 10
	done
	kill -TERM "$CLIENTS"
	until_true 60 eval 'keep_up; gone $CLIENTS' || fail "round $i: the clients get their answers"
	wait "$CLIENTS"
	[ $? = 0 ] || fail "round $i: no client was refused" "$(tail -n 3 clients.out)"
done
check "up is there at the end" up_ready 15
note "$killed kills, $(wc -l <accepted) tasks accepted, over ${#WHERE[@]} kinds of addresses"
at_least "somebody was killed in each round" "$killed" "$n"
at_least "tasks were accepted all the while" "$(wc -l <accepted)" $((n * 20))

clients list "$S" | sort >stored
sort accepted >told
is "exactly the accepted tasks exist" "$(diff told stored | head -n 5)" ""
is "none of them twice" "$(cut -d ' ' -f 1 stored | uniq -d | head -n 3)$(cut -d ' ' -f 2 stored | sort | uniq -d | head -n 3)" ""
is "every key gives its tasks again" "$(clients again "$T/accepted" "$S")" 0
clients list "$S" | sort >stored
is "and makes none" "$(diff told stored | head -n 5)" ""
until_true 60 is_drained
is "all of them ran" "$(clients list "$S" state=Finished | wc -l)" "$(wc -l <accepted)"
up_stop 25
is "and up drains with 0" "$CODE" 0
finish
