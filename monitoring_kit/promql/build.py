"""Combinators that build expressions: the only way mkit's own code writes PromQL.

Every function takes and returns trees; numbers are accepted wherever an expression is. Parentheses appear where
precedence needs them, so that a built tree equals the parse of its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from monitoring_kit.promql import ast
from monitoring_kit.promql.functions import AGGREGATIONS, FUNCTIONS
from monitoring_kit.promql.literals import parse_duration
from monitoring_kit.promql.parser import PRECEDENCE

Operand = ast.Expr | float
Window = str | float | ast.DurationExpr
Matchers = Mapping[str, str] | Iterable[ast.Matcher]


def number(value: float) -> ast.Number:
    """A number literal."""
    return ast.Number(ast.NAN if value != value else float(value))


def expr(value: Operand) -> ast.Expr:
    """``value`` as an expression: a plain number becomes a literal."""
    return number(value) if isinstance(value, int | float) else value


def duration(value: Window) -> ast.DurationExpr:
    """``"5m"``, ``"-1h"``, ``"$window"``, a number of seconds, or a duration as it is."""
    if isinstance(value, str):
        if value.startswith("$"):
            return ast.DurationVar(value.strip("${}"))
        sign = -1 if value.startswith("-") else 1
        return ast.Duration(sign * parse_duration(value.removeprefix("-")))
    if isinstance(value, int | float):
        ms = value * 1000
        return ast.Duration(int(ms) if ms == int(ms) else ms)
    return value


def matcher(name: str, op: ast.MatchOp, value: str) -> ast.Matcher:
    """One label matcher."""
    return ast.Matcher(name, op, value)


def metric(name: str, matchers: Matchers = (), /, **labels: str) -> ast.VectorSelector:
    """``name{...}``: matchers as a mapping or a sequence, and equality matchers as keywords."""
    return ast.VectorSelector(name, _matchers(matchers) + _matchers(labels))


def series(matchers: Matchers = (), /, **labels: str) -> ast.VectorSelector:
    """``{...}``: every metric that the matchers select."""
    return ast.VectorSelector(None, _matchers(matchers) + _matchers(labels))


def _matchers(matchers: Matchers) -> tuple[ast.Matcher, ...]:
    if isinstance(matchers, Mapping):
        return tuple(ast.Matcher(name, "=", value) for name, value in matchers.items())
    return tuple(matchers)


def paren(value: Operand) -> ast.Paren:
    """``(value)``."""
    return ast.Paren(expr(value))


def over(value: ast.Expr, window: Window, step: Window | None = None) -> ast.MatrixSelector | ast.Subquery:
    """``value[window]`` for a selector, ``value[window:step]`` for any other instant vector."""
    if isinstance(value, ast.VectorSelector) and step is None:
        return ast.MatrixSelector(value, duration(window))
    inner = ast.Paren(value) if isinstance(value, ast.Binary | ast.Unary) else value
    return ast.Subquery(inner, duration(window), None if step is None else duration(step))


def offset(value: ast.Expr, by: Window) -> ast.Expr:
    """``value offset by`` for a selector, range vector or subquery; TypeError for anything else."""
    if isinstance(value, ast.MatrixSelector):
        vector = value.vector
        return ast.MatrixSelector(
            ast.VectorSelector(vector.name, vector.matchers, duration(by), vector.at), value.range
        )
    if isinstance(value, ast.VectorSelector):
        return ast.VectorSelector(value.name, value.matchers, duration(by), value.at)
    if isinstance(value, ast.Subquery):
        return ast.Subquery(value.expr, value.range, value.step, duration(by), value.at)
    raise TypeError("offset needs a selector, a range vector or a subquery")


def call(func: str, *args: Operand | str) -> ast.Call:
    """``func(args)``: strings become string literals. KeyError for an unknown function."""
    if func not in FUNCTIONS:
        raise KeyError(func)
    return ast.Call(func, tuple(ast.String(arg) if isinstance(arg, str) else expr(arg) for arg in args))


def _ranged(value: ast.Expr, window: Window | None) -> ast.Expr:
    return value if window is None else over(value, window)


def rate(value: ast.Expr, window: Window | None = None) -> ast.Call:
    """``rate(value[window])``; without a window ``value`` is a range vector already. Unit: per second."""
    return call("rate", _ranged(value, window))


def increase(value: ast.Expr, window: Window | None = None) -> ast.Call:
    """``increase(value[window])``."""
    return call("increase", _ranged(value, window))


def over_time(func: str, value: ast.Expr, window: Window | None = None) -> ast.Call:
    """``<func>_over_time(value[window])``: ``avg``, ``min``, ``max``, ``sum``, ``count``, ``last``, ``present`` ..."""
    return call(f"{func}_over_time", _ranged(value, window))


def quantile_over_time(phi: Operand, value: ast.Expr, window: Window | None = None) -> ast.Call:
    """``quantile_over_time(phi, value[window])``."""
    return call("quantile_over_time", phi, _ranged(value, window))


def predict_linear(value: ast.Expr, window: Window, seconds: Operand) -> ast.Call:
    """The value that a linear fit over ``window`` reaches in ``seconds``."""
    return call("predict_linear", over(value, window), seconds)


def histogram_quantile(phi: Operand, buckets: ast.Expr) -> ast.Call:
    """``histogram_quantile(phi, buckets)``."""
    return call("histogram_quantile", phi, buckets)


def absent(value: ast.Expr) -> ast.Call:
    """``absent(value)``."""
    return call("absent", value)


def vector(value: Operand) -> ast.Call:
    """``vector(value)``: the scalar as a vector without labels."""
    return call("vector", value)


def scalar(value: ast.Expr) -> ast.Call:
    """``scalar(value)``."""
    return call("scalar", value)


def clamp_min(value: ast.Expr, low: Operand) -> ast.Call:
    """``clamp_min(value, low)``."""
    return call("clamp_min", value, low)


def clamp_max(value: ast.Expr, high: Operand) -> ast.Call:
    """``clamp_max(value, high)``."""
    return call("clamp_max", value, high)


def label_replace(value: ast.Expr, dst: str, replacement: str, src: str = "", regex: str = "") -> ast.Call:
    """``label_replace``; with no ``src`` it sets ``dst`` to the constant ``replacement``."""
    return call("label_replace", value, dst, replacement, src, regex)


def aggregate(
    op: str,
    value: ast.Expr,
    *,
    by: Iterable[str] = (),
    without: Iterable[str] | None = None,
    param: Operand | str | None = None,
) -> ast.Aggregate:
    """``op by (...) (param, value)``. KeyError for an unknown operator, ValueError for a missing parameter."""
    if (AGGREGATIONS[op] is None) != (param is None):
        raise ValueError(f"{op} takes {'no' if param is not None else 'a'} parameter")
    argument = ast.String(param) if isinstance(param, str) else None if param is None else expr(param)
    labels = tuple(by if without is None else without)
    return ast.Aggregate(op, value, argument, labels, without is not None)


def sum_by(labels: Iterable[str], value: ast.Expr) -> ast.Aggregate:
    """``sum by (labels) (value)``; without labels ``sum(value)``."""
    return aggregate("sum", value, by=labels)


def avg_by(labels: Iterable[str], value: ast.Expr) -> ast.Aggregate:
    """``avg by (labels) (value)``."""
    return aggregate("avg", value, by=labels)


def max_by(labels: Iterable[str], value: ast.Expr) -> ast.Aggregate:
    """``max by (labels) (value)``."""
    return aggregate("max", value, by=labels)


def min_by(labels: Iterable[str], value: ast.Expr) -> ast.Aggregate:
    """``min by (labels) (value)``."""
    return aggregate("min", value, by=labels)


def count_by(labels: Iterable[str], value: ast.Expr) -> ast.Aggregate:
    """``count by (labels) (value)``."""
    return aggregate("count", value, by=labels)


def quantile(phi: Operand, value: ast.Expr, by: Iterable[str] = ()) -> ast.Aggregate:
    """``quantile by (by) (phi, value)``: over series, not over time."""
    return aggregate("quantile", value, by=by, param=phi)


def topk(k: Operand, value: ast.Expr, by: Iterable[str] = ()) -> ast.Aggregate:
    """``topk by (by) (k, value)``."""
    return aggregate("topk", value, by=by, param=k)


def matching(
    *,
    on: Iterable[str] | None = None,
    ignoring: Iterable[str] | None = None,
    group: Literal["left", "right"] | None = None,
    include: Iterable[str] = (),
) -> ast.Matching:
    """Vector matching for `binary`: exactly one of ``on`` and ``ignoring``."""
    if (on is None) == (ignoring is None):
        raise ValueError("give either on or ignoring")
    labels = tuple(on if on is not None else ignoring or ())
    return ast.Matching(on is not None, labels, group, tuple(include))


def binary(
    op: str, lhs: Operand, rhs: Operand, *, bool_modifier: bool = False, match: ast.Matching | None = None
) -> ast.Binary:
    """``lhs op rhs``, with parentheses where precedence needs them. KeyError for an unknown operator."""
    level = PRECEDENCE[op]
    left = _side(expr(lhs), level + (op == "^"))
    right_expr = expr(rhs)
    right = _side(right_expr, level + (op != "^")) if isinstance(right_expr, ast.Binary) else right_expr
    return ast.Binary(op, left, right, bool_modifier, match)


def _side(value: ast.Expr, floor: int) -> ast.Expr:
    if isinstance(value, ast.Binary):
        level = PRECEDENCE[value.op]
    else:
        signed = isinstance(value, ast.Unary) or (isinstance(value, ast.Number) and value.value < 0)
        level = PRECEDENCE["*"] if signed else floor
    return ast.Paren(value) if level < floor else value


def _chain(op: str, values: tuple[Operand, ...]) -> ast.Expr:
    result = expr(values[0])
    for value in values[1:]:
        result = binary(op, result, value)
    return result


def add(*values: Operand) -> ast.Expr:
    """``a + b + ...``."""
    return _chain("+", values)


def sub(lhs: Operand, rhs: Operand, match: ast.Matching | None = None) -> ast.Binary:
    """``lhs - rhs``."""
    return binary("-", lhs, rhs, match=match)


def mul(lhs: Operand, rhs: Operand, match: ast.Matching | None = None) -> ast.Binary:
    """``lhs * rhs``."""
    return binary("*", lhs, rhs, match=match)


def div(lhs: Operand, rhs: Operand, match: ast.Matching | None = None) -> ast.Binary:
    """``lhs / rhs``."""
    return binary("/", lhs, rhs, match=match)


def neg(value: Operand) -> ast.Expr:
    """``-value``."""
    operand = expr(value)
    if isinstance(operand, ast.Number):
        return number(-operand.value)
    return ast.Unary("-", _side(operand, PRECEDENCE["^"]) if isinstance(operand, ast.Binary) else operand)


def compare(op: str, lhs: Operand, rhs: Operand, *, bool_modifier: bool = False) -> ast.Binary:
    """``lhs op rhs`` for a comparison operator; ValueError for any other."""
    if op not in ast.COMPARISONS:
        raise ValueError(f"{op!r} is no comparison")
    return binary(op, lhs, rhs, bool_modifier=bool_modifier)


def gt(lhs: Operand, rhs: Operand) -> ast.Binary:
    """``lhs > rhs``."""
    return compare(">", lhs, rhs)


def ge(lhs: Operand, rhs: Operand) -> ast.Binary:
    """``lhs >= rhs``."""
    return compare(">=", lhs, rhs)


def lt(lhs: Operand, rhs: Operand) -> ast.Binary:
    """``lhs < rhs``."""
    return compare("<", lhs, rhs)


def le(lhs: Operand, rhs: Operand) -> ast.Binary:
    """``lhs <= rhs``."""
    return compare("<=", lhs, rhs)


def eq(lhs: Operand, rhs: Operand) -> ast.Binary:
    """``lhs == rhs``."""
    return compare("==", lhs, rhs)


def ne(lhs: Operand, rhs: Operand) -> ast.Binary:
    """``lhs != rhs``."""
    return compare("!=", lhs, rhs)


def and_(lhs: ast.Expr, rhs: ast.Expr, match: ast.Matching | None = None) -> ast.Binary:
    """``lhs and rhs``: the series of ``lhs`` that also stand in ``rhs``."""
    return binary("and", lhs, rhs, match=match)


def or_(lhs: ast.Expr, rhs: ast.Expr, match: ast.Matching | None = None) -> ast.Binary:
    """``lhs or rhs``: everything of ``lhs``, and of ``rhs`` what ``lhs`` lacks."""
    return binary("or", lhs, rhs, match=match)


def unless(lhs: ast.Expr, rhs: ast.Expr, match: ast.Matching | None = None) -> ast.Binary:
    """``lhs unless rhs``: the series of ``lhs`` that ``rhs`` lacks."""
    return binary("unless", lhs, rhs, match=match)
