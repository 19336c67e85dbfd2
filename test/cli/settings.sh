#!/bin/bash
# Settings: precedence, .env, types, which wrong value stops which command.
. "$(dirname "$0")/lib.sh"

in_dir "$T/a"

origin()
{
	echo "$(json value "$out") from $(json place "$out")"
}

# ---- precedence ----

sk config LOG_LEVEL --json
is "nothing given: the default" "$(origin)" "INFO from default"
printf '# ours\n\nLOG_LEVEL=error\n' >"$here/.env"
sk config LOG_LEVEL --json
is ".env goes before the default" "$(origin)" "ERROR from .env:3"
sk LOG_LEVEL=Debug config LOG_LEVEL --json
is "the environment goes before .env" "$(origin)" "DEBUG from environment"
sk LOG_LEVEL=debug config LOG_LEVEL --json --log-level trace
is "a flag goes before the environment" "$(origin)" "TRACE from --log-level"
sk config LOG_LEVEL
is "config NAME prints the value alone" "$out" "ERROR"
sk REDIS_HOST= config REDIS_HOST --json
is "a blank text in the environment is off" "$(origin)" " from environment"
echo 'REDIS_HOST=elsewhere' >"$here/.env"
sk REDIS_HOST= config REDIS_HOST
is "off goes before .env too" "$out" ""
sk REDIS_PORT= config REDIS_PORT
is "a blank number is its default" "$code:$out" "0:6379"
sk LOG_LEVEL= config LOG_LEVEL
is "a blank choice is its default" "$code:$out" "0:INFO"
sk LOG_SPLIT_WITH_WORKER_ID= config LOG_SPLIT_WITH_WORKER_ID
is "a blank boolean is its default" "$code:$out" "0:false"
rm "$here/.env"

sk config --json
all=$out
want="SKALD_ID SKALD_ENV SKALD_MODE LOG_LEVEL LOG_PATH LOG_RETENTION LOG_ROTATION_MB
LOG_SPLIT_WITH_WORKER_ID YAML_FILE REDIS_HOST REDIS_PORT REDIS_PASSWORD REDIS_SYNC_PERIOD
REDIS_KEY_TTL REDIS_USERNAME REDIS_DB REDIS_TLS REDIS_CA_FILE REDIS_CERT_FILE REDIS_KEY_FILE
KAFKA_HOST KAFKA_PORT KAFKA_USERNAME KAFKA_PASSWORD KAFKA_TOPIC_PARTITIONS KAFKA_REPLICATION_FACTOR
KAFKA_SECURITY_PROTOCOL KAFKA_SASL_MECHANISM KAFKA_CA_FILE KAFKA_CERT_FILE KAFKA_KEY_FILE
MONGO_HOST DB_NAME TASK_WORKER_RETRY SYSTEM_CONTROLLER_MODE
SYSTEM_CONTROLLER_HOST SYSTEM_CONTROLLER_PORT MONITOR_SKALD_INTERVAL MONITOR_TASK_INTERVAL
MONITOR_HEARTBEAT_TIMEOUT DISPATCHER_INTERVAL DISPATCHER_STRATEGY UVICORN_WORKERS WEB_CONCURRENCY
SKALDS_DATA SKALDS_URL SKALDS_TOKEN SKALDS_CA_FILE SKALDS_CERT_FILE SKALDS_KEY_FILE SKALDS_LISTEN
SKALDS_TOKENS_FILE SKALDS_TOKENS SKALDS_TLS_CERT SKALDS_TLS_KEY SKALDS_CLIENT_CA SKALDS_CORS SKALDS_ALERTS
SKALDS_WEBHOOK_URL SKALDS_WEBHOOK_SECRET SKALDS_WEBHOOK_SECRET_FILE SKALDS_WEBHOOK_CA_FILE LOG_FORMAT NO_COLOR"
got=$(for i in $(seq 0 $(($(json items.# "$all") - 1))); do json "items.$i.name" "$all"; done)
is "every variable of the original and ours is there" "$(echo $got)" "$(echo $want)"
for i in $(seq 0 $(($(json items.# "$all") - 1))); do
	[ -n "$(json "items.$i.description" "$all")" ] || fail "item $i has a description"
	[ "$(json "items.$i.problem" "$all")" = null ] || fail "the default of item $i is right"
done
like "SKALD_ID is skalds- and five hex digits" "$(sk config SKALD_ID; echo "$out")" '^skalds-[0-9a-f]{5}$'
is "SKALD_ID is new each time" \
	"$(for i in 1 2 3 4 5 6 7 8; do sk config SKALD_ID; echo "$out"; done | sort -u | wc -l)" 8
sk KAFKA_HOST= config KAFKA_HOST
is "no service is guessed" "$(sk config MONGO_HOST; echo "$out")$(sk config REDIS_HOST; echo "$out")$out" ""
sk config
is "the table has one line a setting and a head" "$(wc -l <<<"$out")" $(($(wc -w <<<"$want") + 1))

# ---- types ----

right()
{
	sk "$1" config "${1%%=*}"
	is "$1 is right${3:+ ($3)}" "$code:$out" "0:$2"
}

wrong()
{
	sk "$1" config "${1%%=*}"
	like "$(tr -c '[:print:]\n' '?' <<<"${1//$'\n'/?}" | cut -c1-60) is wrong" "$code:$err" "^2:${1%%=*}: .*$2.* \(environment\)\$"
}

for v in true TRUE 1 yes Y on; do right "LOG_SPLIT_WITH_WORKER_ID=$v" true; done
for v in false False 0 no N OFF; do right "LOG_SPLIT_WITH_WORKER_ID=$v" false; done
wrong LOG_SPLIT_WITH_WORKER_ID=maybe 'expected true or false, got "maybe"'
right REDIS_PORT=1 1
right REDIS_PORT=65535 65535
wrong REDIS_PORT=65536 'expected an integer from 1 to 65535, got "65536"'
wrong REDIS_PORT=0 'from 1 to 65535'
wrong REDIS_PORT=12ab 'expected an integer, got "12ab"'
wrong REDIS_PORT=6379.5 'expected an integer'
wrong REDIS_PORT=0x10 'expected an integer'
wrong 'REDIS_PORT= 1' 'expected an integer'
wrong REDIS_PORT=tcp://10.0.0.1:6379 'expected an integer'
wrong REDIS_PORT=99999999999999999999 'from 1 to 65535'
right TASK_WORKER_RETRY=-1 -1
right LOG_ROTATION_MB=0.5 0.5
wrong LOG_ROTATION_MB=0 'expected a number from'
wrong LOG_ROTATION_MB=nan 'expected a number'
wrong LOG_ROTATION_MB=inf 'expected a number'
wrong LOG_LEVEL=loud 'expected one of TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL, got "loud"'
right LOG_LEVEL=success SUCCESS
right SYSTEM_CONTROLLER_MODE=monitor MONITOR
sk config SYSTEM_CONTROLLER_MODE
is "a controller assigns tasks unless told otherwise" "$out" DISPATCHER
wrong SYSTEM_CONTROLLER_MODE=master 'expected one of CONTROLLER, MONITOR, DISPATCHER'
right KAFKA_HOST=a,b:9093,[::1]:9094 a,b:9093,[::1]:9094
right KAFKA_SECURITY_PROTOCOL=sasl_ssl SASL_SSL
right KAFKA_SECURITY_PROTOCOL= ''
wrong KAFKA_SECURITY_PROTOCOL=TLS 'expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL, got "TLS"'
right KAFKA_SASL_MECHANISM=scram-sha-512 SCRAM-SHA-512
right KAFKA_SASL_MECHANISM= PLAIN
wrong KAFKA_SASL_MECHANISM=GSSAPI 'expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512'
wrong KAFKA_TOPIC_PARTITIONS=0 'from 1 to 100000'
wrong KAFKA_REPLICATION_FACTOR=0 'from 1 to 100'
right REDIS_HOST=/run/redis/redis.sock /run/redis/redis.sock
wrong REDIS_HOST=redis://cache:6379 'expected a host, no URL: the port'
wrong KAFKA_HOST=me:pw@broker 'expected a host, no URL: .*me:\*\*\*@broker'
wrong MONGO_HOST=mongodb://me:p@w@db/ 'expected @ in a user name or a password as %40'
right REDIS_TLS=on true
wrong REDIS_TLS=maybe 'expected true or false'
right REDIS_DB=15 15
wrong REDIS_DB=-1 'from 0 to'
right DISPATCHER_STRATEGY=round_robin ROUND_ROBIN
wrong DISPATCHER_STRATEGY=fastest 'expected one of LEAST_TASKS, ROUND_ROBIN, RANDOM, BEST_FIT'
wrong SKALD_ENV=TEST 'expected one of DEV, PRODUCTION'
for v in 3 "3 days" "1 day" "12 hours" "1h30min" "2 weeks, 12 hours" "1.5 d" "1 month" "90 SECONDS"; do
	right "LOG_RETENTION=$v" "$v"
done
for v in days "3 dayss" "-1 day" "3 parsecs" "1e400 days" "3 days 4" "0x10"; do
	wrong "LOG_RETENTION=$v" 'expected a duration'
done
right MONGO_HOST=mongodb://db:27017/ mongodb://db:27017/
right MONGO_HOST=mongodb+srv://db/ mongodb+srv://db/
right MONGO_HOST=localhost localhost "as the original's client takes it"
wrong MONGO_HOST=http://db/ 'expected a URI that begins with mongodb://'
wrong SKALDS_URL=ftp://db/ 'expected a URL that begins with http://'
wrong $'SKALD_ID=a\nb' 'control character'
wrong $'DB_NAME=\xff\xfe' 'not valid UTF-8'
wrong "SKALD_ID=$(printf '%0300d' 1)" 'longer than 255'

# ---- what stops what ----

sk MONITOR_TASK_INTERVAL=often worker list
is "a wrong setting of another command stops nothing" "$code:$err" "0:"
sk LOG_LEVEL=loud worker list
is "a wrong setting that it uses stops a command" "$code:$out" "2:"
like "and says which, why and where" "$err" '^LOG_LEVEL: expected one of .*, got "loud" \(environment\)$'
fleet=(KAFKA_HOST=k.invalid REDIS_HOST=r.invalid MONGO_HOST=m.invalid)
sk REDIS_PORT=tcp://10.0.0.7:6379 KAFKA_PORT=x edge
like "settings of services that are not set stop no edge" "$code:$err" '^2:.*YAML_FILE'
unlike "and are not spoken of" "$err" PORT
sk REDIS_HOST=r.invalid REDIS_PORT=x KAFKA_PORT=x edge
is "those of a service that is set do" "$code:$err" \
	'2:REDIS_PORT: expected an integer, got "x" (environment)'
sk REDIS_HOST=r.invalid REDIS_PORT=x --data "$T/none" task list
like "where the fleet is not whole, they stop no task command" "$code:$err" '^69:'
sk "${fleet[@]}" REDIS_PORT=x KAFKA_SASL_MECHANISM=none task list
is "where it is, they do" "$code:$(cut -d: -f1 <<<"$err")" $'2:REDIS_PORT\nKAFKA_SASL_MECHANISM'
sk "${fleet[@]}" MONGO_HOST=http://m.invalid task list
like "a wrong URI too" "$code:$err" '^2:MONGO_HOST: expected a URI that begins'
for c in node controller; do
	sk REDIS_HOST=r.invalid KAFKA_PORT=0 "$c"
	like "$c is stopped by any of them" "$code:$err" '^2:KAFKA_PORT: expected an integer from 1'
done
sk LOG_LEVEL=loud help
is "help works whatever is set" "$code" 0
sk LOG_LEVEL=loud MONITOR_TASK_INTERVAL=often WEB_CONCURRENCY=x config
is "config shows everything that is wrong" "$code:$(wc -l <<<"$err")" "2:3"
like "and the table all the same" "$out" '^LOG_LEVEL +loud +environment$'

# ---- .env ----

in_dir "$T/env"
cat >"$here/.env" <<'X'
# a comment
export DB_NAME=exported
  REDIS_HOST = spaced  # with a comment
KAFKA_USERNAME='single # quoted ${X}'
LOG_PATH="double \"quoted\" \\ # ${OTHER}${NOT_THERE}${NOT_THERE:-fallback}"
OTHER=/first
YAML_FILE=${OTHER}/all.yml
KAFKA_HOST=a#b
SKALDS_DATA=
IGNORED_KEY=whatever
NOTHING
X
get()
{
	sk config "$1"
	echo "$out"
}
is "export is allowed" "$(get DB_NAME)" exported
is "blanks and a comment are taken off" "$(get REDIS_HOST)" spaced
is "single quotes keep everything" "$(get KAFKA_USERNAME)" 'single # quoted ${X}'
is "double quotes know escapes and references" "$(get LOG_PATH)" 'double "quoted" \ # fallback'
is "a reference to an earlier line" "$(get YAML_FILE)" /first/all.yml
is "# without a blank belongs to the value" "$(get KAFKA_HOST)" 'a#b'
is "a reference goes to the environment first" "$(sk OTHER=/env config YAML_FILE; echo "$out")" /env/all.yml
is "nothing of it is wrong" "$(sk config; echo "$code$err")" 0
printf 'DB_NAME="two\nlines"\nKAFKA_HOST=after\n' >"$here/.env"
sk config KAFKA_HOST --json
is "a quoted value may span lines, the count goes on" "$(origin)" "after from .env:3"
printf '\xef\xbb\xbfDB_NAME=bom\r\nKAFKA_HOST=crlf\r\n' >"$here/.env"
is "BOM and CRLF do no harm" "$(get DB_NAME) $(get KAFKA_HOST)" "bom crlf"
printf 'DB_NAME=one\nDB_NAME=two' >"$here/.env"
is "the last line of a key wins, also without a newline" "$(get DB_NAME)" two
printf 'DB_NAME=ok\n=novalue\nwhat is this\nKAFKA_HOST="open\n' >"$here/.env"
sk worker list
is "a broken .env stops commands" "$code:$out" "2:"
is "all its lines are named" "$err" ".env:2: expected KEY=VALUE
.env:3: expected KEY=VALUE
.env:4: the closing quote is missing"
sk help
is "but not help" "$code" 0
printf 'DB_NAME="a" b\n' >"$here/.env"
sk worker list
is "text behind a quote is refused" "$code:$err" "2:.env:1: unexpected text behind the closing quote"
head -c 70000 /dev/zero | tr '\0' '#' >"$here/.env"
sk worker list
is "a file that is too large is refused" "$code:$err" "2:.env is larger than 65536 bytes"
rm "$here/.env"
mkdir "$here/.env"
sk worker list
like "a directory is refused" "$code:$err" '^2:cannot read .env: Is a directory'
rmdir "$here/.env"
mkfifo "$here/.env"
sk worker list
is "a FIFO does not hang" "$code" 0
rm "$here/.env"
echo 'DB_NAME=named' >"$here/x.env"
echo 'DB_NAME=dot' >"$here/.env"
sk config DB_NAME --env-file x.env --json
is "--env-file is read instead" "$(origin)" "named from x.env:1"
sk --env-file x.env config DB_NAME
is "--env-file may stand in front" "$out" named

printf 'KAFKA_HSOT=x\nSOMETHING=else\n' >"$here/.env"
sk SKALD_MOED=edge config
is "what is nearly a setting is pointed out and is no error" "$code:$err" \
	"0:KAFKA_HSOT: no setting; did you mean KAFKA_HOST? (.env:1)
SKALD_MOED: no setting; did you mean SKALD_MODE? (environment)"
rm "$here/.env"

# ---- the token ----

printf 'tok-123\n' >"$here/token"
sk config --token-file token SKALDS_TOKEN --json
is "--token-file is read and masked" "$(origin)" "*** from --token-file"
: >"$here/empty"
sk config --token-file empty
like "an empty token file is an error" "$code:$err" '^2:.*empty is not a token: it is empty'
sk config --token-file nowhere
like "a token file that is not there is an error" "$code:$err" '^2:cannot read nowhere'
finish
