"""The intake: every event of every transport, checked against the declarations and counted.

One lock guards all families that events feed; scrapes do not take it.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Protocol

from ..runtime.errors import SumTooLarge
from ..runtime.records import dataclass
from .handed import succeed
from .meters import Meters
from .observe import observe_all, observe_many
from .senders import Senders
from .targets import NO_SERIES, Target, Targets

MAX_ITEM_VALUES = 100_000
_MAX = sys.float_info.max
Watch = Callable[[Sequence[float], Sequence[int]], None]
_NO_LABELS: dict[str, str] = {}


class Rejected(Exception):
    """An event that is not counted; ``reason`` is one of ``families.REASONS``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fact:
    """A prediction (``side`` p) or truth (t) as received, unchecked."""

    side: str
    key: Any
    value: Any
    time: Any
    labels: Any


class Facts(Protocol):
    """Who takes predictions and truths."""

    def take(self, facts: Sequence[Fact]) -> Mapping[str, int]:
        """Keep them, durably when this returns; how many were not taken, by reason. sqlite3.Error when none can be kept."""


class Intake:
    """Checks and counts events. Each public method takes the lock for itself."""

    def __init__(self, targets: Targets, meters: Meters) -> None:
        self.lock = threading.Lock()
        self.targets = targets
        self.meters = meters
        self.senders = Senders()
        self.facts: Facts | None = None
        self._successor: Intake | None = None
        # Events that a label gate or a series limit kept out: their family counts them.
        self._sunk = 0
        self._watches: dict[str, list[Watch]] = {}
        self._take = {"c": self._counter, "g": self._gauge, "h": self._values, "H": self._weighted, "B": self._places}

    def watch(self, metric: str, watch: Watch) -> None:
        """Show each accepted observation of a histogram to ``watch`` (values, counts)."""
        self._watches.setdefault(metric, []).append(watch)

    def datagram(self, body: Any) -> None:
        """One decoded datagram of a client."""
        with self.lock:
            if self._successor is None:
                return self._datagram(body)
        return self._successor.datagram(body)

    def items(self, transport: str, items: Sequence[Any], batches: int = 0) -> int:
        """Items in the form of the client's wire; the number of events that were dropped, by the intake or by a label gate
        or series limit of their metric.

        sqlite3.Error, and nothing of them counted, when there are facts among them that cannot be kept now.
        """
        with self.lock:
            if self._successor is None:
                before, self._sunk = self._dropped(transport), 0
                self.meters.batches.labels(transport).inc(batches)
                self._items(transport, items)
                return int(self._dropped(transport) - before) + self._sunk
        return self._successor.items(transport, items, batches)

    def refuse(self, transport: str, reasons: Sequence[str], batches: int = 1) -> None:
        """Count what never became items."""
        with self.lock:
            if self._successor is None:
                self.meters.batches.labels(transport).inc(batches)
                for reason in reasons:
                    self.meters.drop(transport, reason)
                return None
        return self._successor.refuse(transport, reasons, batches)

    def inherit(self, old: Intake) -> None:
        """Go on where ``old`` stops: what it counted since the last scrape must not be lost, nor what still reaches it."""
        with old.lock, self.lock:
            for name, target in self.targets:
                before = old.targets.get(name)
                if before is not None:
                    succeed(before.family, target.family)
            for family, before_family in zip(self.meters.families, old.meters.families, strict=True):
                succeed(before_family, family)
            old._successor = self

    def _datagram(self, body: Any) -> None:
        self.meters.batches.labels("unix").inc()
        head = _head(body)
        if head is None:
            return self.meters.drop("unix", "malformed")
        arrival = self.senders.arrived(*head)
        self.meters.clients.set(len(self.senders))
        if arrival.stale:
            return self.meters.drop("unix", "duplicate_batch", max(head[2], 1))
        self.meters.lost.labels("client").inc(arrival.dropped)
        self.meters.lost.labels("transport").inc(arrival.lost)
        return self._items("unix", body["items"], again=False)

    def _dropped(self, transport: str) -> float:
        return float(sum(child.value for child in self.meters.dropped.children() if child.values[0] == transport))

    def _items(self, transport: str, items: Sequence[Any], again: bool = True) -> None:
        # Facts first: when they cannot be kept nothing of a batch is counted that may come `again`.
        accepted = self._keep(transport, [item for item in items if _is_fact(item)], again)
        for item in items:
            try:
                if item[0] not in ("p", "t"):
                    accepted += self._take[item[0]](item)
            except Rejected as error:
                self.meters.drop(transport, error.reason, _events(item))
            except SumTooLarge:
                self.meters.drop(transport, "invalid_value", _events(item))
            except (TypeError, KeyError, IndexError, ValueError, AttributeError, OverflowError):
                self.meters.drop(transport, "malformed", _events(item))
        self.meters.events.labels(transport).inc(accepted)

    def _keep(self, transport: str, items: list[Any], again: bool) -> int:
        if not items:
            return 0
        facts = [Fact(*item) for item in items if len(item) == 5]
        self.meters.drop(transport, "malformed", len(items) - len(facts))
        if self.facts is None:
            self.meters.drop(transport, "no_quality", len(facts))
            return 0
        try:
            refused = self.facts.take(facts)
        except sqlite3.Error:
            if again:
                raise
            refused = {"state": len(facts)}
        for reason, count in refused.items():
            self.meters.drop(transport, reason, count)
        return len(facts) - sum(refused.values())

    def _target(self, item: Sequence[Any], kind: str) -> Target:
        target = self.targets.get(item[1])
        if target is None:
            raise Rejected("unknown_metric")
        if target.kind != kind:
            raise Rejected("wrong_type")
        return target

    def _child(self, target: Target, item: Sequence[Any]) -> Any:
        """The series of an item whose value is right: a wrong one must not make a series."""
        child = target.child(item[2] if item[2] is not None else _NO_LABELS)
        if isinstance(child, str):
            if child != NO_SERIES:
                raise Rejected(child)
            self._sunk += _events(item)
            return target.family.sink
        return child

    def _counter(self, item: Sequence[Any]) -> int:
        target = self._target(item, "counter")
        amount, events = _number(item[3]), _whole(item[4])
        if amount < 0:
            raise Rejected("invalid_value")
        self._child(target, item).inc(amount)
        return events

    def _gauge(self, item: Sequence[Any]) -> int:
        target = self._target(item, "gauge")
        value = _number(item[3])
        child = self._child(target, item)
        if len(item) > 4 and item[4] == "+":
            if not -_MAX <= child.value + value <= _MAX:
                raise Rejected("invalid_value")
            child.inc(value)
        else:
            child.set(value)
        return 1

    def _values(self, item: Sequence[Any]) -> int:
        target = self._target(item, "histogram")
        values = _numbers(item[3])
        observe_all(self._child(target, item), values)
        for watch in self._watches.get(target.family.name, ()):
            watch(*_finite(values, [1] * len(values)))
        return len(values)

    def _weighted(self, item: Sequence[Any]) -> int:
        target = self._target(item, "histogram")
        values, counts = _numbers(item[3]), item[4]
        total = None if item[5] is None else _number(item[5])
        return self._many(target, item, values, counts, total)

    def _places(self, item: Sequence[Any]) -> int:
        target = self._target(item, "histogram")
        values = _singles(item[3])
        if not all(map(isfinite, values)):
            raise Rejected("invalid_value")
        return self._many(target, item, values, item[4], _number(item[5]))

    def _many(self, target: Target, item: Any, values: Sequence[float], counts: Any, total: float | None) -> int:
        if len(values) != len(counts):
            raise Rejected("malformed")
        if any(_whole(count) < 1 for count in counts):
            raise Rejected("invalid_value")
        observe_many(self._child(target, item), values, counts, total)
        for watch in self._watches.get(target.family.name, ()):
            watch(*_finite(values, counts))
        events: int = sum(counts)
        return events


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, list) or len(values) > MAX_ITEM_VALUES:
        raise Rejected("malformed")
    if not {type(value) for value in values} <= {float, int}:
        raise Rejected("invalid_value")
    # A whole number beyond all floats fails here, before anything is counted.
    return [float(value) for value in values]


def _singles(places: Any) -> list[float]:
    """The floats whose upper 19 bits, as single ones, the client sends."""
    if not isinstance(places, list) or len(places) > MAX_ITEM_VALUES:
        raise Rejected("malformed")
    if any(type(place) is not int or not 0 <= place < 1 << 19 for place in places):
        raise Rejected("invalid_value")
    return array("f", array("I", [place << 13 for place in places]).tobytes()).tolist()


def _is_fact(item: Any) -> bool:
    return isinstance(item, list) and len(item) > 0 and item[0] in ("p", "t")


def _finite(values: Sequence[float], counts: Sequence[int]) -> tuple[list[float], list[int]]:
    kept = [(value, count) for value, count in zip(values, counts, strict=True) if isfinite(value)]
    return [value for value, _ in kept], [count for _, count in kept]


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise Rejected("invalid_value")
    number: float = value
    return number


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 1 << 53:
        raise Rejected("invalid_value")
    number: int = value
    return number


def _events(item: Any) -> int:
    """How many events an item that is refused stood for, as far as it can be believed."""
    try:
        kind = item[0]
        found = item[4] if kind == "c" else len(item[3]) if kind == "h" else sum(item[4]) if kind in ("H", "B") else 1
        return found if type(found) is int and 0 < found < 1 << 40 else 1
    except (TypeError, KeyError, IndexError):
        return 1


def _head(body: Any) -> tuple[str, int, int, int] | None:
    """(client, first, events, dropped) of a datagram of version 1, None for anything else."""
    if not isinstance(body, Mapping) or body.get("v") != 1 or not isinstance(body.get("items"), list):
        return None
    client = body.get("client")
    if not isinstance(client, str) or not 0 < len(client) <= 64:
        return None
    numbers = [body.get(key) for key in ("first", "events", "dropped")]
    if any(type(number) is not int or not 0 <= number <= 1 << 53 for number in numbers):
        return None
    return client, *numbers  # type: ignore[return-value]
