#!/bin/sh
# check-link.sh LOG - fails when the linker said anything that is not expected of a static program.
#
# glibc warns about five functions in every static program: they may load a module of the machine's C
# library. Ours resolves names by files and DNS alone; see the README about /etc/nsswitch.conf.
set -eu
expected="Using '\(getaddrinfo\|gethostbyname\|dlopen\|getservbyname\|getprotobynumber\)' in"
expected="$expected statically linked applications requires at runtime the shared libraries"

if left=$(grep -v -e "$expected" -e ': in function ' -- "$1" | grep .); then
	echo "check-link: unexpected words of the linker:" >&2
	echo "$left" | head -n 40 >&2
	exit 1
fi
