"""What panels ask: recorded series where there are some, the signal's own PromQL where the detail is finer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from monitoring_kit.conventions import SERVICE, WATCHDOG
from monitoring_kit.lower.signals import RATE_INTERVAL, signal_expr, template_of
from monitoring_kit.promql import Expr, add_matchers, print_expr
from monitoring_kit.promql.ast import Aggregate, Binary, Call, Matcher, MatrixSelector, Number, VectorSelector
from monitoring_kit.promql.template import hole
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import ServiceView

ANY_INSTANCE = Matcher("instance", "=~", "$instance")
ANY_SERVICE = Matcher(SERVICE, "=~", "$service")
# The watchdog always fires: it says nothing about the system.
_REAL = Matcher("alertname", "!=", WATCHDOG)


def series(name: str, *matchers: Matcher, **labels: str) -> VectorSelector:
    """``name{label="value", ...}``."""
    return VectorSelector(name, (*(Matcher(k, "=", v) for k, v in labels.items()), *matchers))


def fold(op: str, by: tuple[str, ...], expr: Expr, param: Expr | None = None) -> Aggregate:
    """``op by (labels) (expr)``."""
    return Aggregate(op, expr, param, by)


def among(services: Iterable[str]) -> Matcher:
    """A matcher for one of some services. Names hold ``.`` and ``-``; only the first means something in RE2."""
    names = [name.replace(".", "\\.") for name in services]
    return (
        Matcher(SERVICE, "=", names[0].replace("\\.", "."))
        if len(names) == 1
        else Matcher(SERVICE, "=~", "|".join(names))
    )


def recorded_series(name: str, use: SignalUse, *matchers: Matcher) -> str:
    """The recorded series of a signal, narrowed to the chosen instances where it keeps them apart."""
    if "instance" in use.signal.by:
        matchers = (*matchers, ANY_INSTANCE)
    return print_expr(VectorSelector(name, matchers))


def live(view: ServiceView, use: SignalUse) -> str:
    """The signal from raw series, over a range that follows the zoom."""
    return print_expr(signal_expr(view, use, RATE_INTERVAL))


def split(view: ServiceView, use: SignalUse, label: str) -> str:
    """The signal broken down by ``label``, for the chosen instances."""

    def build() -> Expr:
        expr = signal_expr(replace(view, name=hole("job")), use, RATE_INTERVAL, (label,))
        return add_matchers(expr, (ANY_INSTANCE,))

    return template_of(("split", label, use.quantile, view.cpu, view.memory), use.signal, build).fill(job=view.job)


def buckets(view: ServiceView, use: SignalUse) -> str:
    """Observations per second in each bucket of a histogram signal, for a heatmap."""
    histogram = use.signal.histogram
    assert isinstance(histogram, VectorSelector)

    def build() -> Expr:
        return _buckets(histogram, Matcher("job", "=", hole("job")), ANY_INSTANCE)

    return template_of(("buckets",), use.signal, build).fill(job=view.job)


def buckets_of_all(uses: Iterable[SignalUse], which: Matcher) -> list[str]:
    """The same over several services, one query for each histogram that they know the signal by."""
    histograms = {
        use.signal.histogram.name: use.signal.histogram
        for use in uses
        if isinstance(use.signal.histogram, VectorSelector)
    }
    return [print_expr(_buckets(histogram, which)) for histogram in histograms.values()]


def _buckets(histogram: VectorSelector, *matchers: Matcher) -> Expr:
    selector = VectorSelector(f"{histogram.name}_bucket", (*histogram.matchers, *matchers))
    return fold("sum", ("le",), Call("rate", (MatrixSelector(selector, RATE_INTERVAL),)))


def alert_states(by: tuple[str, ...], *matchers: Matcher) -> str:
    """1 for a firing alert, 0 for a pending one."""
    firing = fold("max", by, series("ALERTS", _REAL, *matchers, alertstate="firing"))
    pending = fold("max", by, series("ALERTS", _REAL, *matchers, alertstate="pending"))
    return print_expr(Binary("or", firing, Binary("*", pending, Number(0))))


def firing_alerts(by: tuple[str, ...], *matchers: Matcher) -> str:
    """The firing alerts."""
    return print_expr(fold("max", by, series("ALERTS", _REAL, *matchers, alertstate="firing")))


def alert_count(severity: str, *matchers: Matcher) -> str:
    """How many alerts of a severity fire; nothing when none does."""
    return print_expr(fold("count", (), series("ALERTS", _REAL, *matchers, alertstate="firing", severity=severity)))


def legend(labels: Iterable[str]) -> str:
    """A legend of label values: ``{{service}} {{instance}}``."""
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def legend_labels(template: str) -> list[str]:
    """The labels that a legend names."""
    return re.findall(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}", template)
