"""What schemathesis does otherwise here: answers may have no member that the document does not name
(for a client more may come with time, for the test of the document they may not), and nobody waits for
a minute. With skip_invalid wrong tasks are taken and told of: that no wrong one is taken could not be seen."""

import os

import schemathesis

SHORT_MS = 50
LONG_MS = 60000


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for name, schema in raw_schema["components"]["schemas"].items():
        if "properties" in schema and not name.endswith("Input"):
            schema.setdefault("additionalProperties", False)


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.query and case.query.get("skip_invalid") in (True, "true", "1"):
        case.query["skip_invalid"] = "0"
    for name in ("wait", "ms"):
        value = (case.query or {}).get(name)
        try:
            number = int(value)
        except (TypeError, ValueError):
            continue
        if SHORT_MS < number <= LONG_MS:
            case.query[name] = str(SHORT_MS)
