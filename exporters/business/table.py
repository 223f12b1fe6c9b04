"""What is asked of a source and what it answers: one row model for every kind of source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..runtime import Deadline
from ..runtime.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Ask:
    """One query. ``params`` binds ``:name`` places; ``timeout`` is in seconds; more than ``max_rows`` rows are a fault.

    ``page`` asks for the first ``max_rows`` + 1 rows instead of failing. ``extra`` is for kinds that need more than a
    text (the path of an HTTP document, the field of a Redis reply).
    """

    query: Any
    max_rows: int = 500
    timeout: float = 2.0
    params: Mapping[str, Any] = field(default_factory=dict)
    page: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Column names and rows, in the source's own types.

    ``note`` says, where that is not plain from the columns, what kind of answer it was. ``age``: how many seconds ago
    the source gave it, where it was kept for several queries.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    note: str = ""
    age: float = 0.0


def _nothing() -> None:
    """What a source does that cannot stop a query."""


@dataclass(frozen=True, slots=True)
class Canceller:
    """Makes the server stop the query in flight. Neither call raises; both may block about a second."""

    cancel: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing


class Connection(Protocol):
    """A live line to a source. One thread runs queries; ``canceller`` and ``abort`` are called from others."""

    def run(self, ask: Ask, timeout: float) -> Table:
        """The rows, at most ``ask.max_rows`` + 1. SourceFault when the source refuses, fails or runs out of time."""

    def canceller(self) -> Canceller:
        """What can stop the query in flight, ready to do it at once. Never raises, may block about a second."""

    def abort(self) -> None:
        """Break the line, so that ``run`` returns. Never raises, never blocks."""

    def close(self) -> None:
        """Close the line. Never raises."""


class Driver(Protocol):
    """Makes connections to one source."""

    def connect(self, deadline: Deadline) -> Connection:
        """A new connection, read-only as far as the source can be told. SourceFault when there is none by then."""
