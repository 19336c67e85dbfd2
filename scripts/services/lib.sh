# lib.sh - what the services have in common: where things lie, ports, processes, packages.
# Sourced by scripts/services.sh; bash.
# shellcheck shell=bash disable=SC2153 # NAME is the service at work
#
# Set here: HERE (scripts/services), CACHE (built programs), STATE (data, logs, pid files of this
# checkout). Each service NAME has a directory $STATE/NAME with the files
#	data/	what the service keeps; `wipe` empties it
#	log	what its processes print
#	pids	a line a process: number, start time (so that a reused number is never signalled)
#	env	lines for $STATE/env, there while the service is wanted

HERE=$ROOT/scripts/services
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/skalds
STATE=${SKALDS_SERVICES:-$ROOT/build/services}
case $STATE in /*) ;; *) STATE=$PWD/$STATE ;; esac
# Debian's archive of this release has Redis 8 and Go 1.24, Debian 12's has neither.
NEWER=trixie

say()
{
	echo "services: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

# ---- installing ----

# key PARTS…: 16 hexadecimal digits for what a cached program is made from.
key()
{
	{ printf '%s\n' "$@"; uname -m; } | sha256sum | cut -c 1-16
}

# locate NAME: sets BUILT to where its programs are or will be; tells whether they are complete.
locate()
{
	BUILT=
	declare -F "$1_build" >/dev/null || return 0
	BUILT=$CACHE/services-$("$1_key")/$1
	[ -e "$BUILT/complete" ]
}

# install NAME: what it runs with, and its programs in $BUILT when they are not there yet: NAME_build with
# the directory as its argument, which it must not outgrow. The directory's name comes from NAME_key.
install()
{
	local name=$1
	! declare -F "${name}_needs" >/dev/null || "${name}_needs" || return 1
	! locate "$name" || return 0
	need /etc/ssl/certs/ca-certificates.crt=ca-certificates
	! declare -F "${name}_build_needs" >/dev/null || "${name}_build_needs" || return 1
	locate "$name" # the needs may have looked for another
	mkdir -p "${BUILT%/*}"
	(
		# two checkouts at once: the second waits and finds everything done
		flock 9
		[ ! -e "$BUILT/complete" ] || exit 0
		rm -rf "$BUILT"
		mkdir "$BUILT"
		began=$(date +%s)
		say "$name: installing into ${BUILT%/*}"
		# in the background, so that "set -e" stays alive
		( set -e; "${name}_build" "$BUILT" ) >"$BUILT.log" 2>&1 </dev/null 8>&- 9>&- &
		wait $! || {
			tail -n 20 "$BUILT.log" >&2
			die "$name: installing failed; the whole log is $BUILT.log"
		}
		touch "$BUILT/complete"
		say "$name: installed in $(($(date +%s) - began)) s"
	) 9>"$BUILT.lock"
}

# pip_install DIR LIST: a virtual environment DIR/venv with exactly what $HERE/LIST pins. Its sums are
# those of Python 3.11 on x86_64: other Pythons and machines have other wheels of the same versions.
pip_install()
{
	python3 -m venv "$1/venv"
	cp "$HERE/$2" "$1/requirements.txt"
	[ "$(uname -m) $(python3 -c 'import sys; print(*sys.version_info[:2])')" = "x86_64 3 11" ] ||
		sed -i 's/ --hash=.*//' "$1/requirements.txt"
	"$1/venv/bin/python" -m pip install -q --no-deps --disable-pip-version-check -r "$1/requirements.txt"
	"$1/venv/bin/python" -m pip check
}

# need COMMAND=PACKAGE…: installs Debian's packages for the commands (or files) that are not there.
need()
{
	local pair missing=
	for pair in "$@"; do
		[ -e "${pair%%=*}" ] || command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		die "these packages of Debian are missing:$missing; as root: sh scripts/setup.sh --test"
	fi
	mkdir -p "$CACHE"
	say "apt-get install:$missing"
	# shellcheck disable=SC2086 # a list of words
	(
		flock 9
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			-o DPkg::Lock::Timeout=300 --no-install-recommends $missing
	) 9>"$CACHE/services-apt.lock" >"$CACHE/services-apt.log" 2>&1 </dev/null || {
		tail -n 10 "$CACHE/services-apt.log" >&2
		die "the packages$missing could not be installed"
	}
}

# unpack_newer DIR PACKAGE…: unpacks these packages and what they depend on from Debian's newer
# release into DIR/root, through an apt configuration of its own, which checks Debian's signatures:
# the machine's own package state is neither used nor touched.
unpack_newer()
{
	local dir=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror deb
	shift
	# shellcheck disable=SC2016 # a format of apt
	mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' |
		awk '$1 == "bookworm" || $1 == "trixie" { print $2; exit }')
	[ -n "$mirror" ] || die "no mirror of Debian is configured in apt"
	mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial" "$dir/root"
	echo "deb [signed-by=$keyring] $mirror $NEWER main" >"$dir/apt/sources.list"
	: >"$dir/apt/status" # beside its lock: two of these may run at once
	cat >"$dir/apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$dir/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State::lists "$dir/apt/lists";
		Dir::State::status "$dir/apt/status";
		Dir::Cache "$dir/apt/cache";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
	APT_CONFIG=$dir/apt/apt.conf apt-get update
	APT_CONFIG=$dir/apt/apt.conf apt-get install -y -d --no-install-recommends "$@"
	for deb in "$dir"/apt/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$dir/root"
	done
	rm -rf "$dir/apt"
}

# jars DIR NAME: the jars that NAME/pom.xml asks for into DIR/lib; each must be one of NAME/SHA256SUMS.
jars()
{
	mkdir -p "$1/pom"
	cp "$HERE/$2/pom.xml" "$1/pom/"
	( cd "$1/pom" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$1/lib" \
		-DincludeScope=runtime )
	( cd "$1/lib" && sha256sum --quiet --strict -c "$HERE/$2/SHA256SUMS" )
	[ "$(find "$1/lib" -name '*.jar' | wc -l)" = "$(wc -l <"$HERE/$2/SHA256SUMS")" ] ||
		die "$2: other jars than those in SHA256SUMS"
}

# ---- ports ----

PORTS_A_CHECKOUT=20

# Every state directory of this user on this machine has a block of ports of its own, kept in
# $CACHE/services-ports (lines "BASE DIRECTORY") and chosen below the ports that the kernel gives away.
choose_ports()
{
	local base owner taken
	[ ! -s "$STATE/ports" ] || return 0
	mkdir -p "$CACHE" "$STATE"
	(
		flock 9
		touch "$CACHE/services-ports"
		while read -r base owner; do
			[ ! -d "$owner" ] || [ "$owner" = "$STATE" ] || echo "$base $owner"
		done <"$CACHE/services-ports" >"$CACHE/services-ports.new"
		taken=" $(cut -d ' ' -f 1 "$CACHE/services-ports.new" | tr '\n' ' ')"
		for ((base = 21000; base < 30000; base += PORTS_A_CHECKOUT)); do
			case $taken in *" $base "*) continue ;; esac
			free_ports "$base" && break
		done
		[ "$base" -lt 30000 ] || die "no $PORTS_A_CHECKOUT free ports in a row below 30000"
		echo "$base $STATE" >>"$CACHE/services-ports.new"
		mv "$CACHE/services-ports.new" "$CACHE/services-ports"
		echo "$base" >"$STATE/ports.new"
		mv "$STATE/ports.new" "$STATE/ports"
	) 9>"$CACHE/services-ports.lock"
}

# free_ports BASE: nothing listens on any port of that block.
free_ports()
{
	awk -v base="$1" -v n="$PORTS_A_CHECKOUT" '
		function hex(s, i, v) {
			for (i = 1; i <= length(s); i++)
				v = v * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1
			return v
		}
		$4 == "0A" {
			port = hex(substr($2, length($2) - 3))
			if (port >= base && port < base + n) taken = 1
		}
		END { exit taken }' /proc/net/tcp*
}

# port NUMBER: that port of this checkout's block; each service has numbers of its own.
port()
{
	echo $(($(cat "$STATE/ports") + $1))
}

# sockets: a directory of this checkout for unix sockets, whose paths may have no more than 107 bytes.
sockets()
{
	local d=$STATE/sockets
	[ ${#d} -le 60 ] || d=/tmp/skalds-services-$(id -u)-$(cat "$STATE/ports")
	( umask 077; mkdir -p "$d" )
	[ -O "$d" ] || die "$d belongs to somebody else"
	echo "$d"
}

# ---- secrets and certificates ----

# secret NAME: a password made up for this checkout, the same each time.
secret()
{
	if [ ! -s "$STATE/secrets/$1" ]; then
		( umask 077; mkdir -p "$STATE/secrets"; openssl rand -hex 12 >"$STATE/secrets/$1" )
	fi
	cat "$STATE/secrets/$1"
}

# certificates: a throw-away authority in $STATE/tls with a certificate for servers on this machine, one
# for clients, one that has expired, and a second authority that signed nothing.
certificates()
{
	[ ! -e "$STATE/tls/complete" ] || return 0
	(
		flock 9
		[ ! -e "$STATE/tls/complete" ] || exit 0
		rm -rf "$STATE/tls"
		mkdir -p "$STATE/tls"
		( set -e; umask 077; cd "$STATE/tls"; make_certificates ) >"$STATE/tls.log" 2>&1 ||
			die "the certificates could not be made; see $STATE/tls.log"
		touch "$STATE/tls/complete"
	) 9>"$STATE/tls.lock"
}

make_certificates()
{
	local name
	for name in ca other-ca; do
		openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -keyout "$name.key" -out "$name.crt" \
			-subj "/CN=skalds services $name" -addext 'keyUsage=critical,keyCertSign,cRLSign'
	done
	echo 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' >server.ext
	echo 'extendedKeyUsage=serverAuth,clientAuth' >>server.ext
	echo 'extendedKeyUsage=clientAuth' >client.ext
	cp server.ext expired.ext
	: >index.txt
	for name in server client expired; do
		openssl req -newkey rsa:2048 -nodes -sha256 -keyout "$name.key" -out "$name.csr" -subj "/CN=$name"
	done
	for name in server client; do
		openssl x509 -req -sha256 -days 3650 -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial \
			-extfile "$name.ext" -out "$name.crt"
	done
	cat >ca.cnf <<-'END'
		[ca]
		default_ca = c
		[c]
		database = index.txt
		new_certs_dir = .
		rand_serial = yes
		default_md = sha256
		policy = p
		[p]
		commonName = supplied
	END
	openssl ca -batch -notext -config ca.cnf -cert ca.crt -keyfile ca.key -in expired.csr -out expired.crt \
		-extfile expired.ext -startdate 20200101000000Z -enddate 20210101000000Z
	for name in server client expired; do
		cat "$name.key" "$name.crt" >"$name.pem"
	done
	rm -f ./*.csr ./*.ext ./*.srl ./index.txt* ca.cnf [0-9A-F]*.pem
}

# ---- processes ----

# launch COMMAND…: starts a process of the service $NAME in a session of its own and notes it in pids.
launch()
{
	local pid
	# a test's mark is not for what outlives the test
	SKALDS_SERVICE=$STATE/$NAME env -u SKALDS_RUN_DIR setsid "$@" >>"$STATE/$NAME/log" 2>&1 \
		</dev/null 8>&- 9>&- &
	pid=$!
	echo "$pid $(start_time "$pid")" >>"$STATE/$NAME/pids"
}

# start_time PID: in ticks since boot; nothing when it is gone or a zombie.
start_time()
{
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

# pids_of NAME: the processes of it that run.
pids_of()
{
	local pid began
	[ -e "$STATE/$1/pids" ] || return 0
	while read -r pid began; do
		[ -z "$began" ] || [ "$(start_time "$pid")" != "$began" ] || echo "$pid"
	done <"$STATE/$1/pids"
}

# strays NAME: every process that was started for it, noted or not, and what those started.
strays()
{
	local pid
	grep -lszxF "SKALDS_SERVICE=$STATE/$1" /proc/[0-9]*/environ | cut -d / -f 3 | while read -r pid; do
		[ -z "$(start_time "$pid")" ] || echo "$pid"
	done
}

no_strays()
{
	local pid
	for pid in $(strays "$1"); do
		kill -KILL "$pid" 2>/dev/null
	done
	[ -z "$(strays "$1")" ]
}

# signal_all SIGNAL NAME
signal_all()
{
	local pid
	for pid in $(pids_of "$2"); do
		kill "-$1" "$pid" 2>/dev/null || true
	done
}

# until_true SECONDS COMMAND…: polls; succeeds as soon as the command does.
until_true()
{
	local end=$(($(date +%s%N) / 1000000 + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $(($(date +%s%N) / 1000000)) -lt "$end" ] || return 1
		sleep 0.05
	done
}

none_of()
{
	[ -z "$(pids_of "$1")" ]
}

# all_run: every process that was noted for $NAME still runs.
all_run()
{
	local n
	n=$(pids_of "$NAME" | wc -l)
	[ "$n" -gt 0 ] && [ "$n" = "$(wc -l <"$STATE/$NAME/pids")" ]
}

# ask PORT BYTES N: sends BYTES (for printf) to a port of this machine, prints N bytes of the answer in hex.
ask()
{
	# shellcheck disable=SC2016 # for the inner shell
	timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "$1" >&3 && head -c "$2" <&3 |
		od -An -v -tx1 | tr -d " \n"' "$1" "$2" "$3" 2>/dev/null
}

# Said to both MongoDB-wire servers: OP_MSG {hello: 1, $db: "admin"}; an OP_MSG must come back.
mongo_answers()
{
	local hello answer
	hello='\x34\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0'
	# shellcheck disable=SC2016 # a name of the protocol
	hello+='\x1f\0\0\0\x10hello\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0'
	answer=$(ask "$1" "$hello" 16)
	[ "${answer:24}" = dd070000 ]
}
