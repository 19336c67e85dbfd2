#!/usr/bin/env bash
# scripts/services.sh: real services start, answer, break, come back and leave nothing, on ports and data of
# their own. Alone: test/services.sh. Programs that are not in the cache yet are fetched.
# shellcheck disable=SC2086 # lists of names
SKALDS=${SKALDS:-/bin/true} # the binary is not asked for anything here
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"

export SKALDS_SERVICES=$T/services
S=$SKALDS_SERVICES
all="kafka redis mongo javamongo pyskalds pytools"
docker=
[ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null || docker=docker

services()
{
	"$ROOT/scripts/services.sh" "$@"
}

at_exit 'services down >/dev/null 2>&1'

# ask CHECK…: test/services.py with the addresses of the env file
ask()
{
	# shellcheck disable=SC1091 # written by services.sh
	( . "$S/env"; timeout 60 "$PYSKALDS" "$ROOT/test/services.py" "$@" 2>&1 )
}

# pids NAME…: the processes noted for them
pids()
{
	local name
	for name in "$@"; do
		cut -d ' ' -f 1 "$S/$name/pids" 2>/dev/null
	done
}

# left DIRECTORY [NAME]: processes that carry its mark
left()
{
	grep -lsz "^SKALDS_SERVICE=$1/${2:-}" /proc/[0-9]*/environ | cut -d / -f 3
}

state_of()
{
	services status "$1" | awk '{ print $2 }'
}

# ---- the command line ----

services 2>/dev/null
is "no command: usage" "$?" 2
services up nothing 2>/dev/null
is "a service that is not there: usage" "$?" 2
services kill 2>/dev/null
is "kill without a name: usage" "$?" 2
out=$(services status $all)
is "before the first up status says 3" "$?" 3
is "a line for each, all down" "$(awk '{ print $2 }' <<<"$out" | uniq -c | tr -s ' ')" " 5 down"

# ---- up ----

services up $all $docker >up.out 2>&1
is "up" "$?" 0
unlike "no complaint" "$(grep -v 'install' up.out)" .
out=$(services status $all $docker)
is "status says 0" "$?" 0
like "name, state, address, version: Kafka" "$out" '^kafka +up +127\.0\.0\.1:[0-9]+ ssl:.* 3\.9\.1$'
like "Redis" "$out" '^redis +up +127\.0\.0\.1:[0-9]+ tls:[0-9]+ +8\.'
like "FerretDB" "$out" '^mongo +up +mongodb://127\.0\.0\.1:[0-9]+/ .* 1\.24\.0$'
like "mongo-java-server" "$out" '^javamongo +up +mongodb://127\.0\.0\.1:[0-9]+/ +1\.46\.0$'
like "the original program" "$out" '^pyskalds +up .* 0\.3\.8$'
like "what looks at the API" "$out" '^pytools +up .* 4\.'
is "passwords are nobody else's to read" "$(stat -c %a "$S/env" "$S/redis/conf" "$S/kafka/conf" | uniq)" 600

before=$(pids $all)
began=$(now_ms)
services up $all $docker
is "a second up" "$?" 0
at_most "takes no time, in ms" $(($(now_ms) - began)) 5000
is "and starts nothing" "$(pids $all)" "$before"

# ---- real clients ----

check "Redis: fields that expire" ask redis_fields_expire
check "Redis: unix socket" ask redis_socket
check "Redis: TLS, without and with a client certificate" ask redis_tls
check "Redis: another authority's word does not count" ask redis_other_ca
check "Redis: a user with a password, and not with a wrong one" ask redis_user
check "Kafka: PLAINTEXT" ask kafka KAFKA_PORT
check "Kafka: SSL" ask kafka KAFKA_SSL_PORT
for mechanism in PLAIN SCRAM-SHA-256 SCRAM-SHA-512; do
	check "Kafka: SASL_PLAINTEXT with $mechanism" ask kafka KAFKA_SASL_PORT $mechanism
	check "Kafka: SASL_SSL with $mechanism" ask kafka KAFKA_SASL_SSL_PORT $mechanism
	check "Kafka: $mechanism refuses a wrong password" ask kafka_wrong_password KAFKA_SASL_PORT $mechanism
done
check "an expired certificate is there, and refused" ask expired
check "FerretDB: TLS" ask mongo_tls
for server in MONGO_HOST SKALDS_TEST_MONGO2; do
	check "$server: unique index" ask mongo_unique $server
	check "$server: eight clients' compare-and-set is exact" ask mongo_race $server "$(rounds 100 500)"
	note "$(cat "$T/.check")"
done
note "FerretDB without its proxy: $(ask mongo_race SKALDS_TEST_MONGO_BARE 100 | grep successes)"

# ---- kill, freeze ----

ask redis_set kept
ask kafka_put kept
ask mongo_put MONGO_HOST
ask mongo_put SKALDS_TEST_MONGO2
before=$(pids redis kafka mongo javamongo)
services kill redis kafka mongo javamongo
is "kill" "$?" 0
for p in $before; do
	gone "$p" || echo "$p"
done >alive
is "all of their processes are gone" "$(cat alive)" ""
services status redis kafka mongo javamongo >out
is "status says 3" "$?:$(awk '{ print $2 }' out | uniq)" "3:down"
check "up after kill -9" services up $all
is "Kafka kept what it had said" "$(ask kafka_get kept)" kept
is "FerretDB kept its document" "$(ask mongo_get MONGO_HOST)" kept
check "Kafka: SCRAM after that" ask kafka KAFKA_SASL_PORT SCRAM-SHA-256
check "mongo-java-server answers" ask mongo_unique SKALDS_TEST_MONGO2

before=$(pids redis)
services freeze redis
is "frozen: it does not answer" "$(state_of redis)" down
services thaw redis
is "thawed: it does, the same process" "$(state_of redis) $(pids redis)" "up $before"
services freeze kafka
check "up ends what stands still and starts it anew" services up kafka
is "it answers" "$(state_of kafka)" up

# ---- restart, wipe ----

ask redis_set kept
ask mongo_put SKALDS_TEST_MONGO2
check "restart" services restart redis javamongo
is "Redis keeps its data" "$(ask redis_get)" kept
is "mongo-java-server keeps its document" "$(ask mongo_get SKALDS_TEST_MONGO2)" kept
before=$(cat "$S/env")
ask kafka_put kept
check "wipe" services wipe redis kafka mongo javamongo
is "Redis is empty" "$(ask redis_get)" nothing
is "Kafka is empty" "$(ask kafka_get kept)" nothing
is "FerretDB is empty" "$(ask mongo_get MONGO_HOST)" nothing
is "mongo-java-server is empty" "$(ask mongo_get SKALDS_TEST_MONGO2)" nothing
is "the same addresses and passwords" "$(cat "$S/env")" "$before"
check "Kafka: SCRAM users are there again" ask kafka KAFKA_SASL_SSL_PORT SCRAM-SHA-512

# ---- what a crash leaves ----

rm -f "$S/redis/pids" "$S/mongo/pids"
check "up when the notes of what runs are lost" services up redis mongo
is "nothing runs twice" "$(left "$S" redis | wc -l) $(left "$S" mongo | wc -l)" "1 2"
sleep 300 &
bystander=$!
started_pids+=("$bystander")
echo "$bystander 1" >>"$S/redis/pids"
check "down with the number of somebody else's process in its notes" services down redis
check "spares that process" kill -0 "$bystander"
is "and the env file has no Redis" "$(grep -c REDIS "$S/env")" 0
( services up redis & services up redis & wait )
is "two at once start one" "$(left "$S" redis | wc -l) $(state_of redis)" "1 up"

services down kafka
setsid "$ROOT/scripts/services.sh" up kafka 2>/dev/null &
script=$!
# shellcheck disable=SC2317 # called by until_true
started() { [ -n "$(left "$S" kafka)" ]; }
until_true 20 started
{ kill -KILL -- -$script && wait $script; } 2>/dev/null
check "down after kill -9 of the script in the middle of up" services down kafka
is "nothing of it is left" "$(left "$S" kafka)" ""
check "and up" services up kafka

# ---- two checkouts ----

mkdir other
check "a second directory beside it" env "SKALDS_SERVICES=$T/other" "$ROOT/scripts/services.sh" up redis
unlike "with other ports" "$(cat "$T/other/ports")" "^$(cat "$S/ports")\$"
is "and both answer" "$(state_of redis) $(SKALDS_SERVICES=$T/other state_of redis)" "up up"
check "it goes down" env "SKALDS_SERVICES=$T/other" "$ROOT/scripts/services.sh" down
is "alone" "$(left "$T/other" | wc -l) $(state_of redis)" "0 up"

# ---- no network ----

if unshare -n true 2>/dev/null && command -v ip >/dev/null; then
	# shellcheck disable=SC2016 # for the inner shell
	check "no network but a filled cache" unshare -n env "SKALDS_SERVICES=$T/other" sh -c \
		'ip link set lo up && "$0" up $1 && "$0" status $1 && "$0" down' "$ROOT/scripts/services.sh" "$all"
else
	skip "no network but a filled cache" "this machine may not unshare its network"
fi

# ---- docker ----

container()
{
	# shellcheck disable=SC1091 # written by services.sh
	( . "$S/env"; docker run --network none -m 64m "$@" )
}

if [ -n "$docker" ]; then
	mkdir -p tree/bin
	cp "$(command -v busybox)" tree/bin/sh
	# shellcheck disable=SC1091
	( . "$S/env"; tar -C tree -c . | docker import - box >/dev/null 2>&1 )
	is "Docker: a container runs" "$(container --rm box sh -c 'echo hello' 2>&1)" hello
	container -d box sh -c 'while :; do read -t 1 x </dev/zero; done' >/dev/null 2>&1
	services kill docker
	check "Docker: up after kill -9" services up docker
	is "Docker: it kept its image" "$(container --rm box sh -c 'echo hello' 2>&1)" hello
	container -d box sh -c 'while :; do read -t 1 x </dev/zero; done' >/dev/null 2>&1
	services kill docker
	check "Docker: down after kill -9" services down docker
	is "Docker: no mount is left" "$(grep -c "$S" /proc/mounts)" 0
else
	skip "Docker" "needs root and mounts"
fi

# ---- down ----

check "down" services down
is "no process is left" "$(left "$S")" ""
services status $all >out
is "status says 3" "$?" 3
like "all are down" "$(awk '{ print $2 }' out | uniq | tr '\n' ' ')" '^down $'
unlike "the env file names none" "$(cat "$S/env")" 'HOST|PYSKALDS'
check "down again" services down
finish
