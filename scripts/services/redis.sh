# redis.sh - Redis 8 from the packages of Debian's newer release: plain port, TLS port, unix socket.
# Ports: 0 plain, 1 TLS. Data: data/dump.rdb, written now and then and when it is stopped.
# shellcheck shell=bash

REDIS_PINNED=8.0

redis_program()
{
	local name=$1
	shift
	set -- "$BUILT/root/usr/bin/$name" "$@"
	# Its libraries are newer than the machine's: it runs with its own loader. The name decides which
	# program the file is.
	set -- "$(echo "$BUILT"/root/usr/lib/*/ld-linux-*.so.*)" --argv0 "$name" --library-path \
		"$(echo "$BUILT"/root/usr/lib/*-linux-gnu)" "$@"
	"${RUN:-command}" "$@"
}

redis_build()
{
	unpack_newer "$1" redis-server
	rm -rf "$1"/root/usr/share "$1"/root/var
	redis_program redis-server --version | grep -F "v=$REDIS_PINNED."
}

redis_key()
{
	key "$REDIS_PINNED" "$(declare -f redis_program redis_build unpack_newer)"
}

redis_needs()
{
	need openssl=openssl
}

redis_start()
{
	local tls=$STATE/tls d=$STATE/redis socket
	socket=$(sockets)/redis || return 1
	certificates
	( umask 077; cat >"$d/conf" <<-END
		bind 127.0.0.1
		port $(port 0)
		tls-port $(port 1)
		unixsocket $socket
		unixsocketperm 700
		dir $d/data
		save 60 1
		stop-writes-on-bgsave-error no
		daemonize no
		tls-cert-file $tls/server.crt
		tls-key-file $tls/server.key
		tls-ca-cert-file $tls/ca.crt
		tls-auth-clients optional
		user skalds on >$(secret redis) ~* &* +@all
	END
	)
	rm -f "$socket"
	RUN=launch redis_program redis-server "$d/conf"
}

redis_ready()
{
	[ "$(ask "$(port 0)" 'PING\r\n' 5)" = 2b504f4e47 ]
}

redis_version()
{
	redis_program redis-server --version | sed -n 's/.* v=\([^ ]*\) .*/\1/p'
}

redis_address()
{
	echo "127.0.0.1:$(port 0) tls:$(port 1)"
}

redis_env()
{
	cat <<-END
		export REDIS_HOST=127.0.0.1
		export REDIS_PORT=$(port 0)
		export REDIS_TLS_PORT=$(port 1)
		export REDIS_SOCKET=$(sockets)/redis
		export SKALDS_TEST_REDIS_USER=skalds
		export SKALDS_TEST_REDIS_PASSWORD=$(secret redis)
	END
}
