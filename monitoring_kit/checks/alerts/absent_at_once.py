"""absent() without a `for`: fires on every restart and every lost scrape of a discovery."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.spec.quantity import Duration

CODE = "alerts/absent-at-once"


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    arg = node.args[0]
    series = next((s.series for s in subject.facts[arg] if s.series is not None), None)
    interval = series.interval if series is not None else None
    least = 2 * interval if interval is not None else 1
    if subject.for_ms < least:
        wanted = Duration(max(2 * (interval or 0), 120_000))
        yield Finding(
            CODE, WARNING, "`absent` is true at once when a process restarts or Prometheus starts: without a `for` of some scrapes this alert flaps",
            node.func_span, f"write `for: {wanted}`",
        )  # fmt: skip


CHECK = Check(CODE, ast.Call, run, frozenset(("absent",)), frozenset(("alert",)))
