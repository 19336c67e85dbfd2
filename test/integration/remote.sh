#!/usr/bin/env bash
# What is typed against a URL prints the same and exits the same as on the machine itself.
. "$(dirname "$0")/../up_lib.sh"

up --listen 127.0.0.1:0 --slots 2
URL=$(events up.out event=ready -- url)
like "the ready line tells the URL" "$URL" '^http://127\.0\.0\.1:[1-9][0-9]*$'
TOKEN_FILE=$T/token

# Ids, times, pids, ages and places are other ones each time.
mask()
{
	sed -E -e 's/\b[0-9a-hjkmnp-tv-z]{26}\b/ID/g' -e 's/[0-9]{13}/MS/g' -e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?/TIME/g' \
		-e 's/"(uptimeMs|oldestWaitingMs|endedLastMinute|seen|seq|cpus|memoryMb)":-?[0-9.]+/"\1":N/g' \
		-e 's/^(skalds +[^,]*, for) .*/\1 AGE/' -e 's/^rate .*/rate/' -e 's/[0-9.]+ ?(ms|s|m)\b/AGE/g' \
		-e "s|$T/data|PLACE|g" -e "s|$URL|PLACE|g" -e 's/ +/ /g' -e 's/"cwd":"[^"]*"/"cwd":null/g' \
		-e 's/,"cwd":null//g' \
		-e '/^cwd /d' -e 's/"load":\{[^}]*\}/"load":null/g' -e 's/^( *[0-9]+ [^ ]+ [0-9-]+ TIME) .* (exited)/\1 \2/'
}

# One line a command: what it is called, its code, its output, its errors.
say()
{
	local name=$1
	shift
	"$SKALDS" "$@" >"$T/.out" 2>"$T/.err" </dev/null
	echo "== $name: $?"
	mask <"$T/.out"
	sed 's/^/! /' "$T/.err" | mask
}

# Everything a person types, on tasks of its own.
session()
{
	local p=$1 id
	"$SKALDS" task add --id "$p-one" --retries 0 -- sh -c 'echo out; echo err >&2; exit 3' >/dev/null
	"$SKALDS" task wait "$p-one" >/dev/null 2>&1
	say 'wait, its code' task wait "$p-one"
	say get task get "$p-one"
	say 'get --json' task get "$p-one" --json
	say logs task logs "$p-one"
	say 'logs -f' task logs -f "$p-one"
	say 'logs --json' task logs "$p-one" --json
	say 'logs, no such attempt' task logs "$p-one" --attempt 9
	say 'add, prints an id' task add Noop
	say 'add --json' task add Noop --json
	say 'add --wait' task add --wait --retries 0 -- sh -c 'exit 7'
	say 'add --wait --json' task add --wait --json Noop
	say 'add, wrong attachment' task add Sleep seconds=x
	say 'add, no such class' task add Nothing
	say 'add twice' task add --id "$p-one" -- true
	say 'list by label' task list --label "p=$p"
	say 'list, wrong state' task list --state Bogus
	say 'get, none' task get "$p-none"
	say 'wait, none' task wait "$p-none"
	say 'logs, none' task logs "$p-none"
	say 'cancel, none' task cancel "$p-none"
	"$SKALDS" task add --id "$p-two" --label "p=$p" Sleep seconds=1000 >/dev/null
	wait_for Running "$p-two"
	say pause task pause "$p-two"
	wait_for Paused "$p-two"
	say list task list --label "p=$p"
	say resume task resume "$p-two"
	wait_for Running "$p-two"
	say 'wait --timeout' task wait --timeout 0.2 "$p-two"
	say update task update "$p-two" seconds=900
	say cancel task cancel "$p-two"
	wait_for Cancelled "$p-two"
	say 'watch, ended' task watch "$p-two"
	say 'cancel again' task cancel "$p-two"
	say retry task retry "$p-two"
	wait_for Running "$p-two"
	say 'cancel --json' task cancel --json "$p-two"
	wait_for Cancelled "$p-two"
	say delete task delete "$p-two"
	say 'delete again' task delete "$p-two"
	printf '{"id":"%s-b%d","className":"Noop"}\n' "$p" 1 "$p" 2 "$p" 3 >bulk.jsonl
	say 'add --file' task add --file bulk.jsonl --wait
	say 'add --file again' task add --file bulk.jsonl
	printf '{"className":"Noop"}\n{"className":"Nope"}\n' >bad.jsonl
	say 'add --file, wrong line' task add --file bad.jsonl
	say 'skald list' skald list
	id=$("$SKALDS" skald list --json | events /dev/stdin -- items.0.id)
	say 'skald drain' skald drain "$id"
	say 'skald list --json' skald list --json
	say 'skald undrain' skald undrain "$id"
	say 'skald, none' skald drain none
	say status status
	say 'status --json' status --json
	say backup backup "$T/$p.db"
	say 'wrong flag' task list --bogus
}

# The same numbers of tasks on both sides: those of the first session are deleted before the second.
session a >here.txt
"$SKALDS" task delete --state ended --all --yes -q >/dev/null 2>&1
is "nothing of the first session is left" "$("$SKALDS" task list --json)" '{"items":[],"next":null}'
HERE_DATA=$SKALDS_DATA
export SKALDS_URL=$URL
unset SKALDS_DATA
session b >there.txt
sed 's/\bb-/a-/g; s/p=b\b/p=a/g; s/"p":"b"/"p":"a"/g; s|/b\.db|/a.db|g' there.txt >there2.txt
is "every command printed and exited the same over the network" "$(diff here.txt there2.txt)" ""
at_least "of many commands" "$(grep -c '^==' here.txt)" 40
like "codes are those of tasks" "$(grep -A1 'wait, its code' here.txt)" ': 3'

# ---- with a token ----

reloaded()
{
	[ "$(grep -c 'tokens were read again' up.err)" = "$1" ]
}

"$SKALDS" token new reader --role read --data "$HERE_DATA" -q >reader
"$SKALDS" token new writer --role write --data "$HERE_DATA" -q >writer
"$SKALDS" token new boss --role admin --data "$HERE_DATA" -q >"$TOKEN_FILE"
kill -HUP "$UP"
until_true 5 reloaded 1

# tried WORDS…: code and error of a command
tried()
{
	"$SKALDS" "$@" >"$T/.out" 2>"$T/.err"
	echo "$?: $(cat "$T/.err")"
}

is "without a token it is said how to give one" "$(tried status)" \
	"1: skalds status: $URL wants a token: set SKALDS_TOKEN, or name its file with --token-file"
is "a wrong one is told apart" "$(SKALDS_TOKEN=skt_wrong tried status)" \
	"1: skalds status: this token is not known here"
is "a truncated one too" "$(SKALDS_TOKEN=$(cut -c1-46 writer) tried status)" \
	"1: skalds status: this token is not known here"
is "a reader reads" "$(tried status --token-file reader)" "0: "
is "a reader does not write" "$(tried task add Noop --token-file reader)" \
	"1: skalds task add: reader has the role read, and this needs the role write"
is "a writer writes" "$(SKALDS_TOKEN=$(cat writer) tried task add Noop)" "0: "
is "a writer does not drain" "$(tried skald drain x --token-file writer)" \
	"1: skalds skald drain: writer has the role write, and this needs the role admin"
is "whoever has the role admin may" "$(tried skald drain x --token-file "$TOKEN_FILE")" \
	"3: skalds skald drain: there is no skald \"x\""
is "the socket needs none" "$(SKALDS_URL='' tried status --data "$HERE_DATA")" "0: "
is "a token is no argument" "$(tried status --token x | head -n 1)" \
	"2: skalds status: unknown flag --token"
"$SKALDS" token remove reader --data "$HERE_DATA" -q
kill -HUP "$UP"
until_true 5 reloaded 2
is "a token that was removed is refused" "$(tried status --token-file reader)" \
	"1: skalds status: this token is not known here"
unset SKALDS_URL
export SKALDS_DATA=$HERE_DATA
down
is "up ends well" "$CODE" 0
unlike "no token is in the log" "$(cat up.err)" "skt_|$(cat reader writer "$TOKEN_FILE" | paste -sd'|')"
finish
