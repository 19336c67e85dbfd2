#!/usr/bin/env bash
# A node whose packets to a service are dropped: connections are half-open and nobody is told. Cut off from the store alone
# its tasks run elsewhere after the lease, or are kept for it (onDisconnect); never twice at once. Without Redis or Kafka
# what runs is left alone (reliability P4, P9).
. "$(dirname "$0")/fleet_lib.sh"

NS=skt$$
IN=10.213.$(($$ % 250)).2
OUT=10.213.$(($$ % 250)).1
if [ "$(id -u)" != 0 ] || ! ip netns add $NS 2>/dev/null || ! ip netns exec $NS iptables -L -n >/dev/null 2>&1; then
	ip netns del $NS 2>/dev/null
	skip "a node that is cut off" "no network namespaces with iptables here"
	finish
fi
at_exit 'ip netns del $NS; ip link del skv$$ 2>/dev/null'
fault_fleet "${SKALDS_TEST_STORE:-javamongo}"
LEASE=5

# ---- the net: n1 lives in a namespace and reaches the services over a pair of interfaces ----

ip link add skv$$ type veth peer name skw$$ netns $NS && ip addr add $OUT/30 dev skv$$ && ip link set skv$$ up &&
	ip -n $NS addr add $IN/30 dev skw$$ && ip -n $NS link set skw$$ up && ip -n $NS link set lo up ||
	{ fail "a net of two"; finish; }
inside()
{
	nsenter --net=/var/run/netns/$NS "$@"
}

# door NAME PORT: the service on 127.0.0.1:PORT is at $OUT:PORT for those in the namespace
door()
{
	start "door-$1" setsid socat "TCP-LISTEN:$2,bind=$OUT,fork,reuseaddr,backlog=128" "TCP:127.0.0.1:$2"
	at_exit "kill -KILL -- -$PID 2>/dev/null"
}
MONGO_PORT=$(sed 's|.*:\([0-9]*\)/.*|\1|' <<<"$MONGO_HOST")
door mongo "$MONGO_PORT"
door redis "$REDIS_PORT"
door kafka "$KAFKA_PORT"
# A broker tells its address, 127.0.0.1, to all.
start door-inside setsid nsenter --net=/var/run/netns/$NS \
	socat "TCP-LISTEN:$KAFKA_PORT,bind=127.0.0.1,fork,reuseaddr,backlog=128" "TCP:$OUT:$KAFKA_PORT"
at_exit "kill -KILL -- -$PID 2>/dev/null"

drop() # PORT: in both directions, silently
{
	inside iptables -A OUTPUT -p tcp -d $OUT --dport "$1" -j DROP
	inside iptables -A INPUT -p tcp -s $OUT --sport "$1" -j DROP
}
let_through()
{
	inside iptables -F
}

controllers one || { fail "a controller starts" "$(tail -n 3 one.err)"; finish; }
nodes n2 || { fail "a node starts" "$(tail -n 3 n2.err)"; finish; }
start n1 env SKALD_ID=n1 MONGO_HOST="mongodb://$OUT:$MONGO_PORT/" REDIS_HOST=$OUT \
	nsenter --net=/var/run/netns/$NS "$SKALDS" node --data "$T/n1.data" --json --lease $LEASE --slots $SLOTS
PID_OF[n1]=$PID
check "a node in a net of its own starts" until_true 20 seen n1.out event=ready
usual

# n1_gets ID SECONDS [FLAGS…]: while n2 is drained
n1_gets()
{
	add_task "$@"
	until_true 10 eval "grep -q '^$1 1 start' \"$TRUTH\""
}
started_ms() # ID ATTEMPT: as the store has it
{
	field "$1" startDateTime
}
is_started() # ID ATTEMPT
{
	grep -q "^$1 $2 start" "$TRUTH"
}
n1_is()
{
	[ "$("$SKALDS" skald list --json | tr '{' '\n' | grep '"id":"n1"' | sed 's/.*"state":"\([a-z]*\)".*/\1/')" = "$1" ]
}

# ---- from the store ----

earliest=999999
latest=0
for round in $(seq "${ROUNDS:-$(rounds 3 200)}"); do
	"$SKALDS" skald drain n2 >/dev/null
	n1_gets "stop-$round" 14
	n1_gets "keep-$round" 14 --on-disconnect continue
	"$SKALDS" skald undrain n2 >/dev/null
	since=$(now_ms)
	drop "$MONGO_PORT"
	until_true $((LEASE + 15)) is_started "stop-$round" 2
	took=$(($(now_ms) - since))
	at_most "$round: what stops runs elsewhere, ms" $took $((LEASE * 1000 + 2000 + 3000))
	at_least "$round: not before the lease is over" $took $((LEASE * 2000 / 3))
	[ $took -ge $earliest ] || earliest=$took
	[ $took -le $latest ] || latest=$took
	check "$round: the node is not ready" until_true 10 not_ready n1
	until_true 20 eval "grep -q '^keep-$round 1 end' \"$TRUTH\""
	is "$round: what continues was left to it" "$(grep "^keep-$round " "$TRUTH" | cut -d ' ' -f 2,3 | tr '\n' ' ')" "1 start 1 end "
	let_through
	check "$round: the node is ready again" until_true 25 ready n1
	check "$round: its end is told afterwards" wait_for Finished "keep-$round" 20
	is "$round: as it was" "$(field "keep-$round" attempt)" 1
	check "$round: the other one ends, too" wait_for Finished "stop-$round" 25
done
note "runs elsewhere after $earliest to $latest ms, the lease is $LEASE s"

# ---- from Redis, from Kafka ----

for name in redis kafka; do
	[ $name = redis ] && port=$REDIS_PORT || port=$KAFKA_PORT
	"$SKALDS" skald drain n2 >/dev/null
	n1_gets "without-$name" 20
	lines=$(wc -l <n1.err)
	drop "$port"
	since=$(now_ms)
	until_true 20 eval "tail -n +$((lines + 1)) n1.err | grep -iq '$name'"
	at_most "without $name: the node's log says so after ms" $(($(now_ms) - since)) 15000
	check "without $name: it is ready" ready n1
	quick
	at_most "without $name: a task is done all the same, ms" "$TOOK" 12000
	let_through
	since=$(now_ms)
	full_speed "$since"
	at_most "without $name: full speed again, ms after the return" "$SPEED" 10000
	check "without $name: what ran has ended" wait_for Finished "without-$name" 30
	is "without $name: untouched" "$(grep -c "^without-$name . start" "$TRUTH")" 1
	"$SKALDS" skald undrain n2 >/dev/null
done

check "everything ends" settled 60
truthful "nothing was lost, nothing ran twice" "$IDS"
finish
