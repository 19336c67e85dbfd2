# figures.sh - what the benches share: sourced behind ../lib.sh. A figure is printed beside its goal,
# at the end as a table and as one line of JSON. Nothing here fails a build: what is measured is
# printed. Only ratios within one run say something about the program.
rows=()

# figure NAME UNIT MEASURED RELATION GOAL: RELATION is < or >=.
figure()
{
	local met
	met=$(awk -v m="$3" -v g="$5" -v r="$4" 'BEGIN {
		if (m == "" || m == "-") print "-"; else print ((r == "<" ? m < g : m >= g) ? "yes" : "no") }')
	[ "$4" != - ] || met=-
	rows+=("$1|$2|$3|$4|$5|$met")
}

calc()
{
	awk "BEGIN { printf \"%.*f\\n\", ${2:-2}, $1 }"
}

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print NR ? (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) : "-" }'
}

# seconds COMMAND…: how long it takes, in SECS, and the cpu time of all its processes, in CPU_SECS;
# its failure is told.
seconds()
{
	local code TIMEFORMAT='%R %U %S' real user system
	{ time "$@" >"$T/timed.out" 2>"$T/timed.err" </dev/null; } 2>"$T/timed"
	code=$?
	read -r real user system <"$T/timed"
	SECS=$real
	CPU_SECS=$(calc "$user + $system" 3)
	[ $code = 0 ] || note "failed with $code: $* : $(tail -n 2 "$T/timed.err")"
	return $code
}

# The disk, beside every figure.
bench_disk()
{
	helper fsyncs >/dev/null
	figure "appends with fdatasync" /s "$(fsyncs "$BIN/fsyncs.tmp")" - -
	rm -f "$BIN/fsyncs.tmp"
}

# print_figures SWITCHES FILE: the table; the JSON also goes to FILE.
print_figures()
{
	printf '\n%-70s %9s %-8s %8s %s\n' "figure ($(nproc) cpus, $1)" measured unit goal met
	printf '%s\n' "${rows[@]}" | while IFS='|' read -r name unit measured relation goal met; do
		[ "$relation" = - ] && relation= goal=
		printf '%-70s %9s %-8s %8s %s\n' "$name" "$measured" "$unit" "$relation $goal" "$met"
	done
	printf '%s\n' "${rows[@]}" | awk -F'|' -v cpus="$(nproc)" -v tasks="$TASKS" -v rounds="$ROUNDS" '
		function number(v) { return v ~ /^-?[0-9.]+$/ ? v : "null" }
		BEGIN { printf "{\"cpus\":%s,\"tasks\":%s,\"rounds\":%s,\"figures\":[", cpus, tasks, rounds }
		{
			gsub(/^ +/, "", $1)
			printf("%s{\"name\":\"%s\",\"unit\":\"%s\",\"measured\":%s,\"goal\":%s,\"relation\":%s,\"met\":%s}",
				(NR > 1 ? "," : ""), $1, $2, number($3), number($5), ($4 == "-" ? "null" : "\"" $4 "\""),
				($6 == "yes" ? "true" : $6 == "no" ? "false" : "null"))
		}
		END { print "]}" }' | tee "$2"
}
