#!/usr/bin/env bash
# P22: 40 planted secrets reach no log, no argument, no output, no environment of a task.
. "$(dirname "$0")/../lib.sh"
helper die >/dev/null

# Planted are variables whose names are secret by the rule of cmd/README.md, and URLs with passwords
# in our own settings; a task may have any other variable.
n=0
# secret: a new canary in $S; all of them are listed in canaries.
: >canaries
secret()
{
	n=$((n + 1))
	S=CANARY$(printf '%02d' $n)x$RANDOM$RANDOM
	echo "$S" >>canaries
}

# plant NAME PREFIX SUFFIX: an exported variable PREFIXcanarySUFFIX
plant()
{
	secret
	export "$1=$2$S$3"
}

plant MONGO_HOST 'mongodb://root:' '@127.0.0.1:1/'
plant REDIS_PASSWORD '' ''
plant KAFKA_PASSWORD '' ''
plant SKALDS_TOKEN '' ''
plant AWS_SECRET_ACCESS_KEY '' ''
plant AWS_SESSION_TOKEN '' ''
plant GITHUB_TOKEN '' ''
plant DATABASE_PASSWORD '' ''
plant MY_API_KEY '' ''
plant DB_PASSWORD '' ''
plant PGPASSWORD '' ''
plant MYSQL_PASSWD '' ''
plant APP_SECRET '' ''
plant SERVICE_PASSWD '' ''
plant SMTP_PASSWORD '' ''
plant OAUTH_CLIENT_SECRET '' ''
plant PRIVATE_KEY '' ''
plant SSL_PRIVATE_KEY '' ''
plant HF_TOKEN '' ''
plant NPM_TOKEN '' ''
plant SOME_CREDENTIALS '' ''
plant VAULT_TOKEN '' ''
plant AMQP_SECRET '' ''
plant SKALDS_URL 'https://user:' '@hook.example/x'
plant ACCESS_TOKEN '' ''
plant JWT_SECRET '' ''
plant MY_APIKEY '' ''
plant api_token '' ''
plant Mixed_Case_Password '' ''
environment_canaries=$n

# In attachments: the password of a stream's address.
new_file f.yml
for i in 1 2 3 4 5; do
	secret
	task f.yml "cam$i" MyWorker \
		"{rtspUrl: \"rtsp://admin:$S@camera$i:554/x\", fixFrame: $i, steps: 3, intervalSeconds: 0.1}"
done
# In .env, in a token file and in values that are wrong: errors must not quote them.
secret
echo "REDIS_PASSWORD=$S" >.env
secret
echo "$S" >token
program f.yml env '/usr/bin/env'
task f.yml fails Fail '{message: plain failure}'
program f.yml missing '/no/such/program'

grep_canaries()
{
	grep -rhoFf canaries "$@" 2>/dev/null | sort -u | tr '\n' ' '
}

# Arguments are looked at while everything runs.
watch_arguments()
{
	while :; do
		cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -Ff canaries
		sleep 0.02
	done >arguments 2>/dev/null
}
watch_arguments &
watcher=$!
started_pids+=("$watcher")

mkdir logs data
for format in text json; do
	"$SKALDS" edge -f f.yml --once --log-level trace --log-format $format --token-file token \
		>"edge-$format.out" 2>"edge-$format.err" </dev/null
	LOG_PATH=$T/logs "$SKALDS" edge -f f.yml --once --json --log-level trace \
		>"json-$format.out" 2>"json-$format.err" </dev/null
done
"$SKALDS" edge -f f.yml --once --data "$T/data" --log-level trace >data.out 2>data.err </dev/null
for id in cam1 env fails missing; do
	"$SKALDS" run-one -f f.yml "$id" --log-level trace >"one-$id.out" 2>"one-$id.err" </dev/null
done
"$SKALDS" run-one -- /usr/bin/env >cmd.out 2>cmd.err </dev/null
"$SKALDS" config >config.out 2>config.err </dev/null
"$SKALDS" config --json >config-json.out 2>config-json.err </dev/null
"$SKALDS" doctor >doctor.out 2>doctor.err </dev/null
"$SKALDS" doctor --json >doctor-json.out 2>doctor-json.err </dev/null
"$SKALDS" check -f f.yml >check.out 2>check.err </dev/null
secret
quoted=$S
REDIS_PORT=$S "$SKALDS" config >wrong.out 2>wrong.err </dev/null

# Wrong files: what is quoted must not be a secret. The attachment is right, its neighbour wrong.
secret
new_file bad.yml
task bad.yml cam MyWorker "{rtspUrl: \"rtsp://admin:$S@camera/x\", fixFrame: ten}"
"$SKALDS" check -f bad.yml >bad.out 2>bad.err </dev/null
secret
new_file bad2.yml
task bad2.yml cam MyWorker "{rtspUrl: \"rtsp://admin:$S@camera/x\", fixFrame: 1, unknownKey: 2}"
"$SKALDS" check --json -f bad2.yml >bad2.out 2>bad2.err </dev/null
secret
printf 'TaskWorkers:\n  a:\n    className: MyWorker\n    attachments: {rtspUrl: "rtsp://u:%s@c/x", fixFrame: [\n' "$S" \
	>bad3.yml
"$SKALDS" edge -f bad3.yml --once >bad3.out 2>bad3.err </dev/null

# Over the network: tokens of the variable and of the file, right, wrong and where no token belongs.
web_tokens=$T/web/tokens
mkdir web
secret
in_variable=$S
"$SKALDS" token new boss --role admin --file "$web_tokens" -q >in-file </dev/null 2>token.err
cat in-file >>canaries
n=$((n + 1))
secret
wrong=$S
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout web/key.pem -out web/cert.pem \
	-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2 2>/dev/null
sed -n 2p web/key.pem >>canaries # a line of the private key
n=$((n + 1))
start web env SKALDS_TOKENS="env:write:$in_variable" "$SKALDS" up --data "$T/web/data" --allow-volatile --json \
	--listen 127.0.0.1:0 --tokens "$web_tokens" --tls-cert web/cert.pem --tls-key web/key.pem --log-level trace
WEB=$PID
until_true 15 seen web.out event=ready
web_url=$(events web.out event=ready -- url)
for token in "$in_variable" "$(cat in-file)" "$wrong" "${in_variable%?}"; do
	echo "Authorization: Bearer $token" >header
	echo "$token" >sent-token
	for path in /v1/status /v1/tasks /v1/me /v1/skalds /v1/nothing /api/system/config /api/system/status /api/openapi.json \
		/metrics "/v1/tasks?token=$wrong" "/$wrong"; do
		# an address that is asked for by name may be quoted to whoever asked; its log must not have it
		case $path in *"$wrong"*) answer=/dev/null ;; *) answer=answers.out ;; esac
		printf 'url = "%s%s"\nheader = "@header"\n' "$web_url" "$path" |
			curl -s -K - -i --cacert web/cert.pem --max-time 10 >>$answer
	done
	for command in status 'task list' 'task add Noop' 'skald list' 'doctor' 'task get none'; do
		# shellcheck disable=SC2086
		"$SKALDS" $command --url "$web_url" --ca-file web/cert.pem --token-file sent-token --log-level trace \
			>>remote.out 2>>remote.err </dev/null
		# shellcheck disable=SC2086
		SKALDS_TOKEN=$token "$SKALDS" $command --url "$web_url" --ca-file web/cert.pem --json >>remote.out 2>>remote.err </dev/null
	done
done
"$SKALDS" task add --url "$web_url" --ca-file web/cert.pem --token-file in-file --id env -- /usr/bin/env >/dev/null 2>>remote.err
"$SKALDS" task wait env --url "$web_url" --ca-file web/cert.pem --token-file in-file 2>>remote.err
"$SKALDS" task logs env --url "$web_url" --ca-file web/cert.pem --token-file in-file >task-env.out 2>>remote.err
echo "broken $wrong" >>"$web_tokens"
kill -HUP "$WEB"
until_true 10 has web.err 'the tokens stay as they were'
kill -KILL "$(link_of "$WEB")"
until_true 10 has web.err 'it is tried again every second'
kill -TERM "$WEB"
ended "$WEB" 30
for args in "up --listen 127.0.0.1:0 --tokens web/tokens" "token list --file web/tokens" "config" "config --json"; do
	# shellcheck disable=SC2086
	SKALDS_TOKENS="x:root:$wrong" "$SKALDS" $args --data "$T/web/other" >>wrong-tokens.out 2>>wrong-tokens.err </dev/null
done

kill "$watcher"
wait "$watcher" 2>/dev/null

at_least "canaries were planted" "$n" 40
at_least "all of them are in the list" "$(sort -u canaries | wc -l)" 40
check "the search finds one that is there" grep -qFf canaries token
like "the task's environment was really printed" "$(cat edge-text.out edge-text.err)" 'SKALDS_TASK_ID=env'
like "so was the one of run-one" "$(cat cmd.out)" '^PATH='
at_least "answers with the token came over the network" "$(grep -o 'HTTP/1.1 200' answers.out | wc -l)" 10
at_least "and refusals" "$(grep -o 'HTTP/1.1 401' answers.out | wc -l)" 10
like "the task's environment came too" "$(cat task-env.out)" 'SKALDS_TASK_ID=env'
like "the wrong line of the tokens was told" "$(cat web.err)" 'tokens: line 2: '
like "the stream's address was really logged" "$(cat edge-text.out edge-text.err)" 'camera1:554'
# The wrong port is the caller's own text and no secret by its name: it may be quoted.
grep -vxF "$quoted" canaries >strict
mv strict canaries
is "no canary in anything that was printed or logged" "$(grep_canaries ./*.out ./*.err)" ""
is "none in log files" "$(grep_canaries logs)" ""
is "none in the data directory" "$(grep_canaries data)" ""
is "none in what is stored over the network" "$(grep_canaries web/data)" ""
is "none in the file of tokens but what was put there" "$(grep_canaries web/tokens)" "$wrong "
is "none in the runtime directory" "$(grep_canaries run)" ""
is "none in an argument of a process" "$(sort -u arguments | cut -c1-100)" ""
is "none in a task's environment ($environment_canaries were in skalds')" \
	"$(grep_canaries edge-text.out edge-text.err cmd.out one-env.out)" ""

# What is asked for by name is passed on: a task's own env is its own business.
new_file own.yml
task own.yml t Exec '{command: [/usr/bin/env], env: {MY_OWN_TOKEN: wanted}}'
like "the env of the task itself is passed on" \
	"$("$SKALDS" run-one -f own.yml 2>/dev/null </dev/null)" '^MY_OWN_TOKEN=wanted$'

# Core dumps would hold everything.
new_file core.yml
task core.yml t Exec '{command: [/bin/sh, -c, "sleep 1000"]}'
start edge "$SKALDS" edge -f core.yml
sleep 0.5
is "the supervisor itself writes no core" \
	"$(awk '/Max core file size/ { print $5 }' "/proc/$PID/limits")" 0
kill -TERM "$PID"
ended "$PID" 10
finish
