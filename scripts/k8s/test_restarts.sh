# Twenty pods one after another, each with a task that leaves orphans behind all the time.

# Without a process 1 that reaps, the same check finds a zombie: it can fail.
count_without_skalds()
{
	k run zombie --image=$IMAGE_SHELL --restart=Never --overrides='{"spec":
		{"automountServiceAccountToken": false, "terminationGracePeriodSeconds": 0}}' \
		--command -- /bin/sh -c '(sleep 0.1 &); exec /bin/sleep 1000' >/dev/null
	k wait --for=condition=Ready pod/zombie --timeout=30s >/dev/null
	sleep 0.5
	zombies "$(first_process pod/zombie)"
	k delete pod zombie --wait=true >/dev/null
}

part_restarts()
{
	local i p first n bad=0 missing=0 seen=0
	is "a pod whose process 1 does not reap keeps its zombie" "$(count_without_skalds)" 1
	apply auto orphans $IMAGE_SHELL <<-'Y'
	TaskWorkers:
	  orphans:
	    className: Exec
	    graceSeconds: 1
	    attachments:
	      script: |
	        while :; do
	          sh -c 'sleep 0.01 & sleep 0.02 & exit 0'
	          sleep 0.01
	          n=$((n + 1))
	          [ $n = 30 ] && echo "thirty rounds"
	        done
	Y
	must_be_ready "the first pod of twenty runs" skalds-orphans || return
	for i in $(seq 20); do
		ready 60 skalds-orphans || { missing=$((missing + 1)); continue; }
		p=$(pod skalds-orphans)
		until_true 20 eval "k logs $p | grep -q 'thirty rounds'" || missing=$((missing + 1))
		first=$(first_process "$p")
		n=$(zombies "$first")
		# One that ended this very moment may still wait to be reaped: a real leak stays.
		[ "$n" = 0 ] || { sleep 0.5; n=$(zombies "$first"); }
		[ "$n" = 0 ] || { sleep 0.5; n=$(zombies "$first"); }
		if [ "$n" = none ]; then missing=$((missing + 1)); fi
		[ "$n" = 0 ] || bad=$((bad + 1))
		seen=$((seen + 1))
		k delete "$p" --wait=true >/dev/null
		[ "$(zombies "$first")" = none ] || bad=$((bad + 1))
	done
	is "twenty pods were started and stopped" "$seen" 20
	is "each of them did its work" "$missing" 0
	is "none of them had or left a zombie" "$bad" 0
	k delete deploy skalds-orphans --wait=true >/dev/null
	is "no shim of a pod is a zombie's parent" "$(zombie_children_of_shims)" 0
}

zombie_children_of_shims()
{
	local p n=0 parent
	for p in /proc/[0-9]*; do
		read -r parent < <(sed 's/.*) //' "$p/stat" 2>/dev/null | awk '$1 == "Z" { print $2 }')
		[ -n "${parent:-}" ] && grep -qa containerd-shim "/proc/$parent/cmdline" 2>/dev/null && n=$((n + 1))
		parent=
	done
	echo $n
}
