#!/bin/bash
# Commands of a fleet where no service answers: which way is taken, what is said, which code it is.
. "$(dirname "$0")/lib.sh"

in_dir "$T/f"
# nobody listens on port 1
all=(KAFKA_HOST=127.0.0.1 KAFKA_PORT=1 REDIS_HOST=127.0.0.1 REDIS_PORT=1
	"MONGO_HOST=mongodb://root:canary@127.0.0.1:1/?serverSelectionTimeoutMS=300")
home="HOME=$T/f"

# ---- node and controller need all three ----

for c in node controller; do
	sk "$c"
	is "$c without services points to up" "$code:$err" "2:skalds $c: needs Kafka, Redis and MongoDB: \
KAFKA_HOST, REDIS_HOST, MONGO_HOST are not set; one machine needs none of them: skalds up"
	sk KAFKA_HOST=k REDIS_HOST=r "$c"
	like "$c names the one that is missing" "$code:$err" '^2:.*: MONGO_HOST is not set;'
	sk MONGO_HOST=m REDIS_HOST= "$c"
	like "$c names the two that are missing" "$code:$err" '^2:.*: KAFKA_HOST, REDIS_HOST are not set;'
	sk "${all[@]}" KAFKA_HOST=a,,b "$c"
	like "$c: a list that is none" "$code:$err" '^2:.*KAFKA_HOST'
	sk "${all[@]}" REDIS_TLS=yes REDIS_CA_FILE=nowhere.pem "$c"
	like "$c: a certificate that is not there" "$code:$err" '^2:.*nowhere.pem'
	sk "${all[@]}" "$c" --lease 0
	like "$c: a lease that is none" "$code:$err" '^2:.*--lease: expected a number from 1'
done
sk "${all[@]}" controller --keep forever
like "controller: --keep" "$code:$err" '^2:.*--keep: expected a time like'
sk controller --help
like "its help tells the modes" "$out" 'DISPATCHER .the default.'

# ---- the door ----

sk "$home" "${all[@]}" task list
like "a fleet without its store is 69, and says whom to see to" "$code:$err" \
	'^69:skalds task list: .*see to MONGO_HOST.*skalds doctor'
unlike "without the password" "$err" canary
is "in one line" "$(wc -l <<<"$err")" 1
is "nothing was made on this machine" "$(find "$here" -mindepth 1)" ""
sk "$home" "${all[@]}" status
is "status too" "$code" 69
sk "$home" "${all[@]}" task add Sleep seconds=0
is "nothing is added anywhere" "$code:$out" "69:"
sk "$home" "${all[@]}" task add Sleep seconds=x
is "what is wrong is said before anybody is asked" "$code" 2
start=$EPOCHSECONDS
sk "$home" "${all[@]}" __complete -- task get ''
is "completions do not hang on it" "$out:$((EPOCHSECONDS - start < 5))" ":1"

# ---- which way ----

sk "$home" "${all[@]}" task list --data "$T/none"
like "--data goes before the services" "$code:$err" "^69:.*there are no tasks in $T/none yet"
printf '%s\n' "${all[@]}" >"$here/.env"
sk "$home" "SKALDS_DATA=$T/none" task list
like "SKALDS_DATA goes before services of .env" "$code:$err" '^69:.*there are no tasks'
sk "$home" task list
like "services of .env count" "$code:$err" '^69:.*MONGO_HOST'
sk "$home" "SKALDS_URL=http://127.0.0.1:1/" task list
unlike "SKALDS_URL goes before services" "$err" MONGO_HOST
rm "$here/.env"
sk "$home" "SKALDS_DATA=$T/none" "${all[@]}" task list
like "of the same place the services count" "$code:$err" '^69:.*MONGO_HOST'
sk "$home" "${all[@]}" REDIS_HOST= task add Sleep seconds=0
like "a fleet in part is an error that names what is missing" "$code:$err" \
	'^2:.*MONGO_HOST is set, but not REDIS_HOST, and nothing is running in .*--data'
sk "$home" "${all[@]}" REDIS_HOST= task add Sleep seconds=0 --data "$T/some"
is "for who chooses a directory it is none" "$code" 0
sk "$home" REDIS_HOST=r KAFKA_HOST=k "SKALDS_DATA=$T/some" task list
is "without MONGO_HOST nobody thinks of a fleet" "$code:$(wc -l <<<"$out")" "0:2"
sk "$home" "${all[@]}" backup x.db
like "backup wants a whole path where it is made elsewhere" "$code:$err" '^2:.*whole path'

# ---- doctor ----

sk doctor --json
unlike "without services doctor has no rows of them" "$out" '"mongodb"'
sk "${all[@]}" doctor
like "Kafka that is away is broken" "$code:$out" 'kafka +broken +.*127.0.0.1:1.*KAFKA_HOST'
like "Redis that is away is broken" "$out" 'redis +broken .*REDIS_HOST'
like "MongoDB that is away is broken" "$out" 'mongodb +broken .*MONGO_HOST'
is "and the code is 1" "$code" 1
unlike "no password" "$out$err" canary
sk "${all[@]}" KAFKA_HOST= REDIS_DB=many doctor
like "what is not set is limited" "$out" 'kafka +limited +KAFKA_HOST is not set'
like "a wrong setting is named" "$out" 'redis +broken +REDIS_DB: expected an integer'
sk doctor --watch
like "--watch without services" "$code:$err" '^2:.*none of KAFKA_HOST'
vars=("${all[@]}")
out=$(cd "$here" && env -i "SKALDS_RUN_DIR=$SKALDS_RUN_DIR" "${all[@]}" timeout 9 "$SKALDS" doctor --watch --json 2>/dev/null)
is "--watch tells each that is away, once" "$(grep -c '"status":"broken"' <<<"$out")" 3
finish
