#!/bin/sh
# check-headers.sh CC FLAG… - every header compiles alone. Prints TAP.
set -u

count=0
failed=0
for h in $(find cmd core adapters workers -name '*.h' | sort); do
	count=$((count + 1))
	# An empty unit around it: a header that is compiled itself would warn of "#pragma once" and
	# of functions that nobody uses; not quite empty, which C does not allow.
	if out=$(printf '#include "%s"\nextern int something;\n' "$h" | "$@" -fsyntax-only -x c - 2>&1); then
		echo "ok $count - $h compiles alone"
	else
		echo "not ok $count - $h compiles alone"
		printf '%s\n' "$out" | head -n 10 | sed 's/^/#   /'
		failed=$((failed + 1))
	fi
done
echo "1..$count"
[ "$failed" = 0 ] && [ "$count" -gt 0 ]
