# docker.sh - a Docker Engine of this checkout, from Debian's docker.io; needs root. No network for its
# containers (docker run --network none), no registry.
# Address: a unix socket. Data: data/.
# shellcheck shell=bash

docker_needs()
{
	[ "$(id -u)" = 0 ] || die "docker: needs root"
	need dockerd=docker.io docker=docker.io iptables=iptables
}

docker_start()
{
	local d=$STATE/docker s
	s=$(sockets) || return 1
	rm -f "$s/docker" "$d/dockerd.pid"
	launch dockerd --host "unix://$s/docker" --data-root "$d/data" --exec-root "$s/docker-exec" \
		--pidfile "$d/dockerd.pid" --iptables=false --bridge=none --containerd-namespace "sk$(port 0)" \
		--containerd-plugins-namespace "skp$(port 0)"
}

docker_ready()
{
	docker --host "unix://$(sockets)/docker" version
}

# What a Docker that was killed leaves: containers, whose parents are its strays, and mounts.
docker_clean()
{
	local s p
	s=$(sockets)/docker-exec
	for p in $(strays docker); do
		[ "$(cut -c 1-15 "/proc/$p/comm" 2>/dev/null)" = containerd-shim ] || continue
		# shellcheck disable=SC2046 # numbers
		kill -KILL $(cat "/proc/$p/task/"*/children) 2>/dev/null
	done
	until_true 10 no_strays docker
	awk -v a="$s/" -v b="$STATE/docker/" 'index($2, a) == 1 || index($2, b) == 1 { print $2 }' \
		/proc/self/mounts | sort -r | while read -r p; do umount -l "$p"; done
	rm -rf "$s" "$STATE/docker/dockerd.pid"
}

docker_version()
{
	docker --host "unix://$(sockets)/docker" version -f '{{.Server.Version}}'
}

docker_address()
{
	echo "unix://$(sockets)/docker"
}

docker_env()
{
	echo "export DOCKER_HOST=$(docker_address)"
}
