"""How many series the exporter may hold, and the count of what did not fit."""

from __future__ import annotations

import threading
from collections.abc import Callable

# (metric, reason, folded, label, value) of a label value that is no series of its own.
Witness = Callable[[str, str, bool, str, str], None]


class Budget:
    """The exporter-wide series cap and the dropped-series counters, shared by all families of a registry.

    ``witness`` is told the label values behind the count, if there is one: a check has, serving has not.
    """

    def __init__(self, max_series: int | None) -> None:
        self.max_series = max_series
        self.used = 0
        self.witness: Witness | None = None
        self.lock = threading.RLock()
        self._dropped: dict[tuple[str, str], int] = {}
        self._folded: dict[tuple[str, str], int] = {}

    def take(self, series: int) -> bool:
        """Reserve that many series; False when the cap does not allow it. Call under ``lock``."""
        if self.max_series is not None and self.used + series > self.max_series:
            return False
        self.used += series
        return True

    def give(self, series: int) -> None:
        """Return reserved series. Call under ``lock``."""
        self.used -= series

    def drop(self, metric: str, reason: str, count: int = 1, folded: bool = False) -> None:
        """Count samples that were dropped, or ``folded`` into another label set."""
        key = (metric, reason)
        with self.lock:
            self._dropped[key] = self._dropped.get(key, 0) + count
            if folded:
                self._folded[key] = self._folded.get(key, 0) + count

    def dropped(self) -> dict[tuple[str, str], int]:
        """(metric, reason) -> samples dropped or folded since the start."""
        with self.lock:
            return dict(self._dropped)

    def folded(self) -> dict[tuple[str, str], int]:
        """Of ``dropped``, those whose value counts in another label set."""
        with self.lock:
            return dict(self._folded)
