"""by() or without() on a label that the value does not have."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.diagnostics.suggest import closest
from monitoring_kit.promql import ast

CODE = "promql/impossible-grouping"


def run(node: ast.Aggregate, subject: Subject) -> Iterable[Finding]:
    if subject.generated:
        # A pack groups by what its metrics may have: where a service's lack the label, nothing is lost.
        return
    # A constant branch (`or vector(0)`) has no labels on purpose.
    sources = [s for s in subject.facts[node.expr] if not s.const and not s.dead]
    if not sources:
        return
    for index, label in enumerate(node.grouping):
        whys = [s.why_not(label) for s in sources]
        why = whys[0]
        if why is None or any(w is None for w in whys) or "$" in label or (label == "le" and node.without):
            continue
        span = node.label_spans[index] if index < len(node.label_spans) else node.op_span
        near = closest(label, sources[0].have)
        what = "it is the same as without it" if not node.without else "there is nothing to remove"
        yield Finding(
            CODE, WARNING, f"nothing that is aggregated here has the label `{label}`: {what}", span,
            f"did you mean `{near}`?" if near and near not in node.grouping else f"remove `{label}`", notes=((why.span, why.text),),
        )  # fmt: skip


CHECK = Check(CODE, ast.Aggregate, run)
