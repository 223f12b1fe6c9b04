"""Send a model's metrics to the mkit AI exporter: one file, no dependencies, safe to copy into your project.

    from mkit_client import Client

    mkit = Client("/run/mkit/ai.sock")
    frames = mkit.counter("mkit_model_frames_processed_total", camera="gate-1")
    infer = mkit.histogram("mkit_model_inference_duration_seconds", camera="gate-1", stage="infer")

    with infer.time():
        people = model(frame)
    frames.inc()

A call appends to a queue and returns: it takes no lock, never blocks on I/O and never raises. A background thread adds up
what came in and sends it every 250 ms as unix datagrams. What cannot be sent is kept for a while, then dropped and
counted; datagrams carry sequence numbers, so the exporter knows of every loss. Threads may share a client and its
handles. After ``fork`` the child starts with an empty client of its own. Python >= 3.9.

Wire: one JSON object a datagram, ``{"v": 1, "client": id, "seq": number of the datagram, "first": events sent or dropped
before it, "events": events in it, "dropped": events dropped so far, "items": [...]}``; an item is ``["c", name, labels,
sum, events]``, ``["g", name, labels, value]``, ``["h", name, labels, values]``, ``["B", name, labels, places, counts, sum]``
(a place is the upper 19 bits of a single float: whole numbers cost a tenth of what decimals do), ``["p", key, value, event
time, labels]`` (prediction) or ``["t", ...]`` (truth).
"""

from __future__ import annotations

import atexit
import functools
import inspect
import json
import os
import socket
import sys
import threading
import time
import weakref
from array import array
from collections import Counter as CountOf
from collections import deque
from collections.abc import Callable
from operator import mul
from time import perf_counter
from typing import Any, TypeVar

__all__ = ["Client", "Counter", "Gauge", "Histogram"]

F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H", bound="_Handle")

FLUSH_SECONDS = 0.25
MAX_DATAGRAM = 32_000  # Bytes; half of the smallest default send buffer.
MAX_UNSENT = 64  # Datagrams kept while the exporter is away.
MAX_PENDING = 8_192  # Calls a handle keeps before the caller adds them up itself.
MAX_EXACT = 512  # Observations of one flush that are sent one by one; more are rounded (by 0.1 % at most) and counted.
_UNUSED = 13  # Last bits of a single float that are not kept: 10 bits of its fraction are, truncated by 0.1 % at most.
_MASK = 0xFFFFFFFF << _UNUSED & 0xFFFFFFFF
_BYTES = (0, 1, 2, 3) if sys.byteorder == "little" else (3, 2, 1, 0)  # Where a single float's bytes lie, lowest first.
# What is too large for a single float counts as the largest, which is in the last bucket as well.
_LARGEST = {0x7F800000: 0x7F7FFFFF & _MASK, 0xFF800000: 0xFF7FFFFF & _MASK}
MAX_DISTINCT = 16_384  # Rounded values kept for one handle.
MAX_HANDLES = 10_000
MAX_FACTS = 10_000  # Predictions and truths kept between two flushes.
_INF = float("inf")


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_INF < value < _INF


class _Handle:
    """One metric with its labels. ``_pending`` takes calls from any thread: list.append is atomic.

    What a call does is written out in each method: calling a common one would cost as much as the call's work.
    """

    __slots__ = ("_folding", "_labels", "_name", "_pending", "lost")

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self._name = name
        self._labels = labels
        self.lost = 0
        self._pending: list[Any] = []  # Timers hold it too: it is emptied, never replaced.
        self.clear()

    def clear(self) -> None:
        """Forget everything pending, and any lock that a fork left held."""
        del self._pending[:]
        self._folding = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        raise NotImplementedError

    def _take_all(self, chunk: list[Any]) -> None:
        """Add pending values to the aggregate, all or none: raises when one does not fit."""
        raise NotImplementedError

    def _relieve(self) -> None:
        """Add up what is pending in the caller's thread, unless another thread does it now."""
        if self._folding.acquire(False):
            try:
                self._fold()
            finally:
                self._folding.release()

    def _fold(self) -> None:
        # A copy and a deletion of a known length: what other threads append meanwhile stays behind them.
        pending = self._pending
        chunk = pending[:]
        del pending[: len(chunk)]
        try:
            self._take_all(chunk)
        except Exception:  # Something in it is no number: one by one.
            for value in chunk:
                try:
                    self._take_all([value])
                except Exception:
                    self.lost += 1

    def items(self) -> list[tuple[list[Any], int]]:
        """What came in since the last time, as (item, events)."""
        with self._folding:
            self._fold()
            return self._drain()

    def _drain(self) -> list[tuple[list[Any], int]]:
        raise NotImplementedError


class Counter(_Handle):
    """Counts events."""

    __slots__ = ("_events", "_sum")

    def inc(self, amount: float = 1) -> None:
        """Add ``amount`` (finite and >= 0, else it is dropped and counted)."""
        pending = self._pending
        pending.append(amount)
        if len(pending) > MAX_PENDING:
            self._relieve()

    def _reset(self) -> None:
        self._sum: float = 0
        self._events = 0

    def _take_all(self, chunk: list[Any]) -> None:
        if not chunk:
            return
        total = sum(chunk)
        if not (total < _INF and min(chunk) >= 0):
            raise ValueError
        self._sum += total
        self._events += len(chunk)

    def _drain(self) -> list[tuple[list[Any], int]]:
        if not self._events:
            return []
        total, events = self._sum, self._events
        self._reset()
        return [(["c", self._name, self._labels, total, events], events)]


class Gauge(_Handle):
    """A value that goes up and down; the last one of an interval is sent."""

    __slots__ = ("_changed", "_value")

    def set(self, value: float) -> None:
        """Make it ``value``."""
        pending = self._pending
        pending.append((value,))
        if len(pending) > MAX_PENDING:
            self._relieve()

    def inc(self, amount: float = 1) -> None:
        """Add ``amount``."""
        pending = self._pending
        pending.append(amount)
        if len(pending) > MAX_PENDING:
            self._relieve()

    def dec(self, amount: float = 1) -> None:
        """Subtract ``amount``; one that is no number is dropped and counted."""
        self.inc(-amount if _finite(amount) else "?")  # type: ignore[arg-type]

    def track(self) -> _Track:
        """Context manager: one more while the block runs (requests in flight)."""
        return _Track(self)

    def _reset(self) -> None:
        self._value = 0.0
        self._changed = 0

    def _take_all(self, chunk: list[Any]) -> None:
        number = self._value
        for value in chunk:
            number = value[0] if type(value) is tuple else number + value
            if not -_INF < number < _INF:
                raise ValueError
        self._value = number
        self._changed += len(chunk)

    def _drain(self) -> list[tuple[list[Any], int]]:
        if not self._changed:
            return []
        changed, self._changed = self._changed, 0
        return [(["g", self._name, self._labels, self._value], changed)]


class Histogram(_Handle):
    """Observations: durations, sizes, confidences."""

    __slots__ = ("_exact", "_mask", "_rounded", "_sum")

    def observe(self, value: float) -> None:
        """Count one observation (finite, else it is dropped and counted)."""
        pending = self._pending
        pending.append(value)
        if len(pending) > MAX_PENDING:
            self._relieve()

    def time(self) -> _Timer:
        """A timer in seconds: ``with histogram.time():`` or ``@histogram.time()``, coroutines included."""
        # Not by an __init__, which would cost more than the clock.
        timer = _Timer()
        timer._histogram = self
        timer._pending = self._pending
        return timer

    def _reset(self) -> None:
        self._exact: list[float] = []
        self._rounded: CountOf[int] = CountOf()
        self._mask = _MASK
        self._sum = 0.0

    def _take_all(self, chunk: list[Any]) -> None:
        if len(self._exact) + len(chunk) <= MAX_EXACT:
            values = array("d", chunk)
            if not -_INF < sum(values) < _INF:
                raise ValueError
            self._exact.extend(values)
            return
        total = sum(chunk)
        if type(total) is not float:
            # Ints, or numbers of another library, whose sum would go by that library's rules.
            total = sum(array("d", chunk))
        if not -_INF < total < _INF:
            raise ValueError
        self._rounded.update(_places(chunk, self._mask))
        self._sum += total
        while len(self._rounded) > MAX_DISTINCT:
            # Halve the resolution: coarser, but every observation is there.
            self._mask = self._mask << 1 & 0xFFFFFFFF
            coarse: CountOf[int] = CountOf()
            for place, count in self._rounded.items():
                coarse[place & self._mask] += count
            self._rounded = coarse

    def _drain(self) -> list[tuple[list[Any], int]]:
        exact, rounded, total = self._exact, self._rounded, self._sum
        self._reset()
        out: list[tuple[list[Any], int]] = []
        if exact:
            out.append((["h", self._name, self._labels, exact], len(exact)))
        for infinite, largest in _LARGEST.items():
            if infinite in rounded:
                rounded[largest] += rounded.pop(infinite)
        places = list(rounded)
        # Parts that fit into a datagram; the sum's rounding error goes with the last one.
        for start in range(0, len(places), 1024):
            part = places[start : start + 1024]
            counts = [rounded[place] for place in part]
            share = sum(map(mul, memoryview(array("I", part)).cast("B").cast("f"), counts))
            total -= share
            if start + 1024 >= len(places):
                share += total
            out.append(
                (["B", self._name, self._labels, [place >> _UNUSED for place in part], counts, share], sum(counts))
            )
        return out


def _places(values: list[Any], mask: int) -> memoryview:
    """The values' bits as single floats without their last ones: truncated, so that 0.25 stays in the bucket up to 0.25.

    Whole bytes at a time, which costs a fifth of a loop over the values.
    """
    raw = bytearray(array("f", values).tobytes())
    for place, byte in enumerate(_BYTES):
        keep = mask >> 8 * place & 0xFF
        if keep == 0:
            raw[byte::4] = bytes(len(values))
        elif keep < 0xFF:
            raw[byte::4] = raw[byte::4].translate(bytes(value & keep for value in range(256)))
    return memoryview(raw).cast("I")


class _Timer:
    """One timing at a time as a context manager, any number as a decorator. ``Histogram.time`` makes it."""

    __slots__ = ("_histogram", "_pending", "_start")
    _histogram: Histogram
    _pending: list[Any]
    _start: float

    def __enter__(self) -> _Timer:
        self._start = perf_counter()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        pending = self._pending
        pending.append(perf_counter() - self._start)
        if len(pending) > MAX_PENDING:
            self._histogram._relieve()

    def __call__(self, function: F) -> F:
        histogram, pending = self._histogram, self._pending
        observe = histogram.observe

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                pending.append(perf_counter() - start)
                if len(pending) > MAX_PENDING:
                    histogram._relieve()

        @functools.wraps(function)
        async def timed_coroutine(*args: Any, **kwargs: Any) -> Any:
            start = perf_counter()
            try:
                return await function(*args, **kwargs)
            finally:
                observe(perf_counter() - start)

        return timed_coroutine if inspect.iscoroutinefunction(function) else timed  # type: ignore[return-value]


class _Track:
    __slots__ = ("_gauge",)

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def __enter__(self) -> None:
        self._gauge.inc()

    def __exit__(self, *_: Any) -> None:
        self._gauge.inc(-1)


class _Facts:
    """Predictions and truths: facts of their own, never added up."""

    def __init__(self) -> None:
        self.lost = 0
        self.clear()

    def clear(self) -> None:
        self._pending: deque[list[Any]] = deque()

    def add(self, fact: list[Any]) -> None:
        if len(self._pending) < MAX_FACTS:
            self._pending.append(fact)
        else:
            self.lost += 1

    def items(self) -> list[tuple[list[Any], int]]:
        pending = self._pending
        return [(pending.popleft(), 1) for _ in range(len(pending))]


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client:
    """The way to one exporter.

    ``path`` is the exporter's unix datagram socket; without it, or when the environment variable ``MKIT_DISABLED`` is set,
    calls do nothing but count. ``labels`` stand on every metric of this client. ``start=False`` leaves sending to
    ``flush``.
    """

    def __init__(
        self,
        path: str | None = None,
        labels: dict[str, str] | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        start: bool = True,
    ) -> None:
        self.path = path or os.environ.get("MKIT_AI_SOCKET") or ""
        if os.environ.get("MKIT_DISABLED"):
            self.path = ""
        self.labels = {str(k): str(v) for k, v in (labels or {}).items()}
        self.dropped = 0
        self._seconds = flush_seconds
        self._handles: dict[Any, Any] = {}
        self._facts = _Facts()
        self._start = start
        self._fresh()
        _clients.add(self)

    # -- metrics ------------------------------------------------------------------------------------------------------

    def counter(self, name: str, **labels: str) -> Counter:
        """The counter of that name and those labels; keep it where you can."""
        return self._handle(Counter, name, labels)

    def gauge(self, name: str, **labels: str) -> Gauge:
        """The gauge of that name and those labels."""
        return self._handle(Gauge, name, labels)

    def histogram(self, name: str, **labels: str) -> Histogram:
        """The histogram of that name and those labels."""
        return self._handle(Histogram, name, labels)

    def timer(self, name: str, **labels: str) -> _Timer:
        """``histogram(name, **labels).time()``: a decorator and a context manager."""
        return self.histogram(name, **labels).time()

    def prediction(self, value: Any, key: dict[str, Any], time: float | None = None, **labels: str) -> None:
        """What the model said about ``key``: a count or a class. ``time`` is the event's (Unix seconds; now if absent)."""
        self._fact("p", value, key, time, labels)

    def truth(self, value: Any, key: dict[str, Any], time: float | None = None, **labels: str) -> None:
        """What turned out to be true about ``key``; it may come long before or after the prediction."""
        self._fact("t", value, key, time, labels)

    def _fact(self, side: str, value: Any, key: dict[str, Any], when: float | None, labels: dict[str, str]) -> None:
        try:
            self._facts.add([side, dict(key), value, time.time() if when is None else when, {**self.labels, **labels}])
        except Exception:
            self._facts.lost += 1

    def _handle(self, kind: type[H], name: str, labels: dict[str, str]) -> H:
        try:
            key = (kind, name, tuple(sorted(labels.items())))
            found = self._handles.get(key)
            if found is None:
                made = kind(str(name), {**self.labels, **{k: str(v) for k, v in labels.items()}})
                if len(self._handles) >= MAX_HANDLES:
                    self.dropped += 1  # The handle works and goes nowhere.
                    return made
                found = self._handles.setdefault(key, made)
            handle: H = found
            return handle
        except Exception:
            self.dropped += 1
            return kind("", {})

    # -- sending ------------------------------------------------------------------------------------------------------

    def _fresh(self) -> None:
        """State of this process only: called at the start and in the child of a fork."""
        self._id = os.urandom(8).hex()
        self._seq = self._first = 0
        self._unsent: deque[tuple[bytes, int]] = deque()
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        if self._start and self.path:
            try:
                self._thread = threading.Thread(target=_run, args=(weakref.ref(self),), name="mkit-client", daemon=True)
                self._thread.start()
            except Exception:
                self._thread = None

    def _forked(self) -> None:
        inherited = self._socket
        for handle in list(self._handles.values()):
            handle.lost = 0
            handle.clear()
        self._facts = _Facts()
        self.dropped = 0
        self._fresh()
        if inherited is not None:
            inherited.close()

    def flush(self) -> None:
        """Send what came in until now. Never raises; returns at once when the exporter is away."""
        try:
            with self._sending:
                self._encode()
                self._send()
        except Exception:
            self.dropped += 1

    def close(self) -> None:
        """Send the rest and stop."""
        self._stopped.set()
        self.flush()

    def _encode(self) -> None:
        batch: list[Any] = []
        events = size = 0
        sources: list[Any] = [*list(self._handles.values()), self._facts]
        for handle in sources:
            found = handle.items()
            lost, handle.lost = handle.lost, 0
            self._drop(lost)
            for item, count in found:
                try:
                    text = json.dumps(item, separators=(",", ":"), allow_nan=False)
                except (TypeError, ValueError):
                    self._drop(count)
                    continue
                if len(text) > MAX_DATAGRAM:
                    self._drop(count)
                    continue
                if size + len(text) > MAX_DATAGRAM:
                    self._enqueue(batch, events)
                    batch, events, size = [], 0, 0
                batch.append(text)
                events += count
                size += len(text) + 1
        if batch:
            self._enqueue(batch, events)

    def _drop(self, events: int) -> None:
        self.dropped += events
        self._first += events

    def _enqueue(self, batch: list[str], events: int) -> None:
        head = {
            "v": 1,
            "client": self._id,
            "seq": self._seq,
            "first": self._first,
            "events": events,
            "dropped": self.dropped,
        }
        text = json.dumps(head, separators=(",", ":"))[:-1] + ',"items":[' + ",".join(batch) + "]}"
        self._seq += 1
        self._first += events
        self._unsent.append((text.encode(), events))
        while len(self._unsent) > MAX_UNSENT:
            # Its numbers are used up: the gap tells the exporter, and so does the next datagram's ``dropped``.
            self.dropped += self._unsent.popleft()[1]

    def _send(self) -> None:
        if not self.path:
            while self._unsent:
                self.dropped += self._unsent.popleft()[1]
            return
        while self._unsent:
            try:
                self._connected().send(self._unsent[0][0])
            except BlockingIOError:
                return  # Its queue is full: again at the next flush.
            except OSError:
                self._disconnect()
                return
            self._unsent.popleft()

    def _connected(self) -> socket.socket:
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                made.setblocking(False)
                made.connect(self.path)
            except OSError:
                made.close()
                raise
            self._socket = made
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _run(reference: weakref.ref[Client]) -> None:
    """Flush until the client is closed or gone."""
    while True:
        client = reference()
        if client is None:
            return
        stopped, seconds = client._stopped, client._seconds
        del client
        if stopped.wait(seconds):
            return
        client = reference()
        if client is None:
            return
        client.flush()
        del client


def _after_fork() -> None:
    for client in list(_clients):
        client._forked()


def _at_exit() -> None:
    for client in list(_clients):
        client.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
