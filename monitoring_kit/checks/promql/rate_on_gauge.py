"""rate, irate and increase of something that goes up and down."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import Check, Finding, Subject, proven
from monitoring_kit.promql import ast

CODE = "promql/rate-on-gauge"


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    for source in subject.facts[node.args[0]]:
        series = source.series
        if source.kind not in ("gauge", "info") or series is None or isinstance(node.args[0], ast.Subquery):
            continue
        instead = "delta" if node.func == "increase" else "deriv"
        yield Finding(
            CODE, proven(series.declared),
            f"`{series.name}` is a gauge: `{node.func}` takes every fall for a counter's reset and invents an increase",
            node.span, subject.instead(node.func_span, instead), fix=(node.func_span, instead),
        )  # fmt: skip
        return


CHECK = Check(CODE, ast.Call, run, frozenset(("rate", "irate", "increase")))
