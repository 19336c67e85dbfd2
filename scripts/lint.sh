#!/bin/sh
# lint.sh FLAG… - what tools say about the sources; FLAGs are those of the compiler. Called by make lint.
#
# Only files that git knows are looked at. A tool that is missing is an error: scripts/setup.sh --test.
set -u

failed=0
sources=$(git ls-files 'cmd/*.c' 'core/*.c' 'adapters/*.c' 'workers/*.c')
headers=$(git ls-files 'cmd/*.h' 'core/*.h' 'adapters/*.h' 'workers/*.h')
tests=$(git ls-files 'test/*.[ch]')
jobs=$(nproc)

result()
{
	if [ "$2" = 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		failed=1
	fi
}

for tool in clang-format clang-tidy cppcheck clang gcc; do
	command -v "$tool" >/dev/null || { echo "lint: $tool is missing: scripts/setup.sh --test" >&2; exit 1; }
done

clang-format --dry-run -Werror $sources $headers $tests
result "clang-format" $?

# The other compiler's warnings.
printf '%s\n' $sources | xargs -P "$jobs" -n 4 clang "$@" -Wall -Wextra -Wpedantic -Wconversion \
	-Wcast-qual -Wshadow -Wstrict-prototypes -Wvla -Werror -fsyntax-only
result "clang finds nothing" $?

printf '%s\n' $sources | xargs -P "$jobs" -I {} clang-tidy --quiet \
	--warnings-as-errors='*' {} -- "$@" >"${TMPDIR:-/tmp}/lint.$$" 2>/dev/null
status=$?
grep -E -A 3 'error:|warning:' "${TMPDIR:-/tmp}/lint.$$"
rm -f "${TMPDIR:-/tmp}/lint.$$"
result "clang-tidy" $status

cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --error-exitcode=1 -j "$jobs" -I . -D_GNU_SOURCE $sources
result "cppcheck" $?

exit "$failed"
