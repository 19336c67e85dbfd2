/* manifest.h - the text of `skalds run-one --print-manifest`: Kubernetes objects for one task. */
#ifndef SK_CMD_MANIFEST_H
#define SK_CMD_MANIFEST_H

#include "core/base/str.h"
#include "core/model/task.h"

enum sk_manifest_kind {
	SK_MANIFEST_AUTO, /* isPersistent chooses: true is a Deployment, false a Job */
	SK_MANIFEST_DEPLOYMENT,
	SK_MANIFEST_JOB,
	SK_MANIFEST_CRONJOB
};

/* "deployment", "job", "cronjob", NULL: for the choices of a flag. */
extern const char *const sk_manifest_kinds[];

/* "" or "auto" is SK_MANIFEST_AUTO; false when unknown. */
bool sk_manifest_kind_parse(const char *text, enum sk_manifest_kind *kind) SK_CHECKED;

/* Append a ConfigMap with yaml_text, byte for byte, and the Deployment, Job or CronJob that runs
 * the task from it. image NULL or "" means "skalds:latest". An error leaves *out as it was:
 * SK_EINVAL when the file is too large for a ConfigMap or no valid UTF-8.
 *
 * What the task asks for becomes what Kubernetes enforces: resources are limits, graceSeconds the
 * grace period (10 s more, so that skalds and not the kubelet ends what does not listen),
 * retry.maxAttempts the back-off limit of a Job. */
enum sk_code sk_manifest(enum sk_manifest_kind kind, const struct sk_task_spec *task,
	const char *yaml_text, const char *image, struct sk_str *out, struct sk_err *err) SK_CHECKED;

/* A DNS-1123 label of at most 52 characters (a CronJob's limit) from any task id: "skalds-" and the
 * id in lower case. Other characters become '-'; then, and when it is cut, eight hex digits of
 * the id's hash follow, so that two ids do not share a name by it. */
#define SK_MANIFEST_NAME_SIZE 53
void sk_manifest_name(const char *id, char buf[SK_MANIFEST_NAME_SIZE]);

#endif
