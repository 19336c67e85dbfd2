#!/usr/bin/env bash
# Output: caps per task and in total, and a reader that stops reading.
. "$(dirname "$0")/../lib.sh"
helper spam >/dev/null
helper die >/dev/null
big=$(rounds 256 4096)

bytes_in()
{
	du -sb "$@" 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

# ---- a cap per task ----
new_file f.yml
task f.yml spam Exec "{command: [$BIN/spam, \"$big\", line], outputLimit: 100000}"
task f.yml quiet Exec '{command: [/bin/echo, a quiet word], outputLimit: 100000}'
start edge "$SKALDS" edge -f f.yml --once
ended "$PID" $((30 + big / 20))
is "a task that writes $big MiB ends with its own code" "$CODE" 0
at_most "what is passed on stays near outputLimit (100,000 bytes)" \
	"$(grep -ho 'line [0-9]* .*' edge.out edge.err | wc -c)" 110000
like "it is said that output was left out" "$(grep -v 'line [0-9]' edge.out edge.err)" \
	'(limit|cap|dropped|left out|discard|truncat|suppress|omit)'
like "another task's output is there" "$(cat edge.out edge.err)" 'a quiet word'

# The beginning and the end are both worth keeping; the beginning is the least.
check "the first line is kept" grep -q 'line 0 ' edge.out edge.err

# ---- in files ----
mkdir -p logs data
new_file f.yml
for i in 1 2 3 4; do
	task f.yml "s$i" Exec "{command: [$BIN/spam, \"64\", line], outputLimit: 1000000}"
done
LOG_PATH=$T/logs start edge "$SKALDS" edge -f f.yml --once
ended "$PID" 60
is "four tasks that write 64 MiB each into LOG_PATH end well" "$CODE" 0
kept=$(cat logs/* | grep -o 'line [0-9]* [.]*' | wc -c)
at_least "its files hold most of what four caps of 1,000,000 bytes allow" "$kept" 3500000
at_most "and no more" "$kept" 4010000
start edge "$SKALDS" edge -f f.yml --once --data "$T/data"
ended "$PID" 60
is "the same with --data" "$CODE" 0
at_most "the data directory stays within the caps" "$(bytes_in data)" 4500000
at_least "and has the beginning of each task" "$(grep -rl 'line 0 ' data | wc -l)" 4

# Without outputLimit there is a cap too, per task and in total.
rm -rf data
mkdir data
new_file f.yml
for i in $(seq 8); do
	task f.yml "s$i" Exec "{command: [$BIN/spam, \"$(rounds 128 512)\", line]}"
done
start edge "$SKALDS" edge -f f.yml --once --data "$T/data"
ended "$PID" 120
is "eight tasks without outputLimit end well" "$CODE" 0
at_least "something is kept of each" "$(find data -type f -size +1M | wc -l)" 8
at_most "the usual cap holds (30 MiB and a little for each)" "$(bytes_in data)" $((8 * 32 * 1024 * 1024))

# ---- odd bytes ----
new_file f.yml
task f.yml bytes Exec "{command: [$BIN/spam, \"1\", bytes]}"
task f.yml nul Exec "{command: [$BIN/spam, \"1\", nul]}"
task f.yml long Exec "{command: [$BIN/spam, \"4\", long]}"
task f.yml half Exec "{command: [/usr/bin/printf, no newline at the end]}"
"$SKALDS" edge -f f.yml --once --json >odd.out 2>odd.err </dev/null
is "random bytes, zero bytes, one line of 4 MiB: all tasks end well" "$?" 0
check "and every event is still one line of JSON" events odd.out -- event
like "a last line without its newline is there" "$(cat odd.out odd.err)" 'no newline at the end'
check "plain output of the same is fine" "$SKALDS" edge -f f.yml --once

# ---- a program that writes after its output was closed by nobody: the pipe stays open ----
new_file f.yml
program f.yml heir '/bin/sh, -c, "sleep 1000 & echo parent ends; exit 4"'
start edge "$SKALDS" edge -f f.yml --once --json
ended "$PID" 15
is "a child that keeps the output pipe open does not keep the task alive" \
	"$(events edge.out event=failed -- exit.reason exit.code)" "exited	4"

# ---- readers that stop reading ----
# stuck NAME FLAGS…: edge writes into a pipe that nobody reads.
stuck()
{
	local what=$1
	shift
	new_file f.yml
	program f.yml spam "$BIN/spam, \"32\", line"
	program f.yml ticker '/bin/sh, -c, "i=0; while :; do i=$((i+1)); echo $i >ticks; sleep 0.1; done"'
	rm -f pipe ticks
	mkfifo pipe
	sleep 1000 <pipe &
	reader=$!
	started_pids+=("$reader")
	"$SKALDS" edge -f f.yml "$@" >pipe 2>stuck.err </dev/null &
	PID=$!
	started_pids+=("$PID")
	until_true 10 test -s ticks
	sleep 2
	before=$(cat ticks)
	sleep 3
	at_least "$what: tasks go on though nobody reads" $(($(cat ticks) - before)) 15
	kill -TERM "$PID"
	ended "$PID" 20
	is "$what: edge still obeys SIGTERM and drains with 0" "$CODE" 0
	kill "$reader"
	wait "$reader" 2>/dev/null
}
stuck "a reader of stdout that stops (lines)"
stuck "a reader of stdout that stops (--json)" --json

# A reader that goes away.
new_file f.yml
program f.yml count '/bin/sh, -c, "for i in 1 2 3 4 5 6 7 8 9; do echo tick $i; sleep 0.1; done; echo done >count.txt"'
rm -f count.txt
"$SKALDS" edge -f f.yml --once 2>gone.err </dev/null | head -n 1 >/dev/null
check "a reader that goes away: the task still comes to its end" until_true 10 test -s count.txt

# run-one passes everything on, in order and whole, when the reader is slow.
"$SKALDS" run-one -- "$BIN/spam" 8 line 2>/dev/null </dev/null | { sleep 1; cksum; } >slow.sum
"$BIN/spam" 8 line 2>/dev/null | cksum >plain.sum
is "run-one passes 8 MiB through a slow reader unchanged" "$(cat slow.sum)" "$(cat plain.sum)"
# Who ends while nobody reads leaves its pipes to the next, who must be read from again. Long lines, so that what they
# write brings no other pause.
new_file f.yml
task f.yml flood Exec '{command: [/bin/sh, -c, "seq 25000; sleep 8"]}'
for i in 1 2 3 4; do
	task f.yml "ends$i" Exec '{command: [/bin/sh, -c, "echo one; sleep 1.5"]}'
done
for i in 1 2 3 4; do
	task f.yml "next$i" Exec '{command: [/bin/sh, -c, "head -c 100000 /dev/zero | base64 -w 0; echo; echo whole"]}' \
		"dependencies: [ends$i]"
done
timeout 20 "$SKALDS" edge -f f.yml --slots 5 --once 2>&1 | { sleep 4; cat; } >late.out
is "tasks that get the pipes of those that ended while nobody read come to their end" "${PIPESTATUS[0]}" 0
is "and their output is there" "$(grep -c 'task=next. .*whole' late.out)" 4
finish
