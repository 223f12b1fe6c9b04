"""Levels over time to samples: gauges, counters with resets, histograms with their buckets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from monitoring_kit.verify.rule_tests.engine import Engine
from monitoring_kit.verify.rule_tests.leaves import BASE_RATE, Leaf, Level
from monitoring_kit.verify.rule_tests.store import STALE, InputSeries, Store

# One entry a step and leaf.
Levels = Mapping[str, Sequence[Level]]


def build(leaves: Sequence[Leaf], levels: Levels, step: int, *, engine: Engine, resets: Sequence[int] = ()) -> Store:
    """The series of ``leaves`` at their levels; None ends a series with a staleness marker, as a target that is gone does.
    ``resets`` are the steps before which every counter starts again from 0."""
    series: list[InputSeries] = []
    for leaf in leaves:
        own = levels[leaf.key]
        if leaf.kind in ("up", "gauge"):
            series.append(InputSeries(leaf.name, leaf.labels, _marked(list(own))))
        elif leaf.kind == "counter":
            parts = [levels[key] for key in leaf.rest_of]
            rates = [None if v is None else max(0.0, v - sum(p[i] or 0.0 for p in parts)) for i, v in enumerate(own)]
            series.append(InputSeries(leaf.name, leaf.labels, _marked(_counted(rates, step, resets))))
        else:
            series += _histogram(leaf, own, step, resets)
    return Store(step, series, engine)


def _marked(values: list[float | None]) -> list[float | str | None]:
    found: list[float | str | None] = list(values)
    for i in range(1, len(values)):
        if values[i] is None and values[i - 1] is not None:
            found[i] = STALE
    return found


def _counted(rates: Sequence[Level], step: int, resets: Sequence[int]) -> list[float | None]:
    total = 0.0
    found: list[float | None] = []
    for i, rate in enumerate(rates):
        if i in resets:
            total = 0.0
        if rate is None:
            found.append(None)
            total = 0.0
            continue
        total += rate * step / 1000
        # Whole numbers stay whole whatever the rounding of the product.
        total = round(total) if abs(total - round(total)) < 1e-6 else total
        found.append(float(total))
    return found


def _histogram(leaf: Leaf, levels: Sequence[Level], step: int, resets: Sequence[int]) -> list[InputSeries]:
    per_bucket: list[list[Level]] = [[] for _ in range(len(leaf.buckets) + 1)]
    sums: list[Level] = []
    for level in levels:
        shares = None if level is None else cumulative(leaf, level)
        for i, rates in enumerate(per_bucket):
            rates.append(None if shares is None else shares[i] * BASE_RATE)
        sums.append(None if level is None else BASE_RATE * abs(level))
    found = []
    for bound, rates in zip((*leaf.buckets, math.inf), per_bucket, strict=True):
        le = "+Inf" if math.isinf(bound) else f"{bound:.17g}" if float(f"{bound:g}") != bound else f"{bound:g}"
        values = _marked(_counted(rates, step, resets))
        found.append(InputSeries(f"{leaf.name}_bucket", {**leaf.labels, "le": le}, values))
    found.append(InputSeries(f"{leaf.name}_count", leaf.labels, found[-1].values))
    found.append(InputSeries(f"{leaf.name}_sum", leaf.labels, _marked(_counted(sums, step, resets))))
    return found


def cumulative(leaf: Leaf, level: float) -> list[float]:
    """The share of events up to each bucket's bound (the last: all of them), such that ``histogram_quantile(leaf.quantile)``
    gives ``level``; for kind shares ``level`` is the share of events above the last finite bound but one."""
    bounds = leaf.buckets
    if leaf.kind == "shares":
        slow = min(1.0, max(0.0, level))
        return [1.0 - slow] * max(0, len(bounds) - 1) + [1.0 - slow / 2, 1.0]
    q = leaf.quantile
    index = next((i for i, bound in enumerate(bounds) if level <= bound), len(bounds))
    if index == len(bounds):
        return [0.0] * len(bounds) + [1.0]
    low = bounds[index - 1] if index else 0.0
    place = (level - low) / (bounds[index] - low)
    if place <= 0:
        place = 1e-9
    if place < q:
        below = (q - place) / (1 - place)
        return [below if i < index else 1.0 for i in range(len(bounds) + 1)] if index else _first(place, q, bounds)
    inside = q / place
    return [0.0 if i < index else inside for i in range(len(bounds))] + [1.0]


def _first(place: float, q: float, bounds: Sequence[float]) -> list[float]:
    # The first bucket has nothing below it: only more in it brings the quantile down, and it cannot go below q of its bound.
    return [min(1.0, q / max(place, q))] * len(bounds) + [1.0]
