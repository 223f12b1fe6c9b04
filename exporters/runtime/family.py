"""Metric families: the children of one metric, live or replaced as a whole by a collector."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, Generic, TypeVar

from .budget import Budget
from .children import (
    Child,
    CounterChild,
    GaugeChild,
    HistogramChild,
    HistogramLayout,
    HistogramValue,
    InfoChild,
    RangedGaugeChild,
)
from .errors import RepeatedRow, RowError, SumTooLarge
from .gate import Gate
from .heads import head
from .lines import LineCache
from .names import label_block, number
from .spec import MetricSpec

Value = float | int | HistogramValue
_INF = float("inf")
Row = tuple[Sequence[str], Value]
ChildT = TypeVar("ChildT", Child, HistogramChild)


class Family(Generic[ChildT]):
    """One metric family. Make it with ``Registry.declare``.

    Either live (``labels(...)`` and increments from one writer) or const (``replace(rows)`` from its collector).
    """

    def __init__(self, spec: MetricSpec, budget: Budget) -> None:
        self.spec = spec
        self.name = spec.name
        self.kind = spec.kind
        self.budget = budget
        self._gate = Gate(spec.labels)
        self._width = len(spec.labels)
        self._cost = spec.series_per_set
        self._children: dict[tuple[str, ...], ChildT] = {}
        self._sink: ChildT = self._make(tuple("" for _ in spec.labels))
        self.lines = LineCache()
        self.heads = (head(spec, False).encode(), head(spec, True).encode())

    def _make(self, values: tuple[str, ...]) -> ChildT:
        raise NotImplementedError

    def _put(self, child: ChildT, value: Any) -> None:
        """Set a const value; RowError when the type cannot hold it."""
        raise NotImplementedError

    def _fold(self, old: Any, new: Any) -> Any:
        raise NotImplementedError

    @property
    def label_names(self) -> tuple[str, ...]:
        return self.spec.label_names

    @property
    def series(self) -> int:
        """Prometheus series held now."""
        return len(self._children) * self._cost

    def children(self) -> list[ChildT]:
        """The children now; the list is the caller's."""
        return list(self._children.values())

    @property
    def sink(self) -> ChildT:
        """What ``labels`` gives for a label set that is no series and has no other to be folded into."""
        return self._sink

    def drop(self, reason: str, count: int = 1, folded: bool = False) -> None:
        """Count samples of this family that were dropped, or ``folded`` into another label set."""
        self.budget.drop(self.name, reason, count, folded)

    def _refuse(self, values: tuple[str, ...], reason: str, folded: bool) -> None:
        self.drop(reason, folded=folded)
        if self.budget.witness is not None:
            for label, value, why in self._gate.refused(values):
                if why == reason:
                    self.budget.witness(self.name, reason, folded, label, value)

    def labels(self, *values: str) -> ChildT:
        """The live child of that label set, in declared order. Never fails on values: past a gate or cap it is a sink.

        RowError when the number of values is wrong.
        """
        child = self._children.get(values)
        return child if child is not None else self._admit_live(values)

    def admits(self, values: tuple[str, ...]) -> bool:
        """Whether that label set would be a series of its own, by its labels; nothing is dropped, folded or counted."""
        with self.budget.lock:
            return self._gate.admit(values) == (values, None)

    def _admit_live(self, values: tuple[str, ...]) -> ChildT:
        if len(values) != self._width:
            raise RowError(f"{self.name}: {len(values)} label values, expected {self._width}")
        with self.budget.lock:
            kept, reason = self._gate.admit(values)
            if reason is not None:
                self._refuse(values, reason, kept is not None)
            if kept is None:
                return self._sink
            child = self._children.get(kept)
            if child is not None:
                return child
            refused = self._reserve(len(self._children))
            if refused is not None:
                self.drop(refused)
                return self._sink
            child = self._born(kept)
            self._children[kept] = child
            return child

    def _reserve(self, held: int) -> str | None:
        cap = self.spec.max_series
        if cap is not None and (held + 1) * self._cost > cap:
            return "family_cap"
        return None if self.budget.take(self._cost) else "exporter_cap"

    def known_label_sets(self) -> list[tuple[str, ...]]:
        """Every label set that the allow-lists name; [()] without labels, [] when a label is open."""
        if any(label.allow is None for label in self.spec.labels):
            return []
        return list(itertools.product(*(label.allow or () for label in self.spec.labels)))

    def init_known(self) -> None:
        """Make every known label set at zero, so that ``rate`` and alerts see the first event."""
        for values in self.known_label_sets():
            self.labels(*values)

    def replace(self, rows: Iterable[tuple[Sequence[str], Value]]) -> None:
        """Make the rows the family's whole content, atomically; on RowError the family is as before."""
        listed = [(values if type(values) is tuple else tuple(values), value) for values, value in rows]
        for _, value in listed:
            self._check(value)
        with self.budget.lock:
            admitted = self._gate_rows(listed)
            old = self._children
            self.budget.give(len(old) * self._cost)
            kept = self._fitting(admitted, old)
            renew = self._renew
            self._children = {values: renew(old.get(values), values, admitted[values]) for values in kept}

    def _fitting(self, admitted: dict[tuple[str, ...], Value], old: Mapping[tuple[str, ...], ChildT]) -> Iterable[Any]:
        """The label sets that the caps leave, reserved; those that are there already come first."""
        cap, count = self.spec.max_series, len(admitted)
        if (cap is None or count * self._cost <= cap) and self.budget.take(count * self._cost):
            return admitted
        kept: list[tuple[str, ...]] = []
        for values in sorted(admitted, key=lambda key: key not in old):
            refused = self._reserve(len(kept))
            if refused is None:
                kept.append(values)
            else:
                self.drop(refused)
        return kept

    def _renew(self, old: ChildT | None, values: tuple[str, ...], value: Any) -> ChildT:
        """A child with new const content: its own object, because a scrape may still render the old one."""
        if old is None:
            child = self._born(values)
        else:
            child = self._twin(old)
            child.created, child.encoded = old.created, old.encoded
        self._put(child, value)
        return child

    def _born(self, values: tuple[str, ...]) -> ChildT:
        child = self._make(values)
        if self.spec.created:
            child.created = time.time()
        return child

    def _twin(self, old: ChildT) -> ChildT:
        raise NotImplementedError

    def clear(self) -> None:
        """Drop all children."""
        self.replace(())

    def _gate_rows(self, listed: list[tuple[tuple[str, ...], Value]]) -> dict[tuple[str, ...], Value]:
        # A label set that is there passed the gate before; only a cap on distinct values can change its mind.
        known: Mapping[tuple[str, ...], ChildT] = self._children
        if self._gate.capped:
            self._gate.prefer([values for values, _ in listed])
            known = {}
        out: dict[tuple[str, ...], Value] = {}
        asked: set[tuple[str, ...]] = set()
        valid = self.spec.valid
        for values, value in listed:
            if values in asked:
                labels = dict(zip(self.label_names, values, strict=True))
                fix = "add them up (in SQL: SUM or another aggregate, with GROUP BY), or tell them apart by a label"
                raise RepeatedRow(f"{self.name}: two rows for the labels {labels}; {fix}")
            asked.add(values)
            if valid is not None and self._outside(value):
                self.drop("out_of_range")
                continue
            kept = values if values in known else self._admit(values)
            if kept is not None:
                out[kept] = self._fold(out[kept], value) if kept in out else value
        return out

    def _admit(self, values: tuple[str, ...]) -> tuple[str, ...] | None:
        if len(values) != self._width or not all(isinstance(v, str) for v in values):
            raise RowError(f"{self.name}: {len(values)} label values, expected {self._width} strings")
        kept, reason = self._gate.admit(values)
        if reason is not None:
            self._refuse(values, reason, kept is not None)
        return kept

    def _outside(self, value: Value) -> bool:
        valid = self.spec.valid
        return valid is not None and not isinstance(value, HistogramValue) and not valid[0] <= value <= valid[1]

    def _check(self, value: Value) -> None:
        raise NotImplementedError


class ScalarFamily(Family[Child]):
    """A counter, gauge or info family."""

    child_type: type[Child] = Child

    def _make(self, values: tuple[str, ...]) -> Child:
        block = label_block(self.spec.label_names, values)
        return self.child_type(f"\n{self.name}{{{block}}} " if block else f"\n{self.name} ", values)

    def _twin(self, old: Child) -> Child:
        return self.child_type(old.prefix, old.values)

    def _put(self, child: Child, value: Any) -> None:
        child.value = value

    def _fold(self, old: float, new: float) -> float:
        folded: float = {"sum": old + new, "max": max(old, new), "min": min(old, new)}[self.spec.collapse]
        self._check(folded)
        return folded

    def _check(self, value: Value) -> None:
        if type(value) is float or type(value) is int:
            return
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise RowError(f"{self.name}: a {self.kind} cannot hold a {type(value).__name__}")


class Counter(ScalarFamily):
    """A counter family."""

    child_type = CounterChild

    def labels(self, *values: str) -> CounterChild:
        return super().labels(*values)  # type: ignore[return-value]

    def inc(self, amount: float = 1, exemplar: Mapping[str, str] | None = None) -> None:
        """``labels().inc`` for a family without labels."""
        self.labels().inc(amount, exemplar)

    def _check(self, value: Value) -> None:
        super()._check(value)
        if not 0 <= value < _INF:  # type: ignore[operator]
            raise RowError(f"{self.name}: a counter must be finite and >= 0, got {value!r}")


class Gauge(ScalarFamily):
    """A gauge family."""

    child_type: type[Child] = GaugeChild

    def _make(self, values: tuple[str, ...]) -> Child:
        child = super()._make(values)
        return child if self.spec.valid is None else self._ranged(child.prefix, values)

    def _twin(self, old: Child) -> Child:
        return super()._twin(old) if self.spec.valid is None else self._ranged(old.prefix, old.values)

    def _ranged(self, prefix: str, values: tuple[str, ...]) -> Child:
        return RangedGaugeChild(prefix, values, self.spec.valid or (0.0, 0.0), self.drop)

    def labels(self, *values: str) -> GaugeChild:
        return super().labels(*values)  # type: ignore[return-value]

    def set(self, value: float) -> None:
        """``labels().set`` for a family without labels."""
        self.labels().set(value)


class Info(Gauge):
    """An info family: a gauge that is always 1, its facts in the labels."""

    child_type = InfoChild

    def labels(self, *values: str) -> GaugeChild:
        child = super().labels(*values)
        child.set(1)
        return child

    def _check(self, value: Value) -> None:
        if value != 1:
            raise RowError(f"{self.name}: an info metric is always 1")


class Histogram(Family[HistogramChild]):
    """A histogram family: classic buckets, native buckets, or both."""

    def __init__(self, spec: MetricSpec, budget: Budget) -> None:
        self.layout = HistogramLayout(spec, lambda reason: budget.drop(spec.name, reason))
        super().__init__(spec, budget)

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """``labels().observe`` for a family without labels."""
        self.labels().observe(value, exemplar)

    def _make(self, values: tuple[str, ...]) -> HistogramChild:
        block = label_block(self.spec.label_names, values)
        lead = block + "," if block else ""
        bounds = [number(bound) for bound in self.spec.buckets] + ["+Inf"]
        prefixes = [f'\n{self.name}_bucket{{{lead}le="{bound}"}} ' for bound in bounds]
        tail = f"{{{block}}} " if block else " "
        ends = (f"\n{self.name}_count{tail}", f"\n{self.name}_sum{tail}")
        return HistogramChild((*prefixes, *ends), values, self.layout)

    def _twin(self, old: HistogramChild) -> HistogramChild:
        return HistogramChild(old.prefixes, old.values, self.layout)

    def _put(self, child: HistogramChild, value: Any) -> None:
        child.assign(value)

    def _fold(self, old: HistogramValue, new: HistogramValue) -> HistogramValue:
        child = self._make(tuple("" for _ in self.label_names))
        child.merge(old)
        try:
            child.merge(new)
        except SumTooLarge as error:
            raise RowError(f"{self.name}: {error}") from error
        return HistogramValue(child.counts, child.sum, child.zero_count, child.positive, child.negative, child.schema)

    def _check(self, value: Value) -> None:
        if not isinstance(value, HistogramValue):
            raise RowError(f"{self.name}: a histogram needs a HistogramValue")
        try:
            # The sink serves as a scratch pad: a const family counts nothing there.
            self._sink.assign(value)
        except (ValueError, TypeError, AttributeError) as error:
            raise RowError(f"{self.name}: {error}") from error
        if not isfinite(value.sum):
            raise RowError(f"{self.name}: the sum is not finite")


KINDS: dict[str, type[Counter] | type[Gauge] | type[Info] | type[Histogram]] = {
    "counter": Counter,
    "gauge": Gauge,
    "info": Info,
    "histogram": Histogram,
}
AnyFamily = Counter | Gauge | Info | Histogram
