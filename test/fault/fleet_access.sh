#!/usr/bin/env bash
# Wrong passwords, expired and untrusted certificates, a full Redis and a full disk: node, controller, doctor and the
# commands say within seconds what it is, wait or go on, never hang, and print no password.
. "$(dirname "$0")/fleet_lib.sh"

fault_fleet mongo
SECRET=xyzzy-$RANDOM$RANDOM # the wrong password: nobody may print it
GOOD=(KAFKA_HOST="$KAFKA_HOST" KAFKA_PORT="$KAFKA_PORT" REDIS_PORT="$REDIS_PORT" MONGO_HOST="$MONGO_HOST")
mongo_port=$(sed 's|.*:\([0-9]*\)/.*|\1|' <<<"$MONGO_HOST")

# expired NAME PORT: a server in front of it whose certificate is too old; sets PORT
expired()
{
	PORT=$(free_port)
	start "expired-$1" setsid socat \
		"OPENSSL-LISTEN:$PORT,bind=127.0.0.1,cert=$SKALDS_TEST_EXPIRED_CERT,key=$SKALDS_TEST_EXPIRED_KEY,verify=0,fork,reuseaddr" \
		"TCP:127.0.0.1:$2"
	at_exit "kill -KILL -- -$PID 2>/dev/null"
	until_true 5 eval "(exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null"
}

# says NAME REGEX: in its log, within 15 s
says()
{
	until_true 15 grep -Eiq -- "$2" "$T/$1.err"
}

# bad NAME SERVICE REGEX VARIABLE=VALUE…: what is wrong, of which service, and what everybody must say of it. Commands need
# MongoDB, warn when nobody hears of a task over Kafka, and ask nothing of Redis. A name must not match the expression.
bad()
{
	local name=$1 service=$2 regex=$3 from code want=0
	shift 3
	[ "$service" = mongo ] && want=69
	start "$name-c" env "${GOOD[@]}" "$@" "$SKALDS" controller --lease 6
	local controller=$PID
	start "$name-n" env "${GOOD[@]}" "$@" SKALD_ID="$name" "$SKALDS" node --data "$T/$name.data" --lease 6
	local node=$PID
	from=$(now_ms)
	check "$name: the node says what it is" says "$name-n" "$regex"
	check "$name: the controller says what it is" says "$name-c" "$regex"
	note "$name: told after $(($(now_ms) - from)) ms: $(grep -Ei -- "$regex" "$name-n.err" | head -n 1 | cut -c1-220)"

	from=$(now_ms)
	timeout 60 env "${GOOD[@]}" "$@" "$SKALDS" doctor >"$name-d.out" 2>"$name-d.err"
	is "$name: doctor ends with 1" "$?" 1
	at_most "$name: doctor takes ms" $(($(now_ms) - from)) 20000
	like "$name: doctor says what it is" "$(cat "$name-d.out" "$name-d.err")" "$regex"

	for verb in "add Sleep seconds=0" "list"; do
		from=$(now_ms)
		# shellcheck disable=SC2086 # words
		timeout 60 env "${GOOD[@]}" "$@" "$SKALDS" task $verb >"$name-t.out" 2>"$name-t.err"
		code=$?
		is "$name: task ${verb%% *} ends with $want" "$code" "$want"
		at_most "$name: task ${verb%% *} takes ms" $(($(now_ms) - from)) 12000
		cat "$name-t.out" "$name-t.err" >>"$name-all.err"
		[ "$service" = Redis ] || [ "$service$verb" = Kafkalist ] && continue
		like "$name: task ${verb%% *} says of whom it is" "$(cat "$name-t.err")" "$([ "$service" = mongo ] && echo MongoDB || echo "$service")"
	done
	check "$name: both run on" eval "! gone $controller && ! gone $node"
	kill "$controller" "$node"
	from=$(now_ms)
	ended "$controller" 15
	is "$name: the controller ends with 0" "$CODE" 0
	ended "$node" 30
	is "$name: the node ends with 0" "$CODE" 0
	at_most "$name: both end in ms" $(($(now_ms) - from)) 12000
	at_most "$name: the logs are short: lines" "$(cat "$name-n.err" "$name-c.err" | wc -l)" 60
}

redis_user=(REDIS_USERNAME="$SKALDS_TEST_REDIS_USER" REDIS_PASSWORD="$SECRET")
kafka_user=(KAFKA_PORT="$KAFKA_SASL_PORT" KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT KAFKA_SASL_MECHANISM=PLAIN
	KAFKA_USERNAME="$SKALDS_TEST_KAFKA_USER" KAFKA_PASSWORD="$SECRET")

bad redis-1 Redis 'password|WRONGPASS' "${redis_user[@]}"
bad kafka-1 Kafka 'authenticat|password|SASL' "${kafka_user[@]}"
expired redis "$REDIS_PORT"
bad redis-2 Redis 'expired' REDIS_PORT="$PORT" REDIS_TLS=true REDIS_CA_FILE="$SKALDS_TEST_CA"
expired mongo "$mongo_port"
bad mongo-2 mongo 'expired|certificate|TLS' MONGO_HOST="mongodb://someone:$SECRET@127.0.0.1:$PORT/?tls=true&tlsCAFile=$SKALDS_TEST_CA"
bad kafka-3 Kafka 'certificate|issuer|verif' KAFKA_PORT="$KAFKA_SSL_PORT" KAFKA_SECURITY_PROTOCOL=SSL \
	KAFKA_CA_FILE="$SKALDS_TEST_OTHER_CA"
if [ "$FULL" = 1 ]; then
	expired kafka "$KAFKA_PORT"
	bad kafka-2 Kafka 'expired|certificate' KAFKA_PORT="$PORT" KAFKA_SECURITY_PROTOCOL=SSL KAFKA_CA_FILE="$SKALDS_TEST_CA"
	bad redis-3 Redis 'certificate' REDIS_PORT="$REDIS_TLS_PORT" REDIS_TLS=true REDIS_CA_FILE="$SKALDS_TEST_OTHER_CA"
	bad mongo-3 mongo 'certificate|TLS' \
		MONGO_HOST="mongodb://127.0.0.1:$SKALDS_TEST_MONGO_TLS_PORT/?tls=true&tlsCAFile=$SKALDS_TEST_OTHER_CA"
fi
is "no password was printed" "$(grep -l "$SECRET" ./*.out ./*.err 2>/dev/null | tr '\n' ' ')" ""

# ---- a full Redis ----

redis_set() # MAXMEMORY
{
	"$PYSKALDS" -c 'import os, sys, redis
r = redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]))
r.config_set("maxmemory-policy", "noeviction")
r.config_set("maxmemory", sys.argv[1])' "$1" 2>>"$T/redis-set.err"
}
fleet_up one -- n1
usual
add_task "long-redis" 12
lines=$(wc -l <n1.err)
redis_set 1
at_exit 'redis_set 0'
said()
{
	tail -n +$((lines + 1)) n1.err | grep -Eiq "$1"
}
check "a full Redis: the node says so" until_true 15 said 'OOM|memory'
quick
at_most "a full Redis: a task takes ms" "$TOOK" "$USUAL"
check "a full Redis: the node is ready" ready n1
redis_set 0
full_speed "$(now_ms)"
at_most "with room again: full speed after ms" "$SPEED" 10000
check "what ran has ended" wait_for Finished long-redis 20
is "at its first try" "$(field long-redis attempt)" 1

# ---- a full disk below a node ----

mkdir "$T/small"
if mount -t tmpfs -o size=4m tmpfs "$T/small" 2>/dev/null; then
	at_exit 'umount -l "$T/small"'
	kill "${PID_OF[n1]}"
	ended "${PID_OF[n1]}" 30
	start small env SKALD_ID=small "$SKALDS" node --data "$T/small/data" --json --lease 30 --slots 8
	PID_OF[small]=$PID
	check "a node on a small disk starts" until_true 20 seen small.out event=ready
	dd if=/dev/zero of="$T/small/fill" bs=64k 2>/dev/null
	id=$("$SKALDS" task add -- sh -c 'i=0; while [ $i -lt 2000 ]; do echo "line $i of what does not fit"; i=$((i + 1)); done')
	check "a full disk: a task that prints ends well" wait_for Finished "$id" 20
	quick
	at_most "a full disk: a task takes ms" "$TOOK" "$USUAL"
	check "a full disk: it is said" grep -Eiq 'no space|full|room|left' small.err
	check "a full disk: the node is ready" ready small
	at_most "a full disk: lines in the log" "$(wc -l <small.err)" 30
	rm "$T/small/fill"
	id=$("$SKALDS" task add -- echo back)
	check "with room again: a task ends well" wait_for Finished "$id" 20
	is "and its output is there" "$("$SKALDS" task logs "$id" 2>&1)" back
	kill "${PID_OF[small]}"
	ended "${PID_OF[small]}" 30
	is "the node ends with 0" "$CODE" 0
	dd if=/dev/zero of="$T/small/fill" bs=64k 2>/dev/null
	start small env "$SKALDS" node --data "$T/small/data" --json --lease 30 --slots 8
	check "a node whose disk is full at its start starts" until_true 20 seen small.out event=ready
	kill "$PID"
	ended "$PID" 30
else
	skip "a full disk below a node" "mounting is not allowed"
fi
check "everything ends" settled 30
truthful "nothing was lost" "$IDS"
finish
