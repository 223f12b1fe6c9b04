"""The rate of a sum of counters."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/rate-of-sum"


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    for source in subject.facts[node.args[0]]:
        series = source.series
        if source.kind not in ("summed", "summed_bucket") or series is None:
            continue
        what = f"`{series.name}`" if not isinstance(node.args[0], ast.Subquery) else "it"
        yield Finding(
            CODE, ERROR, f"{what} is a sum of counters: when one process restarts the sum falls, and `{node.func}` counts the whole rest again",
            node.args[0].span, "take the rate first and sum the rates: `sum(rate(x[5m]))`; record that",
        )  # fmt: skip
        return


CHECK = Check(CODE, ast.Call, run, frozenset(("rate", "irate", "increase")))
