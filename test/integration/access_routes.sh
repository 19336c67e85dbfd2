#!/usr/bin/env bash
# Nobody without a token, with a wrong one, with a part of a right one, or with one of a smaller role gets at
# anything: every route of the document, one after the other.
. "$(dirname "$0")/../up_lib.sh"

for role in read write admin; do
	"$SKALDS" token new "$role" --role "$role" >"$role" 2>/dev/null
done
up_listens()
{
	up --slots 2 --json --listen 127.0.0.1:0 && URL=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' up.out) && [ -n "$URL" ]
}
check "up listens" up_listens || finish

# status TOKEN METHOD PATH: "" = none. The token is never an argument.
status()
{
	{
		[ -z "$1" ] || printf 'header = "Authorization: Bearer %s"\n' "$1"
		printf 'url = "%s%s"\n' "$URL" "$3"
	} | curl -s -m 10 -o answer -w '%{http_code}' -X "$2" -K -
}

printf 'header = "Authorization: Bearer %s"\nurl = "%s/api/openapi.json"\n' "$(cat admin)" "$URL" |
	curl -s -m 10 -o openapi.json -K -
python3 - >routes <<'END'
import json, re
for path, methods in json.load(open("openapi.json"))["paths"].items():
    for method, op in methods.items():
        if method in ("get", "post", "put", "patch", "delete"):
            print(method.upper(), re.sub(r"\{[^}]*\}", "x", path), op.get("x-skalds-role", "none"))
END
at_least "there are routes" "$(wc -l <routes)" 50

declare -A SMALLER=([write]=read [admin]=write)
# What does not answer as it must, a line each.
while read -r method path role; do
	for token in "" skt_wrong "$(cut -c1-46 admin)" "$(cat admin)x"; do
		got=$(status "$token" "$method" "$path")
		[ "$role" != none ] || continue
		[ "$got" = 401 ] || echo "$method $path with '${token:0:9}': $got"
		grep -q '"detail":"' answer || echo "$method $path: $(cat answer)"
	done >>open
	smaller=${SMALLER[$role]:-}
	if [ -n "$smaller" ]; then
		got=$(status "$(cat "$smaller")" "$method" "$path")
		[ "$got" = 403 ] || echo "$method $path as $smaller: $got"
	fi >>open
done <routes
is "each answers 401, or 403 to a smaller role, with a sentence" "$(cat open)" ""
is "these are open to everybody, and tell nothing of tasks" "$(awk '$3 == "none" { print $2 }' routes | sort | tr '\n' ' ')" \
	"/ /api/docs /livez /readyz "
is "nothing has happened" "$("$SKALDS" task list --json)" '{"items":[],"next":null}'

# It is refused before its body is taken.
head -c 3000000 /dev/zero >large
is "a large body without a token: 401" "$(curl -s -m 10 -o /dev/null -w '%{http_code}' --data-binary @large "$URL/v1/tasks")" 401
down
unlike "no token is in a log" "$(cat up.err up.out)" "$(cat read)|$(cat write)|$(cat admin)"
finish
