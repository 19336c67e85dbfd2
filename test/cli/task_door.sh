#!/bin/bash
# The door of the commands: what is answered becomes a sentence and an exit code, what was cut is sent
# again and does nothing twice. The owner of the directory is one that behaves as it is told.
. "$(dirname "$0")/lib.sh"

helper fakehub >/dev/null
D=$T/data

# hub ACTION…: the answers to the next requests; HUB is its pid.
hub()
{
	[ -z "${HUB:-}" ] || { kill "$HUB"; wait "$HUB" 2>/dev/null; }
	rm -rf "$D"
	start hub fakehub "$D" "$@"
	HUB=$PID
	until_true 5 test -S "$D/skalds.sock" || echo "Bail out! no hub"
}

# asked: what arrived, one request a line
asked()
{
	cat "$T/hub.out"
}

t()
{
	sk SKALDS_DATA="$D" "$@"
}

added='201:{"items":[{"id":"x1","created":true}]}'

# ---- adding ----

hub "$added"
t task add Sleep seconds=1 --id x1 --label a=b --timeout 90s --retries 4 --priority 3 --after p,q
is "add prints the id alone" "$code:$out:$err" "0:x1:"
body=$(asked | sed 's/^POST .v1.tasks //')
is "what was asked for is in the request" "$(for p in id className attachments.seconds labels.a \
	timeoutSeconds maxAttempts priority dependencies.1 source; do json $p "$body"; done | tr '\n' ' ')" \
	"x1 Sleep 1.0 b 90 5 3 q CLI "
hub "$added"
t task add Sleep seconds=1
is "without --id the client makes one" "$(json id "$(asked | sed 's/^POST .v1.tasks //')" | grep -Ec '^[0-9a-z]{26}$')" 1
hub "$added"
t task add --json Sleep seconds=1
is "add --json" "$code:$out" '0:{"id":"x1"}'
hub '201:{"items":[{"id":"x1","created":false}]}'
t task add Sleep seconds=1 --id x1
is "a task that was there is no error" "$code:$out:$err" "0:x1:skalds task add: x1 was there already"
t task add -q Sleep seconds=1 --id x1
is "and not spoken of with --quiet" "$code:$out:$err" "0:x1:"
hub "$added"
(cd "$T" && SKALDS_DATA=$D "$SKALDS" task add -- ./run.sh 'two words' >/dev/null)
body=$(asked | sed 's/^POST .v1.tasks //')
is "a command is Exec, here" "$(for p in className attachments.command.0 attachments.command.1 cwd; do
	json $p "$body"; done | tr '\n' '|')" "Exec|./run.sh|two words|$T|"
hub "$added"
t task add Sleep seconds=1 --env A=1 --env B=two=2 --require site=x --resources cpus=1.5,memoryMb=64 \
	--array 1-9 --unique u --delay 5m --after-any z --backoff 2 --max-backoff 1m --grace 500ms --user nobody \
	--cwd sub --on-disconnect continue --name n --description d
body=$(asked | sed 's/^POST .v1.tasks //')
is "the other flags" "$(for p in env.A env.B resources.labels.site resources.cpus resources.memoryMb array \
	uniqueKey delaySeconds dependencies.0 dependencyPolicy backoffSeconds maxBackoffSeconds graceSeconds user \
	cwd onDisconnect name description; do json $p "$body"; done | tr '\n' ' ')" \
	"1 two=2 x 1.5 64 1-9 u 300 z run 2 60 0.5 nobody $T/sub continue n d "
hub "$added"
sk SKALDS_DATA="$D" SHOWN=yes PATH=/bin task add Sleep seconds=1 --pass-env SHOWN,PATH --env PATH=/own
body=$(asked | sed 's/^POST .v1.tasks //')
is "variables are passed on, --env goes before them" "$(json env.SHOWN "$body"):$(json env.PATH "$body")" "yes:/own"

# ---- cut, gone, starting ----

hub cut cut "$added"
t task add Sleep seconds=1 --id x1
is "an add that was cut is sent again" "$code:$out:$err" "0:x1:"
is "three times the same request" "$(asked | sort -u | wc -l):$(asked | wc -l)" "1:3"
hub cut "$added"
t task add Sleep seconds=1
is "with the same id that the client made" "$(asked | sort -u | wc -l):$(asked | wc -l)" "1:2"
hub gone "$added"
t task add Sleep seconds=1 --id x1
is "a hub that is away for a moment is waited for" "$code:$out:$err" "0:x1:"
hub '503:{"error":{"code":"unavailable","message":"starting"}}' '503:{}' "$added"
t task add Sleep seconds=1 --id x1
is "one that is starting too" "$code:$out:$err:$(asked | wc -l)" "0:x1::3"
hub cut '201:{"items":[{"id":"x1","created":false}]}'
t task add Sleep seconds=1 --id x1
is "what the first one had stored is not spoken of" "$code:$out:$err" "0:x1:"
hub cut '409:{"error":{"code":"conflict","message":"it is Cancelled"}}' \
	'200:{"id":"x1","phase":"Cancelled","wanted":"cancel"}'
t task cancel x1
is "a cancel that was cut but had its effect is done" "$code:$err" "0:"
hub '409:{"error":{"code":"conflict","message":"it is Finished"}}'
t task cancel x1
is "one that was refused at once is not" "$code:$err" "1:skalds task cancel: it is Finished"
hub cut '404:{"error":{"code":"not-found","message":"no such task"}}'
t task delete x1
is "a delete that was cut but had its effect is done" "$code:$err" "0:"

# ---- errors ----

# is_code STATUS EXIT
is_code()
{
	hub "$1:{\"error\":{\"code\":\"x\",\"message\":\"the sentence\",\"problems\":[]}}"
	t task get x1
	is "status $1 is exit $2 with its sentence" "$code:$out:$err" "$2::skalds task get: the sentence"
}
is_code 404 3
is_code 400 2
is_code 405 2
is_code 413 2
is_code 422 2
is_code 409 1
is_code 403 1
is_code 500 74
is_code 507 74
is_code 504 69
hub '422:{"error":{"code":"invalid","message":"m","problems":[{"line":0,"path":"a.b","message":"one"},{"line":0,"path":"","message":"two"}]}}'
t task add Sleep seconds=1
is "each problem is a line" "$code:$err" "2:skalds task add: a.b: one
skalds task add: two"
hub '502:<html>bad gateway</html>'
t task get x1
is "what is no JSON is told by its status" "$code:$err" "69:skalds task get: the answer was HTTP status 502"
hub '200:<html>'
t task get x1
like "an answer that is no JSON" "$code:$err" '^125:skalds task get: the answer cannot be read'
hub $'422:{"error":{"code":"invalid","message":"\\u001b[31mred\\nline"}}'
t task get x1
is "an answer does not steer the terminal" "$err" "skalds task get: ?[31mred?line"
hub '200:{"id":"x1"}' '404:{"error":{"message":"no x2"}}' '200:{"id":"x3"}'
t task get x1 x2 x3 --json
is "of several all are tried, the worst code counts" "$code:$out:$err" \
	'3:{"items":[{"id":"x1"},{"id":"x3"}],"next":null}:skalds task get: no x2'

# ---- files ----

for i in 1 2 3 4; do
	echo "{\"className\":\"Sleep\",\"attachments\":{\"seconds\":$i}$([ $i != 3 ] || echo ",\"id\":\"mine\"")}"
done >"$T/four.jsonl"
hub cut '201:{"ids":["a","b","mine","d"],"created":4,"existing":0}'
t task add --file "$T/four.jsonl"
is "a file's ids, one a line" "$code:$(tr '\n' ' ' <<<"$out"):$err" "0:a b mine d :"
is "the piece that was cut is sent again as it was" "$(asked | sort -u | wc -l):$(asked | wc -l)" "1:2"
lines=$(asked | head -n 1 | sed 's/^POST .v1.tasks //' | tr '|' '\n')
is "every task has an id, the given one stays" \
	"$(grep -Ec '"id":"[0-9a-z]{26}"' <<<"$lines"):$(sed -n 3p <<<"$lines" | grep -o '"id":"[^"]*"')" '3:"id":"mine"'
hub '201:{"ids":["a","b","mine","d"],"created":0,"existing":4}'
t task add --file "$T/four.jsonl" --idempotency-key k
first=$(asked)
hub '201:{"ids":["a","b","mine","d"],"created":0,"existing":4}'
(cd "$T" && SKALDS_DATA=$D "$SKALDS" task add --file - --idempotency-key k <four.jsonl >/dev/null 2>&1)
is "a key makes the same ids each time" "$(asked)" "$first"
t task add --file "$T/four.jsonl" --idempotency-key k
is "what was there already is counted" "$code:$err" "0:skalds task add: 4 of them were there already"
(cd "$T" && SKALDS_DATA=$D "$SKALDS" task add --file four.jsonl --idempotency-key other >/dev/null 2>&1)
is "another key makes others" "$(asked | tail -n 1 | grep -cxF "$first")" 0
hub '409:{"error":{"code":"conflict","message":"x","problems":[{"line":2,"path":"id","message":"there is another"}]}}'
t task add --file "$T/four.jsonl"
is "a refusal names the line of the file" "$code:$out:$(sed "s,$T/,," <<<"$err")" \
	"1::skalds task add: four.jsonl:2: id: there is another
skalds task add: 0 of 4 tasks are stored"
hub '507:{"error":{"code":"no-space","message":"the disk is full"}}'
t task add --file "$T/four.jsonl"
is "a full disk is 74" "$code:$err" "74:skalds task add: the disk is full
skalds task add: 0 of 4 tasks are stored"
(sed -n 1p "$T/four.jsonl"; echo bad; sed -n 2,4p "$T/four.jsonl") >"$T/five.jsonl"
hub '201:{"ids":["a","c"],"created":2,"existing":0,"problems":[{"line":2,"path":"id","message":"taken"},{"line":4,"path":"","message":"full"}]}'
t task add --file "$T/five.jsonl" --skip-invalid
is "--skip-invalid stores the others and names both kinds" \
	"$code:$(tr '\n' ' ' <<<"$out"):$(sed "s,$T/,," <<<"$err")" \
	"0:a c :skalds task add: five.jsonl:2: not valid JSON: invalid token
skalds task add: five.jsonl:3: id: taken
skalds task add: five.jsonl:5: full
skalds task add: 3 wrong lines were left out"
seq 1 12001 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":&}}/' >"$T/many.jsonl"
hub '201:{"ids":[],"created":0,"existing":0}'
t task add --file "$T/many.jsonl"
is "many are sent in pieces" "$code:$(asked | wc -l):$(asked | tr '|' '\n' | grep -c className)" "0:7:12001"

(seq 1 150 | sed 's/.*/{"id":"t&","className":"Sleep","attachments":{"seconds":1},"dependencies":["mine"]}/'
	sed -n 2p "$T/four.jsonl") >"$T/ids.jsonl"
sed -i 1d "$T/ids.jsonl"
hub '200:{"id":"mine"}' '200:{"dryRun":true,"valid":100,"problems":[]}' \
	'200:{"dryRun":true,"valid":48,"problems":[{"line":2,"path":"id","message":"taken"}]}'
t task add --file "$T/ids.jsonl"
is "what is stored is looked for before anything is sent" "$code:$out:$(sed "s,$T/,," <<<"$err")" \
	"1::skalds task add: ids.jsonl:102: id: taken
skalds task add: 1 of 150 lines are wrong; nothing was stored"
is "a hundred lines at once, those without an id or unique key are not" \
	"$(asked | sed 's/ {.*//' | sort | uniq -c | tr -s ' ' | tr '\n' ';'):$(asked | tr '|' '\n' | grep -c className)" \
	" 1 GET /v1/tasks/mine ; 2 POST /v1/tasks?dry_run=1&skip_invalid=1&part=1;:149"
hub '200:{"id":"mine"}' '200:{"dryRun":true,"valid":99,"problems":[{"line":1,"path":"id","message":"taken"}]}' \
	'200:{"dryRun":true,"valid":49,"problems":[]}' '201:{"ids":["x"],"created":149,"existing":0,"problems":[]}'
t task add --file "$T/ids.jsonl" --skip-invalid
is "--skip-invalid: what is in the way is not sent" "$code:$(asked | tail -n 1 | tr '|' '\n' | grep -c className)" "0:149"

# ---- over TCP ----

start tcp fakehub "tcp:$T/port" '200:{"items":[{"id":"there"}],"next":null}' '401:{"error":{"code":"x","message":"no"}}' \
	'201:{"items":[{"id":"x1","created":true}]}'
until_true 5 test -s "$T/port"
url=http://127.0.0.1:$(cat "$T/port")
echo planted-token >"$T/token"
sk SKALDS_DATA="$D" SKALDS_URL="$url" --token-file "$T/token" task list --json
is "SKALDS_URL goes over TCP, with the token" "$code:$out:$(cat "$T/tcp.out")" \
	'0:{"items":[{"id":"there"}],"next":null}:[Bearer planted-token] GET /v1/tasks?limit=50 '
sk task list --url "$url"
is "without one it is said what is missing" "$code:$err" \
	"1:skalds task list: $url wants a token: set SKALDS_TOKEN, or name its file with --token-file"
(cd "$T" && SKALDS_TOKEN=planted-token "$SKALDS" --url "$url/" task add -- ./x >/dev/null)
is "no working directory goes to another machine" "$(tail -n 1 "$T/tcp.out" | grep -c cwd)" 0
sk task get x --url http://user:planted-secret@127.0.0.1:1
unlike "what is secret in a URL is not said" "$err" planted-secret
hub '200:{"items":[],"next":null}'
sk SKALDS_URL=http://127.0.0.1:1 --data "$D" task list --json
is "--data goes before SKALDS_URL" "$code:$out" '0:{"items":[],"next":null}'

# ---- nobody answers ----

hub hang
start waiting env SKALDS_DATA="$D" "$SKALDS" task add Sleep seconds=1
ended "$PID" 1
is "a hub that hangs is waited for" "$CODE" running
kill "$PID"
kill -STOP "$HUB"
t __complete -- task get x
is "a completion does not wait, and says nothing" "$code:$out:$err" "0::"
{ kill -KILL "$HUB"; wait "$HUB"; } 2>/dev/null
HUB=
rm -rf "$D"
for c in "task list" "task get x" "task cancel x" "task wait x" "status" "skald list"; do
	# shellcheck disable=SC2086
	t $c
	is "$c: nothing is running and nothing was ever stored: 69, and what to do" "$code:$out:$err" \
		"69::skalds ${c% x}: nothing is running, and there are no tasks in $D yet: start \`skalds up\`"
done
check "and nothing was made" test ! -e "$D"
mkdir -m 700 "$D"
start held flock "$D/owner.lock" sleep 60
until_true 5 test -e "$D/owner.lock"
SECONDS=0
t task list
like "an owner that cannot be reached: 69 after a while" "$code:$err" '^69:skalds task list: .'
at_least "it was tried for some seconds" "$SECONDS" 8
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$T" && mkdir -m 700 "$T/closed"
	# where everybody may run it: a checkout may be in a home that is closed
	public=$(mktemp -d /tmp/sk-public.XXXXXX)
	at_exit "rm -rf $public"
	chmod 755 "$public" && cp "$SKALDS" "$public/skalds"
	out=$(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups env -i SKALDS_DATA="$T/closed" "$public/skalds" task list 2>&1)
	is "a directory of somebody else, without an owner that answers: 69" "$?:$out" \
		"69:skalds task list: nobody answers at $T/closed/skalds.sock, and $T/closed is not yours to open"
else
	skip "a directory of somebody else" "needs root and setpriv"
fi
sk task list --url http://127.0.0.1:1
like "no controller there: 69" "$code:$err" '^69:skalds task list: '
# ---- the output of what runs on another machine ----

hub '200+Skalds-Gap: 997:the end' '200:'
t task logs x1
is "logs tell what is missing at the beginning" "$code:$out:$err" \
	"0:the end:skalds task logs: 997 bytes of the output of attempt 0 are missing here"
hub '200+Skalds-Gap: unknown:the end' '200:'
t task logs x1
is "also when nobody knows how much" "$code:$out:$err" \
	"0:the end:skalds task logs: the first bytes of the output of attempt 0 are missing"

finish
