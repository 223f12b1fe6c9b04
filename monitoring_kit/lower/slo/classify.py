"""Whether counts of an expression over abutting windows add up to its count over the whole."""

from __future__ import annotations

from monitoring_kit.promql import ast

WINDOW = "window"
_COUNTING = {"rate": "rate", "increase": "count", "sum_over_time": "count", "count_over_time": "count"}


def additive(expr: ast.Expr) -> str | None:
    """``rate`` (events per second) or ``count`` (events in the window) when tiles of ``expr`` may be added up, else None.

    Additive are sums of rate, increase, sum_over_time and count_over_time over ``$window``, their sums, differences and
    multiples, and ``or vector(0)``. Quantiles, averages, extremes and comparisons are not.
    """
    if isinstance(expr, ast.Paren):
        return additive(expr.expr)
    if isinstance(expr, ast.Aggregate):
        return additive(expr.expr) if expr.op == "sum" else None
    if isinstance(expr, ast.Call):
        return _call(expr)
    if isinstance(expr, ast.Binary):
        return _binary(expr)
    return None


def _call(expr: ast.Call) -> str | None:
    ranged = expr.args[0] if len(expr.args) == 1 else None
    if (
        isinstance(ranged, ast.MatrixSelector)
        and isinstance(ranged.range, ast.DurationVar)
        and ranged.range.name == WINDOW
    ):
        return _COUNTING.get(expr.func)
    return None


def _binary(expr: ast.Binary) -> str | None:
    left, right = additive(expr.lhs), additive(expr.rhs)
    if expr.op in ("+", "-"):
        return left if left == right else None
    if expr.op == "or":
        return left if right == left or _zero(expr.rhs) else None
    if expr.op == "*" and not (left and right):
        return left if isinstance(expr.rhs, ast.Number) else right if isinstance(expr.lhs, ast.Number) else None
    if expr.op == "/" and isinstance(expr.rhs, ast.Number):
        return left
    return None


def _zero(expr: ast.Expr) -> bool:
    if isinstance(expr, ast.Paren):
        return _zero(expr.expr)
    if isinstance(expr, ast.Call) and expr.func == "vector":
        return _zero(expr.args[0])
    if isinstance(expr, ast.Binary) and expr.op == "*":
        return _zero(expr.lhs) or _zero(expr.rhs)
    return isinstance(expr, ast.Number) and expr.value == 0
