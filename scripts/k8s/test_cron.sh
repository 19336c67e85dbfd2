# A CronJob, each minute.

cron_begin()
{
	cp "$here/tasks/version.yml" "$T/version.yml"
	"$SKALDS" run-one -f "$T/version.yml" --print-manifest cronjob --image $IMAGE |
		sed 's/schedule: .*/schedule: "* * * * *"/' >"$T/cron.k8s.yml"
	cron_applied=$(k apply -f "$T/cron.k8s.yml" 2>&1)
}

part_cron()
{
	like "a CronJob is accepted" "$cron_applied" 'cronjob.batch/skalds-version (created|configured)'
	check "it ran within 90 s" until_true 90 has_code skalds-version
	is "the program's exit code is the pod's" "$(ended_with 5 skalds-version)" 0
	like "its output is the pod's log" "$(k logs "$(pod skalds-version)")" 'skalds'
	k delete cronjob --all --wait=true >/dev/null
}
