"""The label gate: which label values may become series, and what happens to the others."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .spec import LabelSpec

OTHER_SEEN = "label_cap"


class LabelGate:
    """Admits one label's values. Distinct values beyond ``max`` are refused in order of arrival."""

    __slots__ = ("_allow", "_max", "_max_length", "_otherwise", "_pattern", "name", "seen")

    def __init__(self, spec: LabelSpec) -> None:
        self.name = spec.name
        self._allow = None if spec.allow is None else frozenset(spec.allow)
        self._pattern = None if spec.pattern is None else re.compile(spec.pattern)
        self._max = spec.max
        self._max_length = spec.max_length
        self._otherwise = spec.otherwise
        self.seen: set[str] = set()

    @property
    def otherwise(self) -> str | None:
        return self._otherwise

    def refuse(self, value: str) -> str | None:
        """The reason why a value is no series of its own, or None when it is admitted (and remembered)."""
        if value == self._otherwise:
            return None
        if self._allow is not None:
            return None if value in self._allow else "not_allowed"
        if len(value) > self._max_length:
            return "too_long"
        if self._pattern is not None and not self._pattern.fullmatch(value):
            return "pattern"
        if self._max is not None and value not in self.seen:
            if len(self.seen) >= self._max:
                return OTHER_SEEN
            self.seen.add(value)
        return None

    def prefer(self, values: Iterable[str]) -> None:
        """Forget values that are gone, so that their places are free and those still present keep theirs."""
        if self._max is not None:
            self.seen &= set(values)


class Gate:
    """Admits whole label sets: one LabelGate for each label, in declared order."""

    __slots__ = ("_gates", "capped")

    def __init__(self, specs: tuple[LabelSpec, ...]) -> None:
        self._gates = tuple(LabelGate(spec) for spec in specs)
        self.capped = any(spec.max is not None for spec in specs)

    def admit(self, values: tuple[str, ...]) -> tuple[tuple[str, ...] | None, str | None]:
        """The label set under which the sample is kept, and the reason when it is not the one asked for.

        ``(values, None)`` admitted as it is; ``(other, reason)`` folded; ``(None, reason)`` dropped.
        """
        out: list[str] | None = None
        why: str | None = None
        for position, (gate, value) in enumerate(zip(self._gates, values, strict=True)):
            reason = gate.refuse(value)
            if reason is None:
                continue
            if gate.otherwise is None:
                return None, reason
            out = out or list(values)
            out[position] = gate.otherwise
            why = why or reason
        return (values if out is None else tuple(out)), why

    def refused(self, values: tuple[str, ...]) -> list[tuple[str, str, str]]:
        """(label, value, reason) for each value that made ``admit`` fold or drop the label set. Asking again changes nothing."""
        found: list[tuple[str, str, str]] = []
        for gate, value in zip(self._gates, values, strict=True):
            reason = gate.refuse(value)
            if reason is not None:
                found.append((gate.name, value, reason))
                if gate.otherwise is None:
                    # `admit` asked no further; a cap would remember what it is asked for.
                    return found[-1:]
        return found

    def prefer(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Before a const family's rows are admitted: keep the places of values that are still present."""
        columns = list(zip(*rows, strict=True))
        for gate, column in zip(self._gates, columns or [()] * len(self._gates), strict=True):
            gate.prefer(column)
