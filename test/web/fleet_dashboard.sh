#!/usr/bin/env bash
# The dashboard of a fleet: two controllers behind one address, of which one is killed while a page is open.
. "$(dirname "$0")/../fleet_lib.sh"
. "$ROOT/test/web/web_lib.sh"
fleet

free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

CONTROLLERS=
for name in first second; do
	port=$(free_port)
	controller $name --listen "127.0.0.1:$port" || fail "controller $name starts" "$(tail -n 5 "$T/$name.err")"
	CONTROLLERS="$CONTROLLERS $PID:$port"
done
export CONTROLLERS
node n1 --slots 4 || fail "a node starts" "$(tail -n 5 "$T/n1.err")"
drive fleet_dashboard.py
