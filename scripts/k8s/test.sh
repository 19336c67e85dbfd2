#!/usr/bin/env bash
# skalds as the entrypoint of real pods: make k8s-test. Needs root; the first run builds Kubernetes.
#
#	KEEP=1	leave the cluster running and the scratch directory there
#
# The parts stand in test_*.sh beside this file; one or more names as arguments run only these.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../test/lib.sh"

IMAGE=localhost/skalds:test
IMAGE_SHELL=localhost/skalds-shell:test

cluster()
{
	"$here/cluster.sh" "$@" 2>>"$T/cluster.log"
}

bail_out()
{
	sed 's/^/# /' "$T/cluster.log" | tail -5
	echo "Bail out! $1"
	exit 99
}

# ---- the cluster and the images ----

was_running=1
cluster status >/dev/null || was_running=
cluster install || bail_out "no Kubernetes could be installed"
[ -n "$was_running" ] || [ "${KEEP:-0}" = 1 ] || at_exit '"$here/cluster.sh" stop >/dev/null 2>&1'
cluster start || bail_out "the cluster does not start"
eval "$("$here/cluster.sh" env)"
NS=skalds-test-$$
at_exit 'kubectl delete namespace "$NS" --wait=false >/dev/null 2>&1'

k()
{
	kubectl -n "$NS" "$@"
}

# What the Dockerfile's last stage has, and the same with a shell for one of the tests.
image_tree()
{
	"$ROOT/scripts/image-tree.sh" "$SKALDS" "$1" || bail_out "there is no tree for the image"
}

image_tree "$T/image"
cluster image $IMAGE "$T/image" '["/skalds"]' 65532 || bail_out "the image cannot be made"
image_tree "$T/image_shell"
mkdir "$T/image_shell/bin"
cp "$(command -v busybox)" "$T/image_shell/bin/busybox"
for name in sh sleep true; do
	ln -s busybox "$T/image_shell/bin/$name"
done
cluster image $IMAGE_SHELL "$T/image_shell" '["/skalds"]' 65532 || bail_out "the image cannot be made"
kubectl create namespace "$NS" >/dev/null || bail_out "the API server refuses a namespace"

# ---- helpers of the parts ----

# apply KIND TASK [IMAGE]: what run-one prints for the YAML on stdin; auto lets the file decide.
apply()
{
	cat >"$T/$2.yml"
	"$SKALDS" run-one -f "$T/$2.yml" --print-manifest "$1" --image "${3:-$IMAGE}" >"$T/$2.k8s.yml" &&
		k apply -f "$T/$2.k8s.yml" >"$T/apply.log" 2>&1
}

# The pods of a task, newest last.
pods()
{
	k get pods -l "app.kubernetes.io/instance=$1" --sort-by=.metadata.creationTimestamp -o name
}

pod()
{
	pods "$1" | tail -1
}

# field POD JSONPATH
field()
{
	k get "$1" -o "jsonpath={$2}" 2>/dev/null
}

exit_code()
{
	field "$1" '.status.containerStatuses[0].state.terminated.exitCode'
}

restarts()
{
	field "$1" '.status.containerStatuses[0].restartCount'
}

# ready SECONDS TASK: a pod of it is ready.
ready()
{
	until_true "$1" pod_is_ready "$2"
}

# must_be_ready SENTENCE TASK: says why when it is not; then the part cannot go on.
must_be_ready()
{
	if ready 60 "$2"; then
		pass "$1"
		return 0
	fi
	fail "$1" "$(k describe "$(pod "$2")" | tail -n 12; k logs "$(pod "$2")" | tail -n 5)"
	k delete deploy "$2" --wait=true >/dev/null
	return 1
}

pod_is_ready()
{
	local p
	p=$(pod "$1") && [ -n "$p" ] &&
		[ "$(field "$p" '.status.containerStatuses[0].ready')" = true ] &&
		[ -z "$(field "$p" .metadata.deletionTimestamp)" ]
}

# ended_with SECONDS TASK: its last pod has an exit code; prints it.
ended_with()
{
	until_true "$1" has_code "$2"
	exit_code "$(pod "$2")"
}

has_code()
{
	[ -n "$(exit_code "$(pod "$1")")" ]
}

# The process 1 of the pod's container, as this machine sees it.
first_process()
{
	local id
	id=$(field "$1" '.status.containerStatuses[0].containerID')
	ctr -n k8s.io task ls | awk -v id="${id##*/}" '$1 == id { print $2 }'
}

# Zombies in the pid namespace of a process. "0" is the good answer; "none" = no such process.
zombies()
{
	local ns p n=0 seen=none
	ns=$(readlink "/proc/$1/ns/pid")
	for p in /proc/[0-9]*; do
		[ -n "$ns" ] && [ "$(readlink "$p/ns/pid" 2>/dev/null)" = "$ns" ] || continue
		seen=
		[ "$(sed 's/.*) //; s/ .*//' "$p/stat" 2>/dev/null)" = Z ] && n=$((n + 1))
	done
	echo "${seen:-$n}"
}

# ---- the parts ----

parts=("$@")
[ $# -gt 0 ] || parts=(seed jobs probes delete restarts fleet cron)
for part in "${parts[@]}"; do
	[ -f "$here/test_$part.sh" ] || bail_out "there is no part $part"
done
# A CronJob waits for its minute: it does so beside the others.
case " ${parts[*]} " in *' cron '*) cron_apply=1 ;; esac
. "$here/test_cron.sh"
[ -z "${cron_apply:-}" ] || cron_begin
for part in "${parts[@]}"; do
	note "$part"
	. "$here/test_$part.sh"
	"part_$part"
done
finish
