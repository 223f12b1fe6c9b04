"""Recognising shares: a part of the same sum divided by the whole."""

from __future__ import annotations

from collections.abc import Callable

from monitoring_kit.promql import ast

_FUNCTIONS = frozenset(("rate", "increase", "irate"))


def is_share(part: ast.Expr, whole: ast.Expr) -> bool:
    """True when ``part`` and ``whole`` aggregate the same counter in the same way and ``part`` selects fewer series: the
    quotient is then between 0 and 1, whatever the counters say."""
    return _is_share(_bare(part), _bare(whole))


def _is_share(part: ast.Expr, whole: ast.Expr) -> bool:
    if isinstance(part, ast.Aggregate) and isinstance(whole, ast.Aggregate):
        same = part.op == whole.op == "sum" and part.without == whole.without
        # Of what is summed a filter may drop only zeros from the whole: its sum would no longer hold that of the part.
        return (
            same
            and set(part.grouping) == set(whole.grouping)
            and _is_share(_bare(part.expr), _bare(whole.expr, _drops_zeros))
        )
    if isinstance(part, ast.Call) and isinstance(whole, ast.Call):
        if part.func != whole.func or part.func not in _FUNCTIONS:
            return False
        one, other = part.args[0], whole.args[0]
        if not isinstance(one, ast.MatrixSelector) or not isinstance(other, ast.MatrixSelector):
            return False
        return one.range == other.range and _narrower(one.vector, other.vector)
    return False


def _filters(expr: ast.Binary) -> bool:
    return expr.op in ast.COMPARISONS and not expr.bool_modifier


def _drops_zeros(expr: ast.Binary) -> bool:
    return expr.op in (">", "!=") and isinstance(expr.rhs, ast.Number) and expr.rhs.value == 0 and _filters(expr)


def _bare(expr: ast.Expr, harmless: Callable[[ast.Binary], bool] = _filters) -> ast.Expr:
    """``expr`` without parentheses and harmless filters."""
    while True:
        if isinstance(expr, ast.Paren) or (isinstance(expr, ast.Binary) and harmless(expr)):
            expr = expr.expr if isinstance(expr, ast.Paren) else expr.lhs
        else:
            return expr


def _narrower(part: ast.VectorSelector, whole: ast.VectorSelector) -> bool:
    same = part.name == whole.name and part.offset == whole.offset and part.at == whole.at
    return same and part.name is not None and set(whole.matchers) <= set(part.matchers)
