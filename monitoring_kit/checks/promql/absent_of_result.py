"""absent() of an expression, which loses every label."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/absent-of-result"


def run(node: ast.Call, subject: Subject) -> Iterable[Finding]:
    arg = node.args[0]
    while isinstance(arg, ast.Paren):
        arg = arg.expr
    inner = subject.facts[arg]
    if any(source.always for source in inner):
        yield Finding(
            CODE,
            WARNING,
            f"what `{node.func}` looks at always returns a value: it never finds anything absent",
            node.span,
            "remove the constant from it",
        )
        return
    if not isinstance(arg, ast.Aggregate) or subject.use != "alert":
        return
    below = arg.expr
    while isinstance(below, ast.Paren):
        below = below.expr
    if isinstance(below, ast.VectorSelector) and any(m.op == "=" for m in below.matchers):
        better = subject.source(below)
        yield Finding(
            CODE, WARNING, f"`{node.func}` of an aggregation has no labels: the alert does not say what is absent", arg.span,
            subject.instead(arg.span, better, "it keeps the labels of the matchers of a plain selector:"), fix=(arg.span, better),
        )  # fmt: skip


CHECK = Check(CODE, ast.Call, run, frozenset(("absent",)))
