#!/usr/bin/env bash
# A hub whose supervisor died while it waited for the data directory does nothing with it when it gets it at last:
# another up may have lived meanwhile, and its attempts go on (reliability P12).
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"

owner()
{
	cat "$DATA/owner.lock" 2>/dev/null
}

owner_is()
{
	[ "$(owner)" = "$1" ]
}

has_hub()
{
	HUB=$(hub_of "$UP" | head -n 1)
	[ -n "$HUB" ]
}

up_start
check "up answers" up_ready 10
up_stop 25
# Somebody has the directory for a moment, as a hub that clears up behind its supervisor does.
start holder flock --no-fork "$DATA/owner.lock" sleep 60
holder=$PID
sleep 0.2
# The next up waits for it, and its supervisor dies.
up_start
check "the next up has a hub" until_true 5 has_hub
orphan=$HUB
sleep 0.3
kill -STOP "$orphan"
kill -KILL "$UP"
fault supervisor
wait "$UP" 2>/dev/null
# Another one gets it.
up_start
check "the other up has a hub" until_true 5 has_hub
kill -KILL "$holder"
check "and answers" up_ready 10
check "it has the directory" owner_is "$(hub_of "$UP")"
feed_start o -n 8 -r 50 -x l
feed_wait 30
until_true 10 eval '[ "$(grep -c " start " truth)" = 8 ]'
is "eight tasks run" "$(grep -c " start " truth)" 8
# Its hub dies, and before there is another one the orphan may have the directory.
kill -STOP "$UP"
kill -KILL "$(hub_of "$UP")"
fault hub
kill -CONT "$orphan"
until_true 3 gone "$orphan"
check "the orphan has ended" gone "$orphan"
kill -CONT "$UP"
check "up answers again" up_ready 10
judge "an orphaned hub"
is "no attempt was lost: the other supervisor lived" "$(verdict attemptsLost)" 0
is "all finished at their first attempt" "$(verdict finished attempts)" "8	8"
up_stop 25
is "and up drains with 0" "$CODE" 0
finish
