"""One collector's worker: a thread of its own, one run at a time, callers join the run in flight."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .collector import Collector, FamilyError, FamilyRows, Policy
from .deadline import Deadline
from .errors import CollectError, Reported, RowError, Unsupported
from .family import AnyFamily
from .records import dataclass, field

log = logging.getLogger(__name__)


@dataclass
class CollectorState:
    """What the self metrics say about a collector. Times are Unix seconds; None before the first success."""

    success: bool = False
    supported: bool = True
    duration: float = 0.0
    last_success: float | None = None
    errors: dict[str, int] = field(default_factory=dict)

    def error(self, reason: str) -> None:
        self.errors[reason] = self.errors.get(reason, 0) + 1


class Run:
    """One collection in flight."""

    __slots__ = ("done", "failed", "families", "known", "waiters")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.waiters = 0
        self.failed: str | None = None
        # Whether a failure is no news: it was counted and logged before.
        self.known = False
        self.families: dict[str, str] = {}


class Worker:
    """Runs a registered collector. ``timeout`` bounds one run; ``cache`` is how long a result is served, in seconds."""

    def __init__(self, collector: Collector, timeout: float | None, policy: Policy, cache: float) -> None:
        self.collector = collector
        self.name = collector.name
        self._taken: Callable[[], None] | None = getattr(collector, "taken", None)
        self.families: tuple[AnyFamily, ...] = tuple(collector.families)
        self.timeout = timeout
        self.policy = policy
        self.cache = cache
        self.state = CollectorState()
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._fresh_until = 0.0
        self._good: dict[str, float] = {}
        self._wake = threading.Condition(self._lock)
        self._job: tuple[Run, Deadline] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        reports_to = getattr(collector, "reports_to", None)
        if reports_to is not None:
            reports_to(self.report)

    def report(self, error: Exception) -> None:
        """Count and log a run that failed outside a scrape."""
        reason = self._told(error)
        with self._lock:
            self.state.error(reason)

    def _told(self, error: Exception) -> str:
        """Log the failure of a run; its reason."""
        if isinstance(error, CollectError):
            why = {"reason": error.reason, "err": str(error)}
            log.warning("collector failed", extra={"collector": self.name, **why})
            return error.reason
        # Only the type: the text of a foreign exception may hold a secret.
        log.error("collector raised", extra={"collector": self.name, "err": type(error).__name__})
        return "exception"

    def begin(self, deadline: Deadline) -> Callable[[Deadline], str | None]:
        """Start or join a run. The returned function waits for it and gives the failure's reason, or None."""
        with self._lock:
            if self.cache and time.monotonic() < self._fresh_until:
                return lambda _deadline: None
            run = self._run
            if run is None:
                run = self._run = Run()
                self._job = (run, deadline.earliest(self.timeout))
                self._start_thread()
                self._wake.notify()
            run.waiters += 1
        began = time.monotonic()
        limit = None if self.timeout is None else began + self.timeout
        return lambda until: self._wait(run, until if limit is None else min(until, Deadline(limit)))

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=f"collector-{self.name}", daemon=True)
            self._thread.start()

    def _wait(self, run: Run, deadline: Deadline) -> str | None:
        finished = run.done.wait(deadline.remaining())
        with self._lock:
            run.waiters -= 1
            if finished or run.done.is_set():
                return run.failed
            self.state.success = False
            self.state.error("timeout")
            self._give_up(self.families)
            return "timeout"

    def _loop(self) -> None:
        while True:
            with self._lock:
                while self._job is None:
                    if self._closed:
                        return
                    self._wake.wait()
                run, deadline = self._job
                self._job = None
            self._execute(run, deadline)

    def _execute(self, run: Run, deadline: Deadline) -> None:
        began = time.monotonic()
        emitted: list[FamilyRows | FamilyError] = []
        supported = True
        try:
            for item in self.collector.collect(deadline):
                rows = FamilyRows(item.family, list(item.rows)) if isinstance(item, FamilyRows) else item
                emitted.append(rows)
        except Unsupported as error:
            supported, emitted = False, []
            log.debug("collector not supported here", extra={"collector": self.name, "err": str(error)})
        except Reported as error:
            run.failed, run.known = error.reason, True
        except Exception as error:
            run.failed = self._told(error)
        own: float | None = getattr(self.collector, "took", None)
        run.known = run.known or bool(getattr(self.collector, "again", False) and run.failed is None)
        with self._lock:
            self.state.duration = time.monotonic() - began if own is None else own
            self.state.supported = supported
            try:
                if run.waiters > 0 or self.cache > 0:
                    self._settle(run, emitted)
            except Exception as error:
                # Whatever a collector yields, its worker must live: a run that never ends would block it for good.
                run.failed = "invalid_rows"
                self.state.success = False
                self.state.error(run.failed)
                self._give_up(self.families)
                log.error("rows not usable", extra={"collector": self.name, "err": type(error).__name__})
            finally:
                self._run = None
                run.done.set()

    def _settle(self, run: Run, emitted: list[FamilyRows | FamilyError]) -> None:
        now = time.time()
        if run.failed is None:
            self._apply(run, emitted, now)
        else:
            self._failed(run, run.failed)
            self._give_up(self.families)
        self.state.success = run.failed is None
        if run.failed is None:
            self.state.last_success = now
            self._fresh_until = time.monotonic() + self.cache
            if self._taken is not None:
                self._taken()

    def _failed(self, run: Run, reason: str) -> None:
        if not run.known:
            self.state.error(reason)

    def _apply(self, run: Run, emitted: list[FamilyRows | FamilyError], now: float) -> None:
        seen: set[str] = set()
        for item in emitted:
            mine = any(item.family is family for family in self.families)
            reason = self._take(item, run.known) if mine else "foreign_family"
            if mine:
                seen.add(item.family.name)
            if reason is None:
                self._good[item.family.name] = now
                continue
            run.failed = run.failed or reason
            if mine:
                self._give_up((item.family,))
            if not run.known:
                why = {"err": item.message} if isinstance(item, FamilyError) and item.message else {}
                what = {"collector": self.name, "metric": item.family.name, "reason": reason}
                log.warning("family failed", extra={**what, **why})
        for family in self.families:
            if family.name not in seen:
                family.clear()
        if run.failed is not None:
            self._failed(run, run.failed)

    def _take(self, item: FamilyRows | FamilyError, known: bool) -> str | None:
        if isinstance(item, FamilyError):
            return item.reason
        try:
            item.family.replace(item.rows)
        except RowError as error:
            if not known:
                log.warning("rows refused", extra={"collector": self.name, "err": str(error)})
            return "invalid_rows"
        return None

    def _give_up(self, families: tuple[AnyFamily, ...]) -> None:
        """Apply the error policy to families whose new rows did not come."""
        for family in families:
            age = time.time() - self._good.get(family.name, 0.0)
            if self.policy.kind != "hold" or age > self.policy.max_age:
                family.clear()

    def close(self) -> None:
        """End the thread when it is idle, and close the collector if it can be closed."""
        with self._lock:
            self._closed = True
            self._wake.notify()
        closer = getattr(self.collector, "close", None)
        if callable(closer):
            closer()
