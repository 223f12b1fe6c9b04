"""Signals: what a kind of service can be asked, defined once as data in a pack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.promql import Expr, walk
from monitoring_kit.promql.ast import VectorSelector
from monitoring_kit.spec.quantity import Duration

# How a signal's unit is drawn: Grafana's unit ids (@grafana/data valueFormats).
GRAFANA_UNITS = {
    "ratio": "percentunit",
    "seconds": "s",
    "bytes": "bytes",
    "per_second": "ops",
    "bytes_per_second": "Bps",
    "number": "short",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a pack.

    Exactly one of ``expr``, ``ratio`` and ``histogram`` defines it. In ``expr`` the variable ``$window`` stands for the
    range, ``$cpu`` and ``$memory`` for the service's resources in cores and bytes. ``ratio`` is (bad events, all events) as selectors
    of counters. ``histogram`` is the base name of a histogram; its use takes a quantile. ``unit`` is a dimension of
    ``spec.quantity``, ``bad`` says which direction is bad: high, low or none. ``by`` are the labels that the result keeps beside
    ``service``, ``split`` the labels that a detail panel breaks it down by. ``derived`` keeps what later stages make of it
    for one service and need again for the next; it goes with the signal.
    """

    name: str
    title: str
    description: str
    unit: str
    bad: str
    span: Span
    expr: Expr | None = None
    ratio: tuple[Expr, Expr] | None = None
    histogram: Expr | None = None
    window: Duration = Duration(300_000)
    windowed: bool = True
    quantile: float = 0.95
    by: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    grafana_unit: str = ""
    operation: str = ""
    capacity: bool = False
    text: str = ""
    derived: dict[tuple[object, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def form(self) -> str:
        """histogram, ratio or expr."""
        return "histogram" if self.histogram is not None else "ratio" if self.ratio is not None else "expr"

    @property
    def resources(self) -> tuple[str, ...]:
        """The keys of a service's ``resources`` that the signal is a share of."""
        return tuple(name for name in ("cpu", "memory") if f"${name}" in self.text) if "$" in self.text else ()

    @property
    def display_unit(self) -> str:
        """Grafana's unit id."""
        return self.grafana_unit or GRAFANA_UNITS[self.unit]


@dataclass(frozen=True, slots=True)
class SignalUse:
    """A signal with its arguments: ``latency(p95, 1h)``. ``quantile`` is None unless the signal is a histogram."""

    signal: Signal
    quantile: float | None
    window: Duration | None

    def __str__(self) -> str:
        args = [quantile_name(self.quantile)] if self.quantile is not None else []
        if self.window is not None and self.window != self.signal.window:
            args.append(str(self.window))
        return f"{self.signal.name}({', '.join(args)})" if args else self.signal.name

    @property
    def title(self) -> str:
        """A title for people: ``Latency p95``."""
        return self.signal.title + (f" {quantile_name(self.quantile)}" if self.quantile is not None else "")


def needed_series(signal: Signal) -> Iterable[str]:
    """The names of the metrics that a signal reads; for a histogram its base name."""
    exprs = [e for e in (signal.expr, signal.histogram, *(signal.ratio or ())) if e is not None]
    return {n.name for e in exprs for n in walk(e) if isinstance(n, VectorSelector) and n.name}


def quantile_name(quantile: float | None) -> str:
    """``p95`` for 0.95, ``p99_9`` for 0.999 (a dot cannot stand in a metric name)."""
    return "p" + f"{(quantile or 0) * 100:.6g}".replace(".", "_")


@dataclass(frozen=True, slots=True)
class Pack:
    """The signals of one kind of service. ``catalogs`` name the captured metric catalogs it draws on; ``alive`` is the gauge by
    which an exporter says whether the thing that it looks at answers, None where targets speak for themselves. ``probe``: the targets
    are asked through an exporter, never scraped. ``honor_labels``: the targets speak for others, whose ``instance`` stays."""

    kind: str
    title: str
    description: str
    signals: dict[str, Signal]
    catalogs: tuple[str, ...] = ()
    path: str = ""
    standard: tuple[str, ...] = field(default=())
    alive: str | None = None
    probe: bool = False
    honor_labels: bool = False
