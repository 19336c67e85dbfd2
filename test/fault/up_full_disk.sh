#!/usr/bin/env bash
# The data directory on a full disk, at random moments under load: `task add` fails with 74 and says why, nothing
# of it is stored, what runs goes on and its end is kept, and all is well again within 10 s after there is space
# (reliability P14).
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
[ "$(id -u)" = 0 ] || { skip "a full disk" "mounting a tmpfs needs root"; finish; }
n=$(rounds 8 200)
LEASE=2
mkdir small
mount -t tmpfs -o size=16m tmpfs small || { fail "a tmpfs can be mounted"; finish; }
at_exit 'umount -l "$T/small" 2>/dev/null'
DATA=$T/small/data

up_start
gone_soon() { until_true 5 gone "$UP"; }
check "a data directory on a tmpfs is refused" gone_soon
like "and it is said why" "$(tail -n 3 up.err)" 'in memory \(tmpfs\).*allow'
UP_FLAGS=(--allow-volatile)
up_start
check "up answers when it is asked for" up_ready 10

fill()
{
	dd if=/dev/zero of=small/filler bs=64k 2>/dev/null
	dd if=/dev/zero of=small/rest bs=512 2>/dev/null
}

junk=$(head -c 60000 /dev/zero | tr '\0' j)
made=0
# add_big: a task that needs room; sets CODE and SAID, and writes down what was answered
add_big()
{
	local begin id
	made=$((made + 1))
	id=big-$made
	begin=$(boot_ns)
	printf '{"op":"try","id":"%s"}\n' $id >>"$CLIENT"
	SAID=$(sk_task add --quiet --id $id --env "JUNK=$junk" -- "$BIN/witness" -o "$TRUTH" -s 20 2>&1)
	CODE=$?
	printf '{"op":"add","id":"%s","status":%d,"begin":%s,"end":%s}\n' $id $CODE "$begin" \
		"$(boot_ns)" >>"$CLIENT"
}

boot_ns()
{
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0000000"
}

add_works()
{
	add_big
	[ $CODE = 0 ]
}

# refused: tasks until one is refused, 300 at most
refused()
{
	local i
	for i in $(seq 300); do
		add_big
		[ $CODE = 0 ] || return 0
	done
	return 1
}

feed_start f -r 15 -m 8 -x ppppgfl
never=0
wrong=0
unclear=0
slow=0
for i in $(seq "$n"); do
	watch_for "$(between 200 900)"
	fill
	if refused; then
		[ $CODE = 74 ] || { wrong=$((wrong + 1)); note "round $i: $CODE: $SAID"; }
		grep -Eiq 'room|space|full' <<<"$SAID" || { unclear=$((unclear + 1)); note "round $i said: $SAID"; }
	else
		never=$((never + 1))
	fi
	sleep "$(between 100 1500)"
	rm -f small/filler small/rest
	until_true 10 add_works || { slow=$((slow + 1)); note "round $i, 10 s later: $CODE: $SAID"; }
done
is "$n times full: a task was refused each time" "$never" 0
is "with 74" "$wrong" 0
is "and a sentence that says why" "$unclear" 0
is "within 10 s after there was space tasks were accepted again" "$slow" 0

# Full for longer than the lease: what runs is not stopped for it, and its end is told when it can be.
echo '{"op":"try","id":"through"}' >>"$CLIENT"
sk_task add --quiet --id through --retries 0 -- "$BIN/witness" -o "$TRUTH" -s 6000 -c 44 >/dev/null
printf '{"op":"add","id":"through","status":%d,"begin":1,"end":2}\n' $? >>"$CLIENT"
until_true 10 grep -q '^through 1 start' "$TRUTH"
fill
sleep 7
is "a task ran to its end while the disk was full" "$(grep -c '^through 1 end .* 44$' "$TRUTH")" 1
rm -f small/filler small/rest
check "its end is known within 10 s after there is space" until_true 10 eval \
	'[ "$(sk_task get through --json | grep -c "\"code\":44")" = 1 ]'
feed_end 60
judge "a full disk, $n rounds" --refused 2,74
is "up lived through all of it" "$UP_STARTS" 2
up_stop 25
is "and drains with 0" "$CODE" 0
finish
