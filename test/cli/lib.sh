# lib.sh - for the tests of the command line: the real binary in an environment of our own.
#
#	sk ARGUMENTS…          runs $SKALDS; sets out, err, code
#	sk A=B C=D ARGUMENTS…  the same with variables in its environment, which is empty else
#	in_dir DIR             the directory it runs in from now on ($T at first)
#	json PATH TEXT         the value at a path such as items.0.name; fails on text that is no JSON

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

here=$T
sanitizers=()
for name in ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS; do
	[ -z "${!name:-}" ] || sanitizers+=("$name=${!name}")
done
json_bin=$BIN/json

if [ ! -x "$json_bin" ] || [ "$ROOT/test/cli/json.c" -nt "$json_bin" ]; then
	${CC:-gcc} -std=c17 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -o "$json_bin.$$" "$ROOT/test/cli/json.c" -ljansson &&
		mv "$json_bin.$$" "$json_bin" || { echo 'Bail out! json.c does not compile'; exit 99; }
fi

in_dir()
{
	mkdir -p "$1"
	here=$1
}

sk()
{
	local vars=()
	while [[ ${1:-} =~ ^[A-Z_a-z][A-Z_a-z0-9]*= ]]; do
		vars+=("$1")
		shift
	done
	sk_as "$SKALDS" "$@"
}

# sk_as PROGRAM ARGUMENTS…: under another name; uses vars of the caller.
sk_as()
{
	out=$(cd "$here" && env -i "SKALDS_RUN_DIR=$SKALDS_RUN_DIR" "${sanitizers[@]}" "${vars[@]}" "$@" \
		2>"$T/stderr" </dev/null)
	code=$?
	err=$(cat "$T/stderr")
}

json()
{
	printf '%s\n' "$2" | "$json_bin" "$1"
}
