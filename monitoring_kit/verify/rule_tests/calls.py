"""Function calls of the evaluator."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from monitoring_kit.promql import ast
from monitoring_kit.verify.rule_tests import functions
from monitoring_kit.verify.rule_tests.engine import Engine
from monitoring_kit.verify.rule_tests.functions import UnsupportedError

if TYPE_CHECKING:
    from monitoring_kit.verify.rule_tests.evaluate import Evaluator

Vector = list[tuple[dict[str, str], float]]
NAME = "__name__"
_REFERENCE = re.compile(r"\$\{(\w+)\}|\$(\w+)|\$\$")


def call(on: Evaluator, expr: ast.Call, t: int) -> Vector | float:
    """The value of a function call. Raises ``UnsupportedError`` for functions that this evaluator does not know."""
    func, args = expr.func, expr.args
    if func in functions.OVER_TIME or func in (
        "rate",
        "increase",
        "delta",
        "deriv",
        "predict_linear",
        "quantile_over_time",
    ):
        return _over_time(on, expr, t)
    if func == "absent_over_time":
        _, _, found = on.ranges(args[0], t)
        return [] if found else [(_absent_labels(args[0]), 1.0)]
    if func == "absent":
        return [] if on.vector(args[0], t) else [(_absent_labels(args[0]), 1.0)]
    if func in functions.MATH:
        rest = [_scalar(on, a, t) for a in args[1:]]
        return [(_plain(labels), functions.MATH[func](v, *rest)) for labels, v in on.vector(args[0], t)]
    if func == "vector":
        return [({}, _scalar(on, args[0], t))]
    if func == "scalar":
        vector = on.vector(args[0], t)
        return vector[0][1] if len(vector) == 1 else math.nan
    if func == "time":
        return t / 1000
    if func == "timestamp":
        return _timestamp(on, args[0], t)
    if func == "histogram_quantile":
        return _histogram_quantile(_scalar(on, args[0], t), on.vector(args[1], t))
    if func == "label_replace":
        return _label_replace(on, expr, t)
    if func == "label_join":
        return _label_join(on, expr, t)
    if func in ("sort", "sort_desc"):
        return sorted(on.vector(args[0], t), key=lambda s: s[1], reverse=func == "sort_desc")
    raise UnsupportedError(f"the function {func}")


def _plain(labels: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in labels.items() if k != NAME}


def _scalar(on: Evaluator, expr: ast.Expr, t: int) -> float:
    value = on.value(expr, t)
    if not isinstance(value, float):
        raise UnsupportedError("a vector where a number is wanted")
    return value


def _text(on: Evaluator, expr: ast.Expr, t: int) -> str:
    value = on.value(expr, t)
    if not isinstance(value, str):
        raise UnsupportedError("a string that is not written out")
    return value


def _over_time(on: Evaluator, expr: ast.Call, t: int) -> Vector:
    range_arg = expr.args[1] if expr.func == "quantile_over_time" else expr.args[0]
    parameter = 0.0
    if expr.func == "quantile_over_time":
        parameter = _scalar(on, expr.args[0], t)
    elif expr.func == "predict_linear":
        parameter = _scalar(on, expr.args[1], t)
    end, length, found = on.ranges(range_arg, t)
    result: Vector = []
    for labels, samples in found:
        value = _of_samples(expr.func, samples, end, length, parameter, t, on.store.engine)
        if value is not None:
            # last_over_time is the one function of a range that keeps the name.
            result.append((labels if expr.func == "last_over_time" else _plain(labels), value))
    return result


def _of_samples(
    func: str, samples: list[tuple[int, float]], end: int, length: int, parameter: float, t: int, engine: Engine
) -> float | None:
    if func in ("rate", "increase", "delta"):
        return functions.extrapolated(
            samples, end, length, counter=func != "delta", per_second=func == "rate", near_zero=engine.near_zero
        )
    if func == "deriv":
        line = functions.regression(samples, samples[0][0])
        return line[0] if line else None
    if func == "predict_linear":
        line = functions.regression(samples, t)
        return line[0] * parameter + line[1] if line else None
    if func == "quantile_over_time":
        return functions.quantile(parameter, [v for _, v in samples])
    return functions.OVER_TIME[func](samples)


def _absent_labels(expr: ast.Expr) -> dict[str, str]:
    selector: ast.Expr = expr.vector if isinstance(expr, ast.MatrixSelector) else expr
    while isinstance(selector, ast.Paren):
        selector = selector.expr
    if not isinstance(selector, ast.VectorSelector):
        return {}
    seen = [m.name for m in selector.matchers]
    return {m.name: m.value for m in selector.matchers if m.op == "=" and m.name != NAME and seen.count(m.name) == 1}


def _timestamp(on: Evaluator, expr: ast.Expr, t: int) -> Vector:
    if not isinstance(expr, ast.VectorSelector) or expr.offset is not None or expr.name in on.recordings:
        raise UnsupportedError("timestamp of this")
    found: Vector = []
    for series in on.store.select(expr.name, expr.matchers):
        if on.store.instant(series, t) is not None:
            samples = on.store.range(series, t, 300_000)
            found.append((dict(series.labels), samples[-1][0] / 1000))
    return found


def _histogram_quantile(q: float, vector: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for labels, value in vector:
        try:
            bound = float(labels.get("le", ""))
        except ValueError:
            continue
        key = tuple(sorted((k, v) for k, v in labels.items() if k not in ("le", NAME)))
        groups.setdefault(key, []).append((bound, value))
    return [(dict(key), functions.histogram_quantile(q, buckets)) for key, buckets in groups.items()]


def _label_replace(on: Evaluator, expr: ast.Call, t: int) -> Vector:
    target, replacement, source, pattern = (_text(on, a, t) for a in expr.args[1:])
    regex = re.compile(pattern, re.DOTALL)
    result: Vector = []
    for labels, value in on.vector(expr.args[0], t):
        match = regex.fullmatch(labels.get(source, ""))
        if match is not None:
            text = _REFERENCE.sub(lambda r, m=match: _group(m, r), replacement)  # type: ignore[misc]
            labels = {k: v for k, v in labels.items() if k != target}
            if text:
                labels[target] = text
        result.append((labels, value))
    return result


def _group(match: re.Match[str], reference: re.Match[str]) -> str:
    name = reference[1] or reference[2]
    if name is None:
        return "$"
    try:
        return (match[int(name)] if name.isdigit() else match[name]) or ""
    except IndexError:
        return ""


def _label_join(on: Evaluator, expr: ast.Call, t: int) -> Vector:
    target, separator, *sources = (_text(on, a, t) for a in expr.args[1:])
    result: Vector = []
    for labels, value in on.vector(expr.args[0], t):
        text = separator.join(labels.get(s, "") for s in sources)
        labels = {k: v for k, v in labels.items() if k != target}
        result.append(({**labels, target: text} if text else labels, value))
    return result
