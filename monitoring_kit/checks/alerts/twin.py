"""Two alerts on the same expression with the same labels; or one that a stricter twin makes noise beside."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.checks.finding import INFO, WARNING, Finding, GroupCheck, Subject
from monitoring_kit.promql import ast

CODE = "alerts/twin"
_UP, _DOWN = frozenset((">", ">=")), frozenset(("<", "<="))
_ORDER = {"info": 0, "warning": 1, "critical": 2}


def run(subjects: list[Subject]) -> Iterable[tuple[Subject, Finding]]:
    by_key: dict[str, list[tuple[Subject, ast.Binary, float]]] = {}
    for about in subjects:
        expr = about.expr
        if about.use != "alert" or about.generated or not isinstance(expr, ast.Binary):
            continue
        if isinstance(expr.rhs, ast.Number) and expr.op in _UP | _DOWN:
            key = f"{expr.op in _UP} {' '.join(about.source(expr.lhs).split())}"
            by_key.setdefault(key, []).append((about, expr, expr.rhs.value))
    for twins in by_key.values():
        for number, (about, expr, limit) in enumerate(twins):
            for other, _, other_limit in twins[:number]:
                yield from _compare(about, expr, limit, other, other_limit)


def _compare(
    about: Subject, expr: ast.Binary, limit: float, other: Subject, other_limit: float
) -> Iterable[tuple[Subject, Finding]]:
    severity, against = about.labels.get("severity", ""), other.labels.get("severity", "")
    same_for = about.for_ms == other.for_ms
    if limit == other_limit and same_for and severity == against:
        if (about.name, about.labels) == (other.name, other.labels):
            # One rule written twice, which `rules/duplicate` says.
            return
        text = f"`{about.name}` and `{other.name}` always fire together: same expression, same `for`, same severity"
        yield about, Finding(CODE, WARNING, text, expr.span, "remove one of them")
        return
    rank, other_rank = _ORDER.get(severity, -1), _ORDER.get(against, -1)
    wider = limit <= other_limit if expr.op in _UP else limit >= other_limit
    stricter = limit >= other_limit if expr.op in _UP else limit <= other_limit
    if rank < other_rank and stricter and about.for_ms >= other.for_ms:
        yield about, Finding(
            CODE, WARNING, f"whenever `{about.name}` fires, the more severe `{other.name}` fires already: it tells nothing new", expr.span,
            "warn earlier: a threshold that is reached before, or a shorter `for`",
        )  # fmt: skip
    elif rank > other_rank and wider and about.for_ms <= other.for_ms and not (limit == other_limit and same_for):
        yield about, Finding(
            CODE, WARNING, f"`{about.name}` fires no later than the less severe `{other.name}`: the warning never comes first", expr.span,
            "give the more severe alert the stricter threshold",
        )  # fmt: skip
    elif rank == other_rank and severity and (stricter or wider) and same_for:
        yield (
            about,
            Finding(
                CODE,
                INFO,
                f"`{about.name}` and `{other.name}` differ in the threshold alone, at the same severity",
                expr.span,
                "give one another severity, or remove it",
            ),
        )


CHECK = GroupCheck(CODE, run)
