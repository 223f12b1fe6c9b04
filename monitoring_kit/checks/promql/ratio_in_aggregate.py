"""A division inside of an aggregation: an average of ratios, and NaN from one idle series."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/ratio-in-aggregate"


def run(node: ast.Aggregate, subject: Subject) -> Iterable[Finding]:
    inner = node.expr
    while isinstance(inner, ast.Paren):
        inner = inner.expr
    if not isinstance(inner, ast.Binary) or inner.op not in ("/", "%"):
        return
    below = inner.rhs
    while isinstance(below, ast.Paren):
        below = below.expr
    divisor = subject.facts[below]
    if divisor[0].scalar or (isinstance(below, ast.Binary) and below.op in ast.COMPARISONS):
        return
    # Only counted events can be 0 of 0; a size or a limit is not.
    if not all(s.kind in ("rate", "counter", "summed") or (s.low == 0 and s.kind == "gauge") for s in divisor):
        return
    yield Finding(
        CODE, WARNING, f"`{node.op}` of a quotient: one idle series gives 0/0 = NaN, which makes the whole result NaN, and busy series count no more than idle ones",
        inner.op_span, "divide the sums: `sum(...) / sum(...)`", notes=((node.op_span, "aggregated here"),),
    )  # fmt: skip


CHECK = Check(CODE, ast.Aggregate, run, frozenset(("sum", "avg", "stddev", "stdvar")))
