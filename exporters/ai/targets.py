"""Where incoming values go: a declared family and the labels that fill themselves in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from ..runtime import MetricSpec, Registry

MAX_CACHED = 20_000
NO_SERIES = "no_series"


class Target:
    """One family that events may feed. ``child`` finds the series of an event's labels."""

    def __init__(self, family: Any, fills: Mapping[str, str]) -> None:
        self.family = family
        self.kind: str = family.kind
        self._fills = {name: value for name, value in fills.items() if name in family.label_names}
        self._names: tuple[str, ...] = family.label_names
        self._cache: dict[frozenset[tuple[str, str]], Any] = {}

    def child(self, labels: Mapping[str, Any]) -> Any:
        """The series, or text: why there is none (``unknown_label``, ``missing_label``, ``invalid_label``; ``NO_SERIES`` where a
        label gate or a series limit kept it out, which the family has counted)."""
        try:
            key = frozenset(labels.items())
            found = self._cache.get(key)
        except TypeError:
            return "invalid_label"
        if found is not None:
            return found
        values = self._values(labels)
        if isinstance(values, str):
            return values
        found = self.family.labels(*values)
        # What was refused or folded must be counted each time, so only a series of its own is remembered.
        if len(self._cache) < MAX_CACHED and self.family._children.get(values) is found:
            self._cache[key] = found
        return NO_SERIES if found is self.family.sink else found

    def known_sets(self, most: int) -> list[tuple[str, ...]]:
        """Every label set that fills and allow-lists name; [] when a label is open, or they are more than ``most``."""
        choices: list[Sequence[str]] = []
        for label in self.family.spec.labels:
            filled = self._fills.get(label.name)
            allowed = label.allow or ()
            if filled is None or (label.allow is not None and filled not in allowed):
                choices.append(allowed)
            else:
                choices.append((filled,))
        return list(product(*choices)) if prod(map(len, choices)) <= most else []

    def _values(self, labels: Mapping[str, Any]) -> tuple[str, ...] | str:
        values = []
        used = 0
        for name in self._names:
            value = labels.get(name)
            if value is None:
                value = self._fills.get(name)
                if value is None:
                    return "missing_label"
            else:
                used += 1
            if not isinstance(value, str):
                return "invalid_label"
            values.append(value)
        return tuple(values) if used == len(labels) else "unknown_label"


class Targets:
    """All families that events may feed, by name."""

    def __init__(self, registry: Registry, specs: Mapping[str, MetricSpec], fills: Mapping[str, str]) -> None:
        self._targets: dict[str, Target] = {}
        for name, spec in specs.items():
            self._targets[name] = Target(registry.declare(spec), fills)

    def get(self, name: Any) -> Target | None:
        """The target of that name, None for a metric that nobody declared."""
        return self._targets.get(name) if isinstance(name, str) else None

    def __iter__(self) -> Any:
        return iter(self._targets.items())
