"""A rule group that is evaluated less often than Prometheus looks back."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.spec.quantity import Duration

CODE = "alerts/long-interval"
# Prometheus' default of --query.lookback-delta.
LOOKBACK_MS = 300_000


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    interval = subject.interval_ms
    if interval is None or interval <= LOOKBACK_MS or subject.generated or subject.keep_ms >= interval:
        return
    what = (
        "the recorded series has gaps: nothing reads it" if subject.use == "record" else "queries of ALERTS have gaps"
    )
    yield Finding(
        CODE, WARNING, f"the group is evaluated every {Duration(interval)}, but a sample counts for {Duration(LOOKBACK_MS)} only: between two evaluations {what}",
        node.span, "evaluate it every 5m or more often",
    )  # fmt: skip


CHECK = Check(CODE, None, run, uses=frozenset(("alert", "record")))
