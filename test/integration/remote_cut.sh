#!/usr/bin/env bash
# Over the network: a connection that is cut doubles nothing, who waits bears a new start of what answers.
. "$(dirname "$0")/../up_lib.sh"

up --listen 127.0.0.1:0 --slots 2
URL=$(events up.out event=ready -- url)
PORT=${URL##*:}
HERE=$SKALDS_DATA
unset SKALDS_DATA

# proxy PLAN: sets PROXY (its URL)
proxy()
{
	start proxy python3 "$ROOT/test/integration/cutproxy.py" "$PORT" "$T/proxy.log" "$1"
	until_true 10 test -s proxy.out
	PROXY=http://127.0.0.1:$(cat proxy.out)
}

# stored LABEL: how many tasks carry it
stored()
{
	"$SKALDS" task list --data "$HERE" --label "l=$1" --all --json | grep -o "{\"id\":" | wc -l
}

# ---- one task ----

n=0
for plan in rp bp cp rrrp brcp; do
	n=$((n + 1))
	proxy "$plan"
	id=$("$SKALDS" --url "$PROXY" task add --label "l=one$n" Noop 2>"add$n.err")
	is "the connection was cut ($plan): added all the same" "$?:$(cat "add$n.err")" "0:"
	is "and stored exactly once" "$(stored "one$n")" 1
	check "under the id that was told" "$SKALDS" --data "$HERE" task get "$id"
	at_least "the request was really sent again" "$(grep -c '/v1/tasks' proxy.log)" "$(tr -d c <<<"$plan" | wc -m | xargs -I{} expr {} - 1)"
done

# ---- many, in pieces ----

for i in $(seq 5000); do
	echo "{\"className\":\"Noop\",\"name\":\"$i\",\"labels\":{\"l\":\"bulk\"},\"description\":\"$(printf %0500d "$i")\"}"
done >bulk.jsonl
proxy rprprp
"$SKALDS" --url "$PROXY" task add --file bulk.jsonl >ids 2>bulk.err
is "a file in pieces, cut now and then: stored" "$?" 0
is "each line once" "$(sort -u ids | wc -l)" 5000
is "nothing twice" "$(SKALDS_DATA=$HERE "$SKALDS" task list --label l=bulk --all --json | grep -o "{\"id\":" | wc -l)" 5000
at_least "pieces were cut" "$(grep -c '^r POST' proxy.log)" 1

# ---- an idempotency key of the caller's own ----

proxy p
"$SKALDS" --url "$PROXY" task add --idempotency-key k1 --label l=key Noop >key1 2>/dev/null
"$SKALDS" --url "$PROXY" task add --idempotency-key k1 --label l=key Noop >key2 2>/dev/null
is "the same key, twice: one task" "$(stored key)" 1

# ---- changes ----

"$SKALDS" --url "$URL" task add --id sleeper Sleep seconds=1000 >/dev/null
SKALDS_DATA=$HERE wait_for Running sleeper
proxy rp
is "a cancel that was cut is a cancel" "$("$SKALDS" --url "$PROXY" task cancel sleeper 2>&1; echo $?)" 0
check "the task is cancelled" env SKALDS_DATA="$HERE" bash -c '"$SKALDS" task wait sleeper --timeout 10; [ $? = 125 ]'

# ---- nobody there, nobody who understands ----

began=$(now_ms)
"$SKALDS" --url http://127.0.0.1:1 status >none.out 2>none.err
is "nobody listens: 69" "$?" 69
like "it is said where, and why" "$(cat none.err)" 'no connection to http://127.0.0.1:1: Connection refused'
at_most "it is given up after a while (ms)" $(($(now_ms) - began)) 12000
is "a name that is none: 69" "$("$SKALDS" --url http://no.such.host.invalid status >/dev/null 2>&1; echo $?)" 69
is "a scheme that is none: 2" "$("$SKALDS" --url ftp://localhost status 2>&1; echo $?)" \
	"--url: expected a URL that begins with http:// or https://
2"
is "a token in the address: 2, and not shown" "$("$SKALDS" --url 'http://localhost:1/?token=canary' status 2>&1; echo $?)" \
	"skalds status: http://localhost:1/: an address has no ? and no #; a token has its own place
2"

# ---- who waits, follows, watches ----

"$SKALDS" --url "$URL" task add --id long -- sh -c 'for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.5; done; exit 4' >/dev/null
SKALDS_DATA=$HERE wait_for Running long
start wait "$SKALDS" --url "$URL" task wait long
WAIT=$PID
start logs "$SKALDS" --url "$URL" task logs -f long
LOGS=$PID
start watch "$SKALDS" --url "$URL" task watch --json long
WATCH=$PID
sleep 0.7
HUB=$(link_of "$UP")
kill -KILL "$HUB"
until_true 10 has up.err 'ready again'
until_true 10 "$SKALDS" --url "$URL" status
is "after kill -9 of what answers the same port answers" "$("$SKALDS" --url "$URL" status >/dev/null 2>&1; echo $?)" 0
is "its tasks go on" "$(SKALDS_DATA=$HERE field long phase)" Running
# a restart of all, while the three are there: the task is stopped and runs again
kill -TERM "$UP"
ended "$UP" 30
sleep 3
start up "$SKALDS" up --json --allow-volatile --listen "127.0.0.1:$PORT" --slots 2 --data "$HERE"
UP=$PID
until_true 15 seen "$T/up.out" event=ready
check "who waited has the task's end" ended "$WAIT" 40
is "with its code" "$CODE" 4
check "who followed the output too" ended "$LOGS" 10
is "and well" "$CODE" 0
is "all lines of the last attempt" "$(tail -n 8 logs.out | tr '\n' ' ')" \
	"line 1 line 2 line 3 line 4 line 5 line 6 line 7 line 8 "
check "who watched saw the end" ended "$WATCH" 10
is "and well" "$CODE" 0
for name in wait logs watch; do
	like "$name: that nothing answered was said" "$(cat $name.err)" "no connection to $URL: .*; trying again for 300 s"
done

# ---- the port is somebody else's ----

"$SKALDS" up --data "$T/other" --allow-volatile --listen "127.0.0.1:$PORT" >other.out 2>other.err
is "the port is taken: 1" "$?" 1
like "it is said whose place it is" "$(cat other.err)" "another program listens at 127.0.0.1:$PORT already"
kill -TERM "$UP"
ended "$UP" 30
is "the end" "$CODE" 0
finish
