#!/usr/bin/env bash
# The document of the API is valid, and true: schemathesis asks for everything that it names, with what it
# allows and with what it does not, of an `up` that answers over the network to those who have a token.
# What is left out, and why: test/openapi/schemathesis.toml.
. "$(dirname "$0")/../up_lib.sh"

OPENAPI=$ROOT/test/openapi

check "schemathesis is there" "$ROOT/scripts/services.sh" up pytools || finish
# not the servers that stand there too: those make commands look for a fleet
eval "$(grep '^export PYTOOLS=' "${SKALDS_SERVICES:-$ROOT/build/services}/env")"
TOOLS=${PYTOOLS%/*}

TOKEN=$("$SKALDS" token new tester --role admin 2>/dev/null)
READER=$("$SKALDS" token new reader --role read 2>/dev/null)
PORT=$("$PYTOOLS" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
URL=http://127.0.0.1:$PORT
check "up listens" up --slots 2 --listen "127.0.0.1:$PORT"

# ask [CURL OPTIONS…] PATH
ask()
{
	curl -s --max-time 10 -H "Authorization: Bearer $TOKEN" "${@:1:$#-1}" "$URL${*: -1}"
}

# ---- the document ----

ask /api/openapi.json >openapi.json
check "it is valid" "$TOOLS/openapi-spec-validator" openapi.json
is "it is OpenAPI 3.1" "$("$PYTOOLS" -c 'import json; print(json.load(open("openapi.json"))["openapi"])')" 3.1.0
is "without a token it is nobody's to read" "$(curl -s -o /dev/null -w '%{http_code}' "$URL/api/openapi.json")" 401
is "a reader may read it" \
	"$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $READER" "$URL/api/openapi.json")" 200

# ---- is it true? ----

# schemathesis does not read answers that never end
ask -m 1 -D stream.head /v1/stream >stream.out
like "a stream is one" "$(cat stream.head stream.out)" '^[Cc]ontent-[Tt]ype: text/event-stream'

began=$(now_ms)
PYTHONPATH=$OPENAPI "$TOOLS/st" --config-file "$OPENAPI/schemathesis.toml" run "$URL/api/openapi.json" \
	-H "Authorization: Bearer $TOKEN" --phases examples,coverage,fuzzing -n "$(rounds 8 100)" \
	--continue-on-failure --no-shrink --no-color >st.out 2>&1
code=$?
note "schemathesis: $(($(now_ms) - began)) ms"
is "schemathesis finds nothing" "$code" 0 || sed -n '/= FAILURES/,$p' st.out | head -n 200 | sed 's/^/# /'
like "and has looked at every operation" "$(cat st.out)" 'Tested: [4-9][0-9]'
sed -n '/= SUMMARY/,$p' st.out | grep -v '^$' | sed 's/^/# /'
check "up still serves" served
down
is "and ends well" "$CODE" 0

finish
