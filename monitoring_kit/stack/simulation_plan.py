"""From a compiled system to what each simulated service exposes: exactly the metrics that the spec declares for it and the
ones that its signals read."""

from __future__ import annotations

import fnmatch
import itertools
import re
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from monitoring_kit.lower.model import Model
from monitoring_kit.promql import selectors
from monitoring_kit.promql.ast import Matcher, VectorSelector
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo
from monitoring_kit.resolve.signals import needed_series
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.shipped import yaml_of

MAX_SERIES = 64


@dataclass(frozen=True)
class SimulatedSeries:
    """One series: its labels, whether it counts bad events, and its share of the metric's level."""

    labels: dict[str, str]
    bad: bool
    share: float


@dataclass(frozen=True)
class SimulatedMetric:
    """One metric of a simulated service. ``level`` is a gauge's value or a counter's rate per second; with ``age`` the gauge
    is a time, ``level`` seconds ago."""

    name: str
    type: str
    help: str
    level: float
    steady: bool
    unit: str
    series: list[SimulatedSeries]
    buckets: list[float] = field(default_factory=list)
    age: bool = False


@dataclass(frozen=True)
class SimulatedService:
    """What a simulator process is told; plain data, so that it travels as JSON. ``alive`` is the gauge that is 0 when what
    stands behind an exporter is down."""

    service: str
    kind: str
    metrics: list[SimulatedMetric]
    alive: str | None = None

    def plain(self) -> dict[str, Any]:
        """The plan as JSON data."""
        return asdict(self)


def plan(system: System, model: Model) -> list[SimulatedService]:
    """What every service of ``system`` exposes when it is simulated."""
    matchers = _matchers(model)
    return [
        SimulatedService(name, view.pack.kind, _metrics(system, view, matchers), view.alive)
        for name, view in system.services.items()
    ]


@cache
def _profile() -> dict[str, Any]:
    return yaml_of("monitoring_kit.stack", "simulation.yaml")  # type: ignore[no-any-return]


def _matchers(model: Model) -> dict[tuple[str, str], list[Matcher]]:
    """(metric, label) -> the matchers that rules put on it: the simulated values must meet them and miss them."""
    found: dict[tuple[str, str], list[Matcher]] = {}
    exprs = [*(rule.expr for rule in model.recordings), *(rule.expr for rule in model.alerts)]
    for expr in exprs:
        for selector in selectors(expr):
            for matcher in selector.matchers:
                found.setdefault((selector.name or "", matcher.name), []).append(matcher)
    return found


def _metrics(
    system: System, view: ServiceView, matchers: dict[tuple[str, str], list[Matcher]]
) -> list[SimulatedMetric]:
    known = system.registry.by_service[view.name]
    read = {name for signal in view.signals.values() for name in needed_series(signal)}
    chosen = {n: m for n, m in known.items() if m.span is not None or m.source.startswith("pack ") or n in read}
    bad, worst = _bad_events(view)
    found = []
    for name, info in chosen.items():
        if info.source == "every scrape":
            continue
        level, steady, age = _level(name, view)
        series = _series(info, matchers, bad.get(name, []), name in worst)
        kind = info.type if info.type in ("counter", "gauge", "histogram") else "gauge"
        if info.source.startswith(("mysqld", "redis")) and info.type == "unknown":
            kind = "gauge"
        buckets = [float(b) for b in info.buckets if b != float("inf")]
        found.append(SimulatedMetric(name, kind, info.help, level, steady, info.unit or "", series, buckets, age))
    return found


def _bad_events(view: ServiceView) -> tuple[dict[str, list[tuple[Matcher, ...]]], set[str]]:
    """Metric -> matchers of its bad events; and the metrics that count nothing but bad events."""
    within: dict[str, list[tuple[Matcher, ...]]] = {}
    whole: set[str] = set()
    for signal in view.signals.values():
        if signal.ratio is None:
            continue
        bad, total = signal.ratio
        if isinstance(bad, VectorSelector) and isinstance(total, VectorSelector) and bad.name:
            if bad.name == total.name:
                within.setdefault(bad.name, []).append(bad.matchers)
            else:
                whole.add(bad.name)
    return within, whole


def _level(name: str, view: ServiceView) -> tuple[float, bool, bool]:
    for entry in _profile()["levels"]:
        if fnmatch.fnmatch(name, entry["name"]):
            scale = {"cpu": view.cpu, "memory": view.memory}.get(entry.get("of"), 1.0)
            return float(entry["level"]) * scale, bool(entry.get("steady")), entry.get("of") == "time"
    return 1.0, False, False


def _series(
    info: MetricInfo, matchers: dict[tuple[str, str], list[Matcher]], bad: list[tuple[Matcher, ...]], all_bad: bool
) -> list[SimulatedSeries]:
    names = list(info.labels)
    base = f"{info.name}_bucket" if info.type == "histogram" else info.name
    values = [
        _values(n, info.labels[n], [*matchers.get((info.name, n), []), *matchers.get((base, n), [])]) for n in names
    ]
    rows = [dict(zip(names, row, strict=True)) for row in itertools.islice(itertools.product(*values), MAX_SERIES)]
    is_bad = [all_bad or any(all(_meets(m, row.get(m.name, "")) for m in group) for group in bad) for row in rows]
    good = max(is_bad.count(False), 1)
    return [
        SimulatedSeries(row, flag, 1 / (is_bad.count(True) if flag else good))
        for row, flag in zip(rows, is_bad, strict=True)
    ]


def _values(label: str, info: LabelInfo, wanted: list[Matcher]) -> list[str]:
    if info.values:
        return list(info.values)
    profile = _profile()
    offered = profile["labels"].get(label, [f"{label}-1"])
    if info.pattern:
        offered = [v for v in (*offered, *profile["candidates"]) if re.fullmatch(info.pattern, v)] or offered
    found = list(dict.fromkeys(offered))
    for matcher in wanted:
        if not any(_meets(matcher, v) for v in found):
            found += _meeting(matcher, profile["candidates"])
    return found[: info.max] if info.max else found


def _meeting(matcher: Matcher, candidates: list[str]) -> list[str]:
    if matcher.op == "=":
        return [matcher.value]
    return [v for v in (*candidates, *re.split(r"[|()^$?.*+]+", matcher.value)) if v and _meets(matcher, v)][:1]


def _meets(matcher: Matcher, value: str) -> bool:
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return bool(re.fullmatch(matcher.value, value)) == (matcher.op == "=~")
