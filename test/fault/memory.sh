#!/usr/bin/env bash
# P23: a task that takes all memory dies alone: the supervisor and its other tasks stay.
. "$(dirname "$0")/../lib.sh"
helper die >/dev/null
limit_mb=32
group=skalds-test-$$

if [ -w /sys/fs/cgroup/memory/cgroup.procs ]; then
	dir=/sys/fs/cgroup/memory/$group
	mkdir "$dir" && echo $((limit_mb << 20)) >"$dir/memory.limit_in_bytes"
elif grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
	dir=/sys/fs/cgroup/$group
	mkdir "$dir" && echo $((limit_mb << 20)) >"$dir/memory.max"
else
	skip "a small cgroup" "no writable memory controller"
	finish
fi
at_exit "for d in $dir/*/*/ $dir/*/ $dir; do rmdir \"\$d\" 2>/dev/null; done"

# in_group COMMAND…: moves this shell in, then becomes the command.
in_group()
{
	exec /bin/sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$dir" "$@"
}

n=$(rounds 10 50)
new_file f.yml
program f.yml hog "$BIN/die, oom, \"1024\""
program f.yml ticker '/bin/sh, -c, "i=0; while :; do i=$((i+1)); echo $i >ticks; sleep 0.1; done"' \
	'resources: {memoryMb: 8}'
died=0
named=0
alive=0
for i in $(seq "$n"); do
	rm -f ticks
	start edge in_group "$SKALDS" edge -f f.yml --json
	until_true 15 seen edge.out event=failed taskId=hog && died=$((died + 1))
	case $(events edge.out event=failed taskId=hog -- exit.reason exit.signal) in
	"oom	9") named=$((named + 1)) ;;
	*) note "round $i: $(events edge.out event=failed taskId=hog -- exit.reason exit.signal exit.message)" ;;
	esac
	before=$(cat ticks 2>/dev/null || echo 0)
	until_true 5 eval '[ "$(cat ticks 2>/dev/null || echo 0)" -gt $((before + 5)) ]' && alive=$((alive + 1))
	kill -TERM "$PID" 2>/dev/null
	ended "$PID" 10
	[ "$CODE" = 0 ] || note "round $i: edge ended with $CODE: $(tail -n 3 edge.err)"
	[ "$CODE" = 0 ] || alive=$((alive - 1))
done
is "a task of 1 GiB in a cgroup of $limit_mb MiB dies, $n times of $n" "$died" "$n"
is "its end is named: out of memory" "$named" "$n"
is "the supervisor and the task beside it live on" "$alive" "$n"

# run-one: the code says it, and so does the sentence.
( in_group "$SKALDS" run-one -- "$BIN/die" oom 1024 ) >one.out 2>one.err </dev/null
is "run-one in a container's limit ends with 137" "$?" 137

new_file f.yml
program f.yml hog "$BIN/die, oom, \"1024\"" 'resources: {memoryMb: 16}'
"$SKALDS" run-one -f f.yml >one.out 2>one.err </dev/null
is "run-one with memoryMb ends with 137" "$?" 137
like "and says out of memory" "$(cat one.out one.err)" '[Oo]ut of memory|oom'

# A supervisor that is refused memory for itself says so.
if grep -q 'libasan\|libtsan\|libubsan' "$SKALDS"; then
	skip "an address space of 20 MB" "a sanitizer needs more for itself"
	finish
fi
( ulimit -v 20000; "$SKALDS" run-one -- /bin/true ) >lim.out 2>lim.err </dev/null
code=$?
case $code in
0 | 71 | 125) pass "an address space of 20 MB: works or ends with a clear code ($code)" ;;
*) fail "an address space of 20 MB: works or ends with a clear code" "$code: $(head -n 3 lim.err)" ;;
esac
finish
