"""A construct that the targeted Prometheus does not have."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.promql.requires import requires
from monitoring_kit.targets import describe, supported

CODE = "promql/version"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    target = subject.world.prometheus
    if target is None or subject.generated:
        return
    for feature, span in requires(node):
        if not supported(feature, {"prometheus": target}, subject.world.features):
            yield Finding(
                CODE, ERROR, f"Prometheus {target} does not accept this: {describe(feature)}", span,
                "raise `compatibility.prometheus` to what runs, or write it without",
            )  # fmt: skip


CHECK = Check(CODE, None, run)
