#!/usr/bin/env bash
# Forged messages and values make nobody start, stop or change a task; what is no message, no value and no document is
# told, counted and passed over; nobody is held up (reliability P24).
. "$(dirname "$0")/fleet_lib.sh"

# FerretDB panics at some of the documents; then its proxy waits for ever.
fault_fleet "${SKALDS_TEST_STORE:-javamongo}"
export FORGED=$T/forged FORGE_SEED=$SKALDS_SEED
forge()
{
	timeout 120 "$PYSKALDS" "$ROOT/test/fault/fleet_forge.py" "$@" 2>>"$T/forge.err"
}
fleet_up one -- n1 n2
usual

# ---- tasks of every kind ----

for i in 1 2 3 4 5 6; do
	add_task "done-$i" 0
	add_task "runs-$i" 600
	"$SKALDS" task add --id "waits-$i" --delay 1h -- "$T/truth.sh" 0 0 >/dev/null
	"$SKALDS" task add --id "after-$i" --after "runs-$i" -- "$T/truth.sh" 0 0 >/dev/null
	"$SKALDS" task add --id "failed-$i" --retries 0 -- false >/dev/null
	"$SKALDS" task add --id "held-$i" -- sleep 600 >/dev/null && "$SKALDS" task cancel --yes "held-$i" >/dev/null
done
six_of() # PHASE PREFIX
{
	all_in "$1" "$2" 6
}
check "six have finished" until_true 20 six_of Finished done
check "six run" until_true 20 six_of Running runs
check "six have failed" until_true 20 six_of Failed failed
check "six are cancelled" until_true 20 six_of Cancelled held
all_tasks id | grep -E '^(done|runs|waits|after|failed|held)-' | sed 's/$/ n1/' >ids.all
is "all of them are known" "$(wc -l <ids.all)" 36

# What nobody may change.
states()
{
	"$PYSKALDS" - <<'END'
import os, pymongo
tasks = pymongo.MongoClient(os.environ["MONGO_HOST"])[os.environ["DB_NAME"]].tasks
for d in sorted(tasks.find(), key=lambda d: str(d.get("id"))):
    if str(d["id"]).split("-")[0] in ("done", "runs", "waits", "after", "failed", "held"):
        print(*[d.get(k) for k in ("id", "phase", "lifecycleStatus", "wanted", "attempt", "failures", "executor",
                                   "executorIncarnation", "attachments", "finishDateTime", "startDateTime")])
END
}
rss() # NAME: of what speaks with the services, in KiB
{
	local pid=${PID_OF[$1]} link
	link=$(link_of "$pid")
	awk '/^VmRSS/ { print $2 }' "/proc/${link:-$pid}/status"
}
starts()
{
	grep -v '^quick' "$TRUTH" | grep -c start
}
cpu() # NAME: ms of cpu so far
{
	local pid=${PID_OF[$1]} link
	link=$(link_of "$pid")
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/${link:-$pid}/stat"
}
declare -A RSS=() CPU=() LINK=()
remember()
{
	local name
	states >before
	STARTS=$(starts)
	for name in one n1 n2; do
		RSS[$name]=$(rss $name)
		CPU[$name]=$(cpu $name)
		LINK[$name]=$(link_of "${PID_OF[$name]}")
	done
}

# unharmed SENTENCE: as it was remembered
unharmed()
{
	local name
	states >after
	is "$1: no task was changed" "$(diff before after | head -n 5)" ""
	is "$1: no process was started" "$(starts)" "$STARTS"
	is "$1: no forged command ran" "$(ls "$FORGED" 2>/dev/null)" ""
	is "$1: the six run on" "$(grep -c '^runs-. 1 start' "$TRUTH")/$(grep -c '^runs-. . end' "$TRUTH")" 6/0
	for name in one n1 n2; do
		at_most "$1: $name grows, KiB" $(($(rss $name) - RSS[$name])) 40960
		at_most "$1: $name works for it, ms of cpu" $(($(cpu $name) - CPU[$name])) 15000
		is "$1: $name is the same process" "$(gone "${PID_OF[$name]}" && echo gone)$(link_of "${PID_OF[$name]}")" "${LINK[$name]}"
	done
}

# prompt SENTENCE: a task that is right is not held up
prompt()
{
	full_speed "$(now_ms)"
	at_most "$1: a task is as quick as ever after ms" "$SPEED" 10000
}

# ---- messages ----

remember
N=$(rounds 5000 50000)
check "$N forged messages" forge messages "$N" ids.all
note "$(cat "$T/.check")"
prompt messages
sleep 6 # a look of everybody's reconciling
unharmed messages

# ---- values ----

remember
check "forged values" forge values ids.all
prompt values
sleep 10 # longer than any heartbeat lives
unharmed values
"$SKALDS" skald list --json >sk.json
states_of() # ID…: of skalds
{
	grep -oE '"id":"[^"]*"|"state":"[^"]*"' sk.json | cut -d '"' -f 4 | paste -sd ' ' | grep -oE "($1|$2) [a-z]+" | paste -sd ' '
}
is "invented skalds get no task" "$(all_tasks executor | grep -c ^forged)" 0
is "nodes that a value left out are online" "$(states_of n1 n2)" "n1 online n2 online"

# ---- garbage ----

remember
declare -A SAID=()
for name in one n1 n2; do
	SAID[$name]=$(wc -l <"$T/$name.err")
done
check "garbage everywhere" forge garbage
note "$(cat "$T/.check")"
prompt garbage
sleep 12
unharmed garbage
for name in one n1 n2; do
	tail -n +$((SAID[$name] + 1)) "$T/$name.err" >"$name.new"
	# each document once; messages and values are counted, the first is told
	at_most "$name tells of what it left out: lines" "$(wc -l <"$name.new")" 560
	is "once each" "$(sed -n 's/.*msg="\(.*left out: .*}\): .*/\1/p' "$name.new" | sort | uniq -d | wc -l)" 0
	at_most "in short lines: bytes of the longest" "$(awk '{ if (length > n) n = length } END { print n + 0 }' "$name.new")" 2000
	check "in plain text" eval 'iconv -f utf-8 -t utf-8 "$name.new" >/dev/null && ! LC_ALL=C grep -q "[[:cntrl:]]" "$name.new"'
	like "$name tells of records on a topic" "$(cat "$name.new")" 'task\.(assign|cancel|update\.attachment)|skalds\.event'
done
like "the controller tells of a document and its place" "$(cat one.new)" 'garbage|document|_id'
check "the list of tasks works" timeout 20 "$SKALDS" task list --limit 20
check "and all of it" timeout 30 "$SKALDS" task list --all --json
check "and of skalds" timeout 20 "$SKALDS" skald list
for i in 1 2 3 4 5 6; do
	"$SKALDS" task cancel --yes "runs-$i" >/dev/null 2>&1
done
check "a cancel that is meant comes true" until_true 20 six_of Cancelled runs
grep -v '^runs' "$IDS" >ids.end
truthful "what was to run ran once" ids.end
finish
