#!/usr/bin/env bash
# The worker classes as people meet them: the examples are good, the README's new class works.
. "$(dirname "$0")/lib.sh"

# ---- the examples ----

for f in "$ROOT"/workers/examples/*.yml; do
	sk check -f "$f"
	is "check accepts workers/examples/$(basename "$f")" "$code$err" 0
done

sk edge -f "$ROOT/workers/examples/failures.yml" --once
is "the failures end with 1" "$code" 1
for said in 'the camera does not answer' 'stage convert failed 3 times' '/no/such/program'; do
	like "the failures say why: $said" "$out$err" "$said"
done

sk edge -f "$ROOT/workers/examples/exec.yml" --once
like "a program gets its environment" "$out$err" 'task greeting, attempt 1: hello'
like "a program gets its standard input" "$out$err" 'first'
is "one of the programs takes too long" "$code" 1

# ---- Fail by run-one: every ending has its code ----

# ends SENTENCE CODE JSON
ends()
{
	sk run-one --class Fail --attachments "$3"
	is "$1" "$code" "$2"
}
ends "an error is 1" 1 '{}'
ends "try again is 75" 75 '{"tryAgain": true}'
ends "a first attempt that fails once fails" 1 '{"times": 1}'
ends "exit in the middle keeps its code" 42 '{"crash": "exit", "exitCode": 42}'
ends "SIGABRT is 134" 134 '{"crash": "abort"}'
ends "SIGSEGV is 139" 139 '{"crash": "segv"}'
ends "SIGKILL is 137" 137 '{"crash": "kill"}'
ends "an error in the before hook is 1" 1 '{"in": "before"}'
ends "an error in the after hook is 1" 1 '{"in": "after"}'
ends "an error in the release hook changes nothing" 0 '{"in": "release"}'
ends "a word that is no choice starts nothing" 2 '{"crash": "explode"}'

# ---- run-one: what a file says of its task is not said again ----

for flag in '--timeout 1' '--grace 1' '--memory 64' '--id other'; do
	# shellcheck disable=SC2086
	sk run-one -f "$ROOT/workers/examples/exec.yml" greeting $flag
	is "run-one -f with ${flag% *}: refused, nothing was started" "$code:$out" "2:"
	like "and why" "$err" "${flag% *} needs --class or a command"
done

# ---- Exec: what a table cannot check ----

sk run-one --class Exec --attachments '{"command": ["true"], "script": "true"}'
is "command and script together are refused" "$code" 2
like "and named" "$err" 'command and script exclude each other'
sk run-one --class Exec --attachments '{"command": ["true"], "env": {"PORT": 80}}'
is "a number in env is refused" "$code" 2
like "with the place" "$err" 'env.PORT'

# ---- the class of workers/README.md ----

# A copy made of links; with what is built already, only what changes is compiled again.
copy_tree()
{
	local built
	built=$(dirname "$BIN")
	mkdir -p "$T/tree/build"
	for d in Makefile cmd core adapters scripts test; do
		ln -s "$ROOT/$d" "$T/tree/$d"
	done
	cp -as "$ROOT/workers" "$T/tree/workers"
	rm "$T/tree/workers/registry.c"
	[ ! -d "$built/release" ] || cp -a "$built/release" "$T/tree/build/release"
	for d in "$built"/deps* "$built"/web-deps*; do
		[ ! -e "$d" ] || ln -s "$(realpath "$d")" "$T/tree/build/$(basename "$d")"
	done
}

# Every block of C in the README: the first is the file, the second shows its word in the table.
block()
{
	awk -v want="$1" '/^```c$/ { n++; on = 1; next } /^```$/ { on = 0 } on && n == want' \
		"$ROOT/workers/README.md"
}

copy_tree
block 1 >"$T/tree/workers/countdown.c"
word=$(block 2 | grep countdown)
awk -v word="$word" '{ print } /W\(complex_worker\)/ { print word }' "$ROOT/workers/registry.c" \
	>"$T/tree/workers/registry.c"
at_most "the README's class has 25 lines" "$(wc -l <"$T/tree/workers/countdown.c")" 25
check "it compiles without a warning and links" make -C "$T/tree" -j2 BUILD=build FLAVOR=release VERSION=test

SKALDS=$T/tree/build/skalds
sk worker list
like "it is listed" "$out" 'Countdown'
sk worker describe Countdown
like "its parameters are described" "$out" 'stepSeconds.*pause, seconds'
sk run-one --class Countdown --attachments '{"from": 3, "stepSeconds": 0.01}'
is "it runs" "$code" 0
like "it logs its steps" "$out$err" '3 to go'
sk run-one --class Countdown --attachments '{"from": "three"}'
is "its parameters are checked" "$code" 2
finish
