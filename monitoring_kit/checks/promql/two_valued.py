"""A fraction compared with `up`, which is 0 or 1."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/two-valued"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    if node.op not in (">", ">=", "<", "<="):
        return
    limit = node.rhs
    if not isinstance(limit, ast.Number) or not 0 < limit.value < 1:
        return
    sources = subject.facts[node.lhs]
    if any(s.steps is None or not s.steps <= {0.0, 1.0} or s.kind == "bool" for s in sources):
        return
    series = sources[0].series
    name = series.name if series is not None else "the value"
    zero = node.op in ("<", "<=")
    inner = node.lhs.expr if isinstance(node.lhs, ast.Aggregate) else node.lhs
    selector = subject.source(inner)
    average = f"avg_over_time({selector}[1h])"
    yield Finding(
        CODE, WARNING, f"`{name}` is 0 or 1: this means `== {0 if zero else 1}`, not a share of time", node.span,
        subject.instead(inner.span, average, "for the share of time that it was up, write"),
    )  # fmt: skip


CHECK = Check(CODE, ast.Binary, run)
