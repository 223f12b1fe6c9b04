"""Running the checks on one expression."""

from __future__ import annotations

from monitoring_kit.checks.finding import Finding, Subject, Use
from monitoring_kit.checks.registry import dispatch
from monitoring_kit.promql import ast
from monitoring_kit.promql.infer import infer
from monitoring_kit.promql.printer import print_expr
from monitoring_kit.promql.walk import walk
from monitoring_kit.promql.world import World


def subject(use: Use, name: str, expr: ast.Expr, world: World, text: str | None = None, **more: object) -> Subject:
    """A subject with its facts inferred. Without ``text`` the spans are of no text that anybody wrote."""
    # What another rule reads is known already.
    known = world.inferred.get(id(expr))
    facts = infer(expr, world) if known is None else known[1]
    return Subject(use, name, expr, print_expr(expr) if text is None else text, facts, **more)  # type: ignore[arg-type]


def findings(about: Subject) -> list[Finding]:
    """Everything that the checks of single expressions find in ``about``."""
    whole, by_type = dispatch(about.use)
    found: list[Finding] = []
    for node in walk(about.expr):
        checks = by_type.get(type(node))
        if checks is None:
            continue
        name = getattr(node, "func", None) or getattr(node, "op", None)
        for check in checks:
            if check.only is None or name in check.only:
                found.extend(check.run(node, about))
    for check in whole:
        found.extend(check.run(about.expr, about))
    return found
