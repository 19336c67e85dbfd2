#!/bin/bash
# Which command is meant: names, typos, links, SKALD_MODE, help.
. "$(dirname "$0")/lib.sh"

commands=$(sk help --json; printf '%s\n' "$out" | grep -o '"name":"[^"]*"' | cut -d'"' -f4)

# ---- help ----

sk help
is "help exits with 0" "$code" 0
is "help says nothing on standard error" "$err" ""
missing=$(for c in $commands; do sk help; grep -Eq "^  $c +[A-Za-z]" <<<"$out" || echo "$c"; done)
is "the overview names every command with a summary" "$missing" ""
overview=$out
sk --help
is "--help is the same as help" "$code:$out" "0:$overview"
sk -h
is "-h is the same as help" "$code:$out" "0:$overview"

for c in $commands; do
	sk help "$c"
	by_help=$out
	[ "$code" = 0 ] || fail "help $c exits with 0" "exit $code $err"
	sk "$c" --help
	is "$c --help is what help $c prints, on standard output with exit 0" "$code:$err:$out" "0::$by_help"
	like "the help of $c begins with a sentence and shows the usage" "$(sed -n 3p <<<"$out")" "^Usage: skalds $c "
done
sk "worker" "-h"
is "-h after a command is help" "$code" 0
sk help worker list
like "help knows verbs" "$code:$out" '^0:.*|^Usage: skalds worker list'
sk worker list --help
is "a verb has --help" "$code" 0
sk help --json
is "help --json is a list" "$(json items.0.name "$out"; json next "$out")" "$(head -n1 <<<"$commands")
null"

# ---- typos ----

sk
is "no command: exit 2" "$code" 2
is "no command: nothing on standard output" "$out" ""
like "no command: the usage on standard error" "$err" '^Usage: skalds COMMAND'

sk workr
is "a typo exits with 2" "$code" 2
like "a typo gets a suggestion" "$err" 'unknown command "workr"; did you mean worker\?'
sk egde
like "egde is taken for edge" "$code:$err" '^2:.*unknown command "egde"; did you mean edge\?'
sk xyzzyplugh
is "what is near nothing gets no suggestion" "$code:$(head -n1 <<<"$err")" '2:skalds: unknown command "xyzzyplugh"'
sk worker lsit
like "a mistyped verb gets a suggestion" "$code:$err" '^2:skalds worker: unknown verb "lsit"; did you mean list\?'
sk worker
like "a missing verb is said" "$code:$err" '^2:skalds worker: a verb is missing'
sk help wroker
like "help of a typo gets a suggestion" "$code:$err" '^2:.*did you mean worker\?'
sk help worker lst
is "help of an unknown verb exits with 2" "$code" 2
sk worker list extra
like "an argument too many is named" "$code:$err" '^2:skalds worker list: takes no arguments, got "extra"'
sk worker describe
like "a missing argument is named" "$code:$err" '^2:skalds worker describe: an argument is missing: CLASS'
sk worker describe A B
like "the first one too many is named" "$code:$err" '^2:.*the first one too many is "B"'
sk $'\e[31mred'
unlike "a strange command name cannot steer the terminal" "$err" $'\e'

# ---- links ----

ln -s "$SKALDS" "$T/skalds-worker"
ln -s "$SKALDS" "$T/skalds-config"
ln -s "$SKALDS" "$T/skalds-1.2-amd64"
ln -s "$SKALDS" "$T/worker"
vars=()
sk_as "$T/skalds-worker" list
like "a link skalds-worker is skalds worker" "$code:$out" '^0:CLASS'
sk_as "$T/skalds-config" DB_NAME
is "a link skalds-config is skalds config" "$code:$out" "0:skalds"
sk_as "$T/skalds-1.2-amd64" config DB_NAME
is "a name that is no command is plain skalds" "$code:$out" "0:skalds"
sk_as "$T/worker" config DB_NAME
is "a link without skalds- is plain skalds" "$code:$out" "0:skalds"
vars=(SKALD_MODE=bogus)
sk_as "$T/skalds-config" DB_NAME
is "the name goes before SKALD_MODE" "$code:$out" "0:skalds"
out=$(cd "$T" && env -i bash -c 'exec -a "" "$0" config DB_NAME' "$SKALDS")
is "an empty own name does no harm" "$out" "skalds"

# ---- SKALD_MODE ----

sk SKALD_MODE=sinlge_process
is "a wrong SKALD_MODE exits with 2" "$code" 2
like "a wrong SKALD_MODE names the allowed ones and where it came from" "$err" \
	'SKALD_MODE: expected one of edge, node, single_process, got "sinlge_process" \(environment\)'
sk SKALD_MODE=
is "a blank SKALD_MODE is none" "$code" 2
like "a blank SKALD_MODE shows the usage" "$err" '^Usage: skalds COMMAND'
sk SKALD_MODE=NODE
like "SKALD_MODE is taken in any case" "$code:$err" '^2:skalds node: needs Kafka, Redis and MongoDB'
sk SKALD_MODE=nonsense config DB_NAME
is "a command goes before SKALD_MODE, right or wrong" "$code:$out" "0:skalds"
if [[ " ${commands//$'\n'/ } " == *" run-one "* ]]; then
	sk SKALD_MODE=single_process --help
	like "single_process is run-one" "$code:$out" 'Usage: skalds run-one'
	sk SKALD_MODE=single_process -- sh -c 'exit 7'
	is "SKALD_MODE=single_process with a command behind -- runs it" "$code" 7
	sk SKALD_MODE=edge --help
	like "edge is edge" "$code:$out" 'Usage: skalds edge'
	sk SKALD_MODE=edge bogus
	is "a word that is no command is an error with SKALD_MODE too" "$code" 2
	in_dir "$T/dotmode"
	echo 'SKALD_MODE=single_process' >"$here/.env"
	sk -- sh -c 'exit 9'
	is "SKALD_MODE may stand in .env" "$code" 9
	mv "$here/.env" "$here/other.env"
	sk --env-file other.env -- sh -c 'exit 8'
	is "SKALD_MODE may stand in the file of --env-file" "$code" 8
	in_dir "$T"
fi
finish
