# Probes by exec: the image has no shell and needs none.

part_probes()
{
	local p first
	apply auto watched <<-'Y'
	TaskWorkers:
	  watched:
	    className: MyWorker
	    isPersistent: true
	    graceSeconds: 1
	    attachments: {rtspUrl: 'rtsp://a/b', fixFrame: 1}
	Y
	must_be_ready "a persistent task becomes a Deployment whose pod gets ready" skalds-watched || return
	p=$(pod skalds-watched)
	check "probe live answers inside the pod" k exec "$p" -- /skalds probe live
	check "probe ready answers inside the pod" k exec "$p" -- /skalds probe ready
	is "it runs as the image's user" "$(field "$p" .spec.securityContext.runAsUser)" 65532

	# Faster than the manifest's 3 x 10 s; everything else stays.
	k patch deploy skalds-watched --type=json -p '[
		{"op": "add", "path": "/spec/template/spec/containers/0/livenessProbe/periodSeconds", "value": 1},
		{"op": "add", "path": "/spec/template/spec/containers/0/livenessProbe/failureThreshold", "value": 2},
		{"op": "add", "path": "/spec/template/spec/containers/0/livenessProbe/timeoutSeconds", "value": 1}]' >/dev/null
	until_true 60 k rollout status deploy/skalds-watched --timeout=1s
	must_be_ready "a patched Deployment gets ready" skalds-watched || return
	p=$(pod skalds-watched)
	sleep 6
	is "a living pod is left alone by its probe" "$(restarts "$p")" 0
	first=$(first_process "$p")
	[ -z "$first" ] || kill -STOP "$first"
	check "a skalds that stands still is restarted" until_true 60 eval "[ \"\$(restarts $p)\" = 1 ]"
	check "and gets ready again" ready 60 skalds-watched
	k delete deploy skalds-watched --wait=true >/dev/null
}
