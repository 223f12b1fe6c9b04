"""group_left(label) where the "one" side has no such label."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql import ast

CODE = "promql/lost-include"


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    matching = node.matching
    if matching is None or not matching.include:
        return
    side = node.rhs if matching.group == "left" else node.lhs
    sources = subject.facts[side]
    for index, label in enumerate(matching.include):
        whys = [s.why_not(label) for s in sources]
        why = whys[0]
        if why is None or any(w is None for w in whys) or "$" in label:
            continue
        span = matching.include_spans[index] if index < len(matching.include_spans) else matching.span
        yield Finding(
            CODE, WARNING, f"the one side has no label `{label}` to copy: the result loses it", span,
            did_you_mean(label, sources[0].have, "it has"), notes=((why.span, why.text),),
        )  # fmt: skip


CHECK = Check(CODE, ast.Binary, run)
