#!/usr/bin/env bash
# The power fails: the disk is copied under load as it is at that moment, without what was not synced, and skalds
# is started on the copy. What was acknowledged before is all there (reliability P1, T-POWER). The same without
# syncs must lose something, or this test is blind.
. "$(dirname "$0")/../lib.sh"
. "$ROOT/test/fault/up_lib.sh"
n=$(rounds 5 100)
LEASE=2
[ "$(id -u)" = 0 ] || { skip "power cuts" "mounting a loop file needs root"; finish; }
command -v mkfs.ext4 >/dev/null || { skip "power cuts" "there is no mkfs.ext4"; finish; }
python3 -c 'import sqlite3' 2>/dev/null || { skip "power cuts" "this python3 has no sqlite3"; finish; }

# new_disk NAME: an ext4 in a file, mounted at $T/NAME
new_disk()
{
	truncate -s 96M "$1.img" && mkfs.ext4 -q -F "$1.img" && mkdir -p "$1" && mount -o loop "$1.img" "$1"
}
at_exit 'for m in $(sed -n "s|^[^ ]* \($T/[^ ]*\) .*|\1|p" /proc/mounts); do umount -l "$m"; done'
new_disk probe || { skip "power cuts" "a loop file cannot be mounted here"; finish; }
umount probe && rm -f probe.img

# /proc/uptime counts hundredths; cut off, so that it is earlier than any answer that follows
boot_ns()
{
	local up
	read -r up _ </proc/uptime
	echo "${up/./}0000000"
}

# Many tasks at once that shall never start: so much in the log of the database that it is written back while
# the load goes on.
preload()
{
	python3 - "$1" "$2" >pre.jsonl <<'END'
import json, sys
for i in range(int(sys.argv[2])):
    print(json.dumps({"id": f"w{sys.argv[1]}-{i}", "className": "Sleep", "attachments": {"seconds": 1},
                      "delaySeconds": 864000, "labels": {"pre": "1"}, "description": "x" * 1500}))
END
	sed -nE 's/^\{"id": "([^"]*)".*/{"op":"try","id":"\1"}/p' pre.jsonl >>"$CLIENT"
	begin=$(boot_ns)
	sk_task add --quiet --file pre.jsonl >/dev/null || return 1
	sed -nE "s/^\{\"id\": \"([^\"]*)\".*/{\"op\":\"add\",\"id\":\"\1\",\"status\":0,\"begin\":$begin,\"end\":$(boot_ns)}/p" \
		pre.jsonl >>"$CLIENT"
}

# On the copy they are cancelled, so that all is over.
clear_preload()
{
	sed -nE 's/^\{"id": "([^"]*)".*/{"op":"cancel","id":"\1","status":1,"begin":0,"end":0}/p' pre.jsonl >>"$CLIENT"
	sk_task cancel --all --label pre=1 --state Created --yes --quiet >/dev/null 2>>cancel.err
}

# life ROUND: skalds under load on a disk of its own, until the power fails
life()
{
	TRUTH=$T/truth$1 CLIENT=$T/client$1 FAULTS=$T/faults$1 DATA=$T/disk$1/data
	: >"$TRUTH" && : >"$CLIENT" && : >"$FAULTS"
	new_disk "disk$1" || return 1
	up_start
	up_ready 10 || return 1
	: >pre.jsonl
	[ $((${1//[a-z]/} % $(rounds 5 2))) != 1 ] || preload "$1" 4000 || return 1
	feed_start "p$1" -r 100 -m 16 -x ppppppgfatb
	until_true 10 accepted_at_least $((30 + $(wc -l <pre.jsonl)))
	sleep "$(between 0 1500)"
}

# cut ROUND: the copy. Nothing of skalds is on its way to the disk meanwhile; what was written and not synced
# is in the memory of the file system, not in the file that is copied.
cut_power()
{
	local hub
	hub=$(hub_of "$UP" | head -n 1)
	before=$(boot_ns)
	kill -STOP "$UP" "$hub"
	cp --sparse=never "disk$1.img" "cut$1.img"
	fault power
	cp "$CLIENT" "client.at"
	cp "$TRUTH" "truth.at"
	kill -KILL "$UP" "$hub" "$FEED"
	wait "$UP" "$FEED" 2>/dev/null
	for p in $(procs arg "$TRUTH"); do kill -KILL "$p" 2>/dev/null; done
	until_true 5 none_left_over
	umount -l "disk$1"
	rm -f "disk$1.img"
	mv client.at "$CLIENT"
	mv truth.at "$TRUTH"
}

# The files of the database, looked at by SQLite itself before skalds touches them.
integrity()
{
	rm -rf look && mkdir look && cp -r "$DATA"/*.db* look/ 2>/dev/null
	python3 - look <<'END'
import glob, sqlite3, sys
files = glob.glob(sys.argv[1] + "/*.db")
print(len(files), *(r[0] for f in files for r in sqlite3.connect(f).execute("PRAGMA integrity_check")))
END
}

# after ROUND: skalds on the copy
after()
{
	DATA=$T/cut$1/data
	mkdir -p "cut$1" && mount -o loop "cut$1.img" "cut$1" || { fail "the copy can be mounted"; return 1; }
	is "cut $1: SQLite finds its file whole" "$(integrity)" "1 ok"
	unset SKALDS_DURABILITY
	up_start
	check "cut $1: up starts on the copy" up_ready 10
	[ ! -s pre.jsonl ] || clear_preload
}

end()
{
	kill -KILL "$UP" "$(hub_of "$UP" | head -n 1)" 2>/dev/null
	wait "$UP" 2>/dev/null
	umount -l "cut$1"
	rm -f "cut$1.img"
}

accepted=0
for i in $(seq "$n"); do
	life "$i" || { fail "cut $i: up runs on its disk" "$(tail -n 3 up.err)"; continue; }
	cut_power "$i"
	after "$i" || continue
	judge "cut $i" --before-ns "$before" && accepted=$((accepted + $(verdict accepted)))
	end "$i"
done
at_least "acknowledged tasks were looked for after $n power cuts" "$accepted" $((n * 20))

# The control group.
m=$(rounds 2 10)
lost=0
accepted=0
for i in $(seq "$m"); do
	export SKALDS_DURABILITY=relaxed
	life "relaxed$i" || { fail "control $i: up runs on its disk" "$(tail -n 3 up.err)"; continue; }
	cut_power "relaxed$i"
	DATA=$T/cutrelaxed$i/data
	mkdir -p "cutrelaxed$i" && mount -o loop "cutrelaxed$i.img" "cutrelaxed$i"
	unset SKALDS_DURABILITY
	# There may be nothing at all: then all is lost.
	up_start
	up_ready 10
	oracle dump --skalds "$SKALDS" --data "$DATA" >store 2>dump.err || : >store
	oracle check --client "$CLIENT" --store store --truth "$TRUTH" --faults "$FAULTS" --before-ns "$before" \
		>verdict 2>check.err
	lost=$((lost + $(verdict lost)))
	accepted=$((accepted + $(verdict accepted)))
	end "relaxed$i"
done
unset SKALDS_DURABILITY
note "without syncs $lost of $accepted acknowledged tasks were lost in $m power cuts"
at_least "the control group loses tasks: the test is not blind" "$lost" 1
finish
