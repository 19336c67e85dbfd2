#!/bin/bash
# Flags: where they may stand, their forms, what is refused.
. "$(dirname "$0")/lib.sh"

value()
{
	sk "$@"
	json value "$out"
}

is "--name VALUE" "$(value config --data /x SKALDS_DATA --json)" /x
is "--name=VALUE" "$(value config --data=/x SKALDS_DATA --json)" /x
is "--name= is blank" "$(value SKALDS_DATA=/e config --data= SKALDS_DATA --json)" ""
is "a value may contain =" "$(value config --data=/a=b SKALDS_DATA --json)" /a=b
is "a global flag may stand before the command" "$(value --json --data /x config SKALDS_DATA)" /x
is "a flag's value is not taken for the command" "$(value --data worker config SKALDS_DATA --json)" worker
is "a command's own flag may stand before it" "$(sk --describe config; head -n1 <<<"$out" | tr -s ' ')" "NAME VALUE ORIGIN ABOUT"
is "the last of two wins" "$(value config --data /a SKALDS_DATA --data /b --json)" /b
is "flags may stand between arguments" "$(value config --json SKALDS_DATA --data /c)" /c
sk config -- DB_NAME
is "behind -- only arguments stand" "$code:$out" "0:skalds"
sk config -- --json
like "behind -- nothing is a flag" "$code:$err" '^3:.*no setting "--json"'
sk worker --json list
is "a flag may stand between command and verb" "$code:$(json items.0.className "$out")" "0:ComplexWorker"
sk --json worker list
is "a flag may stand before command and verb" "$code:$(json items.0.className "$out")" "0:ComplexWorker"
sk config -qh
is "one-letter switches may be joined" "$code:$(head -n1 <<<"$out")" "0:Show every setting, its value and where it came from"

sk config --jsno
like "a typo in a flag gets a suggestion" "$code:$err" '^2:skalds config: unknown flag --jsno; did you mean --json\?'
sk config --zzzzzz
like "an unknown flag is named" "$code:$err" '^2:skalds config: unknown flag --zzzzzz$|^2:.*unknown flag --zzzzzz'
sk config -z
like "an unknown letter is named" "$code:$err" '^2:.*unknown flag -z'
sk config --data
like "a missing value is said" "$code:$err" '^2:.*--data needs a value \(DIR\)'
sk config --data -- x
like "-- is no value" "$code:$err" '^2:.*--data needs a value'
sk config --json=yes
like "a switch takes no value" "$code:$err" '^2:.*--json takes no value'
sk config --color purple
like "a choice names the allowed ones" "$code:$err" '^2:.*--color: expected one of auto, always, never, got "purple"'
sk worker list --log-level loud
like "a wrong flag of a setting names the flag and the allowed ones" "$code:$err" \
	'^2:--log-level: expected one of TRACE, DEBUG, .*, got "loud"'
sk worker list --log-level warning
is "a level is taken in any case" "$code" 0
sk config --log-format XML
is "a wrong flag stops every command" "$code" 2
sk help --url ftp://x
like "also one that does not use it" "$code:$err" '^2:--url: expected a URL that begins with'
sk "$(printf -- '--%0200d' 1)"
is "a very long flag is an error" "$code" 2
sk config --env-file nowhere
like "--env-file must exist" "$code:$err" '^2:cannot read nowhere: there is no such file'
sk --version
first=$code:$out
sk -V
is "-V and --version are the same" "$code:$out" "$first"
if [[ $first == 0:* ]]; then
	sk worker list --version
	is "--version works with every command" "$code:$out" "$first"
fi
finish
