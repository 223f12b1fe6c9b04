"""``every``: a slow query runs at its own pace, and scrapes get its last answer meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..runtime import CollectError, Deadline, FamilyRows
from .collectors import MetricCollector, Samples
from .source import RESERVE


class _Flight:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.samples: Samples = []
        self.read_at = 0.0
        self.error: Exception | None = None


class Refresher:
    """Wraps a collector. An answer is served for ``every`` seconds; failures are not, the next scrape tries again.

    A run is not bound to a scrape's deadline but to the query's own timeout. While it is under way the answer before it
    is served, then the scrape waits and in the end fails with ``timeout``.
    """

    def __init__(
        self, inner: MetricCollector, every: float, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._every = every
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._flight: _Flight | None = None
        self._last: _Flight | None = None
        self._last_at = 0.0
        self._read_at = 0.0

    @property
    def families(self) -> Sequence[Any]:
        return self._inner.families

    @property
    def offered(self) -> int:
        """As the wrapped collector's."""
        return self._inner.offered

    def collect(self, deadline: Deadline) -> Iterable[FamilyRows]:
        """The rows of the last answer, or of a new one when it is older than ``every``."""
        answer = self._answer(deadline)
        self._read_at = answer.read_at
        yield FamilyRows(self._inner.family, answer.samples)

    def taken(self) -> None:
        """The registry took the rows of the last ``collect``."""
        self._inner.fresh(self._read_at)

    def _answer(self, deadline: Deadline) -> _Flight:
        with self._lock:
            if self._last is not None and self._clock() - self._last_at < self._every:
                return self._last
            flight = self._flight = self._flight or self._start()
        if not flight.done.wait(deadline.remaining() * 0.9):
            return self._meanwhile()
        if flight.error is not None:
            raise flight.error
        return flight

    def _meanwhile(self) -> _Flight:
        with self._lock:
            if self._last is not None and self._clock() - self._last_at < self._every + self._timeout:
                return self._last
        raise CollectError("timeout", "the query is still running; its answer will be served when it is there")

    def _start(self) -> _Flight:
        flight = _Flight()
        threading.Thread(target=self._run, args=(flight,), name=f"refresh-{self.name}", daemon=True).start()
        return flight

    def _run(self, flight: _Flight) -> None:
        try:
            flight.samples = self._inner.samples(Deadline.after(self._timeout + 2 * RESERVE))
            flight.read_at = time.time()
        except Exception as error:
            flight.error = error
        with self._lock:
            self._flight = None
            if flight.error is None:
                self._last, self._last_at = flight, self._clock()
        flight.done.set()
