"""What a function returns."""

from __future__ import annotations

import math
from collections.abc import Callable

from monitoring_kit.promql import ast
from monitoring_kit.promql.infer.source import Fact, Source, Value, Why
from monitoring_kit.promql.infer.units import per_second
from monitoring_kit.promql.world import INF, World

RATES = frozenset(("rate", "irate", "increase"))
_KEEP = frozenset(
    ("sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "min_over_time", "max_over_time", "last_over_time")
)  # fmt: skip
_WITHIN = frozenset(("avg_over_time", "quantile_over_time"))
_ROUNDING: dict[str, Callable[[float], int]] = {
    "round": lambda value: math.floor(value + 0.5),
    "ceil": math.ceil,
    "floor": math.floor,
}
_SLOPES = frozenset(("deriv", "delta", "idelta"))
_TIMES = frozenset(("ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time", "timestamp"))
# Bounds of functions whose value says nothing about their argument's unit.
_BOUNDS: dict[str, tuple[float, float]] = {
    "changes": (0, INF), "resets": (0, INF), "count_over_time": (1, INF), "present_over_time": (1, 1), "sgn": (-1, 1),
    "exp": (0, INF), "sqrt": (0, INF), "hour": (0, 23), "minute": (0, 59), "day_of_week": (0, 6), "month": (1, 12),
    "day_of_month": (1, 31), "days_in_month": (28, 31), "day_of_year": (1, 366), "histogram_count": (0, INF),
    "histogram_fraction": (0, 1), "sin": (-1, 1), "cos": (-1, 1), "tanh": (-1, 1),
}  # fmt: skip
_ALWAYS = Why((0, 0), "it has no labels")


def call(node: ast.Call, args: list[Value], world: World) -> Value:
    """The branches of the vector argument, changed as the function changes them; one branch where it has none."""
    func = node.func
    if func in ("absent", "absent_over_time"):
        return (_absent(node),)
    if func == "vector":
        return tuple(_vector(node, source) for source in args[0])
    if func == "scalar":
        return tuple(_scalar(node, source) for source in args[0])
    if func == "time":
        return (Source(node, rest=_why(node), unit="timestamp", low=1e9, scalar=True, always=True),)
    if func == "pi":
        return (Source(node, rest=_why(node), low=3.14, high=3.15, scalar=True, always=True),)
    vectors = [arg for arg in args if arg and not arg[0].scalar]
    if not vectors:
        found = Source(node, rest=_why(node), always=True)
        low, high = _BOUNDS.get(func, (-INF, INF))
        return (found.number(low, high),)
    return tuple([_changed(node, func, source, args, world) for source in vectors[0]])


def _why(node: ast.Call) -> Why:
    return Why(node.span, f"`{node.func}()` has no labels")


def _absent(node: ast.Call) -> Source:
    arg = node.args[0]
    while isinstance(arg, ast.Paren):
        arg = arg.expr
    if isinstance(arg, ast.MatrixSelector):
        arg = arg.vector
    have: dict[str, Fact] = {}
    if isinstance(arg, ast.VectorSelector):
        names = [m.name for m in arg.matchers]
        have = {
            m.name: Fact(True, None if "$" in m.value else m.value)
            for m in arg.matchers
            if m.op == "=" and m.value and names.count(m.name) == 1 and m.name != ast.METRIC_NAME
        }
        text = f"`{node.func}()` has only the labels of equality matchers"
    else:
        text = f"`{node.func}()` of an expression has no labels"
    one = frozenset((1.0,))
    return Source(node, have, {}, Why(node.func_span, text), "absent", None, 1.0, 1.0, one)


def _vector(node: ast.Call, source: Source) -> Source:
    found = source.copy(node)
    found.scalar, found.always, found.rest = False, True, _why(node)
    return found


def _scalar(node: ast.Call, source: Source) -> Source:
    found = source.copy(node)
    found.have, found.gone, found.rest = {}, {}, _why(node)
    found.scalar, found.always, found.dead, found.series, found.tautology = True, True, None, None, None
    # A vector that has not exactly one series becomes NaN: no bounds can be given.
    found.low, found.high, found.steps = -INF, INF, None
    return found


def _number(value: Value) -> float | None:
    source = value[0]
    return source.low if source.const and source.low == source.high else None


def _is_phi(value: float | None) -> bool:
    """Whether it is known to be a quantile; of others Prometheus makes an infinity or NaN."""
    return value is not None and 0 <= value <= 1


def _changed(node: ast.Call, func: str, source: Source, args: list[Value], world: World) -> Source:
    found = source.copy(node)
    if func in RATES:
        return _rate(found, source, func)
    if func in _KEEP:
        return found
    if func in _WITHIN:
        found.steps = None
        if func == "quantile_over_time" and not _is_phi(_number(args[0])):
            found.low, found.high = -INF, INF
        return found
    if func in ("histogram_quantile", "histogram_avg", "histogram_sum", "histogram_stddev"):
        return _histogram(found, source, func, args)
    if func in ("label_replace", "label_join"):
        return _labelled(node, found)
    if func in _ROUNDING:
        if len(args) > 1:
            return found.number(-INF, INF, source.unit)
        # They never turn around the order of two values.
        found.low, found.high = (x if math.isinf(x) else float(_ROUNDING[func](x)) for x in (source.low, source.high))
        found.steps = None
        return found
    if func in ("clamp_min", "clamp_max", "clamp"):
        return _clamped(found, source, func, args)
    if func == "abs":
        high = max(abs(source.low), abs(source.high))
        return found.number(
            0.0 if source.low <= 0 <= source.high else min(abs(source.low), abs(source.high)), high, source.unit
        )
    if func == "sum_over_time":
        return found.number(0.0 if source.low >= 0 else -INF, 0.0 if source.high <= 0 else INF, source.unit)
    found.series = None
    if func in _SLOPES:
        unit = "seconds" if source.unit == "timestamp" else source.unit
        return found.number(-INF, INF, per_second(unit) if func == "deriv" else unit)
    if func in ("predict_linear", "holt_winters", "double_exponential_smoothing", "mad_over_time", "stddev_over_time"):
        return found.number(-INF, INF, source.unit)
    if func in _TIMES:
        return found.number(0.0, INF, "timestamp")
    if func == "info":
        found.rest, found.gone = None, {}
        return found
    low, high = _BOUNDS.get(func, (-INF, INF))
    return found.number(low, high, None, "count" if func == "count_over_time" else "gauge")


def _rate(found: Source, source: Source, func: str) -> Source:
    if source.kind == "native":
        return found
    bucket = source.kind in ("bucket", "bucket_rate", "summed_bucket")
    counts = source.kind in ("counter", "bucket", "summed", "summed_bucket")
    unit = source.unit if func == "increase" else per_second(source.unit)
    # A fall is taken for a restart at 0, so a rate is no less than 0, unless the samples themselves are: those of a gauge may be.
    return found.number(0.0 if counts else -INF, INF, unit, "bucket_rate" if bucket else "rate")


def _histogram(found: Source, source: Source, func: str, args: list[Value]) -> Source:
    series = source.series
    unit = series.base_unit if series is not None else None
    found.have = {label: fact for label, fact in source.have.items() if label != "le"}
    if source.why_not("le") is None:
        found.gone = {**source.gone, "le": Why(found.node.span, "`histogram_quantile` consumes `le`")}
    low, high = -INF, INF
    # Only the series of buckets has them.
    if func == "histogram_quantile" and series is not None and series.buckets and _is_phi(_number(args[0])):
        high = max(series.buckets)
        low = min(0.0, *series.buckets)
    found.number(low, high, unit)
    return found


def _labelled(node: ast.Call, found: Source) -> Source:
    target = node.args[1]
    if isinstance(target, ast.String):
        before, replacement = found.fact(target.value), node.args[2]
        # Replaced by an empty text a label is removed.
        text = replacement.value if isinstance(replacement, ast.String) else ""
        stays = node.func == "label_replace" and text != "" and "$" not in text
        found.have = {**found.have, target.value: Fact(before is not None and before.sure and stays)}
        found.gone = {label: why for label, why in found.gone.items() if label != target.value}
    return found


def _clamped(found: Source, source: Source, func: str, args: list[Value]) -> Source:
    low, high = source.low, source.high
    if func in ("clamp_min", "clamp"):
        least = args[1][0]
        low, high = max(low, least.low), max(high, least.high)
    if func in ("clamp_max", "clamp"):
        most = args[-1][0]
        low, high = min(low, most.low), min(high, most.high)
    found.low, found.high, found.steps = low, high, None
    return found
