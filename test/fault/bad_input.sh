#!/usr/bin/env bash
# Bad input never crashes, never hangs, never takes much memory, and always says where.
#
# 2,000 files (FULL=1: 40,000): 1,000 tasks with one mistake each, whose line must be named exactly;
# damaged ones; bombs. Each is read by a process of its own, as a user would: skalds check -f FILE.
. "$(dirname "$0")/../lib.sh"

labelled=1000 mutated=960 ms=1000 kib=65536
if [ "$FULL" = 1 ]; then
	labelled=20000 mutated=20000
fi
# A sanitizer takes time and memory of its own.
if grep -q __asan_init "$SKALDS" || grep -q __tsan_init "$SKALDS" || grep -q __ubsan_ "$SKALDS"; then
	ms=20000 kib=4194304
fi

files=$(helper bad_files) || exit 99
run=$(helper bad_run) || exit 99
mkdir bad
n=$("$files" bad "$SKALDS_SEED" "$labelled" "$mutated")
at_least "the files are there" "${n:-0}" $((labelled + mutated + 40))

"$run" "$SKALDS" bad "$ms" "$kib" >out 2>&1
is "every file ends by itself in ${ms} ms and $kib KiB, and what is wrong is refused in its line" "$?" 0
tail -n 1 out | sed 's/^/# /'
head -n -1 out | head -n 60 | sed 's/^/#   /'
figure()
{
	tail -n 1 out | grep -o "$1=[0-9]*" | cut -d= -f2
}
is "every file was read" "$(figure files)" "$n"
at_least "mistakes with a known line" "$(figure placed)" 200
at_least "files refused" "$(figure refused)" "$labelled"

# What must stay right while all this is refused.
cp "$ROOT"/test/data/seed_*.yml .
"$SKALDS" check seed_*.yml >out 2>err
is "the seeds are right" "$?" 0
is "and said to be" "$(cat out err)" "seed_configmap.yml: 1 task ok
seed_edge.yml: 2 tasks ok
seed_readme.yml: 2 tasks ok"

# The message that the design promises, to the letter.
printf '%s\n' 'TaskWorkers:' '  T1:' '    className: MyWorker' '    attachments:' \
	'      rtspUrl: rtsp://x' '' '      fixFrame: "ten"' >all_workers.yml
"$SKALDS" check -f all_workers.yml >out 2>err
is "a wrong file gives 2" "$?" 2
is "the message" "$(cat err)" \
	'all_workers.yml:7:17: TaskWorkers.T1.attachments.fixFrame: expected integer, got "ten"'
is "stdout has nothing" "$(cat out)" ""
"$SKALDS" check -f all_workers.yml --json >out 2>err
is "with --json too" "$?" 2
is "as JSON" "$(cat out)" '{"file":"all_workers.yml","errors":1,"warnings":0,"problems":[{"line":7,"column":17,"path":"TaskWorkers.T1.attachments.fixFrame","severity":"error","message":"expected integer, got \"ten\""}],"ok":false,"tasks":0}'

# Files that are none.
for f in "" / nowhere.yml /dev/zero /dev/null; do
	timeout 5 "$SKALDS" check -f "$f" >out 2>err </dev/null
	is "check -f '$f' gives 2" "$?" 2
	is "and one line on stderr" "$(wc -l <err)" 1
done
printf 'TaskWorkers: {}\n' | "$SKALDS" check -f - >out 2>err
is "standard input is read" "$? $(cat out)" "0 stdin: 0 tasks ok"
like "an empty list is worth a word" "$(cat err)" '^stdin:1:1: warning: TaskWorkers: there is no task$'
if [ "$(id -u)" != 0 ]; then
	: >secret.yml
	chmod 0 secret.yml
	"$SKALDS" check -f secret.yml >out 2>err
	is "a file that may not be read gives 2" "$?" 2
	like "with the reason" "$(cat err)" 'secret.yml: cannot be opened: Permission denied'
fi

# The same file is refused everywhere, and nothing is started.
"$SKALDS" run-one -f all_workers.yml >out 2>err </dev/null
is "run-one refuses it" "$?" 2
like "with the same message" "$(cat err)" 'all_workers.yml:7:17: TaskWorkers.T1.attachments.fixFrame:'
"$SKALDS" edge -f all_workers.yml --once >out 2>err </dev/null
is "edge refuses it" "$?" 2
like "with the same message" "$(cat err)" 'all_workers.yml:7:17: TaskWorkers.T1.attachments.fixFrame:'
finish
