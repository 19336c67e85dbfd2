/* sup_status.c - what probes are told. */
#include "core/base/clock.h"
#include "core/run/sup.h"
#include <unistd.h>

#define LINK_SILENT_MS 5000

/* live: both halves make progress; that this is answered at all shows the supervisor's half. */
static void
status_line(void *arg, struct sk_str *out)
{
	const struct sup *s = arg;
	int64_t silent = sk_boot_ms() - s->link.heard_ms;
	bool live = s->stalled || (s->link.pid != 0 && silent < LINK_SILENT_MS) || s->draining;

	sk_str_addc(out, '{');
	sk_json_kbool(out, "live", live);
	sk_json_kbool(out, "ready", live && s->link.ready && !s->draining);
	sk_json_kstr(out, "mode", s->cfg->mode);
	sk_json_kint(out, "pid", getpid());
	sk_json_kint(out, "running", s->n_running);
	sk_json_kint(out, "queued", s->n_queued);
	sk_json_kbool(out, "draining", s->draining);
	sk_json_kint(out, "linkSilentMs", silent);
	sk_json_kint(out, "linkRestarts", s->link.restarts);
	sk_str_adds(out, "}\n");
}

void
sup_status_open(struct sup *s)
{
	const struct sk_probe_config cfg = {
		.loop = s->loop, .dir = s->run.dir, .line = status_line, .arg = s
	};
	struct sk_err err;

	if (s->run.dir[0] == '\0')
		return;
	s->probe = sk_probe_open(&cfg, &err);
	if (s->probe == NULL)
		sk_sink_log(s->sink, SK_WARNING, NULL, 0, "no probes: %s", err.msg);
}
