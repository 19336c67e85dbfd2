#!/usr/bin/env bash
# Alerts fire, are acknowledged, survive kill -9 and are resolved; a receiver that refuses at first is told of all of it,
# signed; one that hangs holds nothing up; the history of the last day survives, too.
. "$(dirname "$0")/../up_lib.sh"

SECRET=canary-of-the-webhook
RECEIVER=$ROOT/test/integration/webhook_receiver.py
cd "$T" || exit 99

receiver() # NAME [WORDS…]
{
	local name=$1

	shift
	rm -f "$name.port"
	start "$name" python3 "$RECEIVER" "$name.port" "$name.log" "$SECRET" "$@"
	RECEIVER_PID=$PID
	until_true 15 test -s "$name.port"
}

# What the receiver was told: "status event rule" a line.
told()
{
	events "$1.log" -- status event rule | tr '\t' ' '
}

took() # NAME EVENT
{
	told "$1" 2>/dev/null | grep -q "^204 $2 "
}

alert_is() # STATE
{
	[ "$("$SKALDS" alert list --all | awk 'NR == 2 { print $3 }')" = "$1" ]
}

# ---- files of rules ----

cat >rules.yml <<'END'
alerts:
  - name: queue
    metric: queue.ageSeconds
    threshold: 0
    severity: critical
END
is "a good file" "$("$SKALDS" alert check rules.yml)" "rules.yml: 1 rule ok"
is "the example" "$("$SKALDS" alert check "$ROOT/scripts/alerts.yml")" "$ROOT/scripts/alerts.yml: 9 rules ok"
sed 's/queue.ageSeconds/queue.age/; s/critical/bad/' rules.yml >bad.yml
"$SKALDS" alert check bad.yml >check.out 2>check.err
is "a wrong file is 2" "$?" 2
is "and nothing is on standard output" "$(cat check.out)" ""
like "its problems have lines" "$(cat check.err)" '^bad.yml:3:13: alerts\[0\].metric: .*queue.ageSeconds'
like "all of them" "$(cat check.err)" '^bad.yml:5:15: alerts\[0\].severity: '
"$SKALDS" up --alerts bad.yml --allow-volatile >up.bad.out 2>up.bad.err
is "up does not start with it" "$?" 2
like "and says where it is wrong" "$(cat up.bad.err)" '^bad.yml:3:13: '
"$SKALDS" up --alerts none.yml --allow-volatile >/dev/null 2>up.none.err
is "nor with one that is not there" "$?" 2

printf '%s\n' "$SECRET" >secret
chmod 644 secret
SKALDS_WEBHOOK_URL=http://127.0.0.1:9/ SKALDS_WEBHOOK_SECRET_FILE=secret \
	"$SKALDS" up --allow-volatile >/dev/null 2>up.open.err
is "nor with a secret that others may read" "$?" 2
like "and says what to do" "$(cat up.open.err)" 'chmod 600'
chmod 600 secret
SKALDS_WEBHOOK_URL=ftp://x/ "$SKALDS" up --allow-volatile >/dev/null 2>up.ftp.err
is "nor with an address that is none" "$?" 2

# ---- an alert's life ----

check "a receiver that refuses two tries" receiver good refuse 2
export SKALDS_WEBHOOK_URL=http://127.0.0.1:$(cat good.port)/hook/canary-of-the-path
export SKALDS_WEBHOOK_SECRET_FILE=$T/secret SKALDS_ALERTS=$T/rules.yml
check "up is ready" up --slots 2
id=$(echo '{"className":"Noop","resources":{"labels":{"zone":"nowhere"}}}' | add --file -)
check "a task that nobody takes makes the queue old" until_true 40 alert_is firing
"$SKALDS" alert list >list.out
like "it is listed" "$(cat list.out)" 'critical .*firing .*queue .*the next ready task has waited for'
like "and shown by status" "$("$SKALDS" status)" 'alerts +1 firing, 0 acknowledged'
check "the receiver takes it at the third try" until_true 30 took good firing
is "it was refused twice before" "$(told good | head -n 3 | tr '\n' ',')" \
	"500 firing queue,500 firing queue,204 firing queue,"
alert=$("$SKALDS" alert list | awk 'NR == 2 { print $1 }')
"$SKALDS" alert ack nothing 2>ack.err
is "an alert that is none is 3" "$?" 3
check "it is acknowledged" "$SKALDS" alert ack "$alert"
check "the receiver hears of it" until_true 20 took good acknowledged

kill -KILL "$UP"
ended "$UP" 30
check "up is ready again after kill -9" up --slots 2
sleep 3
check "it is still acknowledged" alert_is acknowledged
"$SKALDS" task cancel "$id" >/dev/null
check "it is resolved when its reason is over" until_true 40 alert_is resolved
check "the receiver hears of that" until_true 20 took good resolved
"$SKALDS" alert ack "$alert" 2>ack.err
is "there is nothing to acknowledge any more" "$?" 1
is "all that it was told was signed, and fresh" \
	"$(events good.log -- signed fresh type | sort -u | tr '\t' ' ')" "true true application/json"
is "of one alert" "$(events good.log -- id | sort -u)" "$alert"

# ---- secrets ----

cat up.err up.out >all.log
unlike "no secret is in the log" "$(cat all.log)" 'canary'
is "nor in any argument" "$(grep -l canary /proc/[0-9]*/cmdline 2>/dev/null | grep -c "/$UP/")" 0
id=$(add -- env)
"$SKALDS" task wait "$id"
unlike "nor does a task see one" "$("$SKALDS" task logs "$id")" 'canary|WEBHOOK'

# ---- history ----

api()
{
	curl -sS --unix-socket "$SKALDS_DATA/skalds.sock" "http://localhost$1"
}
check "up ends" down
is "with 0" "$CODE" 0
check "and is ready again" up --slots 2
api '/v1/history?series=tasks.created,latency.store_ms' >history
like "the history of before the restart is there" "$(cat history)" '"tasks.created":\[[null,0]*1'
api '/v1/skalds' >skalds
like "a skald tells of its machine" "$(cat skalds)" '"load":\{"cpuPercent":.*"memoryTotalMb":[0-9]+,"diskUsedMb":[0-9]+'
like "the table shows it" "$("$SKALDS" skald list)" '[0-9]+% of [0-9]+ MB'
like "so does get" "$("$SKALDS" skald get "$("$SKALDS" skald list | awk 'NR == 2 { print $1 }')")" 'memory +[0-9]+ of [0-9]+ MB'
down

# ---- a receiver that hangs ----

check "a receiver that never answers" receiver dead hang
export SKALDS_WEBHOOK_URL=http://127.0.0.1:$(cat dead.port)/
check "up is ready with it" up --slots 2
echo '{"className":"Noop","resources":{"labels":{"zone":"nowhere"}}}' | add --file - >/dev/null
check "an alert fires" until_true 40 alert_is firing
begin=$(now_ms)
for _ in 1 2 3 4 5; do "$SKALDS" status >/dev/null; done
at_most "the API is as quick as ever" $(($(now_ms) - begin)) 3000
begin=$(now_ms)
down
is "it ends in good order" "$CODE" 0
at_most "without waiting for the receiver" $(($(now_ms) - begin)) 5000
finish
