"""Families whose series go on over a reload, although each configuration declares its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..runtime import HistogramChild


def carry(old: Any, new: Any) -> None:
    """Put the series of a live family into its successor, which has none but zeros."""
    for child in old.children():
        heir = new.labels(*child.values)
        if isinstance(heir, HistogramChild):
            heir.merge(child.snapshot())
        elif old.kind == "counter":
            heir.inc(child.value)
        else:
            heir.set(child.value)


class Handed:
    """Writes to the family of the configuration in force, so that nothing a replaced one still counts is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._family: Any = None

    def attach(self, family: Any) -> None:
        """Go on in ``family``; it starts with what its predecessor had, if it is of the same declaration."""
        with self._lock:
            old, self._family = self._family, family
            if old is not None and old.spec == family.spec:
                carry(old, family)

    def write(self, write: Callable[[Any], None]) -> None:
        """Call ``write`` with the family in force; nothing happens before the first."""
        with self._lock:
            if self._family is not None:
                write(self._family)
