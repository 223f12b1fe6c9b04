"""External labels: read by a template although not there, or overwritten by a rule."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.checks.templates import label_uses
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql import ast

CODE = "labels/external-label"


def run(node: ast.Expr, subject: Subject) -> Iterable[Finding]:
    world = subject.world
    for field, template in subject.annotations.items():
        for use in label_uses(template):
            if world.closed and use.map == "externalLabels" and use.label not in world.external_labels:
                help_ = did_you_mean(use.label, world.external_labels, "external labels")
                yield Finding(
                    CODE,
                    ERROR,
                    f"there is no external label `{use.label}`: the text is left empty there",
                    use.span,
                    help_,
                    field=field,
                )
    for name, value in subject.labels.items():
        other = world.external_labels.get(name)
        if other is not None and value != other:
            yield Finding(
                CODE, WARNING, f'the label `{name}` is also an external label ("{other}"): the rule\'s value wins, and routes on the external one miss this',
                (0, len(value)), "rename the label", field=f"labels.{name}",
            )  # fmt: skip


CHECK = Check(CODE, None, run, uses=frozenset(("alert",)))
