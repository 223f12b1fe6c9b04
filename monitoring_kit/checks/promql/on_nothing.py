"""on(label) where neither side has the label: everything matches everything."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/on-nothing"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    matching = node.matching
    if matching is None or not matching.on or id(node) not in subject.facts.joins:
        return
    left = [s for s in subject.facts[node.lhs] if not s.const]
    right = [s for s in subject.facts[node.rhs] if not s.const]
    for index, label in enumerate(matching.labels):
        if "$" in label:
            continue
        gone_left = bool(left) and all(s.why_not(label) is not None for s in left)
        gone_right = bool(right) and all(s.why_not(label) is not None for s in right)
        join = subject.facts.joins[id(node)]
        if not (gone_left or gone_right) or join.never is not None:
            continue
        span = matching.label_spans[index] if index < len(matching.label_spans) else matching.span
        if gone_left and gone_right:
            text = f"no side has the label `{label}`: on it everything matches everything"
        else:
            side, other = ("left", "right") if gone_left else ("right", "left")
            text = (
                f"the {side} side never has the label `{label}`: only series of the {other} side without it can match"
            )
        why = (left[0] if gone_left else right[0]).why_not(label)
        assert why is not None
        yield Finding(CODE, WARNING, text, span, "match on labels that both sides have", notes=((why.span, why.text),))


CHECK = Check(CODE, ast.Binary, run)
