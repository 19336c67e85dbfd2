#!/bin/sh
# cluster.sh - a real Kubernetes node on this machine, for test.sh.
#
#	cluster.sh install	packages and a build of Kubernetes (cold: minutes and 5 GB of Go cache; warm: nothing)
#	cluster.sh start	etcd, API server, controller manager, scheduler, containerd, kubelet: all on loopback
#	cluster.sh stop		ends what start has started and nothing else
#	cluster.sh status	one line for each part; 0 when all of them run
#	cluster.sh env		shell lines that set KUBECONFIG and PATH: eval "$(cluster.sh env)"
#	cluster.sh image NAME DIR	makes the tree DIR an image of the node, without a registry
#
# Everything lives below ${XDG_CACHE_HOME:-~/.cache}/skalds/k8s; start and install may be repeated.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
base=${SKALDS_K8S_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/skalds/k8s}
run=$base/run
bin=$base/bin
version=1.30.14
parts="etcd apiserver controller-manager scheduler containerd kubelet"
etcd_port=12379
api_port=16443
kubelet_port=20250
sock=$run/containerd/containerd.sock

say()
{
	echo "cluster: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

# ---- install ----

packages="etcd-server containerd runc containernetworking-plugins busybox-static golang-go openssl iproute2 iptables"

install_packages()
{
	missing=
	for p in $packages; do
		[ "$p" = golang-go ] && command -v go >/dev/null && continue
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
	[ -z "$missing" ] && return
	say "installing$missing"
	# Debian starts containerd and etcd of the system at once: not wanted, ours have their own directories.
	policy=/usr/sbin/policy-rc.d
	made=
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
		made=1
	fi
	rc=0
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >"$base/apt.log" 2>&1 || rc=$?
	[ -n "$made" ] && rm -f $policy
	[ $rc = 0 ] || die "apt-get failed, see $base/apt.log"
}

# The modules that kubernetes itself replaces by its staging tree: each has to be named here.
staging="api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider
cluster-bootstrap code-generator component-base component-helpers controller-manager cri-api
cri-client csi-translation-lib dynamic-resource-allocation endpointslice kms kube-aggregator
kube-controller-manager kube-proxy kube-scheduler kubectl kubelet legacy-cloud-providers metrics
mount-utils pod-security-admission sample-apiserver sample-cli-plugin sample-controller"
programs="kube-apiserver kubelet kube-controller-manager kube-scheduler kubectl"

write_module()
{
	mkdir -p "$base/src"
	{
		echo "module skalds.test/k8s"
		echo
		echo "go 1.22"
		echo
		echo "require k8s.io/kubernetes v$version"
		echo
		echo "replace ("
		for m in $staging; do
			echo "	k8s.io/$m => k8s.io/$m v0.${version#1.}"
		done
		echo ")"
	} >"$base/src/go.mod"
	{
		echo "//go:build tools"
		echo
		echo "package x"
		echo
		echo "import ("
		for p in $programs; do
			echo "	_ \"k8s.io/kubernetes/cmd/$p\""
		done
		echo ")"
	} >"$base/src/tools.go"
}

have_programs()
{
	[ "$(cat "$bin/VERSION" 2>/dev/null)" = "$version" ] || return 1
	for p in $programs; do
		[ -x "$bin/$p" ] || return 1
	done
}

build_programs()
{
	have_programs && return
	mkdir -p "$bin"
	jobs=${SKALDS_K8S_JOBS:-1}
	write_module
	say "building Kubernetes $version with $jobs job(s); log: $base/build.log"
	(
		cd "$base/src"
		export GOFLAGS="-p=$jobs -mod=mod" GOTOOLCHAIN=local GOMAXPROCS="$jobs" CGO_ENABLED=0
		nice -n 15 go mod tidy
		for p in $programs; do
			nice -n 15 go build -ldflags "-s -w" -o "$bin/$p" "k8s.io/kubernetes/cmd/$p"
		done
	) >"$base/build.log" 2>&1 || die "the build failed: $(tail -3 "$base/build.log")"
	echo "$version" >"$bin/VERSION"
}

install()
{
	[ "$(id -u)" = 0 ] || die "needs root (containerd and kubelet do)"
	mkdir -p "$base"
	install_packages
	build_programs
	say "Kubernetes $version is installed in $bin"
}

# ---- processes ----

# A pid file says "pid start-time": a number that was given to another process meanwhile is not ours.
start_time()
{
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

alive()
{
	[ -s "$run/$1.pid" ] || return 1
	read -r pid began <"$run/$1.pid"
	[ "$(start_time "$pid")" = "$began" ]
}

launch()
{
	name=$1
	shift
	alive "$name" && return
	setsid nohup "$@" >"$run/$name.log" 2>&1 </dev/null &
	pid=$!
	echo "$pid $(start_time $pid)" >"$run/$name.pid"
}

# wait_for SECONDS WHAT COMMAND...
wait_for()
{
	left=$(($1 * 5))
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || die "$what did not come up, see the logs in $run"
		sleep 0.2
	done
}

end()
{
	alive "$1" || { rm -f "$run/$1.pid"; return 0; }
	read -r pid began <"$run/$1.pid"
	kill -TERM "$pid" 2>/dev/null || true
	left=50
	while alive "$1" && [ $left -gt 0 ]; do
		left=$((left - 1))
		sleep 0.1
	done
	if alive "$1"; then
		kill -KILL "$pid" 2>/dev/null || true
	fi
	rm -f "$run/$1.pid"
}

# containerd's shims outlive it on purpose; ours are those that name our socket.
shims()
{
	for d in /proc/[0-9]*; do
		[ -r "$d/cmdline" ] || continue
		line=$(tr '\0' ' ' <"$d/cmdline" 2>/dev/null) || continue
		case $line in
		*containerd-shim*"-address $sock"*) echo "${d#/proc/}" ;;
		esac
	done
}

containers()
{
	alive containerd || return 0
	ctr -a "$sock" -n k8s.io containers list -q 2>/dev/null
}

# The network namespaces of our containers: other runtimes may have some beside them.
# namespaces CONTAINER...
namespaces()
{
	for c; do
		ctr -a "$sock" -n k8s.io containers info "$c" 2>/dev/null
	done | grep -o 'netns/cni-[^"]*' | sort -u | sed 's|.*/||'
}

# ---- configuration ----

write_config()
{
	mkdir -p "$run/etcd" "$run/cert" "$run/containerd" "$run/kubelet" "$run/cni"
	chmod 700 "$run"
	if [ ! -s "$run/sa.pub" ]; then
		openssl genrsa -out "$run/sa.key" 2048 2>/dev/null
		openssl rsa -in "$run/sa.key" -pubout -out "$run/sa.pub" 2>/dev/null
	fi
	[ -s "$run/tokens.csv" ] ||
		(umask 077; echo "$(openssl rand -hex 16),admin,1,\"system:masters\"" >"$run/tokens.csv")
	token=$(cut -d, -f1 "$run/tokens.csv")
	(umask 077; cat >"$run/kubeconfig" <<K
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$api_port", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: "$token"}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
K
	)
	cat >"$run/cni/10-skalds.conflist" <<K
{"cniVersion":"0.4.0","name":"skalds","plugins":[{"type":"ptp","ipMasq":false,
"ipam":{"type":"host-local","subnet":"10.88.0.0/24","dataDir":"$run/cni-data","routes":[{"dst":"0.0.0.0/0"}]}}]}
K
	# restrict_oom_score_adj: a machine without CAP_SYS_RESOURCE may not lower the score, and every pod would fail.
	cat >"$run/containerd.toml" <<K
version = 2
root = "$run/containerd/root"
state = "$run/containerd/state"
[grpc]
  address = "$sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "localhost/pause:1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$run/cni"
K
	cat >"$run/kubelet.yaml" <<K
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
containerRuntimeEndpoint: unix://$sock
address: 127.0.0.1
port: $kubelet_port
readOnlyPort: 0
healthzPort: 0
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: "50Mi", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
localStorageCapacityIsolation: false
K
}

# ---- images without a registry ----

# An image is a tar of: one layer, its configuration, a manifest. Written here, so that no Docker is needed.
# image NAME DIR [ENTRYPOINT-JSON [USER]]
image()
{
	name=$1 dir=$2 entry=${3:-'["/skalds"]'} user=${4:-}
	work=$(mktemp -d)
	mkdir "$work/l"
	tar -C "$dir" --sort=name --mtime=@0 --numeric-owner -cf "$work/l/layer.tar" .
	digest=$(sha256sum "$work/l/layer.tar" | cut -d' ' -f1)
	cat >"$work/l/config.json" <<K
{"architecture":"$(dpkg --print-architecture)","os":"linux","config":{"Entrypoint":$entry,"User":"$user","WorkingDir":"/",
"Env":["PATH=/:/bin","HOME=/tmp"]},
"rootfs":{"type":"layers","diff_ids":["sha256:$digest"]},"history":[{"created_by":"skalds test"}]}
K
	cat >"$work/l/manifest.json" <<K
[{"Config":"config.json","RepoTags":["$name"],"Layers":["layer.tar"]}]
K
	tar -C "$work/l" -cf "$work/image.tar" manifest.json config.json layer.tar
	rc=0
	ctr -a "$sock" -n k8s.io images import "$work/image.tar" >"$run/import.log" 2>&1 || rc=$?
	rm -rf "$work"
	[ $rc = 0 ] || die "importing $name failed: $(tail -1 "$run/import.log")"
}

pause_image()
{
	tree=$(mktemp -d)
	mkdir "$tree/bin"
	cp "$(command -v busybox)" "$tree/bin/busybox"
	ln -s busybox "$tree/bin/sh"
	ln -s busybox "$tree/bin/sleep"
	image localhost/pause:1 "$tree" '["/bin/sleep","1000000"]'
	image localhost/busybox:1 "$tree" '["/bin/busybox"]'
	rm -rf "$tree"
}

# ---- verbs ----

kubectl()
{
	KUBECONFIG=$run/kubeconfig "$bin/kubectl" "$@"
}

node_ready()
{
	[ "$(kubectl get node localhost -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

start()
{
	have_programs || die "not installed: run $0 install"
	[ "$(id -u)" = 0 ] || die "needs root (containerd and kubelet do)"
	write_config
	peer=http://127.0.0.1:$((etcd_port + 1))
	launch etcd etcd --data-dir "$run/etcd" --unsafe-no-fsync \
		--listen-client-urls "http://127.0.0.1:$etcd_port" \
		--advertise-client-urls "http://127.0.0.1:$etcd_port" \
		--listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
		--initial-cluster "default=$peer"
	launch apiserver "$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" \
		--bind-address=127.0.0.1 --secure-port=$api_port --cert-dir="$run/cert" \
		--token-auth-file="$run/tokens.csv" --authorization-mode=AlwaysAllow \
		--service-account-key-file="$run/sa.pub" --service-account-signing-key-file="$run/sa.key" \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-cluster-ip-range=10.96.0.0/16 --disable-admission-plugins=ServiceAccount \
		--allow-privileged=true --advertise-address=127.0.0.1 \
		--kubelet-preferred-address-types=Hostname
	launch containerd containerd -c "$run/containerd.toml"
	wait_for 20 containerd ctr -a "$sock" version
	pause_image
	wait_for 60 "the API server" kubectl get --raw /readyz
	launch controller-manager "$bin/kube-controller-manager" --kubeconfig="$run/kubeconfig" \
		--leader-elect=false --service-account-private-key-file="$run/sa.key" \
		--bind-address=127.0.0.1 --secure-port=0 '--controllers=*,-bootstrapsigner,-tokencleaner'
	launch scheduler "$bin/kube-scheduler" --kubeconfig="$run/kubeconfig" --leader-elect=false \
		--bind-address=127.0.0.1 --secure-port=0
	launch kubelet "$bin/kubelet" --kubeconfig="$run/kubeconfig" --config="$run/kubelet.yaml" \
		--root-dir="$run/kubelet" --hostname-override=localhost
	wait_for 60 "the node" node_ready
	say "ready: export KUBECONFIG=$run/kubeconfig"
}

stop()
{
	# The kubelet first, so that nothing starts pods again while their shims end.
	for p in kubelet scheduler controller-manager apiserver; do
		end $p
	done
	ids=$(containers)
	# shellcheck disable=SC2086
	networks=$(namespaces $ids)
	for p in containerd etcd; do
		end $p
	done
	for pid in $(shims); do
		# shellcheck disable=SC2046
		kill -KILL "$pid" $(children "$pid") 2>/dev/null || true
	done
	sleep 0.2
	grep -o " $run/[^ ]*" /proc/mounts | sort -r | while read -r m; do
		umount -l "$m" 2>/dev/null || true
	done
	for ns in $networks; do
		ip netns del "$ns" 2>/dev/null || true
	done
	for id in $ids; do
		rmdir /sys/fs/cgroup/k8s.io/"$id" /sys/fs/cgroup/*/k8s.io/"$id" 2>/dev/null || true
	done
	# A new start is a new cluster: what etcd remembers of pods would only confuse the kubelet.
	rm -rf "$run/etcd" "$run/kubelet" "$run/containerd" "$run/cni-data"
	say "stopped"
}

# All descendants of a process.
children()
{
	for c in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		echo "$c"
		children "$c"
	done
}

status()
{
	rc=0
	for p in $parts; do
		if alive "$p"; then
			echo "$p: running, pid $(cut -d' ' -f1 "$run/$p.pid")"
		else
			echo "$p: stopped"
			rc=1
		fi
	done
	return $rc
}

case ${1:-} in
install) install ;;
start) start ;;
stop) stop ;;
status) status ;;
env) echo "export KUBECONFIG='$run/kubeconfig' PATH='$bin':\"\$PATH\" CONTAINERD_ADDRESS='$sock'" ;;
image) [ $# -ge 3 ] || die "image NAME DIR [ENTRYPOINT-JSON [USER]]"; shift; image "$@" ;;
*) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
