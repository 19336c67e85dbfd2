#!/bin/sh
# image-tree.sh BINARY DIR - everything that an image with skalds has, as a directory.
#
# The Dockerfile makes its last stage of it. As root /run/skalds gets the image's user (65532).
set -eu

binary=$1
dir=$2
user=65532
bundle=/etc/ssl/certs/ca-certificates.crt

mkdir -p "$dir/etc/ssl/certs" "$dir/run/skalds" "$dir/tmp" "$dir/usr/lib/ssl"
cp "$binary" "$dir/skalds"
chmod 755 "$dir/skalds"
cp "$bundle" "$dir$bundle"
chmod 644 "$dir$bundle"
# Where OpenSSL, as Debian builds it, looks by itself.
ln -sfn "$bundle" "$dir/usr/lib/ssl/cert.pem"
# A static program must not be led to modules of another machine's C library.
echo 'hosts: files dns' >"$dir/etc/nsswitch.conf"
echo "skalds:x:$user:$user::/tmp:/skalds" >"$dir/etc/passwd"
echo "skalds:x:$user:" >"$dir/etc/group"
chmod 1777 "$dir/tmp"
chmod 700 "$dir/run/skalds"
if [ "$(id -u)" = 0 ]; then
	chown "$user:$user" "$dir/run/skalds"
fi
