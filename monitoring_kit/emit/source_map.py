"""From a line of an emitted file back to the place in the spec that made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from monitoring_kit.diagnostics import Span


class Mark(NamedTuple):
    """Lines ``first`` to ``last`` (from 1, both included) come from ``origin``."""

    first: int
    last: int
    origin: Span


@dataclass(slots=True)
class SourceMap:
    """The marks of one file, outer ones before the inner ones that they enclose. ``keys``: line -> the key of the spec that
    changes it, written or not, "" for none; lines of which that is not known are not there."""

    marks: list[Mark] = field(default_factory=list)
    keys: dict[int, str] = field(default_factory=dict)

    def at(self, line: int) -> Mark | None:
        """The innermost mark that holds ``line``; None for a line that no part of the spec made (a header)."""
        found = None
        for mark in self.marks:
            if mark.first <= line <= mark.last:
                found = mark
        return found


class Marks:
    """Collects marks while a tree is written: opened before a branch's first line, closed after its last."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: list[list[int | Span]] = []

    def __len__(self) -> int:
        return len(self._open)

    def open(self, first: int, origin: Span) -> list[int | Span]:
        """Begin a mark at line ``first``; the result is handed to ``close``."""
        mark: list[int | Span] = [first, first, origin]
        self._open.append(mark)
        return mark

    @staticmethod
    def close(mark: list[int | Span], last: int) -> None:
        mark[1] = last

    def done(self) -> SourceMap:
        return SourceMap([Mark(*m) for m in self._open])  # type: ignore[arg-type]
