#!/bin/bash
# What reaches standard output, and what happens when it does not.
. "$(dirname "$0")/lib.sh"

"$SKALDS" config >/dev/full 2>"$T/err"
is "a full disk behind standard output is 74" "$?" 74
like "and is said" "$(cat "$T/err")" 'cannot write to standard output: No space left on device'
"$SKALDS" config --json >/dev/full 2>"$T/err"
is "the same for JSON" "$?" 74

set -o pipefail
for c in "config DB_NAME" "config --describe" "completion bash" help "worker list --json"; do
	# shellcheck disable=SC2086
	(sleep 0.2; exec "$SKALDS" $c 2>"$T/err") | true
	is "$c: a reader that went away is no error and not spoken of" "${PIPESTATUS[0]}$(cat "$T/err")" 0
done
for i in 1 2 3; do
	"$SKALDS" completion bash 2>>"$T/err" | head -n 1 >/dev/null
	[ "${PIPESTATUS[0]}" = 0 ] || fail "head -n 1 does no harm"
done
is "nothing is said about head -n 1" "$(cat "$T/err")" ""

"$SKALDS" config DB_NAME >&- 2>"$T/err"
is "a closed standard output is not somebody else's file" "$?" 0
out=$("$SKALDS" config DB_NAME 2>&-)
is "a closed standard error does no harm" "$?:$out" "0:skalds"
out=$("$SKALDS" config DB_NAME <&-)
is "a closed standard input does no harm" "$?:$out" "0:skalds"
out=$("$SKALDS" config DB_NAME <&- 2>&-)
is "both closed do no harm" "$?:$out" "0:skalds"

# One JSON value on one line, whatever is printed.
for c in "config" "config DB_NAME" "doctor" "worker list" "worker describe MyWorker" "worker describe Exec" "help" "version" "version --verbose"; do
	[[ $c != version* ]] || "$SKALDS" help version >/dev/null 2>&1 || continue
	# shellcheck disable=SC2086
	sk $c --json
	is "$c --json is one line" "$(wc -l <<<"$out")" 1
	check "$c --json is valid JSON" json "" "$out"
	unlike "$c --json has no colours" "$out" $'\e'
done
sk worker list --json
is "a list has items and next" "$(json next "$out"):$(json items.# "$out")" "null:$(sk worker list; tail -n +2 <<<"$out" | wc -l)"
for c in $(sk worker list; tail -n +2 <<<"$out" | cut -d' ' -f1); do
	sk worker describe "$c" --json
	is "worker describe $c is an object's schema with the class as its title" \
		"$(json type "$out"):$(json title "$out")" "object:$c"
	sk worker describe "$c"
	like "worker describe $c is a table too" "$out" '^KEY +TYPE +REQUIRED'
done
sk worker describe MyWorkr
like "an unknown class is 3 with a suggestion" "$code:$err" '^3:.*no class "MyWorkr"; did you mean MyWorker\?'
sk config DB_NAM
like "an unknown setting is 3 with a suggestion" "$code:$err" '^3:.*no setting "DB_NAM"; did you mean DB_NAME\?'

# Nothing asks anything: all of it works without a terminal, in a directory that is gone.
mkdir "$T/gone" && cd "$T/gone" && rmdir "$T/gone"
"$SKALDS" worker list >/dev/null 2>"$T/err"
is "a working directory that was removed does no harm" "$?" 0
cd "$T" || exit 1

sk doctor
like "doctor finds nothing broken or says so" "$code" '^[01]$'
for c in kernel "process trees" "memory limits" orphans pidfd "PID namespaces" /proc clock limits \
	"runtime directory" "data directory" "disk space" "name resolution" settings; do
	like "doctor looks at: $c" "$out" "^$c +(ok|limited|broken) +[^ ]"
done
before=$(find /sys/fs/cgroup -maxdepth 4 -name 'skalds-*' -type d 2>/dev/null | wc -l)
sk doctor
after=$(find /sys/fs/cgroup -maxdepth 4 -name 'skalds-*' -type d 2>/dev/null | wc -l)
[ "$after" -le "$before" ] && pass "doctor leaves no control group behind" ||
	note "control groups: $before before, $after after (others may run)"
mkdir "$T/root" && cp "$SKALDS" "$T/root/skalds"
if [ "$(id -u)" = 0 ] && ! ldd "$SKALDS" 2>/dev/null | grep -q "=>"; then
	out=$(env -i "$(command -v chroot)" "$T/root" /skalds doctor 2>&1)
	is "in an empty root nothing is broken" "$?" 0
	like "but the guarantees are weaker" "$out" '/proc +limited'
	is "and nothing was left there" "$(ls "$T/root")" skalds
fi
sk LOG_LEVEL=shout doctor
like "doctor finds a wrong setting" "$code:$out" 'settings +broken +.*LOG_LEVEL'
is "and exits with 1" "$code" 1
mkdir -p "$T/ro"
mount -t tmpfs -o ro,size=1m none "$T/ro" 2>/dev/null && at_exit "umount '$T/ro'" && {
	sk doctor --data "$T/ro"
	like "doctor finds a data directory that cannot be written" "$code:$out" 'data directory +broken'
	is "a broken data directory is exit 1" "$code" 1
}
sk doctor --data "$T/new"
like "a data directory that is not there yet is fine" "$out" 'data directory +ok +.*not there yet'
sk doctor --data "/proc/nowhere/new"
like "one that cannot be made is not" "$code:$out" 'data directory +broken +/proc/nowhere/new cannot be made'
sk HOME=/proc/nowhere XDG_STATE_HOME=/proc/nowhere doctor
if [ "$(id -u)" != 0 ]; then
	like "without --data the one that up would take is looked at" "$out" 'data directory +limited +/proc/nowhere/skalds'
else
	like "without --data the one that up would take is looked at" "$out" 'data directory +ok +/var/lib/skalds '
fi
is "doctor does not make it" "$(ls -d "$T/new" 2>&1 | grep -c 'No such')" 1
finish
