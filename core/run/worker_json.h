/* worker_json.h - a worker class as JSON, for the command line and the API. */
#ifndef SK_CORE_RUN_WORKER_JSON_H
#define SK_CORE_RUN_WORKER_JSON_H

#include "core/base/str.h"
#include "core/run/worker.h"

/* "compiled", "program". */
const char *sk_worker_kind_name(const struct sk_worker *w);
/* The members kind, liveUpdate, reusable of an object that is open. */
void sk_worker_json_traits(struct sk_str *out, const struct sk_worker *w);
/* className, description, the traits, and schema: the JSON Schema (draft 2020-12) of its
 * attachments. */
void sk_worker_json(struct sk_str *out, const struct sk_worker *w);

#endif
