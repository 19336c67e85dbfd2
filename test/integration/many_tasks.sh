#!/usr/bin/env bash
# 1,000 tasks at once, of both kinds.
. "$(dirname "$0")/../lib.sh"
n=$(rounds 1000 3000)

# write_tasks CLASS ATTACHMENTS: n tasks in one go (a loop of functions would take seconds).
write_tasks()
{
	local i
	{
		echo 'TaskWorkers:'
		for ((i = 0; i < n; i++)); do
			printf '  task-%d: {className: %s, attachments: %s, graceSeconds: 5}\n' "$i" "$1" "$2"
		done
	} >f.yml
}

for kind in Sleep Exec; do
	for flags in "" --no-cgroup; do
		what="$n tasks of class $kind ${flags:-with cgroups}"
		[ $kind = Sleep ] && write_tasks Sleep '{seconds: 2}' || write_tasks Exec '{command: [/bin/sleep, "2"]}'
		start edge "$SKALDS" edge -f f.yml --once --json $flags
		check "$what: all end" ended "$PID" 60
		is "$what: edge --once ends with 0" "$CODE" 0
		is "$what: each has finished once" \
			"$(events edge.out event=finished exit.reason=exited exit.code=0 -- taskId | sort -u | wc -l) $(n_events edge.out event=finished)" "$n $n"
		is "$what: each was started once" \
			"$(events edge.out event=started -- taskId | sort -u | wc -l) $(n_events edge.out event=started)" "$n $n"
	done

	# Stopped together: within one grace, not one after the other.
	[ $kind = Sleep ] && write_tasks Sleep '{seconds: 1000}' || write_tasks Exec '{command: [/bin/sleep, "1000"]}'
	start edge "$SKALDS" edge -f f.yml --json
	check "$n of $kind are up" until_true 30 eval '[ "$(n_events edge.out event=started)" = $n ]'
	from=$(now_ms)
	kill -TERM "$PID"
	ended "$PID" 30
	is "$n of $kind: edge drains with 0" "$CODE" 0
	at_most "$n of $kind are stopped together (ms)" $(($(now_ms) - from)) 6000
	is "$n of $kind: each end is reported once" \
		"$(for e in cancelled failed finished interrupted; do events edge.out event=$e -- taskId; done | sort | uniq -c | awk '{print $1}' | sort | uniq -c | awk '{print $1, $2}')" "$n 1"
done

# More tasks than descriptors allow: said clearly, and the rest is not lost.
write_tasks Exec '{command: [/bin/true]}'
(ulimit -n 256; exec "$SKALDS" edge -f f.yml --once --json) >few.out 2>few.err </dev/null
code=$?
ends=$(for e in finished failed; do events few.out event=$e -- taskId; done | sort -u | wc -l)
if [ $code = 0 ]; then
	is "256 descriptors for $n tasks: all finished" "$ends" "$n"
elif [ $code = 1 ]; then
	is "256 descriptors for $n tasks: every task has an end, the failures say why" \
		"$ends $(events few.out event=failed -- exit.message | grep -c '^-$')" "$n 0"
else
	like "256 descriptors for $n tasks: refused with a reason (code $code)" "$(cat few.err)" \
		'[Tt]oo many open files|descriptor|limit'
fi
finish
