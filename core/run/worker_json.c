/* worker_json.c - what a worker class is and takes, as JSON. */
#include "core/run/worker_json.h"

const char *
sk_worker_kind_name(const struct sk_worker *w)
{
	return w->kind == SK_WORKER_PROGRAM ? "program" : "compiled";
}

void
sk_worker_json_traits(struct sk_str *out, const struct sk_worker *w)
{
	sk_json_kstr(out, "kind", sk_worker_kind_name(w));
	sk_json_kbool(out, "liveUpdate", w->update != NULL);
	sk_json_kbool(out, "reusable", w->reusable);
}

void
sk_worker_json(struct sk_str *out, const struct sk_worker *w)
{
	sk_json_kstr(out, "className", w->name);
	sk_json_kstr(out, "description", w->doc);
	sk_worker_json_traits(out, w);
	sk_json_key(out, "schema");
	sk_fields_schema(w->fields, out);
}
