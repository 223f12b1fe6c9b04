"""Singleflight: scrapes that come while an equal one is being made share its result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from .deadline import Deadline

T = TypeVar("T")


class _Flight(Generic[T]):
    __slots__ = ("deadline", "done", "error", "result")

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.done = threading.Event()
        self.result: T | None = None
        self.error: Exception | None = None


class Singleflight(Generic[T]):
    """Joins calls of equal key. A call joins only a flight that ends no later than its own deadline."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}
        self._lock = threading.Lock()

    def do(self, key: Hashable, deadline: Deadline, work: Callable[[Deadline], T]) -> T:
        """The result of ``work``, run here or by the call joined; its exception is raised in every caller."""
        with self._lock:
            flight = self._flights.get(key)
            joined = flight is not None and flight.deadline <= deadline
            if flight is None or not joined:
                flight = self._flights[key] = _Flight(deadline)
        if not joined:
            self._fly(key, flight, work)
        # Rendering follows the collection, so the result may come shortly after the flight's deadline.
        elif not flight.done.wait(deadline.remaining() + 1.0):
            return work(deadline)
        if flight.error is not None:
            raise flight.error
        return flight.result  # type: ignore[return-value]

    def _fly(self, key: Hashable, flight: _Flight[T], work: Callable[[Deadline], T]) -> None:
        try:
            flight.result = work(flight.deadline)
        except Exception as error:
            flight.error = error
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.done.set()
