"""Ends a query that outlives its time although the server was told to end it."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from .table import Connection

# The server's own timeout comes first; then a kill by a second connection; then the line is cut.
KILL_AFTER = 0.03
CUT_AFTER = 0.06
# The second connection is made before it is needed, by so much, or after half of the time. On a busy machine a login takes
# longer than a query may live on.
READY_BEFORE = 0.5


class Watchdog:
    """Guards one ``run``. Use as a context manager around it.

    ``fired`` is set when the query had to be killed, ``aborted`` when the line was cut because that did not help.
    """

    def __init__(self, connection: Connection, timeout: float) -> None:
        self.fired = False
        self.aborted = False
        self._connection = connection
        self._timeout = timeout
        self._done = threading.Event()
        self._decided = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="query-watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._done.set()

    def _watch(self) -> None:
        kill_at = time.monotonic() + self._timeout + KILL_AFTER
        if self._done.wait(self._timeout - min(READY_BEFORE, self._timeout / 2)):
            return
        # In a thread of its own: towards a hung server the kill hangs as well.
        threading.Thread(target=self._kill, name="query-kill", daemon=True).start()
        self._done.wait(kill_at - time.monotonic())
        with self._lock:
            self.fired = not self._done.is_set()
        self._decided.set()
        if self.fired and not self._done.wait(CUT_AFTER):
            self.aborted = True
            self._connection.abort()

    def _kill(self) -> None:
        canceller = self._connection.canceller()
        self._decided.wait()
        if self.fired:
            canceller.cancel()
        canceller.close()
