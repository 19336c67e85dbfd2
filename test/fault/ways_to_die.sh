#!/usr/bin/env bash
# P13: the reason is true. Each way to end is named exactly, in the events of edge.
. "$(dirname "$0")/../lib.sh"
helper die >/dev/null
die=$BIN/die
: >expected

# expect ID EVENT REASON CODE SIGNAL [MESSAGE-REGEX]: "-" = not looked at.
expect()
{
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5" "${6:--}" >>expected
}

ends_with()
{
	program f.yml "exit-$1" "$die, exit, \"$1\""
	expect "exit-$1" "$([ "$1" = 0 ] && echo finished || echo failed)" exited "$1" -
}

dies_by()
{
	program f.yml "signal-$1" "$die, signal, \"$1\""
	expect "signal-$1" failed signaled - "$1"
}

really()
{
	program f.yml "really-$1" "$die, $1"
	expect "really-$1" failed signaled - "$2"
}

cannot_start()
{
	program f.yml "$1" "$2"
	expect "$1" failed start-failed "$3" - "$4"
}

write_tasks()
{
	local n
	new_file f.yml
	for n in 0 1 2 3 42 63 64 65 69 71 75 77 100 124 125 126 127 128 129 130 137 139 143 200 254 255; do
		ends_with $n
	done
	# All that end a process by default; 32 and 33 are the C library's own.
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31 34 40 64; do
		dies_by $n
	done
	really segv 11
	really fpe 8
	really ill 4
	really stack 11
	really abort 6
	really pipe 13
	really xcpu 24
	really xfsz 25

	cannot_start missing '/no/such/program' 127 '/no/such/program.*No such file or directory'
	cannot_start missing-in-path 'no-such-program-anywhere' 127 \
		'no-such-program-anywhere.*No such file or directory'
	mkdir -p dir
	cannot_start directory "$T/dir" 126 "$T/dir.*(Permission denied|Is a directory)"
	echo 'text' >plain.txt
	chmod 644 plain.txt
	cannot_start not-executable "$T/plain.txt" 126 "$T/plain.txt.*Permission denied"
	printf '#!/no/such/interpreter\n' >bad-interpreter
	chmod 755 bad-interpreter
	cannot_start bad-interpreter "$T/bad-interpreter" - \
		"$T/bad-interpreter.*(No such file or directory|interpreter does not exist)"
	printf '\177ELFgarbage that is no program' >garbage
	chmod 755 garbage
	cannot_start garbage "$T/garbage" 126 "$T/garbage.*Exec format error"
	cannot_start not-a-directory "$T/plain.txt/x" 126 "$T/plain.txt/x.*Not a directory"
	ln -sf loop loop
	cannot_start loop "$T/loop" 126 "$T/loop.*Too many levels of symbolic links"
	cannot_start too-long "/bin/echo, \"$(head -c 200000 /dev/zero | tr '\0' x)\"" 126 \
		'/bin/echo.*Argument list too long'
	# A file that somebody has open for writing.
	cp "$die" busy
	exec 7>>busy
	cannot_start busy "$T/busy, exit, \"0\"" 126 "$T/busy.*Text file busy"
	task f.yml no-cwd Exec "{command: [/bin/true], cwd: /no/such/dir}"
	expect no-cwd failed start-failed - - '/no/such/dir.*No such file or directory'
	task f.yml cwd-is-file Exec "{command: [/bin/true], cwd: $T/plain.txt}"
	expect cwd-is-file failed start-failed - - "$T/plain.txt.*Not a directory"

	program f.yml timeout-obey "$die, obey" 'timeoutSeconds: 1' 'graceSeconds: 5'
	expect timeout-obey failed timeout - -
	program f.yml timeout-polite "$die, polite, \"0\"" 'timeoutSeconds: 1' 'graceSeconds: 5'
	expect timeout-polite failed timeout - -
	program f.yml timeout-stubborn "$die, stubborn" 'timeoutSeconds: 1' 'graceSeconds: 0.5'
	expect timeout-stubborn failed timeout - -
	task f.yml timeout-worker Sleep '{seconds: 100}' 'timeoutSeconds: 1'
	expect timeout-worker failed timeout - -
	task f.yml timeout-hang Fail '{crash: hang}' 'timeoutSeconds: 1' 'graceSeconds: 0.5'
	expect timeout-hang failed timeout - -

	task f.yml worker-ok Sleep '{seconds: 0}'
	expect worker-ok finished exited 0 -
	task f.yml worker-error Fail '{message: the camera is gone}'
	expect worker-error failed exited 1 - 'the camera is gone'
	task f.yml worker-again Fail '{tryAgain: true, message: come back later}'
	expect worker-again failed exited 75 - 'come back later'
	task f.yml worker-before Fail '{in: before, message: no before}'
	expect worker-before failed exited 1 - 'no before'
	task f.yml worker-after Fail '{in: after, message: no after}'
	expect worker-after failed exited 1 - 'no after'
	task f.yml worker-release Fail '{in: release, message: no release}'
	expect worker-release finished exited 0 -
	task f.yml worker-exit Fail '{crash: exit, exitCode: 9}'
	expect worker-exit failed exited 9 -
	task f.yml worker-abort Fail '{crash: abort}'
	expect worker-abort failed signaled - 6
	task f.yml worker-segv Fail '{crash: segv}'
	expect worker-segv failed signaled - 11
	task f.yml worker-kill Fail '{crash: kill}'
	expect worker-kill failed signaled - 9

	program f.yml skipped /bin/true 'dependencies: [exit-1]'
	expect skipped skipped skipped - -

	program f.yml killed "$die, obey"
	expect killed failed signaled - 9
	task f.yml killed-worker Sleep '{seconds: 100}'
	expect killed-worker failed signaled - 9
	# A SIGKILL under a memory limit is no lack of memory.
	program f.yml killed-limited "$die, signal, \"9\"" 'resources: {memoryMb: 64}'
	expect killed-limited failed signaled - 9
	if [ -n "$memory" ]; then
		program f.yml oom "$die, oom, \"256\"" 'resources: {memoryMb: 32}'
		expect oom failed oom - 9
		task f.yml oom-worker Fail '{crash: oom, memoryMb: 256}' 'resources: {memoryMb: 32}'
		expect oom-worker failed oom - 9
		# A child was taken, the task itself ended well: that is a success.
		program f.yml oom-child "$die, oom-child, \"256\"" 'resources: {memoryMb: 32}'
		expect oom-child finished exited 0 -
		program f.yml oom-enough "$die, oom, \"16\"" 'resources: {memoryMb: 64}'
		expect oom-enough finished exited 0 -
	fi
}

started_both()
{
	seen edge.out event=started taskId=killed && seen edge.out event=started taskId=killed-worker
}

kill_two()
{
	until_true 20 started_both || return
	sleep 0.2
	kill -KILL "$(events edge.out event=started taskId=killed -- pid)"
	kill -KILL "$(events edge.out event=started taskId=killed-worker -- pid)"
}

# What happened against what was expected, one line per difference.
differences()
{
	local id event reason code signal message e r c s m
	while IFS=$'\t' read -r id event reason code signal message; do
		IFS=$'\t' read -r e r c s m < <(for e in finished failed cancelled skipped; do
			events edge.out "taskId=$id" "event=$e" -- \
				event exit.reason exit.code exit.signal exit.message
		done)
		[ "${e:-none}" = "$event" ] && [ "$r" = "$reason" ] &&
			{ [ "$code" = - ] || [ "$c" = "$code" ]; } &&
			{ [ "$signal" = - ] || [ "$s" = "$signal" ]; } &&
			{ [ "$message" = - ] || printf '%s' "$m" | grep -Eq "$message"; } ||
			echo "$id: got ${e:-none} ${r:-} code=${c:-} signal=${s:-} '${m:-}', want $event $reason code=$code signal=$signal ~ ${message:0:100}"
	done <expected
}

memory=
grep -q 'memory' /proc/cgroups && [ -w /sys/fs/cgroup ] && memory=1
write_tasks
for round in $(seq "$(rounds 1 20)"); do
	start edge "$SKALDS" edge -f f.yml --once --json
	kill_two
	ended "$PID" 60
	is "edge --once ends with 1: some failed" "$CODE" 1
	diff=$(differences)
	right=$(($(wc -l <expected) - $(printf '%s' "$diff" | grep -c .)))
	note "$right of $(wc -l <expected) right"
	is "all $(wc -l <expected) ways to end are named right" "$diff" ""
	ends=$(for e in finished failed cancelled skipped; do events edge.out event=$e -- taskId; done)
	is "each task ends exactly once" "$(printf '%s\n' "$ends" | sort | uniq -c | awk '$1 != 1')" ""
	like "oom is never guessed" "$(events edge.out exit.reason=oom -- taskId | grep -c -v '^oom')" '^0$'
done
[ -n "$memory" ] || skip "out of memory is named" "no writable memory controller"
at_least "at least 30 ways were tried" "$(wc -l <expected)" 30

# The same without cgroups: only the memory limit is not there.
memory=
exec 7>&-
: >expected
write_tasks
start edge "$SKALDS" edge -f f.yml --once --json --no-cgroup
kill_two
ended "$PID" 60
is "the same without cgroups" "$(differences)" ""

# Cancelled: taken out of the file while it runs.
new_file f.yml
program f.yml gone-obey "$die, obey"
program f.yml gone-polite "$die, polite, \"0\""
program f.yml gone-stubborn "$die, stubborn" 'graceSeconds: 0.5'
task f.yml gone-worker Sleep '{seconds: 100}'
program f.yml stays "$die, obey"
start edge "$SKALDS" edge -f f.yml --json
until_true 10 seen edge.out event=started taskId=stays
sleep 0.3
new_file f.yml
program f.yml stays "$die, obey"
kill -HUP "$PID"
for k in obey polite stubborn worker; do
	until_true 5 seen edge.out event=cancelled "taskId=gone-$k"
	is "a task removed from the file ($k) is cancelled" \
		"$(events edge.out event=cancelled "taskId=gone-$k" -- exit.reason)" cancelled
done
kill -TERM "$PID"
ended "$PID" 10
is "edge drained by SIGTERM ends with 0" "$CODE" 0
is "a task that the drain stopped was interrupted, not failed" \
	"$(events edge.out taskId=stays exit.reason=interrupted -- event)" interrupted
finish
