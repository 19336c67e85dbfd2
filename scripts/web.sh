#!/bin/sh
# web.sh - the dashboard as one C file: its own files and those of npm, compressed, with their hashes.
#
#	scripts/web.sh SOURCE PACKAGES OUT	writes OUT/data.c and what it includes; without PACKAGES ("")
#						the table is empty: the dashboard is left out
#
# Names of npm in imports become paths (there is no bundler, and an import map would be an inline
# script). All files but index.html are served below a directory that is named by the hash of them all,
# so that they may be cached for ever and never mix with those of another build.
set -eu

source=$1 packages=$2 final=$3

# Builds of two flavors may be here at once: each makes its own, and the last one stays.
mkdir -p "$final"
out=$(mktemp -d "$final/new.XXXXXX")
trap 'rm -rf "$out"' EXIT
mkdir "$out/tree" "$out/gz"

# vendor FILE AS
vendor()
{
	mkdir -p "$out/tree/vendor"
	# Their source maps are not served.
	sed "s|from\"preact\"|from\"./preact.js\"|g; /^\/\/# sourceMappingURL=/d" "$packages/$1" >"$out/tree/vendor/$2"
}

own()
{
	(cd "$source" && find . -type f ! -name '*.md' | LC_ALL=C sort) | while read -r file; do
		file=${file#./}
		up=$(dirname "$file" | sed 's|^\.$||; s|[^/][^/]*|..|g; s|\.\.$|../|')
		mkdir -p "$out/tree/$(dirname "$file")"
		# Comments and indentation are not sent; a line stays the line it was.
		sed "s|^	*//.*||; s|^	*||; s|\([;,{}]\) // .*|\1|; s|^/\*.*\*/$||; \|^/\*|,\|\*/|s|.*||
			s|from 'preact/hooks'|from './${up}vendor/hooks.js'|
			s|from 'preact'|from './${up}vendor/preact.js'|
			s|from 'htm'|from './${up}vendor/htm.js'|
			s|from 'uplot'|from './${up}vendor/uplot.js'|" "$source/$file" >"$out/tree/$file"
	done
}

type_of()
{
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.js) echo 'text/javascript; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.svg) echo 'image/svg+xml' ;;
	*)
		echo "web.sh: $1: what type is that?" >&2
		exit 1
		;;
	esac
}

list()
{
	(cd "$out/tree" && find . -type f | LC_ALL=C sort | sed 's|^\./||')
}

# What every page needs is named in the page: the browser asks for all at once and not one import after
# another.
finish_index()
{
	preload=$(list | grep '\.js$' | grep -vE '^(pages|tasks)/|uplot' | sed 's|.*|<link rel="modulepreload" href="/dashboard/assets/@HASH@/&">|')
	printf '%s\n' "$preload" >"$out/preload"
	sed -i -e "/@PRELOAD@/{
		r $out/preload
		d
	}" "$out/tree/index.html"
	hash=$(cd "$out/tree" && list_sums | sha256sum | cut -c 1-16)
	sed -i "s|@HASH@|$hash|g" "$out/tree/index.html"
}

list_sums()
{
	find . -type f | LC_ALL=C sort | xargs sha256sum
}

# One file: its symbol, and its row in the table.
embed()
{
	n=$1 file=$2
	gzip -9nc "$out/tree/$file" >"$out/gz/$n"
	cat >>"$out/symbols" <<-END
		__asm__(".pushsection .rodata\nsk_web_${n}: .incbin \"$final/gz/$n\"\n.popsection");
		extern const char sk_web_${n}[] __attribute__((visibility("hidden")));
	END
	printf '\t{ "%s", "%s", "%s", sk_web_%s, %s, %s },\n' "$file" "$(type_of "$file")" \
		"$(sha256sum <"$out/tree/$file" | cut -c 1-16)" "$n" \
		"$(wc -c <"$out/gz/$n")" "$(wc -c <"$out/tree/$file")" >>"$out/rows"
}

: >"$out/symbols"
: >"$out/rows"
hash=
mkdir "$out/licenses"
if [ -n "$packages" ]; then
	for package in preact htm uplot; do
		cp "$packages/$package/LICENSE" "$out/licenses/$package"
	done
	own
	vendor preact/dist/preact.mjs preact.js
	vendor preact/hooks/dist/hooks.mjs hooks.js
	vendor htm/dist/htm.module.js htm.js
	# The module that is published is not minified: twice as many bytes.
	vendor uplot/dist/uPlot.iife.min.js uplot.js
	printf '\nexport default uPlot;\n' >>"$out/tree/vendor/uplot.js"
	vendor uplot/dist/uPlot.min.css uplot.css
	finish_index
	n=0
	for file in $(list); do
		embed "$n" "$file"
		n=$((n + 1))
	done
fi
{
	echo '/* Written by scripts/web.sh. */'
	echo '#include "adapters/http/assets_data.h"'
	cat "$out/symbols"
	printf 'const char sk_web_version[] = "%s";\n' "$hash"
	echo 'const struct sk_web_file sk_web_files[] = {'
	cat "$out/rows"
	printf '\t{ 0, 0, 0, 0, 0, 0 },\n};\n'
} >"$out/data.c"
rm -rf "$final/tree" "$final/gz" "$final/licenses"
mv "$out/tree" "$out/gz" "$out/licenses" "$out/data.c" "$final/"
