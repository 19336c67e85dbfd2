# truth_lib.sh - what really ran, told by the tasks themselves; for tests of `up` and of fleets. Sourced behind lib.sh.
#
#	"$T/truth.sh" SECONDS CODE	the program of such a task
#	truthful SENTENCE FILE		of the ids in FILE each has ended once, as the store says
#	all_tasks PATH…			what the store has of each task

# "ID ATTEMPT start PID", "ID ATTEMPT end CODE", and "ID ATTEMPT overlap" when another attempt of the
# task runs at the same time: each holds a lock of its id until its tree is gone.
TRUTH=$T/truth
: >"$TRUTH"
mkdir -p "$T/locks"
cat >"$T/truth.sh" <<SCRIPT
#!/bin/sh
# truth.sh SECONDS CODE
exec 9>"$T/locks/\$SKALDS_TASK_ID"
flock -n 9 || echo "\$SKALDS_TASK_ID \$SKALDS_ATTEMPT overlap" >>"$TRUTH"
echo "\$SKALDS_TASK_ID \$SKALDS_ATTEMPT start \$\$" >>"$TRUTH"
sleep "\$1"
echo "\$SKALDS_TASK_ID \$SKALDS_ATTEMPT end \$2" >>"$TRUTH"
exit "\$2"
SCRIPT
chmod +x "$T/truth.sh"

# lies IDS FLAT TRUTH: what is wrong with it, one a line. FLAT: "ID PHASE ATTEMPT" of the store.
lies()
{
	grep overlap "$3"
	awk '$3 == "start" && n[$1, $2]++ { print $1, $2, "started twice" }' "$3"
	awk -v truth="$3" '
		BEGIN { while ((getline < truth) > 0) if ($3 == "end") end[$1, $2] = $4 }
		FNR == NR { phase[$1] = $2; attempt[$1] = $3; next }
		!($1 in phase) { print $1, "is lost"; next }
		phase[$1] != "Finished" { print $1, phase[$1], "is no good end"; next }
		!(($1, attempt[$1]) in end) { print $1, attempt[$1], "Finished, but it did not end" }
		' "$2" "$1"
}

# A checker that finds nothing proves nothing: each of these must be found.
plant_lies()
{
	printf '%s\n' a b c d e >"$T/.ids"
	printf '%s\n' 'a Finished 1' 'b Running 1' 'c Finished 2' 'e Finished 1' >"$T/.flat"
	printf '%s\n' 'a 1 start 1' 'a 1 end 0' 'a 1 start 2' 'c 1 start 3' 'c 1 end 0' 'c 2 start 4' \
		'e 1 overlap' 'e 1 start 5' 'e 1 end 0' >"$T/.truth"
	is "what is planted is found" "$(lies "$T/.ids" "$T/.flat" "$T/.truth" | sort | tr '\n' ';')" \
		'a 1 started twice;b Running is no good end;c 2 Finished, but it did not end;d is lost;e 1 overlap;'
}

# all_tasks PATH…: of every task in the store, a line with the values (see events.c)
all_tasks()
{
	"$SKALDS" task list --all --json >"$T/.all" || return 1
	# one a line; within a text the quotes would be escaped
	sed 's/^{"items":\[//; s/\],[^][{}]*}$//; s/},{"id":"/}\n{"id":"/g' "$T/.all" | grep . >"$T/.lines"
	events "$T/.lines" -- "$@"
}

# truthful SENTENCE FILE-OF-IDS: every id has ended, as it really did, no attempt ran twice and no two
# at once.
truthful()
{
	local sentence=$1
	all_tasks id phase attempt | tr '\t' ' ' >"$T/.flat"
	if [ ! -s "$T/.flat" ] || [ ! -s "$2" ]; then
		fail "$sentence" "there is nothing to compare: $(wc -l <"$2") ids, $(wc -l <"$T/.flat") tasks in the store"
		return
	fi
	lies "$2" "$T/.flat" "$TRUTH" >"$T/.bad"
	if [ -s "$T/.bad" ]; then
		fail "$sentence" "$(head -n 10 "$T/.bad")"
	else
		pass "$sentence ($(wc -l <"$2") tasks, $(grep -c start "$TRUTH") starts)"
	fi
}
