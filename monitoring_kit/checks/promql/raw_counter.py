"""A counter compared with a constant: true for ever once passed, false after a restart."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/raw-counter"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    if node.op not in (">", ">=", "<", "<="):
        return
    for side, other in ((node.lhs, node.rhs), (node.rhs, node.lhs)):
        limit = subject.facts[other][0]
        if not limit.const or limit.low == 0:
            continue
        for source in subject.facts[side]:
            series = source.series
            if source.kind not in ("counter", "bucket", "summed") or series is None or source.const:
                continue
            selector = _selector(side)
            text = f"rate({subject.source(selector)}[{subject.window}])" if selector else ""
            yield Finding(
                CODE, WARNING,
                f"`{series.name}` is a counter: it only grows, so the comparison depends on how long ago the process started",
                side.span, subject.instead(selector.span, text) if selector else "compare its rate or increase",
                fix=(selector.span, text) if selector else None,
            )  # fmt: skip
            return


def _selector(expr: ast.Expr) -> ast.VectorSelector | None:
    while isinstance(expr, ast.Paren | ast.Aggregate):
        expr = expr.expr
    return expr if isinstance(expr, ast.VectorSelector) and expr.offset is None and expr.at is None else None


CHECK = Check(CODE, ast.Binary, run)
