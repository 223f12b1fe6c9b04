"""Totals that grow row by row: a counter or histogram kept apart from the exposition, so that it can be saved first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..runtime import HistogramValue, MetricSpec, Registry
from ..runtime.budget import Witness
from .drops import Drops, drops
from .rows import Row


class Ledger:
    """The running totals of one metric. Label values pass the metric's own allow-lists and caps on the way in."""

    def __init__(self, spec: MetricSpec, witness: Witness | None = None) -> None:
        self._witness = witness
        self._registry = Registry("ledger", max_series=None)
        self._family = self._registry.declare(spec)
        self._histogram = spec.kind == "histogram"

    def add(self, rows: Iterable[Row]) -> None:
        """Count each row once: a histogram observes its value, a counter grows by it (ValueError below zero)."""
        for row in rows:
            child = self._family.labels(*row.labels)
            if self._histogram:
                child.observe(row.value)
            else:
                child.inc(row.value)

    def init_known(self) -> None:
        """Start every label set of the allow-lists at zero."""
        self._family.init_known()

    def totals(self) -> list[tuple[tuple[str, ...], Any]]:
        """Rows for the exposed family."""
        return [
            (child.values, child.snapshot() if self._histogram else child.value) for child in self._family.children()
        ]

    def dropped(self) -> Drops:
        """The rows that the gates dropped or folded so far."""
        return drops(self._registry.budget, self._family.name)

    def dump(self) -> list[Any]:
        """Plain data for the state file."""
        return [[list(labels), _plain(value)] for labels, value in self.totals()]

    def load(self, data: list[Any]) -> None:
        """Take over ``dump``'s data; call once, before ``add``."""
        for labels, value in data:
            child = self._family.labels(*labels)
            if self._histogram:
                child.merge(_histogram(value))
            else:
                child.inc(float(value))
        # Of rows to come: what was saved once is no answer's.
        self._registry.budget.witness = self._witness


def _plain(value: Any) -> Any:
    if not isinstance(value, HistogramValue):
        return value
    sides = [[[index, count] for index, count in side.items()] for side in (value.positive, value.negative)]
    return [list(value.counts), value.sum, value.zero_count, *sides, value.schema]


def _histogram(data: list[Any]) -> HistogramValue:
    counts, total, zero, positive, negative, schema = data
    return HistogramValue(counts, total, zero, dict(positive), dict(negative), schema)
