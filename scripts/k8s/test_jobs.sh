# Jobs: the pod ends as the task ends.

part_jobs()
{
	local p

	apply auto good <<-'Y'
	TaskWorkers:
	  good:
	    isPersistent: false
	    className: ComplexWorker
	    attachments:
	      jobId: job-1
	      retries: 1
	      sub_tasks: [{name: One, duration: 0.1}, {name: Two, duration: 0.1}]
	Y
	check "isPersistent: false makes a Job" k get job skalds-good
	check "a Job completes" k wait --for=condition=complete job/skalds-good --timeout=60s
	is "with exit code 0" "$(ended_with 5 skalds-good)" 0
	like "after all stages" "$(k logs "$(pod skalds-good)")" 'all 2 stages done'

	apply job bad <<-'Y'
	TaskWorkers:
	  bad:
	    className: Fail
	    attachments: {crash: exit, exitCode: 42}
	Y
	check "a Job fails" k wait --for=condition=failed job/skalds-bad --timeout=60s
	p=$(pod skalds-bad)
	is "the task's exit code is in the pod's status" "$(ended_with 5 skalds-bad)" 42
	is "the pod has failed" "$(field "$p" .status.phase)" Failed
	is "one attempt makes one pod" "$(pods skalds-bad | wc -l)" 1

	apply job program <<-'Y'
	TaskWorkers:
	  program:
	    className: Exec
	    attachments: {command: [/skalds, no-such-command]}
	Y
	is "a program's exit code is in the pod's status" "$(ended_with 60 skalds-program)" 2

	apply job luckier <<-'Y'
	TaskWorkers:
	  luckier:
	    className: Fail
	    retry: {maxAttempts: 3}
	    attachments: {message: no luck}
	Y
	check "maxAttempts is the Job's limit" k wait --for=condition=failed job/skalds-luckier --timeout=120s
	is "three attempts make three pods" "$(pods skalds-luckier | wc -l)" 3
	like "each says why" "$(k logs "$(pod skalds-luckier)")" 'no luck'

	apply job hungry <<-'Y'
	TaskWorkers:
	  hungry:
	    className: Fail
	    resources: {memoryMb: 64}
	    attachments: {crash: oom, memoryMb: 512}
	Y
	is "a task without memory is killed" "$(ended_with 60 skalds-hungry)" 137
	p=$(pod skalds-hungry)
	is "memoryMb is the pod's limit" \
		"$(field "$p" '.spec.containers[0].resources.limits.memory')" 64Mi
	like "skalds says that it was out of memory" "$(k logs "$p")" 'oom|out of memory'
	unlike "and not that a signal came" "$(k logs "$p")" 'reason=signaled'
	k delete job --all --wait=true >/dev/null
}
