"""A counter named without its suffix `_total`."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import ERROR, WARNING, Check, Finding, Subject
from monitoring_kit.promql import ast

CODE = "promql/missing-total"


def run(node: ast.VectorSelector, subject: Subject) -> Iterable[Finding]:
    name = node.name
    world = subject.world
    if name is None or "$" in name or world.knows(name) or not world.knows(f"{name}_total"):
        return
    span = (node.span[0], node.span[0] + len(name))
    yield Finding(
        CODE, ERROR if world.closed else WARNING, f"there is no series `{name}`: the counter is stored as `{name}_total`",
        span, subject.instead(span, f"{name}_total"), fix=(span, f"{name}_total"),
    )  # fmt: skip


CHECK = Check(CODE, ast.VectorSelector, run)
