#!/bin/sh
# check-static.sh [BUILD] - that the binary is what the README says: static, hardened, small.
#
# Looks at BUILD/skalds (stripped), BUILD/skalds.debug and BUILD/release/libskalds.a; prints TAP.
set -u
export LC_ALL=C

build=${1:-build}
bin=$build/skalds
limit=14000000
count=0
failed=0

for f in "$bin" "$bin.debug" "$build/release/libskalds.a" "$build/release/link.log"; do
	if [ ! -e "$f" ]; then
		echo "Bail out! $f is not there: make"
		exit 99
	fi
done

# verdict SENTENCE STATUS
verdict()
{
	count=$((count + 1))
	if [ "$2" = 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		failed=$((failed + 1))
	fi
}

# has SENTENCE TEXT PATTERN
has()
{
	printf '%s\n' "$2" | grep -Eq -- "$3"
	verdict "$1" $?
}

has_not()
{
	! printf '%s\n' "$2" | grep -Eq -- "$3"
	verdict "$1" $?
}

# A reader that fails would make every "has not" true.
segments=$(readelf -lW "$bin") && dynamic=$(readelf -dW "$bin") && sections=$(readelf -SW "$bin") &&
	undefined=$(nm -u "$build/release/libskalds.a") && defined=$(nm "$bin.debug") || {
	echo "Bail out! readelf or nm failed"
	exit 99
}

has_not "no interpreter" "$segments" INTERP
has_not "no shared library is needed" "$dynamic" NEEDED
has "position independent" "$dynamic" 'FLAGS_1.*PIE'
has_not "no text relocations" "$dynamic" TEXTREL
has "relocations are read-only once done" "$segments" GNU_RELRO
has "all are done at the start" "$dynamic" BIND_NOW
has "the stack is not executable" "$segments" 'GNU_STACK .* RW +0x'
has_not "no segment is writable and executable" "$segments" ' RWE '
has "stack canaries in our code" "$undefined" 'U __stack_chk_fail$'
has "stack canaries in the C library's setup" "$defined" ' __stack_chk_fail$'
has "FORTIFY in our code" "$undefined" 'U __(v?snprintf|memcpy|memset|v?fprintf|read)_chk$'
has "FORTIFY is linked" "$defined" ' __(v?snprintf|memcpy)_chk$'
has_not "stripped" "$sections" ' \.(symtab|debug_info) '

sh "$(dirname "$0")/check-link.sh" "$build/release/link.log"
verdict "the linker warned of nothing unexpected" $?

# What tests may break (core/base/hooks.h) cannot be broken here.
has_not "no hooks of tests: symbols" "$defined" 'sk_hooks|__wrap_malloc'
! grep -aq SKALDS_HOOKS "$bin"
verdict "no hooks of tests: their variable" $?

size=$(wc -c <"$bin")
[ "$size" -lt "$limit" ]
verdict "smaller than 14 MB ($size bytes)" $?

# The directories of the machine that built it are nobody's business.
home=${HOME:-/}
[ "$home" != / ] || home=$(pwd)
! grep -aqF -e "$(pwd)/" -e "$home/" "$bin"
verdict "no path of the build in the binary" $?

echo "1..$count"
[ "$failed" = 0 ]
