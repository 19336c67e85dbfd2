#!/bin/bash
# --listen: what is refused before anything starts; `skalds token`.
. "$(dirname "$0")/lib.sh"

in_dir "$T/l"
D=$T/l/data

# refused NAME WANT ARGUMENTS…: `up` with these ends with 2 at once and says WANT; it leaves nothing behind.
refused()
{
	local name=$1 want=$2
	shift 2
	sk "$@" up --data "$D" --allow-volatile
	is "$name: 2" "$code" 2
	like "$name: it is said" "$err" "$want"
	is "$name: nothing was made" "$(ls "$D" 2>&1 | grep -v 'No such\|^tokens$')" ""
}

refused "no address" 'is not an address: expected HOST:PORT' --listen 8000
refused "no port" 'is not an address: expected HOST:PORT' --listen 127.0.0.1
refused "no name" 'has no address' --listen no.such.host.invalid:8000
refused "other machines, and nobody known" 'skalds token new NAME --role admin --file .*/data/tokens' --listen 0.0.0.0:8000
refused "the same with IPv6" 'skalds token new' --listen '[::]:8000'
refused "a star" 'skalds token new' --listen '*:8000'
refused "SKALDS_LISTEN counts" 'skalds token new' SKALDS_LISTEN=0.0.0.0:8000
refused "half a certificate" '--tls-cert needs --tls-key' --listen 127.0.0.1:0 --tls-cert x
refused "half a key" '--tls-key needs --tls-cert' --listen 127.0.0.1:0 --tls-key x
refused "a client CA without a certificate" '--client-ca needs --tls-cert' --listen 127.0.0.1:0 --client-ca x
refused "tokens for nothing" '--tokens needs --listen' --tokens x
refused "a file of tokens that is not there" 'no-tokens is not there' --listen 127.0.0.1:0 --tokens no-tokens
refused "a wrong variable" 'SKALDS_TOKENS: token 2: the role' SKALDS_TOKENS=a:read:0123456789abcdef,b:root:hidden-canary-123 \
	--listen 127.0.0.1:0
unlike "its secret is not quoted" "$err" hidden-canary
refused "a weak one" 'less than 16 characters' SKALDS_TOKENS=a:read:short --listen 127.0.0.1:0
echo 'ci read' >"$here/t"
chmod 600 "$here/t"
refused "a wrong line" 't: line 1: expected sha256:' --listen 127.0.0.1:0 --tokens t
chmod 644 "$here/t"
refused "a file that others can read" 'can be used by others \(mode 0644\): chmod 600 t' --listen 127.0.0.1:0 --tokens t
for flag in --token --tls-password; do
	sk up --data "$D" --listen 127.0.0.1:0 $flag x
	like "there is no $flag, where all would see it" "$code:$err" "^2:.*unknown flag $flag"
done
sk KAFKA_HOST=127.0.0.1:1 REDIS_HOST=127.0.0.1 REDIS_PORT=1 MONGO_HOST=mongodb://127.0.0.1:1 SYSTEM_CONTROLLER_HOST=0.0.0.0 controller
is "a controller where the original's variables say, under the same rules: 2" "$code" 2
like "it is said where" "$err" '--listen 0.0.0.0:8000: others reach this address'

# A controller answers also while its services are away; SIGHUP reads its files again and does not end it.
start controller env KAFKA_HOST=127.0.0.1:1 REDIS_HOST=127.0.0.1 REDIS_PORT=1 MONGO_HOST=mongodb://127.0.0.1:1 \
	SKALDS_TOKENS=ops:admin:0123456789abcdef "$SKALDS" controller --listen 127.0.0.1:0 --data "$T/controller"
CONTROLLER=$PID
# where it listens is told when the services are there; till then the kernel knows
port_of()
{
	local inode
	for inode in $(ls -l "/proc/$1/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p'); do
		awk -v i="$inode" '$10 == i && $4 == "0A" { print $2 }' /proc/net/tcp
	done | sed 's/.*://' | head -n 1
}
listens()
{
	[ -n "$(port_of "$CONTROLLER")" ]
}
until_true 10 listens
url=http://127.0.0.1:$((16#$(port_of "$CONTROLLER")))
# asked PATH [CURL-ARGUMENTS…]: the status
asked()
{
	local path=$1
	shift
	curl -s -o "$T/body" -w '%{http_code}' --max-time 5 "$@" "$url$path"
}
is "a controller without services is alive" "$(asked /livez)" 200
is "and not ready" "$(asked /readyz)" 503
is "without a token nothing is told" "$(asked /v1/status)" 401
is "with one its services are" "$(asked /v1/status -H 'Authorization: Bearer 0123456789abcdef')" 503
kill -HUP "$CONTROLLER"
until_true 5 has controller.err 'tokens were read again'
is "SIGHUP does not end it" "$(asked /livez)" 200
kill -TERM "$CONTROLLER"
ended "$CONTROLLER" 20
is "SIGTERM does" "$CODE" 0

# A wrong certificate is seen by the process that needs it: the end is the same.
echo nonsense >"$here/bad.pem"
sk up --data "$D" --allow-volatile --listen 127.0.0.1:0 --tls-cert bad.pem --tls-key bad.pem
is "a certificate that is none: 2" "$code" 2
like "it is named" "$err" 'bad\.pem'
sk SKALDS_CORS=nonsense up --data "$D" --allow-volatile --listen 127.0.0.1:0
is "an origin that is none: 2" "$code" 2
rm -rf "$D"

# ---- skalds token ----

sk token new ci --role write --data "$D"
token=$out
is "a token is made: 0" "$code" 0
like "it is printed" "$token" '^skt_[A-Za-z0-9_-]{43}$'
like "where it went is said" "$err" "added to $D/tokens"
unlike "the file does not hold it" "$(cat "$D/tokens")" "$token"
is "but its SHA-256" "$(cat "$D/tokens")" "ci write sha256:$(printf %s "$token" | sha256sum | cut -d' ' -f1)"
is "nobody else can read it" "$(stat -c %a "$D/tokens")" 600
sk token new ci --role read --data "$D"
is "a name twice: 1" "$code:$err" "1:skalds token new: $D/tokens has a token ci already"
sk token new ops --role admin --expires 2099-12-31 --data "$D" --json -q
is "as JSON" "$(json name "$out") $(json role "$out") $(json expires "$out") $(json file "$out")" \
	"ops admin 4102358400000 $D/tokens"
sk token list --data "$D"
is "the list" "$(echo $out)" "NAME KIND ROLE EXPIRES ci token write never ops token admin 2099-12-31T00:00:00Z"
sk token list --data "$D" --json
is "the list as JSON" "$out" \
	'{"items":[{"name":"ci","kind":"token","role":"write","expires":null},{"name":"ops","kind":"token","role":"admin","expires":4102358400000}],"next":null}'
sk token remove ci --data "$D"
is "one is removed: 0" "$code" 0
sk token remove ci --data "$D"
is "it is there no more: 3" "$code:$err" "3:skalds token remove: $D/tokens has no token ci"
sk token list --file nothing
is "no file: 3" "$code:$err" "3:skalds token list: nothing is not there"
sk SKALDS_TOKENS_FILE="$here/other" token new x --role read -q
is "the file of the setting" "$code:$(cut -d' ' -f1,2 "$here/other")" "0:x read"
for wrong in "x" "x --role root" "a/b --role read" "x --role read --expires yesterday" "x --role read --expires 2001-01-01" \
	"x --role read --expires 90"; do
	# shellcheck disable=SC2086
	sk token new $wrong --file "$here/other2"
	is "token new $wrong: 2" "$code:$out" "2:"
done
is "nothing was made by these" "$(ls "$here/other2" 2>/dev/null)" ""
finish
