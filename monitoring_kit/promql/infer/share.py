"""Recognising shares: a part of the same sum divided by the whole."""

from __future__ import annotations

from monitoring_kit.promql import ast

_FUNCTIONS = frozenset(("rate", "increase", "irate"))


def is_share(part: ast.Expr, whole: ast.Expr) -> bool:
    """True when ``part`` and ``whole`` aggregate the same counter in the same way and ``part`` selects fewer series: the
    quotient is then between 0 and 1, whatever the counters say."""
    part, whole = _bare(part), _bare(whole)
    if isinstance(part, ast.Aggregate) and isinstance(whole, ast.Aggregate):
        same = part.op == whole.op == "sum" and part.without == whole.without
        return same and set(part.grouping) == set(whole.grouping) and is_share(part.expr, whole.expr)
    if isinstance(part, ast.Call) and isinstance(whole, ast.Call):
        if part.func != whole.func or part.func not in _FUNCTIONS:
            return False
        one, other = part.args[0], whole.args[0]
        if not isinstance(one, ast.MatrixSelector) or not isinstance(other, ast.MatrixSelector):
            return False
        return one.range == other.range and _narrower(one.vector, other.vector)
    return False


def _bare(expr: ast.Expr) -> ast.Expr:
    while True:
        if isinstance(expr, ast.Paren):
            expr = expr.expr
        elif isinstance(expr, ast.Binary) and expr.op in ast.COMPARISONS and not expr.bool_modifier:
            expr = expr.lhs
        else:
            return expr


def _narrower(part: ast.VectorSelector, whole: ast.VectorSelector) -> bool:
    same = part.name == whole.name and part.offset == whole.offset and part.at == whole.at
    return same and part.name is not None and set(whole.matchers) <= set(part.matchers)
