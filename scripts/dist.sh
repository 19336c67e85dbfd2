#!/bin/sh
# dist.sh BUILD VERSION - dist/skalds-VERSION-linux-ARCH.tar.gz in BUILD, and its SHA-256.
#
# The binary, what belongs to it, and the licences of what is linked into it. The same commit gives the
# same bytes: times are that of the commit.
set -eu
cd "$(dirname "$0")/.."

build=$1
version=$2
name=skalds-$version-linux-$(uname -m)
dist=$build/dist
tree=$dist/$name
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}

rm -rf "$dist"
mkdir -p "$tree/completions" "$tree/systemd" "$tree/licenses"
cp "$build/skalds" README.md LICENSE "$tree/"
cp -R workers/examples "$tree/examples"
for shell in bash zsh fish; do
	"$build/skalds" completion "$shell" >"$tree/completions/skalds.$shell"
done
for u in edge up; do
	"$build/skalds" "$u" --help >/dev/null 2>&1 || continue
	sed 's|@PREFIX@|/usr/local|g' "scripts/systemd/skalds-$u.service" >"$tree/systemd/skalds-$u.service"
done
"$build/skalds" version --verbose >"$tree/VERSIONS"

cp "$build"/deps/licenses/* "$tree/licenses/"
# What the dashboard is made of, when it is in.
for package in "$build"/web/licenses/*; do
	[ ! -e "$package" ] || cp "$package" "$tree/licenses/"
done
for library in libfyaml-dev libevent-dev libsqlite3-dev libssl-dev libjansson-dev zlib1g-dev libzstd-dev \
	liblz4-dev libc6-dev; do
	cp "/usr/share/doc/$library/copyright" "$tree/licenses/${library%-dev}"
done

find "$tree" -type d -exec chmod 755 {} +
find "$tree" -type f -exec chmod 644 {} +
chmod 755 "$tree/skalds"
tar -C "$dist" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - "$name" |
	gzip -9n >"$tree.tar.gz"
rm -rf "$tree"
cd "$dist"
sha256sum "$name.tar.gz" >"$name.tar.gz.sha256"
cat "$name.tar.gz.sha256"
