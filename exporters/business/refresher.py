"""``every``: a slow query runs at its own pace, and scrapes get its last answer meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..runtime import CollectError, Deadline, FamilyRows
from ..runtime.errors import Reported
from .collectors import MetricCollector, Samples

# The most that a scrape waits for the first answer.
FIRST_SECONDS = 2.0
RETRY_FIRST = 5.0
RETRY_MAX = 60.0


class Outcome:
    """What one run gave: the samples, or the ``error``. ``at`` is its end and ``due`` the next run by the refresher's clock, ``took`` its seconds, ``read_at`` in Unix time.

    One object, so that whoever reads or takes over the last outcome never has half of it.
    """

    __slots__ = ("at", "due", "error", "read_at", "samples", "took")

    def __init__(self) -> None:
        self.samples: Samples = []
        self.error: Exception | None = None
        self.at = 0.0
        self.due = 0.0
        self.took = 0.0
        self.read_at = 0.0

    def good(self) -> Outcome:
        """This outcome; Reported when it is an error, which was told when its run ended."""
        if self.error is not None:
            reason = self.error.reason if isinstance(self.error, CollectError) else "exception"
            raise Reported(reason, str(self.error))
        return self


class Refresher:
    """Wraps a collector whose query has a pace of its own; seconds throughout.

    While it is ``live`` somebody calls ``refresh`` when it is ``due``, and ``collect`` runs no query: it gives the last
    answer, or the last run's error. Else (a check, an exporter that was closed) ``collect`` runs the query itself when
    it is due. An answer is due again ``every`` after its query began, a failed run soon, then more and more slowly.
    """

    def __init__(
        self, inner: MetricCollector, every: float, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = inner.name
        self.live = False
        # Whether the last ``collect`` gave what the one before had given.
        self.again = False
        self._report: Callable[[Exception], None] | None = None
        self._given: Outcome | None = None
        self._inner = inner
        self._every = every
        self._timeout = timeout
        self._clock = clock
        # A run at a time: one that is still under way when the exporter is closed must not meet a scrape's own.
        self._turn = threading.Lock()
        self._answered = threading.Event()
        self._last: Outcome | None = None
        self._failures = 0
        self._read_at = 0.0

    @property
    def due(self) -> float:
        """When the next run is due, by the clock; 0 before the first."""
        last = self._last
        return last.due if last else 0.0

    @property
    def took(self) -> float | None:
        """How long the last run took, in seconds; None before the first."""
        last = self._last
        return last.took if last else None

    def reports_to(self, report: Callable[[Exception], None]) -> None:
        """Have each failed run's exception told there."""
        self._report = report

    @property
    def families(self) -> Sequence[Any]:
        return self._inner.families

    @property
    def offered(self) -> int:
        """As the wrapped collector's."""
        return self._inner.offered

    def collect(self, deadline: Deadline) -> Iterable[FamilyRows]:
        """The rows of the last answer. Reported with the last run's reason when it failed, ``pending`` when none has ended yet."""
        answer = (self._waited(deadline) if self.live else self._own(deadline)).good()
        self.again, self._given = answer is self._given, answer
        self._read_at = answer.read_at
        yield FamilyRows(self._inner.family, answer.samples)

    def taken(self) -> None:
        """The registry took the rows of the last ``collect``."""
        self._inner.fresh(self._read_at)

    def _waited(self, deadline: Deadline) -> Outcome:
        self._answered.wait(min(FIRST_SECONDS, deadline.remaining() * 0.9))
        if self._last is None:
            raise Reported("pending", "the first answer is not there yet; it is served when it is")
        return self._last

    def _own(self, deadline: Deadline) -> Outcome:
        if not self._turn.acquire(timeout=deadline.remaining()):
            raise CollectError("busy", "a run before was under way until the deadline")
        try:
            last = self._last
            return last if last and last.error is None and self._clock() < last.due else self._run(deadline, True)
        finally:
            self._turn.release()

    def refresh(self, deadline: Deadline) -> None:
        """Run the query now and keep what comes of it; raises nothing."""
        with self._turn:
            self._run(deadline, False)

    def _run(self, deadline: Deadline, scraped: bool) -> Outcome:
        began, outcome = self._clock(), Outcome()
        try:
            outcome.samples = self._inner.samples(deadline)
            outcome.read_at = time.time() - self._inner.age
        except Exception as error:
            outcome.error = error
        outcome.at = self._clock()
        outcome.took = outcome.at - began
        if outcome.error is None:
            self._failures = 0
            outcome.due = max(began + self._every, outcome.at)
        else:
            outcome.due = outcome.at + min(self._every, RETRY_MAX, RETRY_FIRST * 2**self._failures)
            self._failures = min(self._failures + 1, 16)
        # Before it is served. What the end of the exporter, or of its configuration, broke off has not failed.
        if outcome.error is not None and self._report is not None and (self.live or scraped):
            self._report(outcome.error)
        self._last = outcome
        self._answered.set()
        return outcome

    def adopt(self, former: Refresher) -> None:
        """Before it is live: go on with the last answer of the same metric's refresher before a reload, and when it is due.

        A failure is not gone on with, nor an answer that should have been replaced long since.
        """
        last = former._last
        if last is None or last.error is not None or self._clock() - last.at > self._every + self._timeout:
            return
        self._inner.adopt(former._inner)
        self._last = last
        self._answered.set()
