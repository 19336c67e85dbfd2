/* manifest.c - Kubernetes objects for one task. */
#include "cmd/manifest.h"
#include "core/run/worker.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The API server refuses a ConfigMap above 1 MiB; the object around the text needs some of it. */
#define MAX_FILE (1024 * 1024 - 4096)
/* Added to graceSeconds: skalds ends a task that does not listen before the kubelet ends skalds. */
#define GRACE_EXTRA_S 10
/* The user of the image; numeric, because runAsNonRoot cannot check a name. */
#define RUN_AS 65532

const char *const sk_manifest_kinds[] = { "deployment", "job", "cronjob", NULL };

bool
sk_manifest_kind_parse(const char *text, enum sk_manifest_kind *kind)
{
	if (text[0] == '\0' || strcasecmp(text, "auto") == 0) {
		*kind = SK_MANIFEST_AUTO;
		return true;
	}
	for (int i = 0; sk_manifest_kinds[i] != NULL; i++) {
		if (strcasecmp(text, sk_manifest_kinds[i]) == 0) {
			*kind = (enum sk_manifest_kind)(SK_MANIFEST_DEPLOYMENT + i);
			return true;
		}
	}
	return false;
}

/* FNV-1a: names need to differ, nothing more. */
static uint32_t
hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (const char *p = text; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

void
sk_manifest_name(const char *id, char buf[SK_MANIFEST_NAME_SIZE])
{
	const size_t hash_len = strlen("-00000000"), room = SK_MANIFEST_NAME_SIZE - 1;
	size_t n = (size_t)snprintf(buf, SK_MANIFEST_NAME_SIZE, "skalds-");
	bool exact = id[0] != '\0';

	for (const char *p = id; *p != '\0'; p++) {
		bool keep = isascii((unsigned char)*p) && isalnum((unsigned char)*p);
		exact = exact && (keep || (*p == '-' && p[1] != '\0')) && n < room;
		if (n < room && (keep || buf[n - 1] != '-'))
			buf[n++] = keep ? (char)tolower((unsigned char)*p) : '-';
		else if (!keep)
			exact = false;
	}
	if (!exact) {
		if (n > room - hash_len)
			n = room - hash_len;
		while (buf[n - 1] == '-')
			n--;
		snprintf(buf + n, SK_MANIFEST_NAME_SIZE - n, "-%08" PRIx32, hash(id));
		return;
	}
	buf[n] = '\0';
}

/* ---- text into YAML ---- */

/* One code point of valid UTF-8. */
static uint32_t
next_rune(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	int more = p[0] < 0x80 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : 3;
	uint32_t rune = more == 0 ? p[0] : p[0] & (0x3fu >> more);

	for (int i = 1; i <= more; i++)
		rune = rune << 6 | (p[i] & 0x3fu);
	*text += more + 1;
	return rune;
}

/* Characters that a reader of YAML keeps as they are: printable, and no line break of its own
 * (U+0085, U+2028, U+2029) nor a byte order mark. */
static bool
is_plain(uint32_t rune)
{
	return (rune >= 0x20 && rune < 0x7f) ||
		(rune >= 0xa0 && rune != 0x2028 && rune != 0x2029 && rune != 0xfeff &&
			(rune & 0xfffe) != 0xfffe);
}

static void
add_quoted(struct sk_str *out, const char *text)
{
	sk_str_addc(out, '"');
	while (*text != '\0') {
		const char *start = text;
		uint32_t rune = next_rune(&text);
		if (rune == '"' || rune == '\\')
			sk_str_addf(out, "\\%c", (int)rune);
		else if (rune == '\n')
			sk_str_adds(out, "\\n");
		else if (is_plain(rune))
			sk_str_add(out, start, (size_t)(text - start));
		else
			sk_str_addf(out, "\\U%08" PRIX32, rune);
	}
	sk_str_addc(out, '"');
}

/* A block keeps the file readable; what it would change goes between quotes instead. */
static bool
fits_block(const char *text)
{
	bool any = false;

	while (*text != '\0') {
		uint32_t rune = next_rune(&text);
		if (rune != '\n' && rune != '\t' && !is_plain(rune))
			return false;
		any = any || (rune != ' ' && rune != '\t' && rune != '\n');
	}
	return any;
}

static void
add_block(struct sk_str *out, const char *text)
{
	const size_t len = strlen(text);
	const char *end = text + len;
	bool newline = len > 0 && end[-1] == '\n', more = len > 1 && newline && end[-2] == '\n';
	const char *chomp = more ? "+" : newline ? "" : "-";
	/* The indentation is stated when the first line does not show it. */
	const char *first = text + strspn(text, "\n");
	bool hidden = first != text || *first == ' ' || *first == '\t';

	sk_str_addf(out, "|%s%s\n", hidden ? "2" : "", chomp);
	while (text < end) {
		size_t line = strcspn(text, "\n");
		if (line > 0)
			sk_str_addf(out, "    %.*s", (int)line, text);
		sk_str_addc(out, '\n');
		text += line + (text[line] == '\n');
	}
}

/* ---- the objects ---- */

struct shape {
	enum sk_manifest_kind kind;
	const struct sk_task_spec *task;
	const char *image;
	char name[SK_MANIFEST_NAME_SIZE];
	uint32_t file_hash;
};

/* Append lines of text, each behind `indent` spaces. */
static void
add_indented(struct sk_str *out, int indent, const char *lines)
{
	while (*lines != '\0') {
		size_t n = strcspn(lines, "\n");
		sk_str_addf(out, "%*s%.*s\n", indent, "", (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
}

static void
add_labels(struct sk_str *out, int indent, const char *name)
{
	sk_str_addf(out, "%*sapp.kubernetes.io/name: skalds\n", indent, "");
	sk_str_addf(out, "%*sapp.kubernetes.io/instance: %s\n", indent, "", name);
}

static void
add_head(struct sk_str *out, const char *api, const char *kind, const struct shape *s)
{
	sk_str_addf(out, "apiVersion: %s\nkind: %s\n", api, kind);
	sk_str_addf(out, "metadata:\n  name: %s\n  labels:\n", s->name);
	add_labels(out, 4, s->name);
}

static void
add_resources(struct sk_str *out, const struct sk_task_resources *r)
{
	if (r->cpus <= 0 && r->memory_mb <= 0)
		return;
	sk_str_adds(out, "    resources:\n      limits:\n");
	if (r->cpus > 0)
		sk_str_addf(out, "        cpu: %.0fm\n", ceil(r->cpus * 1000));
	if (r->memory_mb > 0)
		sk_str_addf(out, "        memory: %" PRId64 "Mi\n", r->memory_mb);
}

static void
add_command(struct sk_str *out, const struct shape *s)
{
	sk_str_adds(out, "    image: ");
	add_quoted(out, s->image);
	sk_str_adds(out,
		"\n    command: [\"/skalds\"]\n"
		"    args: [\"run-one\", \"--file\", \"/config/all_workers.yml\", ");
	add_quoted(out, s->task->id);
	sk_str_adds(out, "]\n");
}

/* The probes ask skalds, not the task: a task that fails says so by its exit code. */
static void
add_probes(struct sk_str *out, const struct shape *s)
{
	sk_str_adds(out,
		"    livenessProbe:\n"
		"      exec:\n"
		"        command: [\"/skalds\", \"probe\", \"live\"]\n"
		"      periodSeconds: 10\n"
		"      timeoutSeconds: 5\n");
	if (s->kind == SK_MANIFEST_DEPLOYMENT)
		sk_str_adds(out,
			"    readinessProbe:\n"
			"      exec:\n"
			"        command: [\"/skalds\", \"probe\", \"ready\"]\n"
			"      periodSeconds: 5\n"
			"      timeoutSeconds: 5\n");
}

/* Any program may want a /tmp, and the root file system cannot be written to. */
static bool
wants_tmp(const struct sk_task_spec *task)
{
	return task->worker != NULL && task->worker->kind == SK_WORKER_PROGRAM;
}

static void
add_container(struct sk_str *out, const struct shape *s)
{
	sk_str_adds(out, "containers:\n  - name: skalds\n");
	add_command(out, s);
	add_resources(out, &s->task->resources);
	add_probes(out, s);
	sk_str_adds(out,
		"    securityContext:\n"
		"      allowPrivilegeEscalation: false\n"
		"      readOnlyRootFilesystem: true\n"
		"      capabilities:\n"
		"        drop: [ALL]\n"
		"    volumeMounts:\n"
		"      - name: config\n"
		"        mountPath: /config\n"
		"        readOnly: true\n"
		"      - name: run\n"
		"        mountPath: /run/skalds\n");
	if (wants_tmp(s->task))
		sk_str_adds(out, "      - name: tmp\n        mountPath: /tmp\n");
}

static void
add_volumes(struct sk_str *out, const struct shape *s)
{
	sk_str_addf(out,
		"volumes:\n"
		"  - name: config\n"
		"    configMap:\n"
		"      name: %s\n"
		"  - name: run\n"
		"    emptyDir: {}\n",
		s->name);
	if (wants_tmp(s->task))
		sk_str_adds(out, "  - name: tmp\n    emptyDir: {}\n");
}

/* The hash of the file is part of the pod: a changed file brings new pods. */
static void
add_pod(struct sk_str *out, int indent, const struct shape *s)
{
	struct sk_str pod = SK_STR_INIT;

	sk_str_adds(&pod, "metadata:\n  labels:\n");
	add_labels(&pod, 4, s->name);
	sk_str_addf(&pod, "  annotations:\n    skalds/file: \"%08" PRIx32 "\"\n", s->file_hash);
	sk_str_adds(&pod, "spec:\n");
	add_indented(out, indent, sk_str_text(&pod));
	sk_str_clear(&pod);

	sk_str_addf(
		&pod, "restartPolicy: %s\n", s->kind == SK_MANIFEST_DEPLOYMENT ? "Always" : "Never");
	sk_str_addf(
		&pod, "terminationGracePeriodSeconds: %.0f\n", ceil(s->task->grace_s) + GRACE_EXTRA_S);
	sk_str_addf(&pod,
		"automountServiceAccountToken: false\n"
		"securityContext:\n"
		"  runAsNonRoot: true\n"
		"  runAsUser: %d\n"
		"  runAsGroup: %d\n"
		"  seccompProfile:\n"
		"    type: RuntimeDefault\n",
		RUN_AS, RUN_AS);
	add_container(&pod, s);
	add_volumes(&pod, s);
	add_indented(out, indent + 2, sk_str_text(&pod));
	sk_str_release(&pod);
}

/* One pod at a time: two of one task would do its work twice. */
static void
add_deployment(struct sk_str *out, const struct shape *s)
{
	add_head(out, "apps/v1", "Deployment", s);
	sk_str_adds(out,
		"spec:\n  replicas: 1\n  strategy:\n    type: Recreate\n"
		"  selector:\n    matchLabels:\n");
	add_labels(out, 6, s->name);
	sk_str_adds(out, "  template:\n");
	add_pod(out, 4, s);
}

static void
add_job_spec(struct sk_str *out, int indent, const struct shape *s)
{
	int64_t again = s->task->retry.max_attempts > 1 ? s->task->retry.max_attempts - 1 : 0;

	sk_str_addf(out, "%*sbackoffLimit: %" PRId64 "\n", indent, "", again);
	sk_str_addf(out, "%*stemplate:\n", indent, "");
	add_pod(out, indent + 2, s);
}

static void
add_job(struct sk_str *out, const struct shape *s)
{
	add_head(out, "batch/v1", "Job", s);
	sk_str_adds(out, "spec:\n");
	add_job_spec(out, 2, s);
}

static void
add_cronjob(struct sk_str *out, const struct shape *s)
{
	add_head(out, "batch/v1", "CronJob", s);
	sk_str_adds(out,
		"spec:\n"
		"  schedule: \"0 * * * *\"  # every hour: put the wanted times here\n"
		"  concurrencyPolicy: Forbid\n"
		"  jobTemplate:\n"
		"    spec:\n");
	add_job_spec(out, 6, s);
}

static enum sk_code
check_file(const char *text, struct sk_err *err)
{
	size_t n = strlen(text);

	if (n > MAX_FILE)
		return sk_fail(err, SK_EINVAL, "the file has %zu bytes, a ConfigMap holds %d", n, MAX_FILE);
	if (sk_utf8_bad(text, n) != n)
		return sk_fail(err, SK_EINVAL, "the file is not valid UTF-8");
	return SK_OK;
}

enum sk_code
sk_manifest(enum sk_manifest_kind kind, const struct sk_task_spec *task, const char *yaml_text,
	const char *image, struct sk_str *out, struct sk_err *err)
{
	enum sk_code code = check_file(yaml_text, err);
	struct shape s = { .kind = kind, .task = task, .image = image };

	if (code != SK_OK)
		return code;
	if (kind == SK_MANIFEST_AUTO)
		s.kind = task->is_persistent ? SK_MANIFEST_DEPLOYMENT : SK_MANIFEST_JOB;
	if (image == NULL || image[0] == '\0')
		s.image = "skalds:latest";
	sk_manifest_name(task->id, s.name);
	s.file_hash = hash(yaml_text);

	add_head(out, "v1", "ConfigMap", &s);
	sk_str_adds(out, "data:\n  all_workers.yml: ");
	if (fits_block(yaml_text)) {
		add_block(out, yaml_text);
	} else {
		add_quoted(out, yaml_text);
		sk_str_addc(out, '\n');
	}
	sk_str_adds(out, "---\n");
	if (s.kind == SK_MANIFEST_DEPLOYMENT)
		add_deployment(out, &s);
	else if (s.kind == SK_MANIFEST_JOB)
		add_job(out, &s);
	else
		add_cronjob(out, &s);
	return SK_OK;
}
