"""One source: a connection that is used by one query at a time, watched, dropped when in doubt, retried with backoff."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ..runtime import CollectError, Deadline
from .faults import NO_ANSWER, SourceFault
from .table import Ask, Connection, Driver, Table
from .watchdog import Watchdog

log = logging.getLogger(__name__)

# Left of a scrape's time for killing a query and for the exposition.
RESERVE = 0.15
BACKOFF_FIRST = 0.25
BACKOFF_MAX = 5.0
# At the end, for all sources together: for queries to end by themselves, and then for their stops to be heard.
CLOSE_SECONDS = 1.0
STOP_SECONDS = 0.5
SCRAPE = "what the scrape had left (its scrape_timeout, or --scrape.timeout)"
CHECK = "what the check had left"


class Source:
    """A named source. ``fetch`` may be called from any thread; queries wait for each other, other sources do not.

    ``up`` is None before the first contact, then whether the source answered last time, be it with an error of its own;
    a refused login, and a query that was never sent, are no answer.
    """

    def __init__(
        self,
        name: str,
        driver: Driver,
        connect_timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        hurry: str = SCRAPE,
    ) -> None:
        self.name = name
        self.up: bool | None = None
        self.connects = 0
        self.kills = 0
        self._driver = driver
        # Not the query's own: one query in a hurry must not send the whole source into backoff.
        self._connect_timeout = connect_timeout
        self._clock = clock
        # In messages: whose deadline it was that left a query less time than its own limit.
        self._hurry = hurry
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._last_fault: SourceFault | None = None
        self._closed = False
        # What `close` may break off: the line as it was then, and none that a scrape left over makes afterwards.
        self._ending: Connection | None = None

    def fetch(self, ask: Ask, deadline: Deadline) -> Table:
        """The answer. CollectError with the reason when there is none before the deadline, or the source is closed meanwhile."""
        # Asked after the end, it is a scrape that a reload left over, and is answered.
        left_over = self._closed
        reserve = min(RESERVE, deadline.remaining() / 2)
        until = Deadline(deadline.at - reserve)
        if not self._turn.acquire(timeout=until.remaining()):
            raise CollectError("busy", f"source {self.name}: other queries held it until the deadline")
        try:
            return self._answer(ask, until, left_over)
        finally:
            self._turn.release()

    def _answer(self, ask: Ask, until: Deadline, left_over: bool) -> Table:
        self._refuse_closed(left_over)
        reused = self._connection is not None
        try:
            table = self._once(ask, until, left_over)
        except SourceFault as fault:
            # An idle connection dies unseen (server restart, wait_timeout); reading twice is harmless.
            if self._closed or not (reused and fault.lost and fault.reason != "timeout"):
                raise
            table = self._once(ask, until, left_over)
        if len(table.rows) > ask.max_rows and not ask.page:
            raise CollectError("too_many_rows", f"more than {ask.max_rows} rows; aggregate, or raise max_rows")
        return table

    def _refuse_closed(self, left_over: bool) -> None:
        """CollectError ``busy`` when the source was closed since it was asked: nobody would stop the query any more."""
        if self._closed and not left_over:
            self._drop()
            raise CollectError("busy", f"source {self.name}: closed before the query was sent")

    def _once(self, ask: Ask, until: Deadline, left_over: bool) -> Table:
        connection = self._connected(until)
        # From here on `close` sees the connection, and breaks off what runs on it.
        self._refuse_closed(left_over)
        timeout = min(ask.timeout, until.remaining())
        if timeout <= 0:
            raise CollectError("busy", f"source {self.name}: no time left for the query")
        watchdog = Watchdog(connection, timeout)
        began = time.monotonic()
        try:
            with watchdog:
                table = connection.run(ask, timeout)
        except SourceFault as fault:
            self._settle(fault, watchdog)
            # A lock or an administrator may end a query before; the clocks of two machines need not agree to the last bit.
            over = watchdog.fired or (fault.reason == "timeout" and time.monotonic() - began >= 0.9 * timeout)
            raise (_overtime(fault, ask.timeout, timeout, self._hurry) if over else fault) from None
        except BaseException:
            self._drop()
            raise
        if watchdog.fired or self._closed:
            # A kill may still be under way and would hit the next query.
            self._drop()
        self.up = True
        return table

    def _settle(self, fault: SourceFault, watchdog: Watchdog) -> None:
        self.up = not (fault.lost or watchdog.aborted or fault.reason in NO_ANSWER)
        self.kills += watchdog.fired
        if fault.lost or fault.spent or watchdog.fired or self._closed:
            self._drop()

    def _connected(self, until: Deadline) -> Connection:
        if self._connection is not None:
            return self._connection
        wait = self._retry_at - self._clock()
        if wait > 0 and self._last_fault is not None:
            raise SourceFault(self._last_fault.reason, f"tried again in {wait:.1f} s; before: {self._last_fault}")
        began, limit = time.monotonic(), until.earliest(self._connect_timeout)
        try:
            self._connection = self._driver.connect(limit)
        except SourceFault as fault:
            if fault.reason == "timeout":
                fault = _unconnected(
                    fault, self._connect_timeout, time.monotonic() - began, self._hurry if limit is until else ""
                )
            self._back_off(fault)
            raise fault from None
        except Exception:
            # Not foreseen, so not retried with care either; but the source gave no answer, and its alert must see that.
            self.up = False
            raise
        self.connects += 1
        self._failures = 0
        self._last_fault = None
        return self._connection

    def _back_off(self, fault: SourceFault) -> None:
        self.up = False
        self._last_fault = fault
        delay = min(BACKOFF_MAX, BACKOFF_FIRST * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        import random

        self._retry_at = self._clock() + delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Close the connection, after the query in flight or else by breaking it off; ``close_all`` for one."""
        close_all((self,))

    def _end(self) -> None:
        # In this order: whoever connects sees the one, or has its connection seen.
        self._closed = True
        self._ending = self._connection

    def _dropped(self, until: Deadline) -> bool:
        """Drop the connection once no query is in flight; False when one still is by then."""
        if not self._turn.acquire(timeout=until.remaining()):
            return False
        try:
            self._drop()
        finally:
            self._turn.release()
        return True

    def _stop(self) -> None:
        """Ask the server to end the query in flight.

        Of a line that is cut it may know nothing for as long as the query's timeout, and works on for nobody.
        """
        connection = self._ending
        if connection is not None and connection is self._connection:
            # In a thread of its own: towards a hung server the stop hangs as well.
            threading.Thread(target=_cancel, args=(connection,), name="query-stop", daemon=True).start()

    def _cut(self) -> None:
        connection = self._ending
        if connection is not None and connection is self._connection:
            connection.abort()


def close_all(sources: Sequence[Source]) -> None:
    """Close their connections, after the queries in flight or else by breaking them off.

    It takes no longer for many than for one, and no query is sent any more by who asked before. A scrape that still
    holds this configuration after a reload is answered, over a connection of its own.
    """
    for source in sources:
        source._end()
    # What still connects has nothing to break off, and sends nothing afterwards.
    connected = [source for source in sources if source._ending is not None]
    grace = Deadline.after(CLOSE_SECONDS)
    busy = [source for source in connected if not source._dropped(grace)]
    for source in busy:
        source._stop()
    stopped = Deadline.after(STOP_SECONDS)
    for source in [source for source in busy if not source._dropped(stopped)]:
        source._cut()


def _cancel(connection: Connection) -> None:
    canceller = connection.canceller()
    canceller.cancel()
    canceller.close()


def _unconnected(fault: SourceFault, own: float, took: float, hurry: str) -> SourceFault:
    """The fault of a connection that was given up after ``took`` seconds, with what set them; ``own`` is the source's limit."""
    limit = (
        f"{hurry}; the source's `timeout` allows {own:.3g} s" if hurry else "the limit that the source's `timeout` sets"
    )
    return SourceFault("timeout", f"{fault}: given up after {took:.3g} s, {limit}", lost=fault.lost)


def _overtime(fault: SourceFault, own: float, timeout: float, hurry: str) -> SourceFault:
    """The fault of a query that was stopped after ``timeout`` seconds, with what set them; ``own`` is the query's limit."""
    limit = "the limit that `timeout` sets (at the metric, else at its source)"
    if timeout < own:
        limit = f"{hurry}; `timeout` allows {own:.3g} s"
    # A line that was cut says nothing but that.
    cause = f": {fault}" if fault.reason == "timeout" else ""
    return SourceFault("timeout", f"stopped after {timeout:.3g} s, {limit}{cause}", lost=fault.lost)
