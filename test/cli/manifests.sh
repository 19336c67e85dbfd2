#!/usr/bin/env bash
# run-one --print-manifest: what is printed for a task, and that the examples say the same.
. "$(dirname "$0")/lib.sh"

mkdir "$T/manifests"
check "the examples can be printed" "$ROOT/scripts/k8s/update.sh" "$T/manifests"
for kind in deployment job cronjob; do
	is "scripts/k8s/manifests/$kind.yml is what is printed" \
		"$(cat "$T/manifests/$kind.yml")" "$(cat "$ROOT/scripts/k8s/manifests/$kind.yml")"
done

cat >"$T/two.yml" <<'Y'
TaskWorkers:
  First:
    className: Sleep
    attachments: {seconds: 1}
  Second:
    isPersistent: false
    className: Sleep
    attachments: {seconds: 1}
Y
sk run-one -f "$T/two.yml" --print-manifest auto
is "printing ends with 0" "$code" 0
like "the first task is persistent: a Deployment" "$out" '^kind: Deployment$'
like "it runs the first task" "$out" 'args: .*"First"'
sk run-one -f "$T/two.yml" Second --print-manifest auto --image registry/x:1
like "the second is not: a Job" "$out" '^kind: Job$'
like "it runs the second task" "$out" 'args: .*"Second"'
like "the image is the one given" "$out" 'image: "registry/x:1"'
is "the file is in it line by line" \
	"$(printf '%s\n' "$out" | sed -n '/all_workers.yml: /,/^---/s/^    //p')" "$(cat "$T/two.yml")"
sk run-one -f "$T/two.yml" Third --print-manifest auto
is "a task that is not there is not found" "$code" 3
is "prints nothing" "$out" ''
sk run-one -f "$T/two.yml" --print-manifest pod
is "an unknown kind is a usage error" "$code" 2
sk run-one --class Sleep --attachments '{"seconds": 1}' --print-manifest job
is "without a file there is nothing to put into a ConfigMap" "$code" 2
finish
