#!/bin/bash
# Bad input to the arguments of task, skald, status and backup: one clear sentence, exit 2, nothing
# stored and nothing made. The door is never reached, so nothing needs to run.
. "$(dirname "$0")/lib.sh"

D=$T/data

# bad 'SENTENCE (regex)' ARGUMENTS…
bad()
{
	local want=$1 name
	shift
	name=$(tr -c '[:print:]' '?' <<<"$*" | cut -c1-100)
	sk SKALDS_DATA="$D" "$@"
	if [ "$code" = 2 ] && [ -z "$out" ] && grep -Eq -- "$want" <<<"$err" && [ ! -e "$D" ]; then
		pass "$name -> $want"
	else
		fail "$name -> $want" "exit $code, stdout: $out, stderr: $err, $(ls -d "$D" 2>/dev/null)"
	fi
	grep -q $'\e' <<<"$err" && fail "$name: an escape reaches the terminal"
}

# ---- what is to be added ----

bad 'what shall run\? Give CLASS' task add
bad 'className: unknown class "Sleap", did you mean "Sleep"\?' task add Sleap seconds=1
bad 'className: unknown class "sleep", did you mean "Sleep"\?' task add sleep seconds=1
bad 'className: unknown class "zzzzzzzz"' task add zzzzzzzz
bad 'class: the value is not valid UTF-8' task add $'\xff'
bad 'a command is missing behind --' task add --
bad 'a class and a command behind -- exclude each other' task add Sleep -- true
bad 'attachments: the first word names the program|command: the first word names the program' task add -- ''
bad 'word 2 of the command is not valid UTF-8' task add -- echo $'a\xffb'
bad 'unknown flag --secnds' task add Sleep --secnds=1

# ---- key=value ----

bad 'attachments: missing key "seconds" \(number\)' task add Sleep
bad 'attachments.seconds: expected number, got "ten"' task add Sleep seconds=ten
bad 'attachments.seconds: expected number, got ""' task add Sleep seconds=
bad 'attachments.seconds: expected number, got "0x10"' task add Sleep seconds=0x10
bad 'attachments.seconds: expected number, got "nan"' task add Sleep seconds=nan
bad 'attachments.seconds: must be 0 to 1000000000, got -1' task add Sleep seconds=-1
bad 'attachments.secnds: unknown key, did you mean "seconds"\?' task add Sleep secnds=1
bad 'attachments.seconds: it is given twice' task add Sleep seconds=1 seconds=2
bad 'expected key=value, got "seconds"' task add Sleep seconds
bad '"=1" names no attachment' task add Sleep =1
bad 'attachments.seconds.x: seconds is a number and has no members' task add Sleep seconds.x=1
bad 'attachments.fixFrame: expected integer, got "1.5"' task add MyWorker rtspUrl=x fixFrame=1.5
bad 'attachments.fixFrame: expected integer, got "9223372036854775808"' \
	task add MyWorker rtspUrl=x fixFrame=9223372036854775808
bad 'attachments.rtspUrl: ' task add MyWorker rtspUrl= fixFrame=1
bad 'attachments.rtspUrl: this is not valid UTF-8' task add MyWorker rtspUrl=$'\xff' fixFrame=1
bad 'attachments.command.*: not valid JSON' task add Exec 'command=["a"'
bad 'attachments: command and script exclude each other' task add Exec command=a script=b
bad 'expected key=value, got "\?\[31m|expected key=value' task add Sleep $'\e[31m'

# ---- --attachments ----

bad '--attachments: not valid JSON' task add Sleep --attachments '{'
bad '--attachments: expected a JSON object, got a list' task add Sleep --attachments '[]'
bad '--attachments: .*nope: No such file' task add Sleep --attachments "@$T/nope"
bad '--attachments: not valid JSON|--attachments: ' task add Sleep --attachments -
bad 'attachments.seconds: expected number, got true' task add Sleep --attachments '{"seconds":true}'
bad '--attachments: .*twice|--attachments: ' task add Sleep --attachments '{"seconds":1,"seconds":2}'
bad '--attachments and a command exclude each other' task add --attachments '{}' -- true

# ---- the other flags of add ----

s='task add Sleep seconds=1'
bad 'id: ' $s --id 'a/b'
bad 'id: ' $s --id 'a*'
bad 'id: ' $s --id=-a
bad '--id: the value is empty' $s --id ''
bad 'id: ' $s --id "$(printf 'a%.0s' {1..256})"
bad 'id: .*control' $s --id $'a\nb'
bad '--id: the value is not valid UTF-8' $s --id $'\xff'
sk task add --help
like "--array: the help says how an element learns its index" "$out" 'array RANGES .*SKALDS_TASK_INDEX'
bad '--id and --idempotency-key exclude each other' $s --id a --idempotency-key b
bad '--idempotency-key: the key is empty' $s --idempotency-key ''
bad '--name: the value is not valid UTF-8' $s --name $'\xff'
bad '--priority: expected a whole number, got "high"' $s --priority high
bad 'priority: must be 0 to 10, got 11' $s --priority 11
bad '--priority: expected a whole number, got "-1"' $s --priority -1
bad '--priority: expected a whole number, got "1.5"' $s --priority 1.5
bad '--after: an id is empty' $s --after ''
bad '--after: an id is empty' $s --after a,,b
bad 'dependencies: "a" is named twice' $s --after a,a
bad 'dependencies: the task cannot depend on itself' $s --id me --after me
bad '--after and --after-any exclude each other' $s --after a --after-any b
bad '--label: expected NAME=VALUE, got "a"' $s --label a
bad '--label: expected NAME=VALUE, got "=b"' $s --label =b
bad '--label: "a" is given twice' $s --label a=1 --label a=2
for flag in timeout grace backoff max-backoff delay; do
	bad "--$flag: expected a duration such as 90s, 5m or 2h, got \"soon\"" $s --$flag soon
	bad "--$flag: expected a duration such as 90s, 5m or 2h, got \"-1\"" $s --$flag -1
	bad "--$flag: expected a duration such as 90s, 5m or 2h, got \"\"" $s --$flag ''
done
bad 'timeoutSeconds: ' $s --timeout 900y
bad '--retries: expected a whole number, got "many"' $s --retries many
bad 'maxAttempts: |--retries: ' $s --retries 1000001
bad 'array: ' $s --array 5-1
bad 'array: ' $s --array a
bad 'array: ' $s --array 1-99999999999
bad '--array: the value is empty' $s --array ''
bad '--unique: the value is empty' $s --unique ''
bad '--deadline: expected a time such as .*, got "soon"' $s --deadline soon
bad '--deadline: "2001-01-01" has passed already' $s --deadline 2001-01-01
bad '--env: expected NAME=VALUE, got "A"' $s --env A
bad 'env.SKALDS_TASK_ID: this variable is set by skalds' $s --env SKALDS_TASK_ID=x
bad '--pass-env: "NOT_THERE" is not set' $s --pass-env NOT_THERE
bad '--resources: no resource "cpu"; did you mean cpus\?' $s --resources cpu=1
bad '--resources: cpus: expected a number, got "all"' $s --resources cpus=all
bad '--resources: memoryMb: expected a whole number, got "1.5"' $s --resources memoryMb=1.5
bad '--resources: cpus: expected a number, got ""' $s --resources cpus
bad '--resources: no resource ""' $s --resources cpus=1,
bad '--require: expected NAME=VALUE, got "a"' $s --require a
bad '--on-disconnect: expected one of stop, continue, got "wait"' $s --on-disconnect wait
bad '--cwd: the directory is empty' $s --cwd ''
bad '--skip-invalid needs --file' $s --skip-invalid
bad '--timeout needs a value' $s --timeout

# Several mistakes are said in one go.
sk SKALDS_DATA="$D" task add Sleep seconds=1 --timeout soon --retries x --label y
is "three mistakes, three lines" "$code:$(wc -l <<<"$err")" "2:3"

# ---- files of tasks ----

bad 'nope: No such file or directory' task add --file "$T/nope"
bad 'Is a directory' task add --file "$T"
echo '{"className":"Sleep","attachments":{"seconds":1}}' >"$T/good.jsonl"
bad '--file and a task of the command line exclude each other' task add Sleep --file "$T/good.jsonl"
bad '--file and a task of the command line exclude each other' task add --file "$T/good.jsonl" -- true
bad '--label does not go with --file: say it in its lines' task add --file "$T/good.jsonl" --label a=b
bad '--wait, --json and --file do not go together' task add --file "$T/good.jsonl" --wait --json

cat >"$T/bad.jsonl" <<'X'
{"className":"Sleep","attachments":{"seconds":1},"id":"one"}

{"className":"Sleep","attachments":{"seconds":"x"}}
[1, 2]
{"className":"Sleep"
{"className":"Sleep","attachments":{"seconds":1},"id":"one"}
{"className":"Sleep","attachments":{"seconds":1},"priority":11,"timeuotSeconds":3}
"text"
X
bad '' task add --file "$T/bad.jsonl"
said=$(grep -Eo 'bad.jsonl:[0-9]+: .*' <<<"$err" | sed 's/^[^:]*://')
is "every bad line is named by its number" "$(cut -d: -f1 <<<"$said" | uniq | tr '\n' ' ')" "3 4 5 6 7 8 "
like "a wrong attachment" "$said" '^3: attachments.seconds: expected number, got "x"$'
like "no object" "$said" '^4: expected a task \(a map\), got a list$'
like "no JSON" "$said" '^5: not valid JSON'
like "an id that stands twice names the other line" "$said" '^6: id: line 1 has the same id$'
is "two mistakes in one line" "$(grep -c '^7: ' <<<"$said")" 2
like "with a suggestion" "$said" '^7: timeuotSeconds: unknown key, did you mean "timeoutSeconds"\?$'
like "and the sum" "$err" '6 of 7 lines are wrong; nothing was stored$'
printf '\xff\n' >"$T/bytes.jsonl"
bad 'bytes.jsonl:1: ' task add --file "$T/bytes.jsonl"
head -c 5000000 /dev/zero | tr '\0' ' ' >"$T/long.jsonl"
echo '{}' >>"$T/long.jsonl"
bad 'long.jsonl:1: the line has more than 4 MiB' task add --file "$T/long.jsonl"
sk SKALDS_DATA="$D" task add --file "$T/bad.jsonl" --skip-invalid --dry-run
is "--skip-invalid goes on with the others" "$code:$(grep -c 'bad.jsonl:' <<<"$err")" "0:7"
sk SKALDS_DATA="$D" task add --file "$T/good.jsonl" --dry-run
is "--dry-run of a good file says nothing" "$code:$out:$err" "0::"
sk SKALDS_DATA="$D" task add Sleep seconds=1 --dry-run
is "--dry-run of a good task says nothing" "$code:$out:$err" "0::"
check "and makes nothing" test ! -e "$D"

sk SKALDS_DATA="$D" REDIS_PORT=tcp://10.0.0.7:6379 task add Sleep seconds=1 --dry-run
is "a setting that others use may be wrong" "$code:$err" "0:"

# ---- which tasks ----

for verb in list cancel pause resume retry delete; do
	all=()
	[ $verb = list ] || all=(--all --yes)
	bad 'no state "Runing"; did you mean Running\?' task $verb "${all[@]}" --state Runing
	bad 'no state ""' task $verb "${all[@]}" --state Running,
	bad '--older: expected a duration such as 90s, 2h or 3d, got "old"' task $verb "${all[@]}" --older old
	bad '--newer: expected a duration such as 90s, 2h or 3d, got "-1"' task $verb "${all[@]}" --newer -1
	bad '--label is given twice' task $verb "${all[@]}" --label a --label b
	bad '--class: the value is empty' task $verb "${all[@]}" --class ''
	bad '--class: the value is not valid UTF-8' task $verb "${all[@]}" --class $'\xff'
	[ $verb = list ] && continue
	bad 'which task\? Give ids, or --all with filters' task $verb
	bad 'a filter needs --all' task $verb --class Sleep
	bad 'ids and --all exclude each other' task $verb a --all
	bad 'ids and filters exclude each other' task $verb a --class Sleep
	bad '--all needs --yes where nobody can be asked' task $verb --all
	bad 'an id is empty' task $verb a ''
	bad 'it has a control character' task $verb $'a\tb'
	bad 'it has more than 255 bytes' task $verb "$(printf 'a%.0s' {1..256})"
done
bad '--limit: expected a number from 1 to 1000, got "0"' task list --limit 0
bad '--limit: expected a number from 1 to 1000, got "1001"' task list --limit 1001
bad '--limit: expected a number from 1 to 1000, got "x"' task list --limit x
bad '--sort: expected one of created, -created, updated, rank, got "age"' task list --sort age
bad '--watch draws on a terminal' task list --watch
bad 'takes no arguments, got "x"' task list x

# ---- one task ----

for verb in get wait logs watch; do
	bad 'an id is empty' task $verb ''
	bad 'it is not valid UTF-8' task $verb $'\xff'
done
bad 'an argument is missing: ID' task get
bad 'an argument is missing: ID' task wait
bad 'an argument is missing: ID' task logs
bad 'an argument is missing: ID KEY=VALUE' task update x
bad 'an id is empty' task update '' a=b
bad '--timeout: expected a duration such as 90s or 2h, got "q"' task wait x --timeout q
bad '--attempt: expected a number from 1, got "0"' task logs x --attempt 0
bad '--attempt: expected a number from 1, got "-1"' task logs x --attempt -1
bad '--tail: expected a number of bytes, got "all"' task logs x --tail all
bad '--tail: expected a number of bytes, got "0"' task logs x --tail 0
bad 'too many arguments' task logs a b
bad 'unknown verb "lst"; did you mean list\?' task lst

# ---- the others ----

bad 'the id is empty' skald drain ''
bad 'an argument is missing: SKALD' skald undrain
bad 'the name of the file is empty' backup ''
bad 'the name of the file is not valid UTF-8' backup $'\xff'
bad 'an argument is missing: FILE' backup
bad 'takes no arguments' status x
bad 'expected a URL that begins with http:// or https://' --url ftp://x task list
bad 'nope: there is no such file' --token-file "$T/nope" task list
sk --url http://127.0.0.1:9 backup x
like "a relative file name means nothing over there" "$code:$err" '^2:.*give its whole path'
finish
