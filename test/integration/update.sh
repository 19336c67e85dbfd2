#!/usr/bin/env bash
# A file that changes while edge runs: SIGHUP and --watch, broken files, reload storms.
. "$(dirname "$0")/../lib.sh"

camera()
{
	task "$1" "$2" MyWorker "{rtspUrl: \"rtsp://$3/x\", fixFrame: $4, intervalSeconds: 0.1}"
}

pid_of()
{
	events edge.out event=started "taskId=$1" -- pid | tail -n 1
}

n_started()
{
	n_events edge.out event=started "taskId=$1"
}

printed()
{
	cat edge.out edge.err
}

sees()
{
	grep -Eqh "$1" edge.out edge.err
}

# change HOW COMMAND…: make f.yml anew by the command and let edge know.
change()
{
	local how=$1
	shift
	case $how in
	SIGHUP)
		"$@" f.yml
		kill -HUP "$PID"
		;;
	"--watch, written in place")
		"$@" f.yml.new
		cat f.yml.new >f.yml
		;;
	"--watch, renamed over")
		"$@" f.yml.new
		mv f.yml.new f.yml
		;;
	"--watch, a ConfigMap")
		# As the kubelet does it: a new directory, one link renamed.
		version=$((version + 1))
		mkdir "map/v$version"
		"$@" "map/v$version/f.yml"
		ln -s "v$version" map/data.new
		mv -T map/data.new map/data
		;;
	esac
}

version1()
{
	new_file "$1"
	camera "$1" kept same 1
	camera "$1" hot old-address 10
	program "$1" restarted '/bin/sh, -c, "echo i am one; sleep 1000"'
	program "$1" removed '/bin/sh, -c, "echo to be removed; sleep 1000"'
}

version2()
{
	new_file "$1"
	camera "$1" kept same 1
	camera "$1" hot new-address 20
	program "$1" restarted '/bin/sh, -c, "echo i am two; sleep 1000"'
	camera "$1" added brand-new 3
}

broken()
{
	version2 "$1"
	printf '  broken:\n    className: MyWorker\n    attachments: {rtspUrl: x, fixFrame: ten}\n' >>"$1"
}

not_yaml()
{
	printf 'TaskWorkers:\n  a: [unclosed\n' >"$1"
}

all_one()
{
	seen edge.out event=started taskId=kept && seen edge.out event=started taskId=hot &&
		sees 'i am one' && sees 'to be removed'
}

for how in SIGHUP "--watch, written in place" "--watch, renamed over" "--watch, a ConfigMap"; do
	flags=
	[ "$how" = SIGHUP ] || flags=--watch
	rm -rf f.yml map
	if [ "$how" = "--watch, a ConfigMap" ]; then
		version=1
		mkdir -p map/v1
		version1 map/v1/f.yml
		ln -s v1 map/data
		ln -s data/f.yml map/f.yml
		start edge "$SKALDS" edge -f map/f.yml --json $flags
	else
		version1 f.yml
		start edge "$SKALDS" edge -f f.yml --json $flags
	fi
	check "$how: all are running" until_true 10 all_one
	kept=$(pid_of kept)
	hot=$(pid_of hot)
	removed=$(pid_of removed)
	change "$how" version2
	check "$how: a new task starts" until_true 10 seen edge.out event=started taskId=added
	check "$how: a removed task stops" until_true 10 seen edge.out event=cancelled taskId=removed
	check "$how: its process is gone" until_true 2 gone "$removed"
	check "$how: changed attachments are reported" until_true 5 seen edge.out event=updated taskId=hot
	check "$how: the update hook sees old and new" until_true 5 \
		sees 'updated RTSP URL: rtsp://old-address/x -> rtsp://new-address/x, Fix Frame: 10 -> 20'
	check "$how: main goes on with the new values" until_true 5 \
		sees 'step .*rtsp://new-address/x, Fix Frame: 20'
	is "$how: in the same process" "$(n_started hot) $(pid_of hot)" "1 $hot"
	check "$how: a class without an update hook is restarted" until_true 10 sees 'i am two'
	check "$how: once" until_true 5 eval '[ "$(n_started restarted)" = 2 ]'
	is "$how: a task that did not change is not touched" \
		"$(n_started kept) $(pid_of kept) $(n_events edge.out event=updated taskId=kept)" "1 $kept 0"

	before=$(for e in started cancelled failed finished updated; do n_events edge.out event=$e; done)
	change "$how" broken
	check "$how: a broken file is named with the place" until_true 5 sees 'f\.yml:[0-9]+:[0-9]+: .*fixFrame'
	sleep 1
	change "$how" not_yaml
	sleep 1.5
	is "$how: broken files change nothing" \
		"$(for e in started cancelled failed finished updated; do n_events edge.out event=$e; done)" "$before"
	change "$how" version1
	check "$how: the next good file counts again" until_true 10 \
		eval '[ "$(n_started removed)" = 2 ]'
	kill -TERM "$PID"
	ended "$PID" 10
	is "$how: edge drains with 0" "$CODE" 0
done

# A file that vanishes changes nothing.
version1 f.yml
start edge "$SKALDS" edge -f f.yml --json --watch
until_true 10 all_one
rm f.yml
kill -HUP "$PID"
sleep 1.5
is "a file that vanishes: nothing ends" "$(n_events edge.out event=cancelled)" 0
check "and it is said" sees 'f\.yml'
version2 f.yml
check "when it is back it counts" until_true 10 seen edge.out event=started taskId=added
kill -TERM "$PID"
ended "$PID" 10

# Restarted again and again: each time it is alive.
restarted_file()
{
	new_file f.yml.new
	program f.yml.new r "/bin/sh, -c, \"echo i am $1 of many; sleep 1000\""
	mv f.yml.new f.yml
}
restarted_file 0
start edge "$SKALDS" edge -f f.yml --json
until_true 10 sees 'i am 0 of many'
silent=
for i in $(seq 30); do
	restarted_file "$i"
	kill -HUP "$PID"
	until_true 5 sees "i am $i of many" || silent="$silent $i"
done
is "restarted 30 times, it runs each time" "$silent" ""
is "and nothing failed" "$(n_events edge.out event=failed)" 0
kill -TERM "$PID"
ended "$PID" 10

# ---- a reload storm ----
n=$(rounds 200 2000)
storm_file()
{
	new_file f.yml.new
	camera f.yml.new kept same 1
	camera f.yml.new hot "address-$1" "$1"
	local i
	for i in 1 2 3 4 5 6 7 8; do
		[ $((($1 >> (i - 1)) & 1)) = 0 ] ||
			program f.yml.new "t$i" '/bin/sleep, "1000"' 'graceSeconds: 1'
	done
	mv f.yml.new f.yml
}
storm_file 0
start edge "$SKALDS" edge -f f.yml --json
until_true 10 seen edge.out event=started taskId=kept
kept=$(pid_of kept)
for i in $(seq "$n"); do
	storm_file $((RANDOM % 256))
	kill -HUP "$PID"
	[ $((RANDOM % 4)) != 0 ] || sleep 0.02
done
storm_file 170
kill -HUP "$PID"
running()
{
	local p name
	for p in $(procs tree "$PID"); do
		name=$(tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | sed -n 's/^SKALDS_TASK_ID=//p')
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" != sleep ] || echo "$name"
	done | sort | tr '\n' ' '
}
check "after $n SIGHUPs what runs is what the last file says" until_true 20 \
	eval '[ "$(running)" = "t2 t4 t6 t8 " ]'
sleep 1.5
is "and it stays so" "$(running)" "t2 t4 t6 t8 "
check "the hot update of the last file has arrived" until_true 5 sees 'step .*Fix Frame: 170'
is "the task that never changed was never touched" "$(n_started kept) $(pid_of kept)" "1 $kept"
at_most "the supervisor has few descriptors" "$(ls "/proc/$PID/fd" | wc -l)" 80
kill -TERM "$PID"
ended "$PID" 10
is "edge drains with 0" "$CODE" 0
finish
