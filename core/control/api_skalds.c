/* api_skalds.c - skalds as the controller sees them; drained, or no longer. */
#include "core/control/api_priv.h"
#include <string.h>

const char *
sk_skald_mode_name(enum sk_skald_mode m)
{
	static const char *const names[] = {
		[SK_MODE_NODE] = "node", [SK_MODE_EDGE] = "edge", [SK_MODE_SINGLE] = "single_process"
	};

	return names[m];
}

const struct sk_skald_view *
sk_call_skald(struct sk_call *call, const char *id)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(call->c, &views);

	for (size_t i = 0; i < n; i++)
		if (strcmp(views[i].row->id, id) == 0)
			return &views[i];
	return NULL;
}

static const char *
state_of(const struct sk_skald_view *v, bool draining)
{
	if (!v->online)
		return "offline";
	return draining ? "draining" : "online";
}

static void
put_text(struct sk_str *out, const char *key, const char *text)
{
	sk_json_kstr(out, key, text != NULL && text[0] != '\0' ? text : NULL);
}

static void
put_offer(struct sk_str *out, const struct sk_skald *row)
{
	sk_json_kint(out, "slots", row->slots);
	sk_json_key(out, "cpus");
	sk_json_double(out, row->cpus);
	sk_json_kint(out, "memoryMb", row->memory_mb);
	sk_json_kint(out, "gpus", row->gpus);
	sk_json_key(out, "classes");
	sk_str_addc(out, '[');
	for (const char *const *name = row->classes; name != NULL && *name != NULL; name++) {
		sk_json_next(out);
		sk_json_string(out, *name);
	}
	sk_str_addc(out, ']');
	sk_json_key(out, "labels");
	if (row->labels != NULL)
		sk_value_json(out, row->labels);
	else
		sk_str_adds(out, "{}");
}

static void
put_skald(struct sk_str *out, const struct sk_skald_view *v, bool draining)
{
	sk_json_next(out);
	sk_str_addc(out, '{');
	sk_json_kstr(out, "id", v->row->id);
	sk_json_kstr(out, "mode", sk_skald_mode_name(v->row->mode));
	sk_json_kstr(out, "state", state_of(v, draining));
	sk_json_kint(out, "tasks", v->tasks);
	put_offer(out, v->row);
	sk_json_kint(out, "started", v->row->start_ms);
	sk_json_kint(out, "seen", v->row->seen_ms);
	sk_json_key(out, "load");
	sk_load_json(out, &v->row->load);
	put_text(out, "version", v->row->version);
	put_text(out, "host", v->row->host);
	if (v->row->original)
		sk_json_kbool(out, "original", true);
	sk_str_addc(out, '}');
}

void
sk_api_skalds(struct sk_call *call)
{
	const struct sk_skald_view *views;
	size_t n = sk_skalds_view(call->c, &views);

	sk_str_adds(&call->out, "{\"items\":[");
	for (size_t i = 0; i < n; i++)
		put_skald(&call->out, &views[i], views[i].row->draining);
	sk_str_adds(&call->out, "],\"next\":null}");
	sk_call_json(call, 200);
}

void
sk_api_skald(struct sk_call *call)
{
	const struct sk_skald_view *v = sk_call_skald(call, call->id);

	if (v == NULL) {
		sk_call_error(call, 404, "there is no skald %s", sk_quote(call->arena, call->id));
		return;
	}
	put_skald(&call->out, v, v->row->draining);
	sk_call_json(call, 200);
}

static bool
is_drain(const struct sk_call *call)
{
	return strcmp(strrchr(call->path, '/'), "/drain") == 0;
}

/* What was stored stands in the answer, whether the rows were read again since or not. */
static void
drained(void *arg, enum sk_code code, const struct sk_err *err)
{
	struct sk_call *call = arg;
	const struct sk_skald_view *v = sk_call_skald(call, call->id);

	if (code == SK_ENOENT || (code == SK_OK && v == NULL)) {
		sk_call_error(call, 404, "there is no skald %s", sk_quote(call->arena, call->id));
	} else if (code != SK_OK) {
		sk_call_failed(call, code, err);
	} else {
		put_skald(&call->out, v, is_drain(call));
		sk_call_json(call, 200);
	}
}

void
sk_api_drain(struct sk_call *call)
{
	sk_skalds_drain(call->c, call->id, is_drain(call), drained, call);
}
