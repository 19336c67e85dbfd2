#!/usr/bin/env bash
# install.sh [BUILD] - what make install puts where, and whether systemd likes the units.
[ -z "${1:-}" ] || SKALDS=$(realpath "$1")/skalds
. "$(dirname "$0")/lib.sh"

build=$(dirname "$SKALDS")
stage=$T/stage

install_to() { make -s -C "$ROOT" BUILD="$build" DESTDIR="$1" PREFIX="$2" install; }

check "make install below DESTDIR" install_to "$stage" /usr
check "the same binary" cmp "$SKALDS" "$stage/usr/bin/skalds"
for f in share/bash-completion/completions/skalds share/zsh/site-functions/_skalds \
	share/fish/vendor_completions.d/skalds.fish \
	lib/systemd/system/skalds-{edge,up,node,controller}.service \
	share/doc/skalds/LICENSE share/doc/skalds/examples/all_workers.yml; do
	check "$f is there" test -s "$stage/usr/$f"
done
is "nothing outside the prefix" "$(ls "$stage")" usr
check "the bash completion is bash" bash -n "$stage/usr/share/bash-completion/completions/skalds"
unlike "no placeholder is left" "$(cat "$stage"/usr/lib/systemd/system/*.service)" '@PREFIX'
check "the installed examples are right" "$stage/usr/bin/skalds" check \
	-f "$stage/usr/share/doc/skalds/examples/all_workers.yml"
make -s -C "$ROOT" BUILD="$build" DESTDIR="$stage" PREFIX=/usr uninstall
is "make uninstall leaves no file" "$(find "$stage" -type f)" ""

# ---- the units ----

# systemd looks for the program where the unit says, so the prefix is a real one here.
install_to "" "$T/usr" >/dev/null || fail "make install with a prefix of its own"
if command -v systemd-analyze >/dev/null; then
	for u in "$T"/usr/lib/systemd/system/*.service; do
		is "systemd-analyze verify ${u##*/}" "$(systemd-analyze verify "$u" 2>&1)" ""
		exposure=$(systemd-analyze security --no-pager --offline=yes "$u" 2>/dev/null |
			sed -nE 's/.*exposure level for .*: ([0-9]+)\.([0-9]).*/\1\2/p')
		at_most "its exposure in tenths, by systemd-analyze security" "$exposure" 35
	done
else
	skip "systemd-analyze verify" "no systemd here"
fi

# ---- what Type=notify and WatchdogSec need ----

# Every datagram that systemd would get, for some seconds.
cat >"$T/listen.py" <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().replace("\n", " "), flush=True)
END
# told NAME COMMAND…: what a unit of this kind needs; the variables of systemd are in its environment.
told()
{
	local name=$1 listener pid
	shift
	start listen python3 "$T/listen.py" "$T/notify"
	listener=$PID
	until_true 5 test -S "$T/notify"
	NOTIFY_SOCKET=$T/notify WATCHDOG_USEC=30000000 start "$name" "$@"
	pid=$PID
	check "$name: READY=1 reaches systemd" until_true 5 grep -q 'READY=1' "$T/listen.out"
	check "$name: WATCHDOG=1 comes, far more often than every 30 s" until_true 6 beats
	[ "$name" != edge ] || kill -HUP "$pid"
	kill -TERM "$pid"
	ended "$pid" 10
	is "$name: SIGTERM ends it with 0" "$CODE" 0
	like "$name: STOPPING=1 was said" "$(cat "$T/listen.out")" 'STOPPING=1'
	kill "$listener"
	ended "$listener" 5
	rm -f "$T/notify"
}

beats() { [ "$(grep -c 'WATCHDOG=1' "$T/listen.out")" -ge 3 ]; }

if command -v python3 >/dev/null; then
	told edge "$SKALDS" edge --plain -f "$ROOT/workers/examples/all_workers.yml"
	# systemd must not wait for services that are away
	export KAFKA_HOST=127.0.0.1:1 REDIS_HOST=127.0.0.1 REDIS_PORT=1 MONGO_HOST=mongodb://127.0.0.1:1/
	told controller "$SKALDS" controller
	told node "$SKALDS" node --data "$T/node"
else
	skip "what systemd is told" "no python3"
fi
finish
