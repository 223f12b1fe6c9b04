"""The alert's value in one of its labels."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.checks.templates import value_uses
from monitoring_kit.promql import ast

CODE = "labels/value-in-label"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    for name, template in subject.labels.items():
        for span in value_uses(template):
            text = f"the label `{name}` changes with the value: each evaluation is another alert"
            if subject.for_ms:
                text += ", none of which ever outlives its `for`"
            yield Finding(CODE, ERROR, text, span, "print the value in an annotation", field=f"labels.{name}")


CHECK = Check(CODE, None, run, uses=frozenset(("alert",)))
