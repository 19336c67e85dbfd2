#!/usr/bin/env bash
# Cancel is real (reliability P6): from all sides at once, one by one and by filter, of what waits, starts, runs,
# has children or does not listen. SIGTERM is there within a second, the tree is gone with the report.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=$(rounds 300 3000)
SLOTS=16

up_start
check "up answers" up_ready 10

# Each is cancelled within a second after it was added; some before they start.
feed_start c -n "$n" -r 60 -m 24 -x ccccit
feed_wait 120
judge "$n tasks, each cancelled by itself"
at_least "most were cancelled" "$(verdict cancelled)" $((n / 2))
# From the answer to the cancel to the end line that SIGTERM makes; it may have come before the answer.
python3 - "$CLIENT" "$TRUTH" >late <<'END'
import json, sys
ends = {l.split()[0]: int(l.split()[3]) for l in open(sys.argv[2]) if l.split()[2] == "end" and l.split()[6] == "143"}
late = []
for l in open(sys.argv[1]):
    r = json.loads(l)
    if r["op"] == "cancel" and r["status"] == 0 and r["id"] in ends:
        late.append(max(0, ends[r["id"]] - r["end"]) / 1e6)
late.sort()
print(len(late), int(late[len(late) * 99 // 100]) if late else -1, int(late[-1]) if late else -1)
END
read -r seen p99 worst <late
at_least "SIGTERM was seen" "$seen" $((n / 4))
at_most "SIGTERM is there within a second of the answer, p99 in ms" "$p99" 1000
note "the latest of $seen came $worst ms after the answer"

# Storms: all of them at once and again, while they are added.
m=$(rounds 3 30)
for i in $(seq "$m"); do
	feed_start "s$i" -n 80 -r 400 -m 32 -x lllltpcib
	for again in 1 2 3 4 5 6; do
		sleep "$(between 50 400)"
		for side in 1 2 3; do
			"$SKALDS" task cancel --data "$DATA" --all --state Created,Assigning,Running --yes --quiet \
				>>storm.out 2>>storm.err &
			started_pids+=($!)
			storm[side]=$!
		done
		wait "${storm[@]}"
	done
	feed_wait 60
	sk_task cancel --all --state Created,Assigning,Running --yes --quiet >>storm.out 2>>storm.err
	check "storm $i: what was cancelled is over within 5 s" until_true 5 is_drained
done
# Who asked for which task is not in the record of the clients: whatever was Cancelled, a storm may have done.
python3 - "$CLIENT" <<'END'
import json, sys
rows = [json.loads(l) for l in open(sys.argv[1])]
with open(sys.argv[1], "a") as f:
    for r in rows:
        if r["op"] == "try" and r["id"][0] == "s":
            f.write(json.dumps({"op": "cancel", "id": r["id"], "status": 1, "begin": 0, "end": 0}) + "\n")
END
judge "$m storms of cancels"
up_stop 25
is "and up drains with 0" "$CODE" 0
finish
