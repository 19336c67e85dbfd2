#!/usr/bin/env bash
# A store that is damaged, too new, somebody else's, or on a full disk: said at once, with what to do, by the commands
# that need it and by doctor.
. "$(dirname "$0")/lib.sh"

D=$T/data
NOW=5000 # ms: at once, on a machine that does other work too

# asks WHAT CODE REGEX ARGUMENTS…: the command ends with the code at once and says so
asks()
{
	local what=$1 want=$2 says=$3 begin
	shift 3
	begin=$(now_ms)
	sk SKALDS_DATA="$D" "$@"
	is "$what: $1 ${2:-}: $want" "$code" "$want"
	like "$what: $1 ${2:-} says why" "$err" "$says"
	at_most "$what: $1 ${2:-} does not wait" $(($(now_ms) - begin)) $NOW
}

# finds WHAT HEALTH REGEX: what doctor says of the store, and its exit code
finds()
{
	sk SKALDS_DATA="$D" doctor --json
	local i=0 line
	while [ "$(json items.$i.name "$out")" != "task store" ] && [ $i -lt 50 ]; do
		i=$((i + 1))
	done
	line=$(json items.$i.detail "$out")
	is "$1: doctor: $2" "$(json items.$i.status "$out")" "$2"
	like "$1: doctor says so" "$line" "$3"
	if [ "$2" = broken ]; then
		is "$1: doctor exits with 1" "$code" 1
	fi
}
files() { (cd "$D" && for f in *; do [ -S "$f" ] || md5sum "$f"; done); }
fresh() { rm -f "$D"/tasks.db*; cp "$T/good" "$D/tasks.db"; }
# page_of TABLE: where its first page is
page_of() { python3 -c "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(
	'SELECT rootpage FROM sqlite_schema WHERE name = ?', (sys.argv[2],)).fetchone()[0])" "$T/good" "$1"; }
# garbage PAGE: in place of this page of 4096 bytes, from 1
garbage() { yes garbage | head -c 4096 | dd of="$D/tasks.db" bs=4096 seek=$(($1 - 1)) conv=notrunc 2>/dev/null; }

# ---- nothing, and what is sound ----

finds "no directory" ok "^no tasks in $D yet$"
is "doctor makes none" "$(ls -d "$D" 2>&1 | grep -c 'No such')" 1
mkdir -m 700 "$D"
finds "an empty directory" ok "^no tasks in $D yet$"
is "nothing is left in it" "$(ls -A "$D")" ""
seq 1 2000 | sed 's/.*/{"className":"Sleep","attachments":{"seconds":&},"labels":{"n":"&"}}/' >many
sk SKALDS_DATA="$D" task add -q --file "$T/many"
cp "$D/tasks.db" good
before=$(files)
finds "a sound one" ok "^$D/tasks.db is sound, with 2000 tasks$"
is "doctor changes nothing" "$(files)" "$before"

start up "$SKALDS" up --data "$D" --slots 1
check "up runs" until_true 15 eval 'sk SKALDS_DATA="$D" status --json; [ "$(json running "$out")" = true ]'
finds "one in use" ok "^.skalds up. of $D runs: the store is looked at when nobody uses it$"
kill -STOP "$PID" # so that it makes no other hub
for pid in $(pgrep -P "$PID") $PID; do
	kill -KILL "$pid"
done
wait "$PID" 2>/dev/null
check "the hub is gone" until_true 15 flock -s -n "$D/owner.lock" true
at_least "it left its log" "$(stat -c %s "$D/tasks.db-wal")" 1
before=$(md5sum "$D/tasks.db" "$D/tasks.db-wal")
finds "one with a log that was left" ok "is sound, with 2000 tasks$"
is "the log stays" "$(md5sum "$D/tasks.db" "$D/tasks.db-wal")" "$before"

# ---- damage ----

fresh
garbage "$(page_of skald)"
finds "garbage where the skalds stand" broken "^$D/tasks.db is damaged: .*; put a copy that .skalds backup. made"
says='tasks.db: the task store failed: .*malformed.*; .skalds doctor. looks'
asks "garbage where the skalds stand" 74 "$says" task add Sleep seconds=1
asks "garbage where the skalds stand" 74 "$says" task list
sk SKALDS_DATA="$D" up --once
is "up ends with 74" "$code" 74
like "and says why" "$err" 'level=critical component=hub msg="the task store failed: .*malformed.*skalds doctor'
fresh
garbage "$(page_of task)"
finds "garbage where the tasks stand" broken "^$D/tasks.db is damaged: "
asks "garbage where the tasks stand" 74 "task store failed: .*malformed.*; .skalds doctor." task list
fresh
garbage $(($(stat -c %s good) / 8192))
finds "garbage in the middle" broken "^$D/tasks.db is damaged: "
fresh
truncate -s $(($(stat -c %s good) / 2)) "$D/tasks.db"
finds "half a file" broken "^$D/tasks.db is damaged: "
fresh
garbage 1
finds "garbage at the front" broken "^$D/tasks.db is damaged: "
asks "garbage at the front" 74 "tasks.db: " task add Sleep seconds=1

# ---- not for us ----

fresh
python3 -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version=99')" "$D/tasks.db"
finds "a newer one" broken \
	"^$D/tasks.db: it was written by a newer version of skalds \(schema 99, this one knows [0-9]+\)$"
before=$(md5sum <"$D/tasks.db")
asks "a newer one" 2 'a newer version of skalds \(schema 99' task list
is "it is left alone" "$(md5sum <"$D/tasks.db")" "$before"
rm "$D"/tasks.db*
python3 -c "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE t(a)')" "$D/tasks.db"
finds "another program's" broken "^$D/tasks.db: this is a database of another program$"
chmod 777 "$D"
finds "a directory that others may write" broken "^$D may be written by others"
chmod 700 "$D"

# ---- a full disk ----

FULL="$T/small/tasks.db: no room left on the disk.*; make room on the disk, then do it again"
fill() { dd if=/dev/zero of="$D/filler" bs=4096 2>/dev/null; dd if=/dev/zero of="$D/filler2" bs=512 2>/dev/null; }
make_room() { rm "$D"/filler*; }

# reads WHAT: what only reads works, and nothing else
reads()
{
	sk SKALDS_DATA="$D" task list --json
	is "$1: task list" "$code:$(json items.0.id "$out"):$err" "0:one:"
	sk SKALDS_DATA="$D" task get one --json
	is "$1: task get" "$code:$(json phase "$out")" "0:Created"
	sk SKALDS_DATA="$D" status --json
	is "$1: status" "$code:$(json tasks.total "$out")" "0:1"
	for verb in "skald list" "task logs one" "task add --dry-run Sleep seconds=1"; do
		sk SKALDS_DATA="$D" $verb
		is "$1: $verb" "$code" 0
	done
	sk SKALDS_DATA="$D" task get nobody
	is "$1: what is not there" "$code" 3
	sk SKALDS_DATA="$D" doctor --json
	like "$1: doctor" "$out" "$D/tasks.db is sound, with 1 task\""
}
# refuses WHAT: what has to write
refuses()
{
	asks "$1" 74 "$FULL" task add Sleep seconds=1
	asks "$1" 74 "$FULL" task cancel one
	sk SKALDS_DATA="$D" task get one --json
	is "$1: the task is as it was" "$code:$(json phase "$out")" "0:Created"
}
# left_log: what a hub that is killed leaves, with all that was stored in the log alone
left_log()
{
	rm -f "$D"/tasks.db*
	"$SKALDS" up --data "$D" --slots 1 --allow-volatile 2>/dev/null &
	PID=$!
	started_pids+=($PID)
	check "$1: up runs" until_true 15 eval 'sk SKALDS_DATA="$D" status --json; [ "$(json running "$out")" = true ]'
	sk SKALDS_DATA="$D" task add -q --id one --delay 1h Sleep seconds=1
	kill -STOP $PID
	for pid in $(pgrep -P $PID) $PID; do
		kill -KILL "$pid"
	done
	wait $PID 2>/dev/null
	check "$1: the hub is gone" until_true 15 flock -s -n "$D/owner.lock" true
	at_least "$1: it left its log" "$(stat -c %s "$D/tasks.db-wal")" 1
}

if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=4m,mode=700 tmpfs "$T/small" 2>/dev/null; then
	at_exit 'umount -l "$T/small" 2>/dev/null'
	D=$T/small
	sk task add -q --data "$T/tiny" --id one Sleep seconds=1
	cp "$T/tiny/tasks.db" "$D/tasks.db"
	fill
	reads "full"
	refuses "full"
	sk SKALDS_DATA="$D" backup "$T/rescued"
	is "full: a backup to another disk" "$code" 0
	sk SKALDS_DATA="$D" up --allow-volatile
	is "full: up ends with 74" "$code" 74
	like "and says what to do" "$err" "$FULL"
	make_room
	sk SKALDS_DATA="$D" task add -q Sleep seconds=1
	is "with room it works" "$code" 0
	fill
	asks "full with its lock there" 74 "$FULL" task add --env "X=$(head -c 60000 /dev/zero | tr '\0' x)" -- true
	make_room

	left_log "killed"
	rm "$D/tasks.db-shm"
	fill
	before=$(md5sum "$D/tasks.db" "$D/tasks.db-wal")
	reads "full with a log that was left"
	refuses "full with a log that was left"
	is "the log stays" "$(md5sum "$D/tasks.db" "$D/tasks.db-wal")" "$before"
	make_room
	sk SKALDS_DATA="$D" task cancel one
	is "with room it goes on" "$code" 0
	umount "$D"
else
	skip "a full disk" "mounting a tmpfs needs root"
fi

# SQLite looks for room for the index of its log by a byte in 4 KiB; smaller blocks were a SIGBUS.
if [ "$(id -u)" = 0 ] && truncate -s 12M image && mkfs.ext4 -q -b 1024 -m 0 image 2>/dev/null &&
	mount -o loop image "$T/small" 2>/dev/null; then
	at_exit 'umount -l "$T/small" 2>/dev/null'
	chmod 700 "$D"
	left_log "blocks of 1 KiB"
	rm "$D/tasks.db-shm"
	fill
	truncate -s -16K "$D/filler"
	sync -f "$D"
	reads "16 KiB in small blocks"
	refuses "16 KiB in small blocks"
	sk SKALDS_DATA="$D" up
	is "16 KiB in small blocks: up ends with 74" "$code" 74
	like "and says why" "$err" "$FULL"
	umount "$D"
else
	skip "a disk of small blocks" "mounting a file needs root and mkfs.ext4"
fi
finish
