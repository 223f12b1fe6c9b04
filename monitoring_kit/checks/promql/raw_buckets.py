"""histogram_quantile of bucket counters since the start of the process, without a rate."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/raw-buckets"


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    for source in subject.facts[node.args[1]]:
        if source.kind in ("bucket", "summed_bucket") and source.series is not None:
            yield Finding(
                CODE, WARNING, "the quantile is over everything since each process started: it hardly moves when latency changes",
                node.args[1].span, f"take the rate of the buckets first: `rate({source.series.name}[{subject.window}])`",
            )  # fmt: skip
            return


CHECK = Check(CODE, ast.Call, run, frozenset(("histogram_quantile",)))
