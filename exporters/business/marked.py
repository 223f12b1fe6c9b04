"""Collectors that count each row once: ``increment`` into a counter, ``events`` into a histogram.

The mark and the totals are saved together before the totals are shown. So a crash at any point loses nothing and
counts nothing twice: either both were saved, or the rows are read again.
"""

from __future__ import annotations

from typing import Any

from ..runtime import Deadline
from .collectors import Context, MetricCollector, Samples
from .config_metrics import MetricConfig
from .drops import pass_on
from .faults import SourceFault
from .ledger import Ledger
from .marks import dump_mark, later, load_mark
from .rows import Row
from .source import RESERVE, Source
from .state import warn_anew

# Below this much time another page is left to the next scrape.
PAGE_SECONDS = 2 * RESERVE


class MarkedCollector(MetricCollector):
    """Base of both: a mark, the totals up to it, and their common state."""

    def __init__(self, metric: MetricConfig, source: Source, context: Context) -> None:
        super().__init__(metric, source, context)
        spec = metric.spec
        native = f"{spec.native.schema}/{spec.native.max_buckets}" if spec.native else "-"
        self._shape = f"{metric.mode} {','.join(spec.label_names)} {','.join(map(repr, spec.buckets))} {native}"
        self._witness = context.registry.budget.witness
        self._mark: Any = metric.mark.start
        self._recent: set[Any] = set()
        self._totals: list[Any] = []
        data, same = context.state.load(metric.name, self._shape)
        if not same:
            warn_anew(metric.name, context.state.shape(metric.name), self._shape)
        if data is not None and "mark" in data:
            # The mark holds whatever the totals look like; starting over would count old rows again.
            self._mark = load_mark(data["mark"])
            self._recent = set(data["recent"])
            self._totals = data["totals"] if same else []
        self._restore()

    def _restore(self) -> None:
        self._ledger = Ledger(self.metric.spec, self._witness)
        if self.metric.on_empty == "zero":
            self._ledger.init_known()
        self._ledger.load(self._totals)

    def _count(self, rows: list[Row], mark: Any, recent: set[Any]) -> None:
        """Add the rows and move the mark, in the file first. SourceFault leaves everything as it was."""
        dropped = self._ledger.dropped()
        try:
            self._ledger.add(rows)
            totals = self._ledger.dump()
            data = {"mark": dump_mark(mark), "recent": sorted(recent), "totals": totals}
            self._state.save(self.name, self._shape, data)
        except SourceFault:
            self._restore()
            raise
        except ValueError as error:
            self._restore()
            raise SourceFault("value", str(error)) from None
        self.offered += len(rows)
        pass_on(self.family, dropped, self._ledger.dropped())
        self._mark, self._recent, self._totals = mark, recent, totals

    def _checked(self, row: Row, after: Any) -> Any:
        if row.mark is None:
            raise SourceFault("null_value", f"the mark, column {self.metric.mark.column}, is NULL beside a value")
        if not later(row.mark, after):
            raise SourceFault("order", "a row at or before the watermark came back; does the query say `> :watermark`?")
        return row.mark


class IncrementCollector(MarkedCollector):
    """A counter that grows by what rows after the mark hold; rows may be aggregated in the query."""

    def samples(self, deadline: Deadline) -> Samples:
        # COUNT and MAX over no rows: 0 beside no mark.
        answer = self._ask(deadline, params={"watermark": self._mark})
        rows = [row for row in answer if row.mark is not None or row.value != 0]
        mark = self._mark
        for row in rows:
            found = self._checked(row, self._mark)
            mark = found if later(found, mark) else mark
        counted = [row for row in rows if row.value is not None]
        if rows:
            self._count(counted, mark, set())
        return self._ledger.totals()


class EventsCollector(MarkedCollector):
    """A histogram that observes each row once, page by page, in the order of the mark."""

    def samples(self, deadline: Deadline) -> Samples:
        low = self._low()
        while True:
            rows = self._ask(deadline, params={"watermark": low}, page=True)
            page, full = self._page(rows, low)
            if page:
                low = page[-1].mark
                self._observe(page)
            if not full or deadline.remaining() < PAGE_SECONDS:
                return self._ledger.totals()

    def _low(self) -> Any:
        """Where to read from: ``overlap`` below the mark, for rows whose transaction ended after a later one's."""
        overlap = self.metric.mark.overlap
        return max(self.metric.mark.start, self._mark - overlap) if overlap else self._mark

    def _page(self, rows: list[Row], low: Any) -> tuple[list[Row], bool]:
        """The rows to take, and whether there are more. Rows that share the mark of the first one left out wait for it."""
        before = low
        for number, row in enumerate(rows):
            self._checked(row, low)
            if number and later(before, row.mark):
                raise SourceFault("order", f"rows are not in the order of {self.metric.mark.column}; add ORDER BY")
            before = row.mark
        if self._rows <= self.metric.max_rows:
            return rows, False
        # The last one was asked for beyond the page. Rows of the answer that are none are not among these.
        cut = rows[-1].mark
        page = [row for row in rows[:-1] if later(cut, row.mark)]
        if not page:
            raise SourceFault(
                "too_many_rows", f"more than {self.metric.max_rows} rows share one watermark; raise max_rows"
            )
        return page, True

    def _observe(self, page: list[Row]) -> None:
        overlap = self.metric.mark.overlap
        fresh = [row for row in page if row.mark not in self._recent] if overlap else page
        last = page[-1].mark
        mark = last if later(last, self._mark) else self._mark
        recent: set[Any] = set()
        if overlap:
            recent = {seen for seen in (*self._recent, *(row.mark for row in page)) if seen > mark - overlap}
        if fresh or mark != self._mark:
            self._count([row for row in fresh if row.value is not None], mark, recent)
