#!/usr/bin/env bash
# P14: a full disk never stops a task. LOG_PATH and --data on a tmpfs of 16 MB.
. "$(dirname "$0")/../lib.sh"
helper spam >/dev/null
[ "$(id -u)" = 0 ] || { skip "a full disk" "mounting a tmpfs needs root"; finish; }

mkdir small
mount -t tmpfs -o size=16m tmpfs small || { fail "a tmpfs can be mounted"; finish; }
at_exit 'umount -l "$T/small" 2>/dev/null'

fill()
{
	dd if=/dev/zero of=small/filler bs=64k 2>/dev/null
	sync small/filler 2>/dev/null
}

write_tasks()
{
	new_file f.yml
	for i in 1 2 3; do
		program f.yml "spam$i" "$BIN/spam, \"24\", line"
	done
	program f.yml late '/bin/sh, -c, "sleep 1.5; echo late words; exit 33"'
	task f.yml worker MyWorker '{rtspUrl: rtsp://x, fixFrame: 1, steps: 20, intervalSeconds: 0.1}'
}
write_tasks

# all_fine SENTENCE: what edge --once must have said in spite of the disk.
all_fine()
{
	is "$1: edge --once ends with 1, for the task that failed" "$CODE" 1
	is "$1: all others have finished" "$(n_events edge.out event=finished)" 4
	is "$1: the exit code is kept" "$(events edge.out event=failed -- exit.reason exit.code)" \
		"exited	33"
	at_most "$1: it is said, but not for every line" \
		"$(grep -Eic 'no space left|disk is full|cannot be written|not written' edge.err)" 20
	at_least "$1: it is said" \
		"$(grep -Eic 'no space left|disk is full|cannot be written|not written' edge.err)" 1
}

for where in log data; do
	for moment in before during; do
		rm -rf small/*
		mkdir -p small/d
		[ $moment = during ] || fill
		if [ $where = log ]; then
			LOG_PATH=$T/small/d start edge "$SKALDS" edge -f f.yml --once --json
		else
			start edge "$SKALDS" edge -f f.yml --once --json --data "$T/small/d"
		fi
		if [ $moment = during ]; then
			sleep 0.$((RANDOM % 9))
			fill
		fi
		if ended "$PID" 30; then
			all_fine "$where full $moment the run"
		else
			fail "$where full $moment the run: edge ends" "still running"
		fi
	done
done

# Space comes back: lines are written again.
rm -rf small/*
mkdir small/d
new_file f.yml
program f.yml ticker '/bin/sh, -c, "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done"'
LOG_PATH=$T/small/d start edge "$SKALDS" edge -f f.yml
until_true 10 eval 'grep -rqs "tick 3" small/d'
fill
sleep 2
rm -f small/filler
last=$(grep -o 'tick [0-9]*' edge.out edge.err | tail -n 1 | grep -o '[0-9]*$')
check "lines are written again within 10 s after space came back" \
	until_true 12 eval 'grep -rqs "tick $((last + 30))" small/d'
kill -TERM "$PID"
ended "$PID" 10
is "and edge drains with 0" "$CODE" 0

# A LOG_PATH that cannot be used at all is one warning, never an end.
new_file f.yml
program f.yml t "/bin/touch, $T/ran"
for path in /proc/nowhere "$T/f.yml" "$T/f.yml/below" /dev/null; do
	rm -f ran
	LOG_PATH=$path "$SKALDS" edge -f f.yml --once >bad.out 2>bad.err </dev/null
	is "LOG_PATH=${path##*/}: the task runs all the same" "$? $(ls ran 2>&1)" "0 ran"
	like "LOG_PATH=${path##*/}: the warning names it" "$(cat bad.err)" "${path##*/}"
done

# The runtime directory on a full disk.
rm -rf small/*
mkdir small/run
fill
rm -f ran
SKALDS_RUN_DIR=$T/small/run "$SKALDS" edge -f f.yml --once >run.out 2>run.err </dev/null
is "a full runtime directory does not stop a task" "$? $(ls ran 2>&1)" "0 ran"
SKALDS_RUN_DIR=$T/small/run "$SKALDS" run-one -- /bin/sh -c 'exit 12' >run.out 2>run.err </dev/null
is "nor its exit code" "$?" 12

# At random moments, many times.
n=$(rounds 6 200)
write_tasks
bad=0
for i in $(seq "$n"); do
	rm -rf small/*
	mkdir small/d
	LOG_PATH=$T/small/d start edge "$SKALDS" edge -f f.yml --once --json
	for again in 1 2 3; do
		sleep "0.$(printf '%03d' $((RANDOM % 700)))"
		fill
		[ $((RANDOM % 2)) = 0 ] || rm -f small/filler
	done
	ended "$PID" 30
	[ "$CODE" = 1 ] && [ "$(n_events edge.out event=finished)" = 4 ] || bad=$((bad + 1))
done
is "$n rounds of filling at random moments: all tasks end as they should" "$bad" 0
finish
