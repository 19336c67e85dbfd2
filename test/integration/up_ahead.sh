#!/usr/bin/env bash
# Short tasks are given to a skald ahead of its slots: when long ones come among them, nobody is run
# twice, nobody's failures are counted, all end.
. "$(dirname "$0")/../up_lib.sh"

check "up is ready" up --slots 1
id=$("$SKALDS" skald list --json | sed -nE 's/.*"id":"([^"]+)".*/\1/p')

# told N NAME: N tasks that write their id into the file of all runs, in one request each
told()
{
	local i
	for ((i = 0; i < $1; i++)); do
		printf '{"id":"%s-%d","className":"Exec","attachments":{"script":"echo $SKALDS_TASK_ID >>%s/runs; %s"}}\n' \
			"$2" "$i" "$T" "$3"
	done >"$T/$2.jsonl"
	add -q --file "$T/$2.jsonl" >>"$T/ids"
}

: >"$T/ids"
told 30 quick true
check "the short ones end" until_true 30 eval '[ "$(n_in Finished)" = 30 ]'
"$SKALDS" skald drain "$id" >/dev/null # so that all of them wait when it begins
told 30 more true
told 2 long 'sleep 3'
told 10 last true
"$SKALDS" skald undrain "$id" >/dev/null
check "all end" until_true 60 eval '[ "$(n_in Finished)" = 72 ]'
is "each ran once" "$(sort "$T/runs" | uniq -c | awk '$1 != 1')$(sort -u "$T/runs" | wc -l)" 72
bad=
while read -r one; do
	[ "$(field "$one" phase) $(field "$one" failures)" = "Finished 0" ] || bad="$bad $one"
done <"$T/ids"
is "none has failed in between" "$bad" ""
is "all were asked" "$(wc -l <"$T/ids")" 72
down
is "up ends" "$CODE" 0
finish
