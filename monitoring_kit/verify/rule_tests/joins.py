"""Binary operators: arithmetic, comparisons and sets, with vector matching (``promql/engine.go``, VectorBinop)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from monitoring_kit.promql import ast
from monitoring_kit.verify.rule_tests.functions import UnsupportedError

Vector = list[tuple[dict[str, str], float]]
Key = tuple[tuple[str, str], ...]
NAME = "__name__"


class EvaluationError(Exception):
    """The real engine would fail as well: many-to-many matching and the like."""


def _divide(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def _power(a: float, b: float) -> float:
    try:
        value = a**b
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return value if isinstance(value, float) else math.nan


OPERATORS: dict[str, Callable[[float, float], float | bool]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide, "^": _power,
    "%": lambda a, b: math.fmod(a, b) if b and math.isfinite(a) else math.nan,
    "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip


def binary(expr: ast.Binary, left: Vector | float | str, right: Vector | float | str) -> Vector | float:
    """The result of ``left op right``."""
    if isinstance(left, str) or isinstance(right, str):
        raise UnsupportedError("an operator on strings")
    if expr.op in ast.SET_OPERATORS:
        if isinstance(left, float) or isinstance(right, float):
            raise UnsupportedError("a set operator on scalars")
        return _sets(expr, left, right)
    if expr.op not in OPERATORS:
        raise UnsupportedError(f"the operator {expr.op}")
    apply = OPERATORS[expr.op]
    if isinstance(left, float) and isinstance(right, float):
        return float(apply(left, right))
    if isinstance(left, float):
        assert not isinstance(right, float)
        return _with_scalar(expr, [(labels, apply(left, v), v) for labels, v in right])
    if isinstance(right, float):
        return _with_scalar(expr, [(labels, apply(v, right), v) for labels, v in left])
    return _vectors(expr, left, right)


def _with_scalar(expr: ast.Binary, found: list[tuple[dict[str, str], float | bool, float]]) -> Vector:
    if expr.op in ast.COMPARISONS and not expr.bool_modifier:
        return [(labels, value) for labels, kept, value in found if kept]
    return [(_plain(labels), float(result)) for labels, result, _ in found]


def _plain(labels: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in labels.items() if k != NAME}


def key_of(matching: ast.Matching | None, labels: dict[str, str]) -> Key:
    """The labels that two sides must have in common."""
    if matching is not None and matching.on:
        return tuple((n, labels[n]) for n in sorted(set(matching.labels)) if labels.get(n))
    dropped = {NAME, *(matching.labels if matching else ())}
    return tuple(sorted((k, v) for k, v in labels.items() if k not in dropped))


def _sets(expr: ast.Binary, left: Vector, right: Vector) -> Vector:
    there = {key_of(expr.matching, labels) for labels, _ in right}
    if expr.op == "and":
        return [s for s in left if key_of(expr.matching, s[0]) in there]
    if expr.op == "unless":
        return [s for s in left if key_of(expr.matching, s[0]) not in there]
    here = {key_of(expr.matching, labels) for labels, _ in left}
    return left + [s for s in right if key_of(expr.matching, s[0]) not in here]


def _vectors(expr: ast.Binary, left: Vector, right: Vector) -> Vector:
    matching = expr.matching
    group = matching.group if matching else None
    many, one = (right, left) if group == "right" else (left, right)
    single: dict[Key, tuple[dict[str, str], float]] = {}
    for sample in one:
        key = key_of(matching, sample[0])
        if key in single:
            raise EvaluationError("many-to-many matching")
        single[key] = sample
    found: Vector = []
    seen: set[Key] = set()
    used: set[Key] = set()
    for labels, value in many:
        key = key_of(matching, labels)
        if key not in single:
            continue
        other_labels, other = single[key]
        a, b = (other, value) if group == "right" else (value, other)
        result = OPERATORS[expr.op](a, b)
        comparison = expr.op in ast.COMPARISONS
        if comparison and not expr.bool_modifier:
            if not result:
                continue
            result = a
        made = _result_labels(expr, labels, other_labels)
        seen_key = tuple(sorted(made.items()))
        if seen_key in seen or (group is None and key in used):
            raise EvaluationError("multiple matches for labels")
        seen.add(seen_key)
        used.add(key)
        found.append((made, float(result)))
    return found


def _result_labels(expr: ast.Binary, many: dict[str, str], one: dict[str, str]) -> dict[str, str]:
    matching = expr.matching
    keeps_name = expr.op in ast.COMPARISONS and not expr.bool_modifier
    labels = dict(many) if keeps_name else _plain(many)
    if matching is None:
        return labels
    if matching.group is None:
        named = set(matching.labels)
        if matching.on:
            return {k: v for k, v in labels.items() if k in named}
        return {k: v for k, v in labels.items() if k not in named}
    for name in matching.include:
        labels.pop(name, None)
        if one.get(name):
            labels[name] = one[name]
    return labels
