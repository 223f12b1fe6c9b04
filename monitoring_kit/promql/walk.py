"""Reading trees: walk them, list what they select."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_kit.promql import ast
from monitoring_kit.promql.functions import FUNCTIONS, ValueType


def children(expr: ast.Expr) -> tuple[ast.Expr, ...]:
    """The direct subexpressions, in the order of the text."""
    if isinstance(expr, ast.Binary):
        return (expr.lhs, expr.rhs)
    if isinstance(expr, ast.Call):
        return expr.args
    if isinstance(expr, ast.Aggregate):
        return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
    if isinstance(expr, ast.Paren | ast.Unary | ast.Subquery):
        return (expr.expr,)
    if isinstance(expr, ast.MatrixSelector):
        return (expr.vector,)
    return ()


def walk(expr: ast.Expr) -> Iterator[ast.Expr]:
    """Every node, parents before children, left to right."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        below = children(node)
        if below:
            stack.extend(reversed(below))


def selectors(expr: ast.Expr) -> list[ast.VectorSelector]:
    """Every vector selector, those inside of range vectors and subqueries too, left to right."""
    return [node for node in walk(expr) if type(node) is ast.VectorSelector]


def metric_name(selector: ast.VectorSelector) -> str | None:
    """The one metric that ``selector`` reads, or None where a pattern or nothing names it."""
    if selector.name is not None:
        return selector.name
    names = [m.value for m in selector.matchers if m.name == ast.METRIC_NAME and m.op == "="]
    return names[0] if len(names) == 1 and names[0] else None


def metrics(expr: ast.Expr) -> list[str]:
    """The names of the metrics that ``expr`` reads, without duplicates, left to right."""
    names = (metric_name(selector) for selector in selectors(expr))
    return list(dict.fromkeys(name for name in names if name is not None))


def durations(expr: ast.Expr) -> Iterator[ast.DurationExpr]:
    """Every range, step and offset of ``expr``."""
    for node in walk(expr):
        if isinstance(node, ast.MatrixSelector | ast.Subquery):
            yield node.range
        if isinstance(node, ast.Subquery) and node.step is not None:
            yield node.step
        if isinstance(node, ast.VectorSelector | ast.Subquery) and node.offset is not None:
            yield node.offset


def value_type(expr: ast.Expr) -> ValueType:
    """``vector``, ``matrix``, ``scalar`` or ``string``."""
    while isinstance(expr, ast.Paren | ast.Unary):
        expr = expr.expr
    if isinstance(expr, ast.VectorSelector | ast.Aggregate):
        return "vector"
    if isinstance(expr, ast.Call):
        return FUNCTIONS[expr.func].returns
    if isinstance(expr, ast.Binary):
        both = value_type(expr.lhs) == "scalar" and value_type(expr.rhs) == "scalar"
        return "scalar" if both else "vector"
    if isinstance(expr, ast.MatrixSelector | ast.Subquery):
        return "matrix"
    return "string" if isinstance(expr, ast.String) else "scalar"
