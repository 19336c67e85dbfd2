#!/usr/bin/env bash
# static.sh [BUILD] - the binary needs nothing around it, and two builds of one commit are equal.
[ -z "${1:-}" ] || SKALDS=$(realpath "$1")/skalds
. "$(dirname "$0")/lib.sh"

# ---- an empty root: the binary, a YAML file, nothing else ----

empty_root()
{
	mkdir -p "$T/root"
	cp "$SKALDS" "$T/root/skalds"
	cat >"$T/root/tasks.yml" <<-END
		TaskWorkers:
		  T1: {className: Sleep, attachments: {seconds: 0.1}}
		  T2: {className: Fail, attachments: {}}
		  T3: {className: Exec, attachments: {command: [/skalds, version]}}
	END
}

in_root()
{
	env -i "$chroot" "$T/root" /skalds "$@" >"$T/out" 2>"$T/err" </dev/null
}

chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot)
if [ "$(id -u)" != 0 ]; then
	skip "an empty root" "chroot needs root"
else
	empty_root
	in_root version --verbose
	is "version --verbose calls every library in an empty root" "$?" 0
	is "and each answers" "$(grep -vc broken "$T/out")" 17
	like "the broker's client is one of them" "$(cat "$T/out")" '^librdkafka +2\.8'
	in_root check -f /tasks.yml
	is "check reads a file there" "$?" 0
	in_root run-one -f /tasks.yml T1
	is "run-one runs a compiled-in worker there" "$?" 0
	in_root run-one -f /tasks.yml T2
	is "run-one gives a failed task's code" "$?" 1
	in_root run-one -f /tasks.yml T3
	is "run-one starts a program there" "$?" 0
	like "and its output comes through" "$(cat "$T/out")" '^skalds '
	in_root edge --once -f /tasks.yml
	is "edge runs all of them, one fails" "$?" 1
	in_root run-one -- /nothing
	is "a missing program is 127" "$?" 127
	like "and named" "$(cat "$T/err")" '/nothing.*No such file'
fi

# ---- two builds of one commit, in two directories of different length ----

build_copy()
{
	git clone -q --no-hardlinks "$ROOT" "$1" && make -s -C "$1" -j2 >"$T/log" 2>&1 ||
		{ tail -n 20 "$T/log"; return 1; }
}

if ! git -C "$ROOT" rev-parse -q --verify HEAD >/dev/null; then
	skip "two builds of one commit are equal" "no git checkout"
else
	check "the commit builds in a fresh clone" build_copy "$T/a"
	check "and in another place" build_copy "$T/a-rather-long-name/of/a/directory"
	check "the same bytes" cmp "$T/a/build/skalds" "$T/a-rather-long-name/of/a/directory/build/skalds"
	check "the same with symbols" cmp "$T/a/build/skalds.debug" \
		"$T/a-rather-long-name/of/a/directory/build/skalds.debug"
fi
finish
