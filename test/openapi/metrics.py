"""Reads the text of GET /metrics with Prometheus' own parser, and says what is against its conventions or
told twice. metrics.py FILE [NAME label=value…]: prints the value of that sample, 0 when it is not there."""

import sys

from prometheus_client.parser import text_string_to_metric_families

UNITS = ("_seconds", "_bytes", "_total", "_info", "_percent")


def complain(families, text):
    seen = set()
    for family in families:
        if not family.documentation:
            yield f"{family.name} has no help"
        if family.type == "unknown":
            yield f"{family.name} has no type"
        if family.type == "counter" and f"# TYPE {family.name}_total counter" not in text:
            yield f"{family.name} is a counter and its name does not end with _total"
        if family.type != "counter" and family.name.endswith("_total"):
            yield f"{family.name} ends with _total and is none"
        if family.type == "histogram" and not family.name.endswith(UNITS):
            yield f"{family.name} has no unit"
        if "_ms" in family.name or "milli" in family.name:
            yield f"{family.name}: the unit of time is the second"
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            if key in seen:
                yield f"{key} is told twice"
            seen.add(key)
        yield from buckets(family)
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"{name} has two types"


def buckets(family):
    """Ascending, and the last is the count."""
    if family.type != "histogram":
        return
    counts, last = {}, {}
    for sample in family.samples:
        labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        if sample.name.endswith("_bucket"):
            if sample.value < last.get(labels, 0):
                yield f"{family.name}{labels} does not ascend"
            last[labels] = sample.value
        elif sample.name.endswith("_count"):
            counts[labels] = sample.value
    if counts != last:
        yield f"{family.name}: +Inf and _count differ"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    families = list(text_string_to_metric_families(text))
    if len(sys.argv) > 2:
        labels = dict(word.split("=", 1) for word in sys.argv[3:])
        found = [s.value for f in families for s in f.samples if s.name == sys.argv[2] and s.labels == labels]
        print(f"{found[0] if found else 0:g}")
        return 0
    problems = list(complain(families, text))
    print("\n".join(problems) if problems else f"{len(families)} families")
    return 1 if problems else 0


sys.exit(main())
