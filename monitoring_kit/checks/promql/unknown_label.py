"""A matcher on a label that the metric does not have."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import Check, Finding, Subject, proven
from monitoring_kit.diagnostics.suggest import closest, did_you_mean
from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.selectors import empty_matches

CODE = "promql/unknown-label"


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    series = subject.facts[node][0].series
    if series is None or series.open:
        return
    for matcher in node.matchers:
        name = matcher.name
        if name == ast.METRIC_NAME or name in series.labels or "$" in name or "$" in matcher.value:
            continue
        if (matcher.op == "=" and not matcher.value) or (matcher.op == "!=" and matcher.value):
            empty = True
        elif matcher.op in ("=~", "!~"):
            found = empty_matches(matcher.value)
            if found is None:
                continue
            empty = found == (matcher.op == "=~")
        else:
            empty = False
        external = name in subject.world.external_labels
        what = "the matcher selects everything" if empty else "nothing is selected"
        text = f"`{series.name}` has no label `{name}`: {what}"
        if external:
            text += "; external labels are added only to what leaves Prometheus"
        near = closest(name, series.labels)
        span = (matcher.span[0], matcher.span[0] + len(name))
        yield Finding(
            CODE, proven(series.declared), text, matcher.span, did_you_mean(name, series.labels, "its labels"),
            fix=(span, near) if near and not matcher.quoted else None,
        )  # fmt: skip


CHECK = Check(CODE, ast.VectorSelector, run)
