# mongo.sh - FerretDB on SQLite, through Go's module proxy: the MongoDB wire on a disk store. Its updates are
# not atomic, so it stands behind mongo/proxy.go, which lets one message at a time through.
# Ports: 7 the proxy, 8 the proxy with TLS, 9 FerretDB itself. Data: data/*.sqlite.
# shellcheck shell=bash

GO_PINNED=1.24
GO_AT_LEAST=22

go_key()
{
	key "$GO_PINNED" "$(declare -f go_build unpack_newer)"
}

go_build()
{
	unpack_newer "$1" "golang-$GO_PINNED-go"
	"$1/root/usr/lib/go-$GO_PINNED/bin/go" version
}

# Sets GO: the machine's, when it is new enough for FerretDB 1.24 (Debian 12's is not), else one that is
# unpacked from Debian's newer release.
mongo_build_needs()
{
	local minor
	GO=$(command -v go || true)
	if [ -n "$GO" ]; then
		minor=$(GOTOOLCHAIN=local "$GO" env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
		[ "${minor:-0}" -lt "$GO_AT_LEAST" ] || return 0
	fi
	install go || return 1
	GO=$BUILT/root/usr/lib/go-$GO_PINNED/bin/go
}

mongo_key()
{
	key "$(cat "$HERE"/mongo/*)" "$(declare -f mongo_build)"
}

mongo_needs()
{
	need openssl=openssl
}

mongo_build()
{
	local version
	mkdir "$1/src"
	cp "$HERE"/mongo/* "$1/src/"
	cd "$1/src" || return 1
	export GOTOOLCHAIN=local GOFLAGS=-buildvcs=false CGO_ENABLED=0
	"$GO" mod vendor
	# It panics at the start without this file, which is only in its releases.
	version=$(sed -n 's|^require github.com/FerretDB/FerretDB ||p' go.mod)
	echo "$version" >vendor/github.com/FerretDB/FerretDB/build/version/version.txt
	"$GO" build -mod=vendor -trimpath -tags ferretdb_sqlite -o "$1/ferretdb" \
		github.com/FerretDB/FerretDB/cmd/ferretdb
	"$GO" build -mod=vendor -trimpath -o "$1/proxy" .
	rm -rf "$1/src"
}

mongo_start()
{
	local tls=$STATE/tls
	certificates
	launch "$BUILT/ferretdb" "--listen-addr=127.0.0.1:$(port 9)" --handler=sqlite \
		"--sqlite-url=file:$STATE/mongo/data/" "--state-dir=$STATE/mongo" --telemetry=disable \
		--debug-addr=- --log-level=warn
	launch "$BUILT/proxy" "127.0.0.1:$(port 7)" "127.0.0.1:$(port 9)" \
		"127.0.0.1:$(port 8)" "$tls/server.crt" "$tls/server.key" "$tls/ca.crt"
}

mongo_ready()
{
	mongo_answers "$(port 7)"
}

mongo_version()
{
	sed -n 's|^require github.com/FerretDB/FerretDB v||p' "$HERE/mongo/go.mod"
}

mongo_address()
{
	echo "mongodb://127.0.0.1:$(port 7)/ tls:$(port 8)"
}

mongo_env()
{
	cat <<-END
		export MONGO_HOST=mongodb://127.0.0.1:$(port 7)/
		export SKALDS_TEST_MONGO_TLS_PORT=$(port 8)
		export SKALDS_TEST_MONGO_BARE=mongodb://127.0.0.1:$(port 9)/
	END
}
