"""What a collector is, what it yields, and what happens to its families when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from .deadline import Deadline
from .errors import CollectError
from .family import AnyFamily, Row
from .records import dataclass


@dataclass(frozen=True, slots=True)
class FamilyRows:
    """All rows of one family: (label values in declared order, value)."""

    family: Any
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class FamilyError:
    """One family of a collector failed; ``reason`` is counted, the collector's other families stand."""

    family: Any
    reason: str
    message: str = ""


Emitted = FamilyRows | FamilyError


class Collector(Protocol):
    """A source of const metrics, run once a scrape in a thread of its own.

    It may have a method ``taken()``: called after every ``collect`` whose rows all became the families' content.

    One that reads at a pace of its own may have ``reports_to(report)``: called once, with what is to be told each failed
    run's exception, which counts and logs it; ``collect`` then raises ``Reported``. Its ``took`` is the last run's
    duration in seconds (None before the first), and ``again`` whether the last ``collect`` gave the rows that the one
    before had given: they are then not counted as refused once more.
    """

    @property
    def name(self) -> str:
        """The ``collector`` label: unique within the registry."""

    @property
    def families(self) -> Sequence[AnyFamily]:
        """The families that only this collector fills."""

    def collect(self, deadline: Deadline) -> Iterable[Emitted]:
        """Everything that holds now. Raise CollectError, or anything else (reason ``exception``), to fail as a whole."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a failed collector's (or family's) last rows do.

    ``drop`` they vanish at once; ``hold`` they stay up to ``max_age`` seconds after the last success, then vanish;
    ``fail`` the scrape as a whole answers 500.
    """

    kind: str
    max_age: float = 0.0

    @classmethod
    def drop(cls) -> Policy:
        return cls("drop")

    @classmethod
    def hold(cls, max_age: float) -> Policy:
        return cls("hold", max_age)

    @classmethod
    def fail(cls) -> Policy:
        return cls("fail")


class ScrapeFailed(CollectError):
    """A collector with policy ``fail`` failed, so the scrape fails."""
