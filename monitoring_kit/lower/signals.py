"""Signals to PromQL: one expression for a use of a signal by a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from monitoring_kit.conventions import SERVICE, recorded
from monitoring_kit.promql import Expr, add_matchers, replace_durations, replace_variables
from monitoring_kit.promql.ast import (
    Aggregate,
    Binary,
    Call,
    DurationVar,
    Matcher,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    VectorSelector,
)
from monitoring_kit.promql.ast import (
    Duration as PromDuration,
)
from monitoring_kit.promql.template import Template, hole
from monitoring_kit.resolve.signals import Signal, SignalUse
from monitoring_kit.resolve.system import ServiceView
from monitoring_kit.spec.quantity import Duration

RATE_INTERVAL = DurationVar("__rate_interval")
ON_SERVICE = Matching(True, (SERVICE,))


def signal_expr(
    view: ServiceView, use: SignalUse, window: DurationVar | None = None, split: tuple[str, ...] = ()
) -> Expr:
    """The PromQL of ``use`` for the service ``view``: its selectors select the service's job, its range is the use's
    window, or ``window`` (a dashboard's ``$__rate_interval``). ``split`` keeps further labels apart.

    A ratio of events is the ratio of the sums, never the average of ratios; it has a value of 0 while no bad event has
    ever been seen, and no value while there are no events at all.
    """
    expr = _built(use.signal, use.quantile, use.window, window, split)
    values: dict[str, str | float] = {"cpu": view.cpu, "memory": view.memory}
    return _selecting(replace_variables(expr, values) if use.signal.resources else expr, view.job)


def signal_text(view: ServiceView, use: SignalUse) -> str:
    """``signal_expr`` as text: printed once and filled in for every service of a kind."""
    resources = (view.cpu, view.memory) if use.signal.resources else None

    def build() -> Expr:
        return signal_expr(replace(view, name=hole("job")), use)

    return template_of(("record", use.quantile, use.window, resources), use.signal, build).fill(job=view.job)


def template_of(key: tuple[object, ...], signal: Signal, build: Callable[[], Expr]) -> Template:
    """The printed query of a signal, shared by all services of a kind. ``key`` names the query and what it depends on."""
    found: Template | None = signal.derived.get(key)
    if found is None:
        found = signal.derived[key] = Template(build())
    return found


def _selecting(expr: Expr, job: str) -> Expr:
    return add_matchers(expr, {"job": job})


def _built(
    signal: Signal,
    quantile: float | None,
    window: Duration | None,
    variable: DurationVar | None,
    split: tuple[str, ...],
) -> Expr:
    """The expression before the service's job and resources are put in: shared by all services of a kind."""
    key = ("expr", quantile, window, variable and variable.name, split)
    found: Expr | None = signal.derived.get(key)
    if found is None:
        found = signal.derived[key] = _build(signal, quantile, window, variable, split)
    return found


def _build(
    signal: Signal,
    quantile: float | None,
    window: Duration | None,
    variable: DurationVar | None,
    split: tuple[str, ...],
) -> Expr:
    range_: PromDuration | DurationVar = variable or PromDuration(float((window or signal.window).ms))
    if signal.histogram is not None:
        return _quantile(signal.histogram, quantile or signal.quantile, range_, split)
    if signal.ratio is not None:
        return _ratio(signal.ratio[0], signal.ratio[1], range_, split)
    assert signal.expr is not None
    expr = replace_durations(signal.expr, {"window": range_}) if signal.windowed else signal.expr
    return _keeping(expr, split) if split else expr


def _rate(selector: Expr, range_: PromDuration | DurationVar) -> Expr:
    assert isinstance(selector, VectorSelector)
    return Call("rate", (MatrixSelector(selector, range_),))


def _sum(expr: Expr, labels: tuple[str, ...]) -> Expr:
    return Aggregate("sum", expr, grouping=labels)


def _ratio(bad: Expr, total: Expr, range_: PromDuration | DurationVar, split: tuple[str, ...]) -> Expr:
    labels = (SERVICE,)
    if split:
        # Broken down: the share of each class of bad events in all events.
        everything = Paren(Binary(">", _sum(_rate(total, range_), labels), Number(0)))
        return Binary(
            "/", _sum(_rate(bad, range_), (SERVICE, *split)), everything, matching=Matching(True, labels, "left")
        )
    total_rate = _sum(_rate(total, range_), labels)
    zero = Binary("*", Number(0), total_rate)
    bad_rate = Paren(Binary("or", _sum(_rate(bad, range_), labels), zero, matching=ON_SERVICE))
    return Binary("/", bad_rate, Paren(Binary(">", total_rate, Number(0))))


def _quantile(histogram: Expr, quantile: float, range_: PromDuration | DurationVar, split: tuple[str, ...]) -> Expr:
    assert isinstance(histogram, VectorSelector)
    buckets = VectorSelector(f"{histogram.name}_bucket", histogram.matchers)
    return Call("histogram_quantile", (Number(quantile), _sum(_rate(buckets, range_), (SERVICE, *split, "le"))))


def _keeping(expr: Expr, split: tuple[str, ...]) -> Expr:
    """A simple aggregation with further labels kept apart; anything else is left as it is."""
    if isinstance(expr, Aggregate) and not expr.without:
        return Aggregate(expr.op, expr.expr, expr.param, (*expr.grouping, *split))
    return expr


def recorded_selector(use: SignalUse, service: str | None, extra: Mapping[str, str] | None = None) -> Expr:
    """The selector of the recorded series of ``use``, for one service or for all."""
    matchers = [Matcher(SERVICE, "=", service)] if service is not None else []
    matchers += [Matcher(k, "=", v) for k, v in (extra or {}).items()]
    return VectorSelector(recorded(use), tuple(matchers))
