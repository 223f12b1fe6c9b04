"""Two vectors that can never match each other."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast
from monitoring_kit.promql.infer import Join, Source

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
    yield Finding(CODE, severity, text, node.op_span, _help(node, join, miss.label, subject), notes=notes)


def _help(node: ast.Binary, join: Join, label: str, subject: Subject) -> str:
    matching = node.matching
    if matching is not None and matching.on:
        return f"take `{label}` out of `on(...)`, or keep it on both sides"
    ignored = matching.labels if matching is not None else ()
    left, right, both = _differing(*join.pairs[0], ignored)
    group, include = (matching.group, matching.include) if matching is not None else (None, ())
    if node.op not in ast.SET_OPERATORS:
        group = group or ("left" if left else "right" if right else None)
        # The other side must have one series for each group: no labels of its own but those it hands over.
        single = {"left": right, "right": left}.get(group or "", [])
        if any(label not in include for label in single):
            return "aggregate both sides to the labels that they share"
    text = f"ignoring ({', '.join((*ignored, *left, *right, *both))})" + (f" group_{group}" if group else "")
    if include:
        text += f" ({', '.join(include)})"
    before = "if the labels that differ do not matter, write"
    if matching is None:
        start = node.rhs.span[0]
        return subject.instead((start, start), f"{text} ", before)
    return subject.instead((matching.span[0], (matching.group_span or matching.span)[1]), text, before)


def _differing(one: Source, other: Source, ignored: tuple[str, ...]) -> tuple[list[str], list[str], list[str]]:
    """The labels that only the left side can have, only the right one, and those of which both have another constant."""
    left: list[str] = []
    right: list[str] = []
    both: list[str] = []
    for label in {**one.have, **other.have}:
        here, there = one.fact(label), other.fact(label)
        if label in ignored or (here is not None and there is not None and not here.differs(there)):
            continue
        (both if here and there else left if here else right).append(label)
    return left, right, both


CHECK = Check(CODE, ast.Binary, run)
