"""A template that prints a label which the expression's result cannot have."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, Check, Finding, Subject
from monitoring_kit.checks.templates import label_uses
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql import ast

CODE = "labels/template-label"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    sources = [s for s in subject.value if not s.dead] or list(subject.value)
    for field, template in {**subject.annotations, **{f"labels.{n}": v for n, v in subject.labels.items()}}.items():
        for use in label_uses(template):
            if use.map != "labels" or use.label in ("__name__",):
                continue
            whys = [s.why_not(use.label) for s in sources]
            why = whys[0]
            if why is None or any(w is None for w in whys):
                continue
            have = {label for s in sources for label in s.have}
            if use.label in subject.labels:
                help_ = "`$labels` holds the labels of the result only, not those that the rule adds; write the value itself"
            elif have:
                help_ = did_you_mean(use.label, have, "the result has")
            else:
                help_ = "the result has no labels"
            yield Finding(
                CODE, ERROR, f"the result never has the label `{use.label}`: the text is left empty there", use.span, help_,
                notes=((why.span, why.text),), field=field,
            )  # fmt: skip


CHECK = Check(CODE, None, run, uses=frozenset(("alert",)))
