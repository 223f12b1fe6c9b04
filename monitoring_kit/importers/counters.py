"""PromQL of other tools as PromQL over ``$window``."""

from __future__ import annotations

from monitoring_kit.promql import PromQLError, ast, parse, print_expr, rewrite, variables
from monitoring_kit.promql import build as q

_RANGED = frozenset(("rate", "increase", "sum_over_time", "count_over_time", "avg_over_time"))
_WINDOW = ast.DurationVar("window")


def windowed(text: str, counter: bool) -> str | None:
    """``text`` with ``$window`` for its range; None when it is no PromQL or has no counter to look back on.

    Every range of rate(), increase() and the like becomes ``$window``; without one, and with ``counter``, the rate of each
    selector is taken.
    """
    try:
        expr = parse(text.replace("{{.window}}", "$window").replace("{{ .window }}", "$window"), variables=True)
    except PromQLError:
        return None
    ranged = False

    def range_of(node: ast.Expr) -> ast.Expr:
        nonlocal ranged
        if isinstance(node, ast.Call) and node.func in _RANGED and isinstance(node.args[0], ast.MatrixSelector):
            ranged = True
            return ast.Call(node.func, (ast.MatrixSelector(node.args[0].vector, _WINDOW),))
        return node

    found = rewrite(expr, range_of)
    if not ranged and counter:
        found = rewrite(expr, lambda node: q.rate(node, _WINDOW) if isinstance(node, ast.VectorSelector) else node)
    return print_expr(found) if variables(found) == ["window"] else None
