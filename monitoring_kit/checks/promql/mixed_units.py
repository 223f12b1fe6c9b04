"""Values of different units added or compared."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.units import clash

CODE = "promql/mixed-units"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    if node.op not in ("+", "-") and node.op not in ast.COMPARISONS:
        return
    left, right = subject.facts[node.lhs][0], subject.facts[node.rhs][0]
    if clash(left.unit, right.unit):
        declared = all(s.series is not None and s.series.declared for s in (left, right))
        verb = "compares" if node.op in ast.COMPARISONS else "adds" if node.op == "+" else "subtracts"
        yield Finding(
            CODE, ERROR if declared else WARNING, f"this {verb} {left.unit} and {right.unit}", node.op_span,
            "convert one side", notes=((node.lhs.span, f"{left.unit}"), (node.rhs.span, f"{right.unit}")),
        )  # fmt: skip
    elif left.unit == "timestamp" and right.const and node.op in ast.COMPARISONS and 0 < right.low < 1e8:
        yield Finding(
            CODE, WARNING, "this compares a point in time (seconds since 1970) with a length of time", node.span,
            subject.instead(node.lhs.span, f"time() - {subject.source(node.lhs)}", "for its age, write"),
        )  # fmt: skip


CHECK = Check(CODE, ast.Binary, run)
