#!/usr/bin/env bash
# P14 for `up`: a full disk refuses what is new and stops nothing that runs; with room again all is as
# before. A disk that fails ends everything with 74.
. "$(dirname "$0")/../up_lib.sh"
[ "$(id -u)" = 0 ] || { skip "a full disk" "mounting a tmpfs needs root"; finish; }

mkdir data
mount -t tmpfs -o size=16m,mode=700 tmpfs data || { fail "a tmpfs can be mounted"; finish; }
at_exit 'umount -l "$T/data" 2>/dev/null'

fill()
{
	dd if=/dev/zero of=data/filler bs=64k 2>/dev/null
	dd if=/dev/zero of=data/filler2 bs=512 2>/dev/null
}
empty()
{
	rm -f data/filler data/filler2
}

# accepted LINES: bulk adds until the disk takes no more; prints the exit code of the last one.
refused()
{
	for _ in $(seq 200); do
		"$SKALDS" task add --file "$T/bulk" >>"$T/ids" 2>"$T/refused.err" || { echo $?; return; }
	done
	echo never
}
for i in $(seq 500); do
	echo '{"className":"Sleep","delaySeconds":100000,"attachments":{"seconds":1}}'
done >bulk

check "up is ready, lease 2 s" up --slots 4 --lease 2
long=$(add --retries 0 -- sh -c 'sleep 8; exit 33')
short=$(add --retries 0 -- sh -c 'sleep 1; exit 34')
wait_for Running "$long"
wait_for Running "$short"
: >ids
fill
code=$(refused)
is "a full disk refuses what is new with 74" "$code" 74
like "it says why" "$(cat refused.err)" 'no room left on the disk'
stored=$(wc -l <ids)
sleep 4 # beyond the lease
is "what runs goes on" "$(procs env "SKALDS_TASK_ID=$long" | wc -l)" 2
check "and can be looked at" served
is "the hub is the first one" "$(grep -c 'ready again' up.err)" 0
before=$(now_ms)
empty
check "with room again tasks are accepted" until_true 10 add Sleep seconds=0
at_most "within 10 s" $(($(now_ms) - before)) 10000
check "the end from that time is stored" until_true 10 is_in Failed "$short"
is "as it was" "$(field "$short" exit.code)" 34
"$SKALDS" task wait "$long" 2>/dev/null
is "the other one ended as it should: it was never declared lost" \
	"$? $(field "$long" attempt)" "33 1"
is "what was accepted is there, nothing else" \
	"$("$SKALDS" task list --class Sleep --state Created --all --json | grep -o '"id":' | wc -l)" "$stored"

# again and again, at any moment, with work going on
: >"$TRUTH"
: >good
n=$(rounds 8 200)
for ((i = 0; i < n; i++)); do
	for k in 1 2 3; do
		id=$(add --retries 50 -- "$T/truth.sh" "0.$((RANDOM % 5))" 0) && echo "$id" >>good
	done
	fill
	sleep "0.$((RANDOM % 9))"
	empty
	sleep "0.$((RANDOM % 3))"
done
until_true 15 add Sleep seconds=0
all_good_ended()
{
	local id
	while read -r id; do
		is_in Finished "$id" || return 1
	done <good
}
check "all that was accepted ends" until_true 60 all_good_ended
truthful "$n times full: nothing is lost, made up or doubled" good
is "no hub had to be replaced" "$(grep -c 'killed by\|exited with' up.err)" 0
check "it ends" down
is "with 0" "$CODE" 0

# full from the start: nothing can be kept, so nothing is promised
fill
"$SKALDS" up --allow-volatile >full.out 2>full.err
is "up on a full disk ends with 74" "$?" 74
like "it says why" "$(cat full.err)" 'No space left on device|no room left'
empty
check "with room it starts" up
check "and ends" down

# ---- a disk that fails ----

if [ -n "$(command -v strace)" ]; then
	up
	id=$(add -- sh -c 'sleep 1000')
	wait_for Running "$id"
	strace -f -q -o /dev/null -e inject=fdatasync:error=EIO -p "$(link_of "$UP")" 2>/dev/null &
	started_pids+=($!)
	sleep 0.5
	add Sleep seconds=0 >/dev/null 2>&1
	check "a sync that fails ends everything" ended "$UP" 20
	is "with 74" "$CODE" 74
	like "it says why" "$(cat up.err)" 'level=critical component=hub'
	is "nothing is left of the tasks" "$(task_processes | wc -l)" 0
	check "the next start goes on" up
	down
else
	skip "a sync that fails" "there is no strace"
fi
finish
