"""Runs the queries that have a pace of their own while the exporter is live: a thread per source, and over reloads."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from ..runtime import Deadline
from ..runtime.records import dataclass, replace
from .config_metrics import MetricConfig
from .config_sources import SourceConfig
from .refresher import Refresher

# For a run to get its source from other queries; connecting and the query itself have limits of their own.
WAIT_SECONDS = 5.0
# After their sources were closed: what still connects sends no query any more, and need not be waited for.
JOIN_SECONDS = 0.5


@dataclass(frozen=True)
class Paced:
    """A metric with ``every``, its source, and what reads it."""

    metric: MetricConfig
    source: SourceConfig
    refresher: Refresher

    def run(self) -> None:
        """Read it now."""
        limit = WAIT_SECONDS + self.source.timeout + self.metric.timeout
        self.refresher.refresh(Deadline.after(limit))

    def follow(self, former: Paced) -> None:
        """Go on where ``former`` was, when nothing that makes the figures has changed.

        Plain readings only: what a counter or a histogram shows also depends on totals that are the state's.
        """
        # A help text makes no figure.
        spec = replace(former.metric.spec, help=self.metric.spec.help)
        same = (self.metric, self.source) == (replace(former.metric, spec=spec), former.source)
        if same and self.metric.mode == "gauge":
            self.refresher.adopt(former.refresher)


class Pace:
    """The metrics with ``every`` of one configuration."""

    def __init__(self, metrics: Sequence[Paced]) -> None:
        self._metrics = {one.metric.name: one for one in metrics}
        self._stop = threading.Event()
        self._begin = threading.Event()
        sources: dict[str, list[Paced]] = {}
        for one in metrics:
            sources.setdefault(one.source.name, []).append(one)
        self._threads = [
            threading.Thread(target=self._loop, args=(several,), name=f"every-{name}", daemon=True)
            for name, several in sources.items()
        ]

    def start(self, former: Pace | None = None) -> None:
        """Begin to read. What ``former``, the one before a reload, still reads it reads no more, but serves until ``stop``.

        RuntimeError when a thread cannot start: ``former`` then goes on as if nothing had been.
        """
        try:
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.stop()
            raise
        if former is not None:
            former._stop.set()
            for name in self._metrics.keys() & former._metrics.keys():
                self._metrics[name].follow(former._metrics[name])
        for one in self._metrics.values():
            one.refresher.live = True
        self._begin.set()

    def _loop(self, metrics: list[Paced]) -> None:
        self._begin.wait()
        # One after another: the source answers one query at a time.
        while True:
            one = min(metrics, key=lambda each: each.refresher.due)
            if self._stop.wait(max(0.0, one.refresher.due - time.monotonic())):
                return
            one.run()

    def stop(self) -> None:
        """Begin nothing any more, and serve nothing kept. A query that is under way goes on until its source is closed."""
        self._stop.set()
        self._begin.set()
        for one in self._metrics.values():
            one.refresher.live = False

    def join(self) -> None:
        """After ``stop``: wait for the threads' end, a bounded time."""
        until = Deadline.after(JOIN_SECONDS)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(until.remaining())


class Relay:
    """Which configuration's pace is in force, so that a reload's can go on from it."""

    def __init__(self) -> None:
        self._now: Pace | None = None

    def start(self, pace: Pace) -> None:
        """Put ``pace`` in the place of the one before; when it cannot start, that one stays."""
        pace.start(self._now)
        self._now = pace
