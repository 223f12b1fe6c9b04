"""A `for` that the evaluation interval does not allow."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import INFO, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.spec.quantity import Duration

CODE = "alerts/short-for"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    interval, wanted = subject.interval_ms, subject.for_ms
    if not interval or not wanted or subject.generated:
        return
    if wanted < interval:
        yield Finding(
            CODE, WARNING, f"rules are evaluated every {Duration(interval)}: a `for` of {Duration(wanted)} is longer in truth, one whole interval",
            (0, len(str(Duration(wanted)))), f"write `for: {Duration(interval)}`", field="for",
        )  # fmt: skip
    elif wanted % interval:
        real = -(-wanted // interval) * interval
        yield Finding(
            CODE, INFO, f"rules are evaluated every {Duration(interval)}: the alert fires after {Duration(real)}, not after {Duration(wanted)}",
            (0, len(str(Duration(wanted)))), f"write `for: {Duration(real)}`", field="for",
        )  # fmt: skip


CHECK = Check(CODE, None, run, uses=frozenset(("alert",)))
