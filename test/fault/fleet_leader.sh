#!/usr/bin/env bash
# Two controllers, and the leader is killed, stands still for longer than its lease, or has lost the way to the store: the
# other one takes over within the lease + 2 s, nothing is assigned twice, everything ends right (reliability P4, P20).
. "$(dirname "$0")/fleet_lib.sh"
store=${SKALDS_TEST_STORE:-javamongo}
LEASE=4

fault_fleet "$store"
bare=$MONGO_HOST
port=$(sed 's|.*:\([0-9]*\)/.*|\1|' <<<"$MONGO_HOST")
declare -A MONGO_OF=()
for name in a b; do
	way $name "$port"
	MONGO_OF[$name]=mongodb://127.0.0.1:$PORT/
done

# Each controller has a way to the store of its own.
lead_one()
{
	MONGO_HOST=${MONGO_OF[$1]} controllers "$1"
	local code=$?
	cat "$T/$1.err" >>"$T/all.err" 2>/dev/null
	return $code
}

# terms: "TERM NAME MS", by what each says itself; what was killed said it in NAME.old
terms()
{
	local name
	for name in a b; do
		cat "$T/$name.old" "$T/$name.err" 2>/dev/null |
			sed -n "s/^time=\([^ ]*\) .*component=leader.* leads, term \([0-9]*\)\".*/\2 $name \1/p"
	done | sort -n
}

# Who leads by the highest term: sets TERM_NOW, LEADER and AT (ms).
look()
{
	local when
	read -r TERM_NOW LEADER when <<<"$(terms | tail -n 1)"
	AT=$(($(date -d "$when" +%s%N) / 1000000))
}

# Somebody leads with a higher term than before.
new_term()
{
	[ "$(terms | tail -n 1 | cut -d ' ' -f 1)" -gt "$1" ]
}

: >a.old
: >b.old
note "store: $store, lease $LEASE s"
lead_one a && lead_one b || { fail "two controllers start" "$(tail -n 3 a.err b.err)"; finish; }
nodes n1 n2 || { fail "two nodes start" "$(tail -n 3 n?.err)"; finish; }
check "one leads" until_true 10 new_term 0
feed_start 0.1 0.3
slowest=0

# takeover WHAT SINCE TERM
takeover()
{
	if ! until_true $((LEASE + 10)) new_term "$3"; then
		fail "$1: somebody takes over" "$(tail -n 4 a.err b.err)"
		return
	fi
	look
	at_most "$1: $LEADER takes over, ms" $((AT - $2)) $((LEASE * 1000 + 2000))
	[ $((AT - $2)) -le $slowest ] || slowest=$((AT - $2))
}

for round in $(seq "${ROUNDS:-$(rounds 3 200)}"); do
	look
	was=$LEADER
	since=$(now_ms)
	kill -9 "${PID_OF[$was]}"
	takeover "$round: killed" "$since" "$TERM_NOW"
	cat "$was.err" >>"$was.old"
	lead_one "$was" || fail "$was starts again" "$(tail -n 3 "$was.err")"

	look
	was=$LEADER
	since=$(now_ms)
	kill -STOP "${PID_OF[$was]}"
	takeover "$round: stopped" "$since" "$TERM_NOW"
	sleep 1
	term=$TERM_NOW
	kill -CONT "${PID_OF[$was]}"
	check "$round: who wakes knows that it leads no more" until_true 10 \
		eval '[ "$(grep -c "leads no more" "$T/$was.err")" = "$(cat "$T/$was.err" | grep -c "leads, term")" ]'
	sleep 1
	look
	is "$round: and leads no more" "$LEADER:$TERM_NOW" "$([ "$was" = a ] && echo b || echo a):$term"

	look
	was=$LEADER
	since=$(now_ms)
	cut_way "$was"
	takeover "$round: cut off" "$since" "$TERM_NOW"
	sleep 2
	mend_way "$was"
	check "$round: who was cut off knows it" until_true 10 \
		eval '[ "$(grep -c "leads no more" "$T/$was.err")" = "$(grep -c "leads, term" "$T/$was.err")" ]'
	check "$round: and is well again" until_true 20 ready "$was"
	sleep 1 # it has looked who leads
done

feed_end
check "everything ends" settled 60
truthful "nothing was lost, nothing ran twice" "$IDS"
is "no term had two leaders" "$(terms | cut -d ' ' -f 1 | uniq -d)" ""
is "no attempt was given to two" "$("$PYSKALDS" - <<'END'
import os, pymongo
tasks = pymongo.MongoClient(os.environ["MONGO_HOST"])[os.environ["DB_NAME"]].tasks
starts = {}
for line in open(os.environ["T"] + "/truth"):
    word = line.split()
    if word[2] == "start":
        starts[word[0]] = max(starts.get(word[0], 0), int(word[1]))
# an attempt that was stored and never started, or started and never stored
print(*[d["id"] for d in tasks.find() if d["attempt"] != starts.get(d["id"], 0)])
END
)" ""
at_least "tasks were accepted all the while" "$(wc -l <"$IDS")" $((${ROUNDS:-$(rounds 3 200)} * 20))
note "the slowest takeover: $slowest ms of $((LEASE * 1000 + 2000))"
finish
