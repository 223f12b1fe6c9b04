"""``every``: a slow query runs at its own pace, and scrapes get its last answer meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..runtime import CollectError, Deadline, FamilyRows
from .collectors import MetricCollector, Samples

# The most that a scrape waits for the first answer.
FIRST_SECONDS = 2.0
RETRY_FIRST = 5.0
RETRY_MAX = 60.0


class Outcome:
    """What one run gave: the samples, or the ``error``. ``at`` is its end and ``due`` the next run by the refresher's clock, ``read_at`` in Unix time.

    One object, so that whoever reads or takes over the last outcome never has half of it.
    """

    __slots__ = ("at", "due", "error", "read_at", "samples")

    def __init__(self) -> None:
        self.samples: Samples = []
        self.error: Exception | None = None
        self.at = 0.0
        self.due = 0.0
        self.read_at = 0.0

    def good(self) -> Outcome:
        """This outcome; raises its error when there is one."""
        if self.error is not None:
            # Raised again at every scrape: each time would add to its traceback.
            raise self.error.with_traceback(None)
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
    def families(self) -> Sequence[Any]:
        return self._inner.families

    @property
    def offered(self) -> int:
        """As the wrapped collector's."""
        return self._inner.offered

    def collect(self, deadline: Deadline) -> Iterable[FamilyRows]:
        """The rows of the last answer. The last run's error; CollectError ``pending`` when none has ended yet."""
        answer = (self._waited(deadline) if self.live else self._own(deadline)).good()
        self._read_at = answer.read_at
        yield FamilyRows(self._inner.family, answer.samples)

    def taken(self) -> None:
        """The registry took the rows of the last ``collect``."""
        self._inner.fresh(self._read_at)

    def _waited(self, deadline: Deadline) -> Outcome:
        self._answered.wait(min(FIRST_SECONDS, deadline.remaining() * 0.9))
        if self._last is None:
            raise CollectError("pending", "the first answer is not there yet; it is served when it is")
        return self._last

    def _own(self, deadline: Deadline) -> Outcome:
        if not self._turn.acquire(timeout=deadline.remaining()):
            raise CollectError("busy", "a run before was under way until the deadline")
        try:
            last = self._last
            return last if last and last.error is None and self._clock() < last.due else self._run(deadline)
        finally:
            self._turn.release()

    def refresh(self, deadline: Deadline) -> None:
        """Run the query now and keep what comes of it; raises nothing."""
        with self._turn:
            self._run(deadline)

    def _run(self, deadline: Deadline) -> Outcome:
        began, outcome = self._clock(), Outcome()
        try:
            outcome.samples = self._inner.samples(deadline)
            outcome.read_at = time.time() - self._inner.age
        except Exception as error:
            outcome.error = error
        outcome.at = self._clock()
        if outcome.error is None:
            self._failures = 0
            outcome.due = max(began + self._every, outcome.at)
        else:
            outcome.due = outcome.at + min(self._every, RETRY_MAX, RETRY_FIRST * 2**self._failures)
            self._failures = min(self._failures + 1, 16)
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
