#!/bin/bash
# What task does on a terminal: questions, the bar, the table that is drawn again, narrow screens.
. "$(dirname "$0")/lib.sh"

helper onpty >/dev/null
export SKALDS_DATA=$T/data
export TERM=xterm

# on COLSxROWS WHEN COMMAND…: sets out (what the terminal got, without its colours and \r) and code
on()
{
	raw=$(timeout 30 onpty "$@" 2>&1)
	code=$?
	out=$(tr -d '\r' <<<"$raw" | sed 's/\x1b\[[0-9;?]*[A-Za-z]/\n/g')
}

y=121,10
n=110,10

"$SKALDS" task add -q Sleep seconds=1 --id one --label k=1 >/dev/null

# ---- questions ----

on 100x30 1:$n "$SKALDS" task cancel --all --label k=1
is "one task alone is not asked about" "$code:$(grep -c 'Go on' <<<"$out")" "0:0"
for i in 1 2 3; do
	"$SKALDS" task add -q Sleep seconds=1 --id "t$i" --label k=2 >/dev/null
done
on 100x30 1:$n "$SKALDS" task cancel --all --label k=2
like "several are" "$out" '3 tasks will be cancelled. Go on\? \[y/N\]'
is "no: exit 1, nothing changed" "$code:$("$SKALDS" task list --state Created --json | grep -o '"id":"t[0-9]"' | wc -l)" "1:3"
on 100x30 1:10 "$SKALDS" task cancel --all --label k=2
is "Enter alone is no" "$code" 1
on 100x30 1:4 "$SKALDS" task cancel --all --label k=2
is "the end of input is no" "$code" 1
on 100x30 1:3 "$SKALDS" task cancel --all --label k=2
is "Ctrl-C is no" "$code:$("$SKALDS" task list --state Created --json | grep -o '"id":"t[0-9]"' | wc -l)" "130:3"
on 100x30 1:$y "$SKALDS" task cancel --all --label k=2
like "yes: done" "$code:$out" '^0:'
is "all of them" "$("$SKALDS" task list --state Cancelled --label k=2 --json | grep -o '"id":"t[0-9]"' | wc -l)" 3
on 100x30 1:$n "$SKALDS" task delete --all --label k=2 --yes
is "--yes does not ask" "$code:$(grep -c 'Go on' <<<"$out")" "0:0"

# ---- tables ----

"$SKALDS" task add -q MyWorker rtspUrl=x fixFrame=1 --id "a-rather-long-id-of-forty-characters-here" >/dev/null
for width in 200 80 70 46; do
	on ${width}x30 5:10 "$SKALDS" task list
	like "$width columns: the id is whole" "$out" 'a-rather-long-id-of-forty-characters-here'
	widest=$(awk '{ if (length($0) > n) n = length($0) } END { print n + 0 }' <<<"$out")
	[ "$width" = 46 ] || at_most "$width columns: no line is wider" "$widest" "$width"
done
on 200x30 5:10 "$SKALDS" task list
is "all columns where there is room" "$(head -n 1 <<<"$out" | xargs)" "ID CLASS STATE SKALD ATTEMPT AGE RUN PROGRESS"

# ---- drawn again ----

on 100x20 2.5:3 "$SKALDS" task list --watch
is "--watch is drawn every second until Ctrl-C" "$code:$(($(grep -c 'Ctrl-C ends' <<<"$out") >= 2))" "130:1"
like "with the table" "$out" '^ID +CLASS'
seq 1 60 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":0}}/' | "$SKALDS" task add -q --file - >/dev/null
on 100x12 1.5:3 "$SKALDS" task list --watch
is "not more than the screen has room for" "$(tr '\33' '\n' <<<"$raw" | grep -a '^\[J' | wc -l) $(($(awk '/Ctrl-C ends/ { if (n > m) m = n; n = 0 } { n++ } END { print m }' <<<"$(grep -av '^$' <<<"$out")") <= 12))" \
	"$(tr '\33' '\n' <<<"$raw" | grep -a '^\[J' | wc -l) 1"

# ---- the bar ----

seq 1 150000 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":0}}/' >"$T/big.jsonl"
on 100x30 25:3 "$SKALDS" task add --file "$T/big.jsonl" --label x
is "a usage error on a terminal" "$code" 2
raw=$(timeout 60 onpty 100x30 50:3 bash -c '"$SKALDS" task add --file big.jsonl >ids' 2>&1)
code=$?
is "a file on a terminal" "$code:$(wc -l <"$T/ids")" "0:150000"
like "shows how far it is" "$raw" '\[#+\.*\] +[0-9]+ %  '
like "and what is left" "$raw" '[0-9,]+ of 150,000 stored, [0-9,]+/s, .* left'
like "and how long it took" "$raw" '150,000 tasks stored in '
on 100x30 20:3 bash -c '"$SKALDS" task add -q --file big.jsonl --dry-run'
unlike "not with --quiet" "$out" '#'
finish
