"""A join that fails at evaluation as soon as one side has two series for a group."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import WARNING, Check, Finding, Subject
from monitoring_kit.conventions import SERVICE, SLO, SLO_DEFINITION, SLO_PERIOD
from monitoring_kit.promql import ast
from monitoring_kit.promql.infer import Source

CODE = "promql/many-matches"
_OBJECTIVE = {SERVICE, SLO, SLO_DEFINITION}


def run(node: ast.Binary, subject: Subject) -> Iterable[Finding]:
    matching = node.matching
    if matching is None or node.op in ast.SET_OPERATORS or id(node) not in subject.facts.joins:
        return
    sides = {"left": subject.facts[node.lhs], "right": subject.facts[node.rhs]}
    # What mkit itself joins by service, slo and definition is one objective: label flow cannot know that its period follows.
    objective = subject.generated and matching.on and {*matching.labels} >= _OBJECTIVE
    follows = {SLO_PERIOD} if objective else set()
    extra = {
        side: {x for s in value if not s.const for x in _extra(s, matching)} - follows for side, value in sides.items()
    }
    if matching.group is not None:
        one = "right" if matching.group == "left" else "left"
        # What is handed over tells the groups' series apart no more than the author means it to.
        several = extra[one].difference(matching.include)
        if several:
            label = min(several)
            span = (node.rhs if one == "right" else node.lhs).span
            yield Finding(
                CODE, WARNING, f"the {one} side is meant to have one series for each group, but its label `{label}` can tell several apart: the rule then fails",
                span, f"aggregate it first, e.g. `max by ({', '.join(_kept(matching))}) (…)`, or add `{label}` to the matching",
            )  # fmt: skip
        return
    for side in ("left", "right"):
        if extra[side]:
            label = min(extra[side])
            span = (node.lhs if side == "left" else node.rhs).span
            both = bool(extra["left"] and extra["right"])
            cure = "aggregate both sides" if both else f"write `group_{side}` or aggregate that side"
            yield Finding(
                CODE, WARNING, f"several series of the {side} side can match one of the other (they differ in `{label}`): the rule then fails to evaluate",
                span, f"{cure} to the labels of the matching", notes=((matching.span, "matched on these labels only"),),
            )  # fmt: skip
            return


def _kept(matching: ast.Matching) -> tuple[str, ...]:
    return (*matching.labels, *matching.include)


def _extra(source: Source, matching: ast.Matching) -> set[str]:
    """Labels in which two series of one group can differ."""
    if source.series is None and source.rest is None:
        return set()
    found = set()
    for label, fact in source.have.items():
        matched = label in matching.labels if matching.on else label not in matching.labels
        if not matched and fact.value is None and fact.sure and not _single(source, label):
            found.add(label)
    return found


def _single(source: Source, label: str) -> bool:
    if source.series is None:
        return False
    allowed = source.series.labels.get(label)
    return allowed is not None and allowed.single


CHECK = Check(CODE, ast.Binary, run)
