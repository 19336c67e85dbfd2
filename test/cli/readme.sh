#!/bin/bash
# What README.md says is true: its files, commands, flags, links.
. "$(dirname "$0")/lib.sh"

readme=$ROOT/README.md
sed -n '/^```yaml/,/^```/p' "$readme" | grep -v '^```' >"$T/readme.yml"
sk check -f "$T/readme.yml"
is "its tasks are right" "$code:$err" "0:"

bad=
while read -r line; do
	# shellcheck disable=SC2086
	set -- $line
	sk help "$1"
	[ "$code" = 0 ] || bad+="no command: $line"$'\n'
	if [[ ${2:-} =~ ^[a-z]+$ ]] && "$SKALDS" help "$1" "$2" >/dev/null 2>&1; then
		sk help "$1" "$2"
	fi
	for word; do
		case $word in
		--) break ;;
		--*) grep -q -- "$word" <<<"$out" || bad+="no flag $word: $line"$'\n' ;;
		esac
	done
done < <(grep -oE '(build/|`)skalds [a-z][^`#]*' "$readme" "$ROOT/cmd/README.md" -h | sed -E 's/^(build\/|`)skalds //')
is "its commands and flags are there" "$bad" ""

bad=
for f in $(find "$ROOT" -name '*.md' -not -path '*/build/*' -not -path '*/.git/*'); do
	for link in $(grep -oE '\]\([^)#]+\)' "$f" | sed 's/](\(.*\))/\1/' | grep -v '^https\?:'); do
		[ -e "$(dirname "$f")/$link" ] || bad+="${f#"$ROOT"/}: $link"$'\n'
	done
done
is "the links of all READMEs lead somewhere" "$bad" ""

bad=
for target in $(grep -oE '\bmake [a-z0-9]+(-[a-z]+)*' "$readme" | sed 's/make //' | sort -u); do
	grep -qE "^[a-z0-9 :.-]*\b$target\b.*:" "$ROOT/Makefile" || bad+="$target "
done
is "its make targets are there" "$bad" ""

# The example of cmd/README.md compiles as it stands.
sed -n '/```c/,/```/p' "$ROOT/cmd/README.md" | grep -v '```' | sed 's/^   //' >"$T/greet.c"
check "the command of cmd/README.md compiles" "${CC:-gcc}" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror \
	-I"$ROOT" -c -o "$T/greet.o" "$T/greet.c"
finish
