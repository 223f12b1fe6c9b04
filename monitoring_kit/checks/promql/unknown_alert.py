"""ALERTS of an alert that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql import ast
from monitoring_kit.promql.walk import metric_name

CODE = "promql/unknown-alert"


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    known = subject.world.alertnames
    if known is None or metric_name(node) not in ("ALERTS", "ALERTS_FOR_STATE"):
        return
    for matcher in node.matchers:
        if (
            matcher.name == "alertname"
            and matcher.op == "="
            and matcher.value not in known
            and "$" not in matcher.value
        ):
            yield Finding(
                CODE,
                ERROR,
                f"there is no alert `{matcher.value}`: nothing is selected",
                matcher.value_span,
                did_you_mean(matcher.value, known, "alerts"),
            )


CHECK = Check(CODE, ast.VectorSelector, run)
