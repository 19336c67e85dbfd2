# hooks_lib.sh - for tests that break the allocator or the wall clock of skalds: the binary of FLAVOR=hooks in
# place of the usual one. Sourced in front of lib.sh.
#
#	HOOKS		the file that its processes look at; `hooks "$HOOKS" …` writes it, see hooks.c

SKALDS=${SKALDS_HOOKED:-$(dirname "${BASH_SOURCE[0]}")/../../${BUILD:-build}/hooks/skalds}
if [ ! -x "$SKALDS" ]; then
	echo "ok 1 - a build with hooks # SKIP make FLAVOR=hooks"
	echo "1..1"
	exit 0
fi
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
helper hooks >/dev/null || exit 99
HOOKS=$T/hooks
export SKALDS_HOOKS=$HOOKS
hooks "$HOOKS" new || exit 99
