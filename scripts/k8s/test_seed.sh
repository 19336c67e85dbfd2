# The original's ConfigMap and Deployment, unchanged but for the image.

part_seed()
{
	local app=skald-single-worker-task-alpha p t0 log
	check "the seed's objects are accepted" k apply -f "$here/manifests/seed.yml"
	check "its pod runs" until_true 30 k logs "deploy/$app"
	until_true 20 eval "k logs deploy/$app | grep -q 'step 3 of'"
	log=$(k logs "deploy/$app")
	like "the worker logs both values in each step" "$log" \
		'step 3 of 3000: RTSP URL: rtsp://192.168.1.1/camera1, Fix Frame: 10'
	unlike "no password of the environment is logged" "$log" 'username:password|password@'
	p=$(k get pods -l "app=$app" -o name)
	is "it was not restarted" "$(restarts "$p")" 0

	k logs -f "$p" >"$T/seed.log" 2>&1 &
	started_pids+=($!)
	t0=$(now_ms)
	k delete "$p" --wait=true >/dev/null
	at_most "kubectl delete takes less than the grace period of 30 s (ms)" $(($(now_ms) - t0)) 10000
	like "the worker's release hook has run" "$(cat "$T/seed.log")" 'released RTSP URL'
	k delete deploy "$app" --wait=true >/dev/null
}
