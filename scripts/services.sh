#!/usr/bin/env bash
# services.sh - real Kafka, Redis and MongoDB-wire servers, a private Docker Engine, the original
# program in Python, what drives a browser and what looks at the API, for tests and for trying the
# cluster on one machine.
# scripts/services/README.md
#
#	scripts/services.sh up|down|status|restart|install [NAME…]
#	scripts/services.sh kill|freeze|thaw|wipe NAME…		for fault tests
#
# NAMES: kafka redis mongo javamongo docker pyskalds web pytools; without one: all of them.
# After `up`: . build/services/env
# Exit codes: 0 all up (or done), 1 something failed, 2 usage, 3 status: some are down.
set -u

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/services/lib.sh
. "$ROOT/scripts/services/lib.sh"
ALL="kafka redis mongo javamongo docker pyskalds web pytools"
for name in $ALL; do
	# shellcheck source=/dev/null # its names are in ALL
	. "$HERE/$name.sh"
done

usage()
{
	sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
	exit 2
}

# Has the service a process that stays? The original program is a library here.
has_process()
{
	declare -F "$1_start" >/dev/null
}

is_up()
{
	if has_process "$NAME"; then
		all_run && ready
	else
		[ -e "$STATE/$NAME/env" ]
	fi
}

start()
{
	if has_process "$NAME" && ! is_up; then
		stop # what is left of it after a crash
		mkdir -p "$STATE/$NAME/data"
		: >"$STATE/$NAME/pids"
		"${NAME}_start" || failed "could not be started"
		until_true 60 ready_or_ended
		if ! all_run || ! ready; then
			failed "does not answer at $("${NAME}_address")"
		fi
	fi
	"${NAME}_env" >"$STATE/$NAME/env.new"
	mv "$STATE/$NAME/env.new" "$STATE/$NAME/env"
}

failed()
{
	tail -n 15 "$STATE/$NAME/log" >&2
	stop
	die "$NAME: $1; its log is $STATE/$NAME/log"
}

ready()
{
	"${NAME}_ready" >/dev/null 2>&1
}

ready_or_ended()
{
	! all_run || ready
}

# SIGTERM, and SIGKILL when that takes too long.
stop()
{
	has_process "$NAME" || return 0
	signal_all CONT "$NAME"
	signal_all TERM "$NAME"
	until_true "${STOP_SECONDS:-20}" none_of "$NAME" || signal_all KILL "$NAME"
	! declare -F "${NAME}_clean" >/dev/null || "${NAME}_clean"
	until_true 10 no_strays "$NAME" || die "$NAME: cannot be ended: $(strays "$NAME" | tr '\n' ' ')"
	rm -f "$STATE/$NAME/pids"
}

wipe()
{
	STOP_SECONDS=0 stop
	rm -rf "$STATE/$NAME/data"
	start
}

# one COMMAND NAME: in a process of its own, alone on that service.
one()
{
	NAME=$2
	mkdir -p "$STATE/$NAME"
	exec 8>"$STATE/$NAME/lock"
	flock 8
	case $1 in
	down) stop && rm -f "$STATE/$NAME/env" && exit 0 ;;
	kill) signal_all KILL "$NAME" && until_true 10 none_of "$NAME" && exit 0 ;;
	freeze) signal_all STOP "$NAME" && exit 0 ;;
	thaw) signal_all CONT "$NAME" && exit 0 ;;
	esac
	install "$NAME" || exit 1
	case $1 in
	up) start ;;
	restart) stop && start ;;
	wipe) wipe ;;
	esac
}

write_env()
{
	local name
	(
		flock 9
		{
			echo "# written by scripts/services.sh: source it"
			for name in $ALL; do
				cat "$STATE/$name/env" 2>/dev/null
			done
			[ ! -e "$STATE/tls/complete" ] || cat <<-END
				export SKALDS_TEST_CA=$STATE/tls/ca.crt
				export SKALDS_TEST_OTHER_CA=$STATE/tls/other-ca.crt
				export SKALDS_TEST_SERVER_CERT=$STATE/tls/server.crt
				export SKALDS_TEST_SERVER_KEY=$STATE/tls/server.key
				export SKALDS_TEST_CLIENT_CERT=$STATE/tls/client.crt
				export SKALDS_TEST_CLIENT_KEY=$STATE/tls/client.key
				export SKALDS_TEST_EXPIRED_CERT=$STATE/tls/expired.crt
				export SKALDS_TEST_EXPIRED_KEY=$STATE/tls/expired.key
			END
		} >"$STATE/env.new"
		chmod 600 "$STATE/env.new"
		mv "$STATE/env.new" "$STATE/env"
	) 9>"$STATE/env.lock"
}

# The services are worked on side by side.
each()
{
	local command=$1 name p code=0 running=()
	shift
	mkdir -p "$STATE"
	choose_ports || exit 1
	for name in "$@"; do
		( one "$command" "$name" ) &
		running+=($!)
	done
	for p in "${running[@]}"; do
		wait "$p" || code=1
	done
	write_env
	return $code
}

status()
{
	local code=0 NAME state
	for NAME in "$@"; do
		state=down
		if [ -s "$STATE/ports" ] && locate "$NAME" && is_up; then
			state=up
		else
			code=3
		fi
		if [ $state = up ]; then
			printf '%-10s %-5s %-40s %s\n' "$NAME" up "$("${NAME}_address")" "$("${NAME}_version")"
		else
			printf '%-10s %s\n' "$NAME" down
		fi
	done
	return $code
}

command=${1:-}
[ $# = 0 ] || shift
# shellcheck disable=SC2086 # a list of words
case $command in
up | down | status | restart | install) [ $# -gt 0 ] || set -- $ALL ;;
kill | freeze | thaw | wipe) [ $# -gt 0 ] || usage ;;
*) usage ;;
esac
for name in "$@"; do
	case " $ALL " in *" $name "*) ;; *) say "no such service: $name"; usage ;; esac
done
if [ "$command" = status ]; then
	status "$@"
else
	each "$command" "$@"
fi
