"""Amounts of different currencies added up."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/mixed-currency"


def run(node: ast.Aggregate, subject: Subject) -> Iterable[Finding]:
    for source in subject.facts[node.expr]:
        if source.unit != "currency" or "currency" not in source.have or source.have["currency"].value is not None:
            continue
        kept = "currency" in node.grouping
        if kept != node.without:
            continue
        span = node.grouping_span or node.op_span
        by = ", ".join(("currency", *node.grouping)) if not node.without else "currency"
        text = f"by ({by})" if node.grouping_span else f"{node.op} by ({by}) "
        yield Finding(
            CODE, WARNING, f"`{node.op}` adds amounts of different currencies: the result is in none of them", node.span,
            subject.instead(span, text), notes=((span, "the label `currency` is aggregated away here"),),
        )  # fmt: skip
        return


CHECK = Check(CODE, ast.Aggregate, run, frozenset(("sum", "avg", "min", "max")))
