#!/bin/bash
# Every verb of task without anybody running: the same operations in the command's own process, on the
# store of the data directory.
. "$(dirname "$0")/lib.sh"

D=$T/data
t()
{
	sk SKALDS_DATA="$D" "$@"
}
note='nothing is running: start `skalds up`'

# field PATH ID: of the task as JSON
field()
{
	json "$1" "$(SKALDS_DATA=$D "$SKALDS" task get --json "$2")"
}

# ---- the first task ----

t task list
is "before anything was stored: 69" "$code" 69
t task add Sleep seconds=1 --name first --label project=x --priority 4
id=$out
is "a task is accepted" "$code:$(grep -Ec '^[0-9a-z]{26}$' <<<"$id"):$err" "0:1:skalds task add: the task is stored, but $note"
is "the directory is ours alone" "$(stat -c %a "$D"):$(stat -c %a "$D/tasks.db")" "700:600"
t task list
is "it is listed" "$code:$(tail -n 1 <<<"$out" | awk '{print $1, $2, $3, $4, $5}'):$(wc -l <<<"$out")" "0:$id Sleep Created - -:2"
is "with the columns of the contract" "$(head -n 1 <<<"$out" | xargs)" "ID CLASS STATE SKALD ATTEMPT AGE RUN PROGRESS"
t task list --json
is "as JSON" "$(json items.# "$out"):$(json items.0.id "$out"):$(json next "$out")" "1:$id:null"
is "what was said is stored" "$(for p in className name attachments.seconds labels.project priority source phase \
	lifecycleStatus wanted attempt; do field $p "$id"; done | tr '\n' ' ')" "Sleep first 1.0 x 4 CLI Created Created run 0 "
t task get "$id"
like "get is a readable block" "$code:$out" '^0:id +'"$id"
like "with its name" "$out" '^name +first$'
like "with its attachments" "$out" '^attachments +\{"seconds":1.0\}$'
t task get --json "$id" "$id"
is "get of two is a list" "$(json items.# "$out")" 2
t status
like "status says that nothing is running" "$code:$out" "$note"
like "and where" "$out" "$D"
t status --json
is "status as JSON" "$(json tasks.Created "$out"):$(json running "$out"):$(json at "$out")" "1:false:$D"
t skald list --json
is "no skald yet" "$code:$out" '0:{"items":[],"next":null}'

# ---- ids ----

t task add Sleep seconds=1 --id mine
is "an own id" "$code:$out" "0:mine"
t task add Sleep seconds=1 --id mine
is "the same again is the same task" "$code:$out:$(head -n 1 <<<"$err")" "0:mine:skalds task add: mine was there already"
t task add Sleep seconds=2 --id mine
is "another under its id is a conflict" "$code:$out" "1:"
like "and said so" "$err" 'mine'
is "the task is what it was" "$(field attachments.seconds mine)" 1.0
t task add Sleep seconds=1 --idempotency-key k1
one=$out
t task add Sleep seconds=1 --idempotency-key k1
is "a key adds once" "$code:$out" "0:$one"
t task add Sleep seconds=5 --idempotency-key k1
is "a key for another task is a conflict" "$code:$out" "1:"
t task add Sleep seconds=1 --unique u1
first=$out
t task add Sleep seconds=1 --unique u1
is "a unique key in use" "$code:$out" "1:"
like "names who has it" "$err" "$first"
t task cancel "$first"
t task add Sleep seconds=1 --unique u1
is "is free again when he has ended" "$code" 0
for verb in get cancel pause resume retry delete wait logs watch "update"; do
	t task $verb nobody $([ $verb != update ] || echo seconds=1)
	is "$verb of an unknown id is 3" "$code:$out" "3:"
	like "$verb says so" "$err" '^skalds task '$verb': .*nobody'
done
t task cancel nobody mine
is "of two ids both are tried" "$code:$(field phase mine)" "3:Cancelled"

# ---- states ----

t task cancel mine
is "cancel again does no harm" "$code:$err" "0:"
t task wait mine
is "a cancelled task's code is 125" "$code" 125
like "and said" "$err" '^skalds task wait: mine: Cancelled'
t task retry mine --json
is "retry" "$code:$(json phase "$out")" "0:Created"
t task pause mine
is "a waiting task is held" "$code:$(field wanted mine)" "0:pause"
t task list --id mine
is "and shown so" "$(tail -n 1 <<<"$out" | awk '{print $3}')" Held
t task resume mine
is "resumed" "$code:$(field wanted mine)" "0:run"
t task delete mine
is "a task that has not ended is not deleted" "$code" 1
t task update mine seconds=7
is "update" "$code:$out:$err:$(field attachments.seconds mine)" "0:::7.0"
t task update mine seconds=x
is "an update that is wrong changes nothing" "$code:$(field attachments.seconds mine)" "2:7.0"
like "and is said" "$err" 'attachments.seconds: expected number, got "x"'
t task update mine nope=1
like "an unknown attachment has a suggestion or the list" "$code:$err" '^2:.*nope: unknown key'
t task logs mine
is "no output yet" "$code:$out:$err" "0::"
t task wait mine --timeout 0.2
is "wait gives up" "$code:$err" "124:skalds task wait: nothing is running; waiting for \`skalds up\`
skalds task wait: mine has not ended in time"
start waiting env SKALDS_DATA="$D" "$SKALDS" task wait mine
sleep 0.3
t task cancel mine
ended "$PID" 5
is "a wait lets others in and sees the end" "$code:$CODE" "0:125"
t task delete mine
is "a cancelled task can go" "$code" 0
t task get mine
is "and is gone" "$code" 3
start waiting env SKALDS_DATA="$D" "$SKALDS" task add --wait Sleep seconds=1
until_true 5 grep -q . "$T/waiting.out"
kill -INT "$PID"
ended "$PID" 5
is "Ctrl-C ends the waiting, not the task" "$CODE:$(field phase "$(cat "$T/waiting.out")")" "130:Created"
like "and says so" "$(cat "$T/waiting.err")" 'not waiting any more; the tasks go on'

# ---- many ----

seq 1 200 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":&},"labels":{"n":"&"}}/' >"$T/many.jsonl"
t task add --file "$T/many.jsonl" --idempotency-key many
ids=$out
is "a file of tasks" "$code:$(wc -l <<<"$out"):$(sort -u <<<"$out" | wc -l)" "0:200:200"
t task add --file "$T/many.jsonl" --idempotency-key many
is "twice is once" "$code:$out" "0:$ids"
like "and counted" "$err" '200 of them were there already'
(sed 100q "$T/many.jsonl"; echo '{"className":"Sleep"}') >"$T/one_bad.jsonl"
t task add --file "$T/one_bad.jsonl"
is "one bad line: nothing is stored" "$code:$out" "2:"
t status --json
before=$(json tasks.total "$out")
t task add --file "$T/one_bad.jsonl" --skip-invalid
is "--skip-invalid stores the others" "$code:$(wc -l <<<"$out")" "0:100"
t status --json
is "so many more" "$(($(json tasks.total "$out") - before))" 100
# More than one request takes, with what is stored already behind what is not.
bulk() { sk SKALDS_DATA="$T/bulk" task "$@"; }
seq 1 5000 | sed 's/.*/{"id":"b&","className":"Sleep","attachments":{"seconds":1},"uniqueKey":"b&"}/' >"$T/bulk.jsonl"
seq 4501 4650 | sed 's/.*/{"id":"b&","className":"Sleep","attachments":{"seconds":2}}/' >"$T/there.jsonl"
sed -n 4990p "$T/bulk.jsonl" >>"$T/there.jsonl" # this one is the same
bulk add -q --file "$T/there.jsonl"
bulk add -q --id other --unique b5000 Sleep seconds=1
bulk add --file "$T/bulk.jsonl"
is "conflicts far behind: nothing is stored" "$code:$out" "1:"
is "each is named by its line" "$(grep -c 'bulk.jsonl:4[56][0-9]*: id: there is a task' <<<"$err")" 150
like "unique keys too" "$err" 'bulk.jsonl:5000: uniqueKey: "b5000" is in use by task other'
like "and the sum" "$err" '151 of 5,000 lines are wrong; nothing was stored$'
bulk get b1
is "not even the first" "$code" 3
bulk add --file "$T/bulk.jsonl" --skip-invalid
is "--skip-invalid stores the others" "$code:$(wc -l <<<"$out")" "0:4849"
is "names all that it leaves out" "$(grep -c 'bulk.jsonl:[0-9]*: ' <<<"$err")" 151
like "and counts them" "$err" '151 wrong lines were left out'
(sed 's/"b/"c/g' "$T/bulk.jsonl"; echo '{"className":"Sleep","attachments":{"seconds":1},"uniqueKey":"c7"}') >"$T/twice.jsonl"
bulk add --file "$T/twice.jsonl"
is "a unique key twice in a file: nothing is stored" "$code:$out" "2:"
like "and both lines are named" "$err" 'twice.jsonl:5001: uniqueKey: line 7 has the same uniqueKey'
seq 1 2500 | sed 's/.*/{"id":"d&","className":"Sleep","attachments":{"seconds":1},"dependencies":["d1"]}/' |
	sed '1s/,"dependencies.*/}/' >"$T/chain.jsonl"
bulk add -q --file "$T/chain.jsonl"
is "dependencies on another piece of the file" "$code:$(wc -l <<<"$out")" "0:2500"
t task add --array 1-1000 Sleep seconds=0 --id arr
is "an array is one row" "$code:$out:$(field arraySize arr)" "0:arr:1000"
t task list --id arr
like "with its counts" "$out" '0 of 1,000'

t task list --label n=17 --json
is "by label" "$(json items.0.labels.n "$out")" 17
t task list --state created --class Sleep --limit 1000 --json
is "by state and class, upper and lower case alike" "$(($(json items.# "$out") > 300))" 1
t task list --class Exec --json
is "by a class that none has" "$out" '{"items":[],"next":null}'
t task list --older 1h --json
is "by age" "$out" '{"items":[],"next":null}'
t task list --limit 7
is "a page" "$code:$(wc -l <<<"$out")" "0:8"
like "and how it goes on" "$err" '^there are more: --all, or --cursor '
cursor=$(sed 's/.*--cursor //' <<<"$err")
t task list --limit 1 --cursor "$cursor" --json
next=$(json items.0.id "$out")
t task list --limit 8 --json
is "the page behind a cursor" "$next" "$(json items.7.id "$out")"
t task list --cursor nonsense
is "a cursor that is none" "$code" 2
t task list --all --json
all=$(json items.# "$out")
is "all pages at once" "$(json next "$out"):$((all > 300))" "null:1"
is "each task once" "$(grep -o '"id":"[^"]*"' <<<"$out" | sort -u | wc -l)" "$all"
t task list --all --sort created --json
is "the oldest first" "$(json items.0.id "$out")" "$id"
t task cancel --all --label n --yes
is "cancel by filter" "$code:$out:$err" "0::300 tasks cancelled"
t task retry --all --state Cancelled --label n=5 --yes --json
is "retry by filter, as JSON" "$code:$(json done "$out"):$(json failed "$out")" "0:2:0"
t task delete --all --label n --yes -q
is "delete takes what has ended" "$code:$out:$err" "0::"
t task list --label n --json
is "and leaves the rest" "$(json items.# "$out")" 2

# ---- commands ----

(cd "$T" && SKALDS_DATA=$D "$SKALDS" task add -q --id cmd --env A=b -- sh -c 'echo "$A"' >/dev/null)
is "a command" "$(field className cmd):$(field attachments.command.2 cmd):$(field cwd cmd)" "Exec:echo \"\$A\":$T"
t task add Sleep --attachments '{"seconds": 3}' --id att
is "attachments as JSON" "$(field attachments.seconds att)" 3
echo '{"seconds": 4}' >"$T/att.json"
t task add Sleep --attachments "@$T/att.json" --id att2
is "from a file" "$(field attachments.seconds att2)" 4
out=$(SKALDS_DATA=$D "$SKALDS" task add -q Sleep --attachments - seconds=6 --id att3 <"$T/att.json")
is "from standard input, key=value before it" "$(field attachments.seconds att3)" 6.0
t task add Sleep seconds=1 --after att,cmd --id dep
is "dependencies" "$code:$(field dependencies.1 dep)" "0:cmd"

# ---- backup ----

t backup "$T/copy.db"
is "a backup" "$code:$out:$err" "0::all tasks are in $T/copy.db"
mkdir -m 700 "$T/other" && cp "$T/copy.db" "$T/other/tasks.db"
sk SKALDS_DATA="$T/other" task get --json cmd
is "is a store" "$code:$(json className "$out")" "0:Exec"
t backup "$T/copy.db"
is "a file that is there stays" "$code" 1
(cd "$T" && SKALDS_DATA=$D "$SKALDS" backup -q rel.db) && check "a relative name is the caller's" test -s "$T/rel.db"

# ---- several at once, and one that dies ----

for i in $(seq 1 20); do
	SKALDS_DATA=$D "$SKALDS" task add -q Sleep seconds="$i" --id "par$i" >"$T/par.$i" 2>&1 &
done
wait
is "twenty at once, each with the lock for a moment" "$(cat "$T"/par.* | sort -V | xargs)" \
	"$(seq -f 'par%g' 1 20 | xargs)"
seq 1 30000 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":0}}/' >"$T/big.jsonl"
start dying env SKALDS_DATA="$D" "$SKALDS" task add -q --file "$T/big.jsonl"
until_true 10 test -s "$T/dying.out"
kill -KILL "$PID"
wait "$PID" 2>/dev/null
said=$(grep -c . "$T/dying.out")
sed '$d' "$T/dying.out" | shuf -n 20 --random-source=<(yes) | while read -r one; do
	SKALDS_DATA=$D "$SKALDS" task get --json "$one" >/dev/null 2>&1 || echo "$one is lost"
done >"$T/lost"
is "what was said is stored, kill -9 in the middle or not ($said ids)" "$(cat "$T/lost")" ""
start int env SKALDS_DATA="$D" "$SKALDS" task add --file "$T/big.jsonl" --idempotency-key big
until_true 10 test -s "$T/int.out"
kill -INT "$PID"
ended "$PID" 10
like "Ctrl-C says how many are stored" "$CODE:$(cat "$T/int.err")" \
	'^(130:skalds task add: interrupted: [0-9,]+ of 30,000 tasks are stored; the same command again|0:)'
t task add -q --file "$T/big.jsonl" --idempotency-key big
is "the same command stores the others" "$code:$(wc -l <<<"$out")" "0:30000"
t status --json
is "and none twice" "$(json tasks.total "$(SKALDS_DATA=$D "$SKALDS" status --json)")" "$(json tasks.total "$out")"
finish
