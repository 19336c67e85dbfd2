#!/bin/sh
# setup.sh - installs what building needs on Debian 12 or newer, through apt.
#
#	sh scripts/setup.sh		to build and run: make, make demo, make install
#	sh scripts/setup.sh --test	also what make test and make lint use
#
# It may run again and again: packages that are there are left alone, and with nothing missing neither
# the network nor root is needed.
set -eu

build="gcc g++ make cmake pkg-config dpkg-dev patch xz-utils git ca-certificates binutils curl
	libc6-dev libfyaml-dev libsqlite3-dev libevent-dev libjansson-dev libssl-dev zlib1g-dev
	libzstd-dev liblz4-dev"
test="libcmocka-dev clang libclang-rt-dev clang-format clang-tidy cppcheck python3 procps psmisc util-linux strace
	gdb socat file docker.io iptables busybox-static systemd
	iproute2 python3-venv openssl default-jdk-headless maven chromium fonts-droid-fallback"

say()
{
	echo "setup: $*"
}

die()
{
	say "$*" >&2
	exit 1
}

packages=$build
case ${1:-} in
'') ;;
--test) packages="$build $test" ;;
*) die "usage: sh scripts/setup.sh [--test]" ;;
esac

command -v apt-get >/dev/null ||
	die "this is no Debian: install these (or what they are called here) by hand:" $packages

missing=
for p in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $p"
done
if [ -z "$missing" ]; then
	say "everything is installed"
	exit 0
fi

root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || die "run this as root; it would install:$missing"
	root=sudo
fi

say "apt-get update"
$root apt-get update -qq
say "apt-get install:$missing"
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing \
	>/dev/null
say "done"
