#!/usr/bin/env bash
# HTTPS, certificates of clients, both read again at SIGHUP.
. "$(dirname "$0")/../up_lib.sh"

authority()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.pem" \
		-subj "/CN=$1" -days 2 2>/dev/null
}

# certificate NAME AUTHORITY CN [ALTERNATIVE-NAMES]
certificate()
{
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$3" 2>/dev/null
	echo "subjectAltName=${4:-DNS:localhost,IP:127.0.0.1}" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

authority ca
authority clients
certificate server ca localhost
certificate other ca elsewhere DNS:elsewhere.example
certificate build clients 'build host'
certificate guest clients guest
certificate forged ca 'build host'
cp server.pem s.pem
cp server.key s.key
"$SKALDS" token new boss --role admin -q >token
ROOT_CA=(--ca-file ca.pem)

# tried ARGUMENTS…: code and error
tried()
{
	"$SKALDS" --url "$URL" "$@" >"$T/.out" 2>"$T/.err"
	echo "$?: $(cat "$T/.err")"
}

# shown FILE-OF-SERVER: the subject that the port shows
shown()
{
	openssl s_client -connect "127.0.0.1:${URL##*:}" </dev/null 2>/dev/null | openssl x509 -noout -subject 2>/dev/null
}

# ---- a server's certificate ----

up --listen 127.0.0.1:0 --tls-cert s.pem --tls-key s.key
URL=$(events up.out event=ready -- url)
like "the URL is one of HTTPS" "$URL" '^https://127\.0\.0\.1:[0-9]+$'
is "with its authority and a token" "$(tried status "${ROOT_CA[@]}" --token-file token)" "0: "
is "SKALDS_CA_FILE too" "$(SKALDS_CA_FILE=ca.pem SKALDS_TOKEN=$(cat token) tried status)" "0: "
like "without the authority: 2, and why" "$(tried status --token-file token)" "^2: .*the certificate of $URL is not accepted"
like "without a token" "$(tried status "${ROOT_CA[@]}")" '^1: .*wants a token'
like "HTTP to its port: 2, and why" "$(URL=http://${URL#https://} tried status)" '^2: .*this port speaks HTTPS'
like "an authority that is not there" "$(tried status --ca-file none.pem)" '^2: .*none\.pem'
# examined ARGUMENTS…: what doctor says of the URL
examined()
{
	"$SKALDS" --url "$URL" doctor --json "$@" 2>/dev/null | tr '{' '\n' | grep '"name":"url"'
}
like "doctor finds it well" "$(examined "${ROOT_CA[@]}" --token-file token)" '"status":"ok","detail":"answers within [0-9]+ ms'
like "doctor says that a token is missing" "$(examined "${ROOT_CA[@]}")" '"status":"broken","detail":"it wants a token'
like "doctor says that the certificate is not accepted" "$(examined)" '"status":"broken".*is not accepted'
cp other.pem s.pem
cp other.key s.key
kill -HUP "$UP"
until_true 10 has up.err 'the certificate was read again'
is "SIGHUP: another certificate" "$(shown)" "subject=CN = elsewhere"
like "whose name is wrong" "$(tried status "${ROOT_CA[@]}" --token-file token)" '^2: .*is not accepted'
cp server.pem s.pem # and the key of the other
kill -HUP "$UP"
until_true 10 has up.err 'the certificate stays as it was'
is "a pair that does not fit: all stays" "$(shown)" "subject=CN = elsewhere"
cp server.key s.key
kill -KILL "$(link_of "$UP")"
until_true 10 has up.err 'ready again'
is "after kill -9 of what answers: the files as they are" "$(tried status "${ROOT_CA[@]}" --token-file token)" "0: "
down
is "the end" "$CODE" 0

# ---- clients' certificates ----

rm "$SKALDS_DATA/tokens"
up --listen 127.0.0.1:0 --tls-cert s.pem --tls-key s.key --client-ca clients.pem
URL=$(events up.out event=ready -- url)
GUEST=("${ROOT_CA[@]}" --cert guest.pem --key guest.key)
BUILD=("${ROOT_CA[@]}" --cert build.pem --key build.key)
is "no token is needed with a certificate" "$(tried task add Noop "${GUEST[@]}")" "0: "
is "which may all" "$(tried skald drain none "${GUEST[@]}" | cut -c1)" 3
like "without one there is no way in" "$(tried status "${ROOT_CA[@]}")" '^(2|69): '
like "one of another authority is none" "$(tried status "${ROOT_CA[@]}" --cert forged.pem --key forged.key)" '^(2|69): '
like "SKALDS_CERT_FILE and SKALDS_KEY_FILE" \
	"$(SKALDS_CERT_FILE=guest.pem SKALDS_KEY_FILE=guest.key SKALDS_CA_FILE=ca.pem tried status)" '^0: '
echo 'cert:build host write' >"$SKALDS_DATA/tokens"
chmod 600 "$SKALDS_DATA/tokens"
kill -HUP "$UP"
until_true 10 has up.err 'tokens were read again'
is "with lines only those have a role" "$(tried status "${GUEST[@]}")" \
	'1: skalds status: the certificate of "guest" has no role here'
is "that of their line" "$(tried task add Noop "${BUILD[@]}"; tried skald drain x "${BUILD[@]}")" \
	"0: 
1: skalds skald drain: build host has the role write, and this needs the role admin"
down
is "the end" "$CODE" 0
finish
