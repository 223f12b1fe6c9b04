"""Two vectors that can never match each other."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/never-matches"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    join = subject.facts.joins.get(id(node))
    if join is None or node.op == "or" or join.never is None:
        return
    miss = join.never
    notes = tuple(dict.fromkeys(((miss.left.span, miss.left.text), (miss.right.span, miss.right.text))))
    if node.op == "unless":
        text, severity = f"`unless` removes nothing: the sides never match on the label `{miss.label}`", WARNING
    else:
        text, severity = (
            f"the sides of `{node.op}` never match: they differ in the label `{miss.label}`, so the result is always empty",
            ERROR,
        )
    yield Finding(CODE, severity, text, node.op_span, _help(node, miss.label, subject), notes=notes)


def _help(node: ast.Binary, label: str, subject: Subject) -> str:
    matching = node.matching
    if matching is not None and matching.on and label in matching.labels:
        return f"take `{label}` out of `on(...)`, or keep it on both sides"
    ignored = ", ".join((*(matching.labels if matching else ()), label))
    group = f" group_{matching.group}" if matching and matching.group else ""
    span = matching.span if matching else (node.op_span[1], node.op_span[1])
    extra = "" if matching else " "
    return subject.instead(span, f"{extra}ignoring ({ignored}){group}", "if that label does not matter, write")


CHECK = Check(CODE, ast.Binary, run)
