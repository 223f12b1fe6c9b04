"""Trees to canonical text, which parses back to the same tree.

Parentheses are printed where the tree has them and, for trees that were built or transformed, where the text
would otherwise mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from monitoring_kit.promql import ast
from monitoring_kit.promql.literals import format_duration, format_number, quote
from monitoring_kit.promql.parser import PRECEDENCE

_ATOM = 9
_SIGNED = 5
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_QUOTED_LABELS = frozenset(("without", "inf", "nan"))
_QUOTED_METRICS = frozenset(["on", "ignoring", "group_left", "group_right", "bool", "atan2", "inf", "nan"])


def print_expr(expr: ast.Expr) -> str:
    """The canonical text of ``expr``, on one line."""
    return _PRINT[type(expr)](expr)


def print_label(name: str) -> str:
    """A label name as it stands in ``by (...)``: quoted where it is no classic identifier."""
    if (_LABEL.fullmatch(name) and name.lower() not in _QUOTED_LABELS) or name.startswith("$"):
        return name
    return quote(name)


def print_duration(duration: ast.DurationExpr) -> str:
    """The text of a duration expression."""
    if isinstance(duration, ast.Duration):
        return format_duration(duration.ms)
    if isinstance(duration, ast.DurationVar):
        return _variable(duration.name, duration.format, bool(duration.unit)) + duration.unit
    if isinstance(duration, ast.DurationParen):
        return f"({print_duration(duration.expr)})"
    rhs = _term(duration.rhs)
    if duration.lhs is None:
        return duration.op + rhs
    return f"{_term(duration.lhs)} {duration.op} {rhs}"


def _term(duration: ast.DurationExpr) -> str:
    """An operand of duration arithmetic: a factor that was written as a plain number stays one."""
    if isinstance(duration, ast.Duration) and duration.text and duration.text[-1] not in "ywdhms":
        return format_number(duration.ms / 1000)
    return print_duration(duration)


def _variable(name: str, form: str, braces: bool = False) -> str:
    return f"${{{name}:{form}}}" if form else f"${{{name}}}" if braces else f"${name}"


def _level(expr: ast.Expr) -> int:
    if isinstance(expr, ast.Binary):
        return PRECEDENCE[expr.op]
    if isinstance(expr, ast.Unary) or (isinstance(expr, ast.Number) and format_number(expr.value)[0] == "-"):
        return _SIGNED
    return _ATOM


def _operand(expr: ast.Expr, floor: int) -> str:
    text = _PRINT[type(expr)](expr)
    return f"({text})" if _level(expr) < floor else text


def _binary(expr: ast.Binary) -> str:
    level = PRECEDENCE[expr.op]
    right_first = expr.op == "^"
    left = _operand(expr.lhs, level + 1 if right_first else level)
    rhs = expr.rhs
    # A sign may follow any operator directly: a * -b needs no parentheses.
    right = _operand(rhs, level if right_first else level + 1) if type(rhs) is ast.Binary else print_expr(rhs)
    modifier = " bool" if expr.bool_modifier else ""
    if expr.matching is not None:
        modifier += _matching(expr.matching)
    return f"{left} {expr.op}{modifier} {right}"


def _matching(matching: ast.Matching) -> str:
    text = f" {'on' if matching.on else 'ignoring'} ({', '.join(map(print_label, matching.labels))})"
    if matching.group:
        text += f" group_{matching.group} ({', '.join(map(print_label, matching.include))})"
    return text


def _matcher(matcher: ast.Matcher) -> str:
    name = matcher.name
    if _LABEL.fullmatch(name) is None and not name.startswith("$"):
        name = quote(name)
    return f"{name}{matcher.op}{quote(matcher.value)}"


def _selector(expr: ast.VectorSelector) -> str:
    name = expr.name or ""
    matchers = ", ".join(map(_matcher, expr.matchers)) if len(expr.matchers) > 1 else ""
    if len(expr.matchers) == 1:
        matchers = _matcher(expr.matchers[0])
    if name and not _plain_metric(name):
        return f"{{{quote(name)}, {matchers}}}" if matchers else f"{{{quote(name)}}}"
    if matchers or not name:
        return f"{name}{{{matchers}}}"
    return name


def _plain_metric(name: str) -> bool:
    if _METRIC.fullmatch(name):
        return name.lower() not in _QUOTED_METRICS
    return "$" in name


def _modifiers(at: ast.At | None, offset: ast.DurationExpr | None) -> str:
    text = ""
    if at is not None:
        text = f" @ {at.value}()" if isinstance(at.value, str) else f" @ {format_number(at.value)}"
    if offset is not None:
        text += f" offset {print_duration(offset)}"
    return text


def _vector(expr: ast.VectorSelector) -> str:
    return _selector(expr) + _modifiers(expr.at, expr.offset)


def _matrix(expr: ast.MatrixSelector) -> str:
    vector = expr.vector
    return f"{_selector(vector)}[{print_duration(expr.range)}]{_modifiers(vector.at, vector.offset)}"


def _subquery(expr: ast.Subquery) -> str:
    step = "" if expr.step is None else print_duration(expr.step)
    inner = _operand(expr.expr, _ATOM)
    return f"{inner}[{print_duration(expr.range)}:{step}]{_modifiers(expr.at, expr.offset)}"


def _call(expr: ast.Call) -> str:
    return f"{expr.func}({', '.join([print_expr(arg) for arg in expr.args])})"


def _aggregate(expr: ast.Aggregate) -> str:
    head = expr.op
    if expr.without or expr.grouping:
        clause = "without" if expr.without else "by"
        head += f" {clause} ({', '.join(map(print_label, expr.grouping))}) "
    if expr.param is not None:
        return f"{head}({print_expr(expr.param)}, {print_expr(expr.expr)})"
    return f"{head}({print_expr(expr.expr)})"


def _unary(expr: ast.Unary) -> str:
    inner = expr.expr
    floor = _ATOM + 1 if isinstance(inner, ast.Number) else PRECEDENCE["^"]
    if isinstance(inner, ast.Unary):
        return expr.op + print_expr(inner)
    return expr.op + _operand(inner, floor)


def _number(expr: ast.Number) -> str:
    return format_duration(expr.value * 1000) if expr.duration else format_number(expr.value)


_PRINT: dict[type, Callable[[Any], str]] = {
    ast.VectorSelector: _vector,
    ast.MatrixSelector: _matrix,
    ast.Subquery: _subquery,
    ast.Call: _call,
    ast.Aggregate: _aggregate,
    ast.Binary: _binary,
    ast.Unary: _unary,
    ast.Paren: lambda expr: f"({print_expr(expr.expr)})",
    ast.Number: _number,
    ast.NumberVar: lambda expr: _variable(expr.name, expr.format),
    ast.String: lambda expr: quote(expr.value),
}
