#!/bin/sh
# web-deps.sh - the JavaScript that the dashboard stands on, from npm: name, version and integrity of
# each package are in web.lock.
#
#	scripts/web-deps.sh [DIR]	fetches what is missing; DIR (default build/web-deps) becomes a link to it
#
# DIR/NAME/ is the package as it was published, its licence included, from the registry that
# npm-registry.sh names; neither node nor npm is needed. The result is kept in ${XDG_CACHE_HOME:-~/.cache}/skalds/web-KEY, where KEY is a hash of the lock and this script.
set -eu

link=${1:-build/web-deps}
lock=$(dirname "$0")/web.lock

die()
{
	echo "web-deps: $*" >&2
	exit 1
}

for tool in curl sha512sum base64 flock tar; do
	command -v "$tool" >/dev/null || die "$tool is missing: run scripts/setup.sh first, or make WEB=0"
done

key=$(cat "$0" "$lock" | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/skalds
deps=$cache/web-$key

make_link()
{
	mkdir -p "$(dirname "$link")"
	[ "$(readlink "$link" 2>/dev/null)" = "$deps" ] || ln -sfnT "$deps" "$link"
}

hex_of()
{
	echo "${1#sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n'
}

fetch()
{
	name=$1 version=$2 sum=$(hex_of "$3")
	file=$work/$name.tgz
	curl -fsSL --retry 3 --connect-timeout 20 --max-time 120 -o "$file" \
		"$from/$name/-/$name-$version.tgz" || die "$name $version cannot be fetched (make WEB=0 builds without)"
	echo "$sum  $file" | sha512sum --quiet -c - >&2 || die "$name $version is not the package of web.lock"
	mkdir "$work/out/$name"
	tar -xzf "$file" -C "$work/out/$name" --strip-components=1 --no-same-owner
}

# Two builds at once: the second waits and finds everything done.
mkdir -p "$cache"
exec 9>"$cache/web-lock"
flock 9
if [ ! -e "$deps/complete" ]; then
	from=$("$(dirname "$0")/npm-registry.sh")
	work=$(mktemp -d "$cache/web-work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/out"
	while read -r name version integrity; do
		fetch "$name" "$version" "$integrity"
	done <"$lock"
	touch "$work/out/complete"
	rm -rf "$deps"
	mv "$work/out" "$deps"
fi
make_link
