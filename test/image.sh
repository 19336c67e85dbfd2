#!/usr/bin/env bash
# image.sh [BUILD] - the image, in a real Docker Engine that belongs to this test alone.
#
# The Dockerfile's last stage is built as it stands. Its first stage needs an image of Debian from a
# registry, so the tree that it would make comes from the same script, scripts/image-tree.sh, instead.
[ -z "${1:-}" ] || SKALDS=$(realpath "$1")/skalds
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin

all="the image"
[ "$(id -u)" = 0 ] || { skip "$all" "a Docker Engine needs root"; finish; }
command -v dockerd >/dev/null || { skip "$all" "no dockerd: scripts/setup.sh --test"; finish; }
unshare -m true 2>/dev/null || { skip "$all" "this machine may not mount"; finish; }

# ---- the engine: own socket, own data, own pid file ----

# A socket's path is short; the scratch directory's may not be.
S=$(mktemp -d /tmp/skd.XXXXXX) || exit 99
export DOCKER_HOST=unix://$S/s DOCKER_CONFIG=$S/config DOCKER_BUILDKIT=0

start_engine()
{
	dockerd --host "$DOCKER_HOST" --data-root "$S/data" --exec-root "$S/exec" --pidfile "$S/pid" \
		--iptables=false --ip6tables=false --bridge=none --containerd-namespace "skd$$" \
		--containerd-plugins-namespace "skdp$$" >"$T/dockerd.log" 2>&1 </dev/null &
	ENGINE=$!
	until_true 20 docker version
}

stop_engine()
{
	local p c
	for c in $(docker ps -aq 2>/dev/null); do
		docker rm -f "$c" >/dev/null 2>&1
	done
	kill -TERM "$ENGINE" 2>/dev/null
	until_true 15 gone "$ENGINE" || kill -KILL "$ENGINE" 2>/dev/null
	wait "$ENGINE" 2>/dev/null
	awk -v d="$S/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | while read -r p; do
		umount "$p" 2>/dev/null
	done
	rm -rf "$S"
}

at_exit stop_engine
if ! start_engine; then
	fail "a private Docker Engine starts" "$(tail -n 5 "$T/dockerd.log")"
	finish
fi

# ---- the image ----

build_image()
{
	local c=$T/context
	mkdir -p "$c"
	sh "$ROOT/scripts/image-tree.sh" "$SKALDS" "$c/image" || return 1
	{
		echo 'FROM scratch AS build'
		echo 'COPY image /image'
		sed -n '/^FROM scratch$/,$p' "$ROOT/Dockerfile"
	} >"$c/Dockerfile"
	docker build -q -t skalds:test "$c"
}

check "the Dockerfile's last stage builds" build_image
size=$(docker image inspect -f '{{.Size}}' skalds:test)
at_most "the image is small, in bytes" "$size" 15000000
is "nobody's user" "$(docker image inspect -f '{{.Config.User}}' skalds:test)" 65532:65532

mkdir -m 755 "$T/config"
chmod 755 "$T"
cp "$ROOT/test/data/seed_configmap.yml" "$T/config/all_workers.yml"
chmod 644 "$T/config/all_workers.yml"
cp "$(command -v busybox)" "$T/config/busybox"

# box ARGUMENTS…: docker run as a device or a cluster would, with little memory
box()
{
	docker run --network none --memory 64m --read-only --tmpfs /tmp --cap-drop ALL \
		-v "$T/config:/config:ro" "$@"
}

box --rm skalds:test version --verbose >"$T/out" 2>"$T/err"
is "version calls every library in the image" "$?" 0

# ---- the seed's file, as in the Kubernetes manifest ----

box -d --name seed -e SKALD_MODE=single_process -e YAML_FILE=/config/all_workers.yml \
	-e KAFKA_HOST= -e REDIS_HOST= -e MONGO_HOST=mongodb://nowhere:27017 skalds:test >/dev/null
steps() { docker logs seed 2>&1 | grep -q 'step 2 of'; }
check "the seed's first task works as PID 1 with a database that does not answer" until_true 10 steps
is "as the image's user" "$(docker top seed -eo pid,uid | awk 'NR > 1 { print $2 }' | sort -u)" 65532
check "probe live says that it is" docker exec seed /skalds probe live
check "probe ready says that it is" docker exec seed /skalds probe ready
began=$(now_ms)
docker stop -t 10 seed >/dev/null
at_most "docker stop ends it, in ms" $(($(now_ms) - began)) 5000
is "143: ended by SIGTERM" "$(docker inspect -f '{{.State.ExitCode}}' seed)" 143
like "the worker's release hook ran" "$(docker logs seed 2>&1)" 'released RTSP URL'

# ---- exit codes ----

code_of()
{
	box --rm skalds:test "$@" >"$T/out" 2>"$T/err"
	echo $?
}

is "a task that finishes: 0" "$(code_of run-one --class Sleep --attachments '{"seconds": 0.1}')" 0
is "a task that fails: 1" "$(code_of run-one --class Fail)" 1
is "a program's own code" "$(code_of run-one -- /config/busybox sh -c 'exit 37')" 37
is "killed by a signal: 128 + 9" "$(code_of run-one -- /config/busybox sh -c 'kill -9 $$')" 137
is "no such program: 127" "$(code_of run-one -- /bin/sh)" 127
is "a wrong file: 2" "$(code_of run-one -f /config/busybox)" 2
is "too much memory for the container: the task alone is killed" \
	"$(code_of run-one -- /config/busybox sh -c 'x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done')" 137
like "and the reason is named" "$(cat "$T/err")" 'out of memory'

# ---- PID 1: orphans ----

box -d --name orphans skalds:test run-one -- /config/busybox sh -c \
	'i=0; while [ $i -lt 200 ]; do (/config/busybox sleep 0.3 &) ; i=$((i + 1)); done;
	echo all started; exec /config/busybox sleep 60' >/dev/null
all_started() { docker logs orphans 2>&1 | grep -q 'all started'; }
states() { docker top orphans -eo pid,stat,args; }
# The task alone, besides skalds' own two.
only_the_task() { [ "$(states | tail -n +2 | grep -c .)" -le 3 ] && states | grep -q 'sleep 60'; }
check "200 orphans start" until_true 20 all_started
check "and are reaped, the task still runs" until_true 10 only_the_task
docker stop -t 10 orphans >/dev/null
is "a program ended by docker stop" "$(docker inspect -f '{{.State.ExitCode}}' orphans)" 143
finish
