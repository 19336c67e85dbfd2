# A fleet: controllers, a node on every machine and some more, with services outside of the cluster.

FLEET_SERVICES="kafka redis javamongo"

# What it starts it stops, behind the cluster.
fleet_services()
{
	local name started=
	for name in $FLEET_SERVICES; do
		"$ROOT/scripts/services.sh" status "$name" >/dev/null || started="$started $name"
	done
	[ -z "$started" ] || at_exit "\"\$ROOT/scripts/services.sh\" down$started"
	# shellcheck disable=SC2086 # a list of words
	"$ROOT/scripts/services.sh" up $FLEET_SERVICES >"$T/services.log" 2>&1
}

# What the test's own kustomization changes: the pods are in the host's network, where the services
# listen on loopback alone, and programs write into /truth, a directory of the host.
fleet_overlay()
{
	local env=${SKALDS_SERVICES:-$ROOT/build/services}/env
	# shellcheck disable=SC1090
	. "$env"
	MONGO_HOST=$SKALDS_TEST_MONGO2
	export KAFKA_HOST KAFKA_PORT REDIS_HOST REDIS_PORT MONGO_HOST DB_NAME=k8s_$$
	mkdir -p "$T/fleet" "$T/truth"
	chmod 755 "$T"
	chmod 1777 "$T/truth"
	cp -r "$here/fleet" "$T/fleet/base"
	sed -e "s|^  KAFKA_HOST:.*|  KAFKA_HOST: $KAFKA_HOST:$KAFKA_PORT|" \
		-e 's|^  KAFKA_SECURITY_PROTOCOL:.*|  KAFKA_SECURITY_PROTOCOL: PLAINTEXT|' \
		-e "s|^  REDIS_HOST:.*|  REDIS_HOST: $REDIS_HOST|; s|^  REDIS_PORT:.*|  REDIS_PORT: \"$REDIS_PORT\"|" \
		-e "s|^  DB_NAME:.*|  DB_NAME: $DB_NAME|; s|^  MONGO_HOST:.*|  MONGO_HOST: $MONGO_HOST|" \
		-e 's|_PASSWORD: PASSWORD|_PASSWORD: ""|' "$here/fleet/settings.yml" >"$T/fleet/base/settings.yml"
	cat >"$T/fleet/kustomization.yml" <<-END
	resources: [base]
	images:
	  - {name: skalds, newName: ${IMAGE_SHELL%:*}, newTag: ${IMAGE_SHELL#*:}}
	patches:
	  - target: {kind: Deployment}
	    patch: &network |-
	      - {op: add, path: /spec/template/spec/hostNetwork, value: true}
	      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --lease}
	      - {op: add, path: /spec/template/spec/containers/0/args/-, value: "6"}
	  - target: {kind: DaemonSet}
	    patch: *network
	  - target: {kind: Deployment, name: skalds-pool}
	    patch: &truth |-
	      - {op: add, path: /spec/template/spec/volumes/-, value: {name: truth, hostPath: {path: $T/truth}}}
	      - {op: add, path: /spec/template/spec/containers/0/volumeMounts/-, value: {name: truth, mountPath: /truth}}
	  - target: {kind: DaemonSet}
	    patch: *truth
	END
}

# The pods of controller, node or pool that are not being deleted.
fleet_pods()
{
	k get pods -l "app.kubernetes.io/component=$1" --no-headers 2>/dev/null | awk '$3 != "Terminating" { print $1 }'
}

fleet_rolled()
{
	k rollout status "$1" --timeout=90s
}

# fleet_add N SCRIPT: N programs that write down that they came to their end.
fleet_add()
{
	local n=$1 script=$2
	while [ "$n" -gt 0 ]; do
		printf '{"className":"Exec","attachments":{"script":"%s; echo $SKALDS_TASK_ID >>/truth/ended"}}\n' "$script"
		n=$((n - 1))
	done >"$T/fleet/tasks.jsonl"
	"$SKALDS" task add --file "$T/fleet/tasks.jsonl" >"$T/fleet/ids" 2>"$T/fleet/add.err"
	[ "$(wc -l <"$T/fleet/ids")" = "$1" ]
}

fleet_count()
{
	"$SKALDS" status --json | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d: -f2
}

all_finished()
{
	[ "$(fleet_count Finished):$(fleet_count Running):$(fleet_count Assigning):$(fleet_count Created)" = "$1:0:0:0" ]
}

# must_finish SENTENCE SECONDS N: N have finished in all, and each program came to its end once.
must_finish()
{
	until_true "$2" all_finished "$3"
	is "$1" "$(fleet_count Finished) finished, $(fleet_count Failed) failed" "$3 finished, 0 failed"
	is "each of them came to its end once" "$(sort "$T/truth/ended" | uniq -c | awk '$1 == 1' | wc -l)" "$3"
}

# The pod whose log tells that it leads, the last one that did.
fleet_leader()
{
	local p term best=0 found=
	for p in $(fleet_pods controller); do
		term=$(k logs "$p" 2>/dev/null | sed -n 's/.* leads, term \([0-9]*\).*/\1/p' | tail -n 1)
		[ "${term:-0}" -gt "$best" ] && best=$term found=$p
	done
	echo "$found"
}

fleet_term()
{
	"$SKALDS" status --json | sed -n 's/.*"leader":{\([^}]*\)}.*/\1/p' | grep -o '"term":[0-9]*' | cut -d: -f2
}

# fleet_led TERM: somebody leads in a later term. Asked from outside: kubectl is slow.
fleet_led()
{
	"$SKALDS" status --json | grep -q '"leader":{"name":"[^"]' && [ "$(fleet_term)" -gt "$1" ]
}

fleet_runs()
{
	[ "$(fleet_count Running)" -ge "$1" ]
}

is_unready()
{
	[ "$(k get pods -l app.kubernetes.io/part-of=skalds-fleet \
		-o 'jsonpath={.items[*].status.containerStatuses[0].ready}' | grep -c true)" = 0 ]
}

part_fleet()
{
	local p id first t0 term total=0 online
	fleet_services || { fail "the services start" "$(tail -n 5 "$T/services.log")"; return; }
	fleet_overlay
	t0=$(now_ms)
	check "the API server takes all of it" k apply -k "$T/fleet"
	check "the controllers get ready" fleet_rolled deploy/skalds-controller
	check "a node on every machine gets ready" fleet_rolled ds/skalds-node
	check "the nodes of the pool get ready" fleet_rolled deploy/skalds-pool ||
		{ k describe pods | tail -n 30 | sed 's/^/# /'; return; }
	note "after $(($(now_ms) - t0)) ms"
	check "one controller leads" until_true 15 fleet_led 0
	"$SKALDS" skald list --json >"$T/fleet/skalds"
	online=$(grep -o '"id":"[^"]*","mode":"node","state":"online"' "$T/fleet/skalds" | cut -d'"' -f4 | sort)
	is "each node's pod is a skald by its name" "$online" "$({ fleet_pods node; fleet_pods pool; } | sort)"
	like "with the memory of its container" "$(cat "$T/fleet/skalds")" '"memoryMb":1024'
	p=$(fleet_pods pool | head -n 1)
	like "its root file system cannot be written" "$(k exec "$p" -- /bin/sh -c '>/skalds.new' 2>&1)" 'Read-only'

	# ---- tasks from outside ----
	fleet_add 50 'sleep 0.5'
	total=50
	must_finish "50 tasks that were added from outside finish" 60 $total
	id=$("$SKALDS" task add --wait -- sh -c 'echo from $SKALDS_TASK_ID' 2>/dev/null)
	is "their output is read from outside" "$("$SKALDS" task logs "$id" 2>&1)" "from $id"
	total=$((total + 1))
	echo wait >>"$T/truth/ended" # it has not written itself down

	# ---- a node's pod is deleted ----
	fleet_add 12 'sleep 5'
	total=$((total + 12))
	until_true 20 fleet_runs 8
	p=$(fleet_pods pool | head -n 1)
	t0=$(now_ms)
	k delete pod "$p" --wait=true >/dev/null
	at_most "a node's pod that is deleted is gone within its grace period (ms)" $(($(now_ms) - t0)) 40000
	must_finish "its tasks have finished, there or elsewhere" 60 $total

	# ---- the leader's pod is deleted, and killed ----
	term=$(fleet_term)
	p=$(fleet_leader)
	fleet_add 12 'sleep 1'
	total=$((total + 12))
	t0=$(now_ms)
	k delete pod "$p" --wait=false >/dev/null
	check "another controller leads when the leader's pod is deleted" until_true 10 fleet_led "$term"
	note "after $(($(now_ms) - t0)) ms"
	unlike "it is another pod" "$(fleet_leader)" "^($p)?\$"
	must_finish "tasks go on" 60 $total
	check "there are two controllers again" fleet_rolled deploy/skalds-controller
	term=$(fleet_term)
	p=$(fleet_leader)
	first=$(first_process "pod/$p")
	t0=$(now_ms)
	[ -z "$first" ] || kill -KILL "$first"
	check "and when it is killed, after its lease" until_true 15 fleet_led "$term"
	note "after $(($(now_ms) - t0)) ms; the lease is 6 s here"
	fleet_add 12 'sleep 0.1'
	total=$((total + 12))
	must_finish "tasks go on" 60 $total

	# ---- all nodes of the machines are started again ----
	fleet_add 24 'sleep 3'
	total=$((total + 24))
	until_true 20 fleet_runs 8
	k rollout restart ds/skalds-node >/dev/null
	check "a restart of the DaemonSet comes to its end" fleet_rolled ds/skalds-node
	must_finish "and loses nothing" 60 $total
	until_true 60 fleet_rolled deploy/skalds-pool

	# ---- MongoDB stands still ----
	"$ROOT/scripts/services.sh" freeze javamongo
	at_exit '"$ROOT/scripts/services.sh" thaw javamongo'
	check "without MongoDB no pod is ready" until_true 60 is_unready
	"$ROOT/scripts/services.sh" thaw javamongo
	check "and with it all are again" fleet_rolled deploy/skalds-controller
	check "nodes too" fleet_rolled ds/skalds-node
	is "no node was restarted because of that" "$(k get pods -l 'app.kubernetes.io/component in (node, pool)' \
		-o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}' | tr -d ' 0')" ""
	k delete -k "$T/fleet" --wait=true >/dev/null
}
