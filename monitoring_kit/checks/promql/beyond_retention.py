"""A range or offset that reaches beyond what Prometheus keeps."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.spec.quantity import Duration

CODE = "promql/beyond-retention"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    keeps = subject.world.retention_ms
    if keeps is None:
        return
    stack: list[tuple[ast.Expr, float]] = [(node, 0.0)]
    from monitoring_kit.promql.walk import children

    while stack:
        at, back = stack.pop()
        offset = getattr(at.vector if isinstance(at, ast.MatrixSelector) else at, "offset", None)
        reach = back + (offset.ms if isinstance(offset, ast.Duration) else 0)
        range_ = getattr(at, "range", None)
        if isinstance(offset, ast.Duration) and reach > keeps and back <= keeps:
            yield Finding(
                CODE, ERROR, f"Prometheus keeps {Duration(keeps)}: nothing is left of what this asks for", offset.span,
                "use a shorter offset or raise `prometheus.retention`",
            )  # fmt: skip
        if isinstance(range_, ast.Duration):
            if reach + range_.ms > keeps >= reach:
                yield Finding(
                    CODE, WARNING, f"Prometheus keeps {Duration(keeps)}: the range only ever holds that much", range_.span,
                    "use a shorter range or raise `prometheus.retention`",
                )  # fmt: skip
            reach += range_.ms
        if not isinstance(at, ast.MatrixSelector):
            stack += [(child, reach) for child in children(at)]


CHECK = Check(CODE, None, run)
