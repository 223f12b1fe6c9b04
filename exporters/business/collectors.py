"""One collector per metric: asks its source and turns the answer into rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from ..runtime import CollectError, Deadline, FamilyRows, Registry, RowError
from ..runtime.errors import RepeatedRow
from ..runtime.records import dataclass, replace
from .config_metrics import MetricConfig
from .drops import drops, pass_on
from .faults import SourceFault
from .guard import Guard
from .meters import Meters
from .rows import Row, read_rows
from .source import Source
from .state import State, warn_anew
from .table import Ask, Table

Samples = list[tuple[tuple[str, ...], Any]]


@dataclass(frozen=True)
class Context:
    """What every collector of an exporter shares."""

    registry: Registry
    meters: Meters
    state: State


class MetricCollector:
    """Base: a gauge or info metric, read anew each time. The name is the metric's."""

    def __init__(self, metric: MetricConfig, source: Source, context: Context) -> None:
        self.metric = metric
        self.name = metric.name
        self.family = context.registry.declare(metric.spec)
        self._source = source
        self._meters = context.meters
        self._state = context.state
        self._read_at = 0.0
        self._rows = 0
        # Seconds for which the source had kept the last answer already.
        self.age = 0.0
        # Rows with a value that allow-lists and caps were asked about since the start.
        self.offered = 0
        context.meters.start(metric.name, source.name, metric.mode, metric.every)

    @property
    def families(self) -> Sequence[Any]:
        return (self.family,)

    def collect(self, deadline: Deadline) -> Iterable[FamilyRows]:
        """The metric's rows now. CollectError with the reason when there are none."""
        samples = self.samples(deadline)
        self._read_at = time.time() - self.age
        yield FamilyRows(self.family, samples)

    def taken(self) -> None:
        """The registry took the rows: only now are the figures fresh, for it may refuse them."""
        self.fresh(self._read_at)

    def fresh(self, read_at: float) -> None:
        """Note that the figures served were read at that Unix time."""
        self._meters.fresh(self.name, read_at)

    def adopt(self, former: MetricCollector) -> None:
        """What was said about the answer of the same metric's collector before a reload holds on: that answer is served again."""
        self._rows = former._rows
        self._meters.answer(self.name, self._rows, 0)
        if self._source.up is None:
            self._source.up = former._source.up
            self._meters.source(self._source)

    def samples(self, deadline: Deadline) -> Samples:
        """Label sets and values as they are to be shown."""
        return self._fill(self._valued(deadline))

    def _valued(self, deadline: Deadline) -> Samples:
        found: Samples = [(row.labels, row.value) for row in self._ask(deadline) if row.value is not None]
        self.offered += len(found)
        return found

    def _ask(self, deadline: Deadline, **changes: Any) -> list[Row]:
        metric = self.metric
        ask = Ask(metric.query, metric.max_rows, metric.timeout, extra=metric.extra)
        return self._read(self._fetch(replace(ask, **changes), deadline))

    def _fetch(self, ask: Ask, deadline: Deadline) -> Table:
        try:
            table = self._source.fetch(ask, deadline)
        finally:
            self._meters.source(self._source)
        self.age = table.age
        return table

    def _read(self, table: Table) -> list[Row]:
        # Some answers without a row come without columns as well, and say nothing about them.
        empty = not table.rows and not table.columns
        rows = [] if empty else read_rows(table, self.metric.rules)
        self._rows = len(table.rows)
        self._meters.answer(self.name, self._rows, sum(row.value is None for row in rows))
        return rows

    def _fill(self, samples: Samples) -> Samples:
        """Zeros for the known label sets that have no row, as ``on_empty`` says."""
        if self.metric.on_empty == "error" and not samples:
            raise CollectError("empty", "the query returned no value")
        if self.metric.on_empty == "zero":
            present = {labels for labels, _ in samples}
            samples += [(labels, 0.0) for labels in self.family.known_label_sets() if labels not in present]
        return samples


class CumulativeCollector(MetricCollector):
    """A counter read as a whole from the source, kept from falling by the guard."""

    def __init__(self, metric: MetricConfig, source: Source, context: Context) -> None:
        super().__init__(metric, source, context)
        self._guard = Guard(metric.on_regression)
        self._gates = Registry("gates", max_series=None)
        self._gates.budget.witness = context.registry.budget.witness
        self._folded = self._gates.declare(metric.spec)
        self._shape = f"cumulative {metric.on_regression} {','.join(metric.spec.label_names)}"
        data, same = context.state.load(metric.name, self._shape)
        if same:
            self._guard.load(data)
        else:
            warn_anew(metric.name, context.state.shape(metric.name), self._shape)
        # The whole count, so that a fall while the exporter was down is an increase.
        self._meters.regressions(self.name, self._guard.regressions)

    def samples(self, deadline: Deadline) -> Samples:
        known = self._fill(self._valued(deadline))
        before, dropped = self._guard.regressions, drops(self._gates.budget, self.name)
        shown = self._guard.apply(self._fold(known))
        self._meters.regressions(self.name, self._guard.regressions - before)
        pass_on(self.family, dropped, drops(self._gates.budget, self.name))
        if self._guard.changed:
            self._state.save(self.name, self._shape, self._guard.dump())
            self._guard.changed = False
        return shown

    def _fold(self, samples: Samples) -> Samples:
        """The samples after allow-lists and caps: the guard must watch what is shown, `other` included."""
        try:
            self._folded.replace(samples)
        except RepeatedRow as error:
            # As the family itself would refuse them.
            raise CollectError("invalid_rows", str(error)) from None
        except RowError as error:
            raise SourceFault("value", str(error)) from None
        return [(child.values, child.value) for child in self._folded.children()]
