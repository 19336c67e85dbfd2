#!/usr/bin/env bash
# `up` starts, serves, has its directory alone, ends when asked, and says what is wrong.
. "$(dirname "$0")/../up_lib.sh"

# ---- start ----

check "up is ready" up --slots 3 --labels zone=a,disk=ssd --resources cpus=2.5,memoryMb=512,gpus=4
is "it says so once, as JSON" "$(events up.out event=ready -- slots data)" "3	$SKALDS_DATA"
is "its directory is its own" "$(stat -c %a "$SKALDS_DATA")" 700
is "its socket too" "$(stat -c %a "$SKALDS_DATA/skalds.sock")" 600
check "probe ready agrees" "$SKALDS" probe ready
"$SKALDS" skald list --json >skalds.json
tr '{' '\n' <skalds.json | grep -q '"zone":"a"'
is "its labels are known" "$?" 0
like "its resources are known" "$(cat skalds.json)" '"slots":3,"cpus":2\.5,"memoryMb":512,"gpus":4'
skald=$("$SKALDS" skald list --json | sed 's/.*"id":"\([^"]*\)".*/\1/')

id=$(add Sleep seconds=0.1)
"$SKALDS" task wait "$id"
is "a task runs and finishes" "$?" 0
like "events were told" "$("$SKALDS" task get "$id")" 'Finished'

# ---- one owner ----

"$SKALDS" up --allow-volatile >second.out 2>second.err
is "a second up on the directory fails with 1" "$?" 1
like "and names the first" "$(cat second.err)" "in use by another skalds up \\(pid $UP\\)"
is "and changes nothing" "$(served && echo served)" served

# ---- the end ----

check "SIGTERM ends it" down
is "with 0" "$CODE" 0
is "its socket is gone" "$([ -e "$SKALDS_DATA/skalds.sock" ] && echo there)" ""
check "it starts again" up
is "what was stored is there" "$(field "$id" phase)" Finished
is "the skald has the name it had" \
	"$("$SKALDS" skald list --json | sed 's/.*"id":"\([^"]*\)".*/\1/')" "$skald"
check "SIGINT ends it too" down INT
is "with 0 again" "$CODE" 0
check "SKALD_ID names it" env SKALD_ID=alpha true
export SKALD_ID=alpha
up
is "a given name goes before the remembered one" "$(events up.out event=ready -- skald)" alpha
down
unset SKALD_ID

# ---- --once ----

"$SKALDS" up --once --allow-volatile >once.out 2>once.err
is "--once with nothing to do ends with 0" "$?" 0
add Sleep seconds=0.2 >/dev/null
add Sleep seconds=0.1 >/dev/null
"$SKALDS" up --once --allow-volatile >once.out 2>once.err
is "--once runs what waits and ends with 0" "$?" 0
is "all of it has finished" "$("$SKALDS" task list --state Finished --json | grep -o '"phase":"Finished"' | wc -l)" 3
add --retries 0 -- sh -c 'exit 3' >/dev/null
add Sleep seconds=0.1 >/dev/null
"$SKALDS" up --once --allow-volatile >once.out 2>once.err
is "--once ends with 1 when one failed" "$?" 1
add Sleep seconds=0.1 >/dev/null
"$SKALDS" up --once --allow-volatile >once.out 2>once.err
is "and with 0 when the failure was in another run" "$?" 0
add --retries 1 -- sh -c '[ "$SKALDS_ATTEMPT" = 2 ]' >/dev/null
"$SKALDS" up --once --allow-volatile >once.out 2>once.err
is "a task that finishes at its second attempt has finished" "$?" 0

# ---- what is wrong ----

wrong()
{
	local sentence=$1 want=$2 code
	shift 2
	"$SKALDS" up "$@" >wrong.out 2>wrong.err
	code=$?
	is "up $*: 2" "$code" 2
	like "up $*: $sentence" "$(cat wrong.err)" "$want"
}
wrong "says what is expected" 'slots: expected a number from 1' --slots 0
wrong "says what is expected" 'labels: expected NAME=VALUE' --labels zone
wrong "says what is expected" 'resources: expected cpus=N' --resources cpu=3
wrong "says what is expected" 'keep: expected' --keep soon
wrong "says what is expected" 'lease: expected' --lease 0.1
wrong "says what is expected" 'keep-output: expected' --keep-output much
wrong "knows the strategies" 'LEAST_TASKS' --strategy BEST
wrong "a group must exist" 'group' --socket-group nobody-at-all --allow-volatile
chmod 770 "$SKALDS_DATA"
wrong "others may not write there" 'may be written by others' --allow-volatile
chmod 700 "$SKALDS_DATA"
echo 'this is no database' >"$SKALDS_DATA/tasks.db"
"$SKALDS" up --allow-volatile >wrong.out 2>wrong.err
is "a file that is none of ours: 74" "$?" 74
like "it is named" "$(cat wrong.err)" "tasks\\.db"
is "and left alone" "$(cat "$SKALDS_DATA/tasks.db")" 'this is no database'
rm "$SKALDS_DATA/tasks.db"

for command in node controller; do
	"$SKALDS" $command >wrong.out 2>wrong.err
	is "$command without services: 2" "$?" 2
	like "it says what is missing and what works" "$(cat wrong.err)" \
		'KAFKA_HOST, REDIS_HOST, MONGO_HOST are not set.*skalds up'
done
KAFKA_HOST=k REDIS_HOST=r "$SKALDS" node >wrong.out 2>wrong.err
is "node with some of them: 2" "$?" 2
like "only what is missing is named" "$(cat wrong.err)" ': MONGO_HOST is not set'
finish
