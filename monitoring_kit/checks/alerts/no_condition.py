"""An alert whose expression always returns something."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "alerts/no-condition"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    if subject.watchdog:
        return
    for source in subject.value:
        if source.dead:
            continue
        if source.kind == "bool" and source.filtered is None:
            yield Finding(
                CODE, ERROR, "`bool` turns the comparison into 0 or 1, and an alert fires on any value: this alert always fires",
                source.node.span, "remove `bool`",
            )  # fmt: skip
            return
        if source.always:
            span = source.node.span
            part = (
                "this part always returns a value"
                if len(subject.value) > 1
                else "the expression always returns a value"
            )
            yield Finding(
                CODE,
                ERROR,
                f"{part}: the alert always fires",
                span,
                "an alert fires whenever its expression returns anything; remove the constant or compare it",
            )
            return
        if (
            source.filtered is None
            and source.tautology is None
            and source.kind not in ("absent", "presence")
            and source.series is not None
        ):
            yield Finding(
                CODE, WARNING, "there is no condition: the alert fires as soon as the series exists, whatever its value", node.span,
                f"compare it, e.g. `{subject.source(node)} > 0`",
            )  # fmt: skip
            return


CHECK = Check(CODE, None, run, uses=frozenset(("alert",)))
