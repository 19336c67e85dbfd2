#!/bin/sh
# check-tree.sh - the shape of the tree: what may lie on top, how long a file and a line may be.
# Looks at the files that git knows. Prints TAP.
set -u
export LC_ALL=C.UTF-8

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

files=$(git ls-files) || {
	echo "Bail out! this is no git checkout"
	exit 99
}
own=$(printf '%s\n' "$files" | grep -E '^(cmd|core|adapters|workers|test)/.*\.[ch]$' |
	while read -r f; do [ ! -e "$f" ] || echo "$f"; done)

verdict "nothing unexpected on top" "$(printf '%s\n' "$files" | sed 's|/.*||' | sort -u |
	grep -vxE 'Makefile|cmd|core|adapters|workers|test|scripts|Dockerfile|README\.md|LICENSE|\..+')"
verdict "no file of code above 600 lines, no test above 1000" "$(printf '%s\n' "$own" | xargs wc -l |
	awk '$2 != "total" && $1 > ($2 ~ /^test/ ? 1000 : 600)')"
# grep counts characters where awk may count bytes.
verdict "no line above 100 columns (tab = 4), in tests 120" "$(printf '%s\n' "$own" | while read -r f; do
	case $f in test/*) limit=121 ;; *) limit=101 ;; esac
	expand -t 4 "$f" | grep -nE "^.{$limit}" | sed "s|^\([0-9]*\):.*|$f:\1|"
done)"
verdict "no space at the end of a line" "$(printf '%s\n' "$own" | xargs grep -nE '[[:space:]]$')"
verdict "every script is executable" "$(git ls-files -s '*.sh' | grep -v ^100755 | cut -f 2 |
	while read -r f; do [ "$(head -c 2 "$f")" != '#!' ] || echo "$f"; done)"

echo "1..$count"
[ "$failed" = 0 ]
