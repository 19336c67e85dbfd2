# fleet_lib.sh - for tests of a fleet on one machine: real Kafka, Redis and a MongoDB-wire server.
#
#	. "$(dirname "$0")/../fleet_lib.sh"
#	fleet [javamongo|mongo]		starts the services and points KAFKA_HOST, REDIS_HOST, MONGO_HOST
#					and a database of this test's own at them; ends the test when it cannot
#	controller [NAME] [FLAGS…]	starts one and waits until it is ready; sets PID
#	node NAME [FLAGS…]		likewise, with a data directory of its own
#
# On no host is there a data directory of `up`: whoever types a command has an empty one.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
unset SKALDS_DATA
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache} # what services.sh has built
export HOME=$T/home XDG_STATE_HOME=$T/home/state
mkdir -p "$HOME"
helper json >/dev/null || exit 99

# picks FILE PATH…: values of a JSON file, lists included (items.0.id), with blanks between
picks()
{
	local file=$1 path sep=
	shift
	for path in "$@"; do
		printf '%s%s' "$sep" "$(json "$path" <"$file" 2>/dev/null)"
		sep=' '
	done
}

fleet()
{
	local mongo=${1:-javamongo} env=${SKALDS_SERVICES:-$ROOT/build/services}/env

	if ! "$ROOT/scripts/services.sh" up kafka redis "$mongo" pyskalds >"$T/services.log" 2>&1; then
		echo "Bail out! the services do not start: $(tail -n 3 "$T/services.log" | tr '\n' ' ')"
		exit 99
	fi
	# shellcheck disable=SC1090
	. "$env"
	[ "$mongo" = mongo ] || MONGO_HOST=$SKALDS_TEST_MONGO2
	export KAFKA_HOST KAFKA_PORT REDIS_HOST REDIS_PORT MONGO_HOST
	export DB_NAME=test_$$ REDIS_DB=$(($$ % 15 + 1))
}

# controller [NAME] [FLAGS…]
controller()
{
	local name=${1:-controller}
	[ $# = 0 ] || shift
	start "$name" "$SKALDS" controller --json "$@"
	until_true 20 seen "$T/$name.out" event=ready
}

# node NAME [FLAGS…]
node()
{
	local name=$1
	shift
	start "$name" env SKALD_ID="$name" "$SKALDS" node --data "$T/$name.data" --json "$@"
	until_true 20 seen "$T/$name.out" event=ready
}
