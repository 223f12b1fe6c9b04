"""One thread that renders.

Rendering allocates megabytes; done in each connection's thread, every thread's malloc arena would keep its share.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Task(Generic[T]):
    __slots__ = ("done", "error", "result", "work")

    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.done = threading.Lock()
        self.done.acquire()
        self.result: T | None = None
        self.error: Exception | None = None


class Renderer(Generic[T]):
    """Runs functions one after the other in a thread of its own."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[_Task[T]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="render", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], T]) -> T:
        """The result of ``work``; its exception is raised here."""
        task: _Task[T] = _Task(work)
        self._tasks.put(task)
        task.done.acquire()
        if task.error is not None:
            raise task.error
        return task.result  # type: ignore[return-value]

    def _loop(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                task.result = task.work()
            except Exception as error:
                task.error = error
            task.done.release()
            # Or the last exposition would stay in memory until the next scrape.
            del task
