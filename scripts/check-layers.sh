#!/bin/sh
# check-layers.sh [OBJECTS] - the dependency rule: cmd -> adapters, workers, core; adapters -> core;
# workers -> core; core -> nothing of ours, and client libraries in adapters alone.
#
# Looks at the includes, and with OBJECTS (build/release/obj) at the symbols too, which finds a
# function that was declared by hand to get around an include. Prints TAP.
set -u
export LC_ALL=C

objects=${1:-}
count=0
failed=0

verdict()
{
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		printf '%s\n' "$2" | head -n 20 | sed 's/^/#   /'
		failed=$((failed + 1))
	fi
}

# includes ROOM: file:line:path of every include
includes()
{
	find "$1" -name '*.[ch]' -exec grep -HnE '^[[:space:]]*#[[:space:]]*include' {} + |
		sed -E 's/#[[:space:]]*include[[:space:]]*//; s/[[:space:]]*\/\*.*//'
}

# may ROOM ALLOWED: ours are included from the root of the tree, from ALLOWED rooms only
may()
{
	verdict "$1 includes only $2" "$(includes "$1" | grep '"' | grep -vE ":[[:space:]]*\"($2)/[^\"]*\"$")"
}

may core 'core'
may adapters 'adapters|core'
may workers 'workers|core'
may cmd 'cmd|adapters|workers|core'

libraries='libfyaml|jansson|event2?[./]|ev[a-z]*\.h|curl/|sqlite3|hiredis|librdkafka|mongoc|bson|openssl/'
libraries="$libraries|zlib|zstd|lz4|nghttp2|protobuf-c|cJSON|json-c"
for room in core workers cmd; do
	verdict "$room includes no client library" "$(includes "$room" | grep -E "[<\"]($libraries)")"
done

# symbols ROOM nm-option: the names in the room's objects
symbols()
{
	find "$objects/$1" -name '*.o' -exec nm -A "$2" {} + 2>/dev/null | awk '{ print $NF }' | sort -u
}

# free_of ROOM OTHERS…: nothing that the room needs is defined there
free_of()
{
	room=$1
	shift
	list=$(mktemp)
	for other in "$@"; do
		symbols "$other" --defined-only
	done | sort -u >"$list"
	needed=$(symbols "$room" --undefined-only)
	[ -n "$needed" ] || needed="no object of $room was found"
	verdict "$room calls nothing of $*" "$(printf '%s\n' "$needed" | grep -Fx -f "$list" -e 'no object of '"$room"' was found')"
	rm -f "$list"
}

if [ -n "$objects" ]; then
	free_of core adapters workers cmd
	free_of adapters workers cmd
	free_of workers adapters cmd
fi

echo "1..$count"
[ "$failed" = 0 ]
