#!/bin/sh
# deps.sh - the client libraries that Debian 12 has not as a usable static archive, built from
# Debian's own source packages: librdkafka, hiredis, mongo-c-driver, libcurl.
#
#	scripts/deps.sh [DIR]	builds what is missing; DIR (default build/deps) becomes a link to it
#
# The sources come through apt, which checks Debian's signatures; the tarball of the original authors
# is pinned by SHA-256 as well, Debian's patches (security fixes) may move. The result is kept in
# ${XDG_CACHE_HOME:-~/.cache}/skalds/deps-KEY, where KEY is a hash of this script and the compiler, so
# that another checkout needs no time at all. SKALDS_DEPS_JOBS sets the number of compilers.
set -eu

# name, version of the original authors, SHA-256 of their tarball
PINNED='
librdkafka 2.8.0 5bd1c46f63265f31c6bfcedcde78703f77d28238eadf23821c2b43fc30be3e25
hiredis 1.2.0 82ad632d31ee05da13b537c124f819eb88e18851d9cb0c30ae0552084811588c
mongo-c-driver 1.23.1 5e3502bd379b1717c1b7ad65ab7f84f79f83077aedb424e4eeab2640bb911810
curl 7.88.1 cdb38b72e36bc5d33d5b8810f8018ece1baa29a8f215b4495e495ded82bbf3c7
'

link=${1:-build/deps}
jobs=${SKALDS_DEPS_JOBS:-$(nproc)}
CC=gcc

say()
{
	echo "deps: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

for tool in gcc g++ make cmake pkg-config dpkg-source apt-get sha256sum flock; do
	command -v "$tool" >/dev/null || die "$tool is missing: run scripts/setup.sh first"
done

key=$({ cat "$0"; $CC --version | head -n 1; uname -m; } | sha256sum | cut -c 1-16)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/skalds
deps=$cache/deps-$key

make_link()
{
	mkdir -p "$(dirname "$link")"
	[ "$(readlink "$link" 2>/dev/null)" = "$deps" ] || ln -sfnT "$deps" "$link"
}

if [ -e "$deps/complete" ]; then
	make_link
	exit 0
fi

# Two builds at once: the second waits and finds everything done.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -e "$deps/complete" ]; then
	make_link
	exit 0
fi

# Everything is compiled in one directory with a short, stable name, hidden from the result by
# -ffile-prefix-map; what a broken build left there is thrown away.
work=$cache/work-$key
rm -rf "$cache"/work-*
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/src" "$work/log"
out=$work/out
mkdir -p "$out/include" "$out/lib" "$out/licenses"

# ---- sources ----

# A private apt configuration beside the system's, from its mirrors: the machine's own package state
# is neither used nor touched.
write_apt_config()
{
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	targets=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | sort -u)
	mirror=$(echo "$targets" | awk '$1 == "bookworm" { print $2; exit }')
	security=$(echo "$targets" | awk '$1 == "bookworm-security" { print $2; exit }')

	[ -n "$mirror" ] || die "no mirror of Debian bookworm is configured in apt"
	{
		echo "deb-src [signed-by=$keyring] $mirror bookworm main"
		echo "deb-src [signed-by=$keyring] $mirror trixie main"
		[ -z "$security" ] || echo "deb-src [signed-by=$keyring] $security bookworm-security main"
	} >"$work/apt/sources.list"
	cat >"$work/apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$work/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State::lists "$work/apt/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$work/apt/cache";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
}

private_apt()
{
	APT_CONFIG=$work/apt/apt.conf "$@"
}

# The newest revision of Debian for that version of the authors.
debian_version()
{
	best=
	for v in $(private_apt apt-cache showsrc "$1" | awk -v p="$1" '$1 == "Package:" { mine = $2 == p }
			mine && $1 == "Version:" { print $2 }'); do
		case $v in "$2"-*) ;; *) continue ;; esac
		if [ -z "$best" ] || dpkg --compare-versions "$v" gt "$best"; then
			best=$v
		fi
	done
	echo "$best"
}

fetch()
{
	name=$1 version=$2 sum=$3
	revision=$(debian_version "$name" "$version")
	[ -n "$revision" ] || die "$name $version is not in Debian's archive any more"
	say "$name $revision"
	cd "$work/src"
	private_apt apt-get source -qq --download-only --only-source "$name=$revision" \
		>"$work/log/fetch-$name" 2>&1 || broken "fetch-$name"
	echo "$sum  ${name}_$version.orig.tar.gz" | sha256sum --quiet -c - ||
		die "$name: the tarball is not the pinned one"
	dpkg-source --no-copy -x "${name}_${revision#*:}.dsc" "$work/src/$name" \
		>"$work/log/unpack-$name" 2>&1 || broken "unpack-$name"
	echo "$name $revision" >>"$out/versions"
	cp "$name/debian/copyright" "$out/licenses/$name"
}

broken()
{
	tail -n 20 "$work/log/$1" >&2
	die "$1 failed; the whole log is $work/log/$1"
}

# ---- building ----

flags="-O2 -g1 -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections -fno-strict-aliasing
	-ffile-prefix-map=$work/src=/deps"
flags=$(echo $flags)

# Two mistakes of 2.8.0. A topic that was removed and made again has another id: the entry of the old one was freed and
# stayed in the tree that is sorted by ids, and soon the library crashed (its issues 4778 and 4964). And a request that
# waits for a broker asks for a connection at each change of state, which forgot the pause between two attempts: it tried
# some thousand times a second while the broker was away.
mend_librdkafka()
{
	sed -i '/^        } else if (old && !RD_KAFKA_UUID_IS_ZERO($/c\
        }\
        if (old \&\& rd_kafka_Uuid_cmp(old->rkmce_metadata_internal_topic.topic_id,\
                                     rkmce->rkmce_metadata_internal_topic.topic_id) \&\&\
            !RD_KAFKA_UUID_IS_ZERO(' src/rdkafka_metadata_cache.c
	sed -i '/^                rkb->rkb_ts_reconnect = 0;$/c\
                rkb->rkb_ts_reconnect = RD_MIN(\
                    rkb->rkb_ts_reconnect,\
                    rkb->rkb_ts_connect + (rd_ts_t)rkb->rkb_rk->rk_conf.reconnect_backoff_ms * 1000);' \
		src/rdkafka_broker.c
	grep -q 'old && rd_kafka_Uuid_cmp' src/rdkafka_metadata_cache.c &&
		grep -q '_ts_reconnect = RD_MIN' src/rdkafka_broker.c ||
		die "librdkafka: what is to be mended looks otherwise"
}

build_librdkafka()
{
	cd "$work/src/librdkafka"
	mend_librdkafka
	CC=$CC CFLAGS="$flags" CXXFLAGS="$flags" ./configure --prefix="$out" \
		--disable-gssapi --disable-curl --disable-syslog --enable-ssl --enable-zstd --enable-lz4-ext \
		--disable-regex-ext --no-cache
	# Whether Python is there decides about linker scripts, which a static library has not, and the
	# answer would stay in it.
	sed -i '/BUILT_WITH/s/ LDS / /' config.h
	make -C src -j"$jobs" librdkafka.a
	cp src/librdkafka.a "$out/lib/"
	mkdir -p "$out/include/librdkafka"
	cp src/rdkafka.h src/rdkafka_mock.h "$out/include/librdkafka/"
}

build_hiredis()
{
	cd "$work/src/hiredis"
	make -j"$jobs" CC=$CC CFLAGS="$flags" OPTIMIZATION= DEBUG_FLAGS= USE_SSL=1 \
		libhiredis.a libhiredis_ssl.a
	cp libhiredis.a libhiredis_ssl.a "$out/lib/"
	mkdir -p "$out/include/hiredis/adapters"
	cp alloc.h async.h hiredis.h hiredis_ssl.h read.h sds.h sockcompat.h "$out/include/hiredis/"
	cp adapters/libevent.h "$out/include/hiredis/adapters/"
}

build_mongo()
{
	mkdir -p "$work/src/mongo-c-driver/o"
	cd "$work/src/mongo-c-driver/o"
	cmake -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$flags" -DCMAKE_INSTALL_PREFIX="$out" \
		-DCMAKE_INSTALL_LIBDIR=lib -DBUILD_VERSION=1.23.1 -DENABLE_STATIC=ON -DENABLE_SSL=OPENSSL \
		-DENABLE_SASL=OFF -DENABLE_ICU=OFF -DENABLE_CLIENT_SIDE_ENCRYPTION=OFF -DENABLE_SNAPPY=OFF \
		-DENABLE_ZLIB=SYSTEM -DENABLE_ZSTD=ON -DENABLE_MONGODB_AWS_AUTH=OFF -DENABLE_SRV=ON \
		-DENABLE_SHM_COUNTERS=OFF -DENABLE_TESTS=OFF -DENABLE_EXAMPLES=OFF -DENABLE_MAN_PAGES=OFF \
		-DENABLE_HTML_DOCS=OFF -DENABLE_AUTOMATIC_INIT_AND_CLEANUP=OFF -DENABLE_UNINSTALL=OFF ..
	# The driver tells servers how it was compiled; the directory is nobody's business.
	find . -name mongoc-config.h -exec sed -i "s|$work/src|/deps|g" {} +
	make -j"$jobs" mongoc_static bson_static
	cp "$(find . -name 'libmongoc-static-1.0.a')" "$(find . -name 'libbson-static-1.0.a')" "$out/lib/"
	mkdir -p "$out/include/bson" "$out/include/mongoc"
	cp ../src/libbson/src/bson/*.h src/libbson/src/bson/*.h "$out/include/bson/"
	cp ../src/libmongoc/src/mongoc/*.h src/libmongoc/src/mongoc/*.h "$out/include/mongoc/"
	rm -f "$out"/include/bson/*-private.h "$out"/include/mongoc/*-private.h
}

# HTTP alone, over TCP, TLS and unix sockets.
build_curl()
{
	mkdir -p "$work/src/curl/o"
	cd "$work/src/curl/o"
	cmake -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$flags" -DCMAKE_INSTALL_PREFIX="$out" \
		-DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF \
		-DHTTP_ONLY=ON -DCURL_USE_OPENSSL=ON -DENABLE_UNIX_SOCKETS=ON -DENABLE_THREADED_RESOLVER=ON \
		-DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DUSE_NGHTTP2=OFF \
		-DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_DISABLE_ALTSVC=ON \
		-DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_NETRC=ON -DCURL_DISABLE_DOH=ON \
		-DCURL_DISABLE_COOKIES=ON -DENABLE_MANUAL=OFF -DCURL_CA_PATH=/etc/ssl/certs \
		-DCURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt ..
	make -j"$jobs" libcurl
	cp lib/libcurl.a "$out/lib/"
	mkdir -p "$out/include/curl"
	cp ../include/curl/*.h "$out/include/curl/"
}

# The subshell keeps "set -e" alive, which a condition would switch off.
build()
{
	began=$(date +%s)
	( set -ex; "build_$1" ) >"$work/log/build-$1" 2>&1 &
	wait $! || broken "build-$1"
	say "$1 built in $(($(date +%s) - began)) s"
}

write_apt_config
say "sources come from Debian's archive, into $cache"
private_apt apt-get update -qq >"$work/log/update" 2>&1 || broken update
echo "$PINNED" | while read -r name version sum; do
	[ -z "$name" ] || fetch "$name" "$version" "$sum"
done
for library in librdkafka hiredis mongo curl; do
	build "$library"
done

mv "$work/log" "$out/log"
touch "$out/complete"
rm -rf "$deps"
mv "$out" "$deps"
rm -rf "$work"
make_link
say "done: $deps"
