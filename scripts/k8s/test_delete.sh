# kubectl delete: polite first, everything gone within the grace period.

part_delete()
{
	local p t0 first
	apply auto polite <<-'Y'
	TaskWorkers:
	  polite:
	    className: MyWorker
	    graceSeconds: 5
	    attachments: {rtspUrl: 'rtsp://a/b', fixFrame: 1, intervalSeconds: 60}
	Y
	must_be_ready "a polite task runs" skalds-polite || return
	p=$(pod skalds-polite)
	k logs -f "$p" >"$T/polite.log" 2>&1 &
	started_pids+=($!)
	is "the grace period is graceSeconds and 10 s" \
		"$(field "$p" .spec.terminationGracePeriodSeconds)" 15
	t0=$(now_ms)
	k delete "$p" --wait=true >/dev/null
	at_most "a task that listens is gone at once (ms)" $(($(now_ms) - t0)) 5000
	like "its release hook has run" "$(cat "$T/polite.log")" 'released'
	k delete deploy skalds-polite --wait=true >/dev/null

	apply auto stubborn <<-'Y'
	TaskWorkers:
	  stubborn:
	    className: Fail
	    graceSeconds: 3
	    attachments: {crash: hang}
	Y
	must_be_ready "a stubborn task runs" skalds-stubborn || return
	p=$(pod skalds-stubborn)
	first=$(first_process "$p")
	k logs -f "$p" >"$T/stubborn.log" 2>&1 &
	started_pids+=($!)
	t0=$(now_ms)
	k delete "$p" --wait=true >/dev/null
	t0=$(($(now_ms) - t0))
	at_least "a task that does not listen gets its grace period (ms)" $t0 3000
	at_most "skalds ends it before the kubelet has to (ms)" $t0 9000
	like "it was asked" "$(cat "$T/stubborn.log")" 'asked to stop, going on'
	is "nothing is left of the pod" "$(zombies "$first")" none
	k delete deploy skalds-stubborn --wait=true >/dev/null
}
