"""The monotone guard: a counter read from a table must not fall when the table shrinks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Labels = tuple[str, ...]
RULES = ("hold", "rebase")
# Label sets remembered beyond those present, so that one that comes back goes on where it was.
MAX_GONE = 10_000


class Guard:
    """Turns readings of a growing number into values that never fall.

    ``hold``: the highest reading stands until the source passes it, so nothing is ever counted that was not there (rows
    that replace deleted ones are not seen until then). ``rebase``: a fall is taken as deleted rows and what is added
    afterwards counts at once (a reading that falls and recovers, as on a lagging replica, is counted twice).
    """

    def __init__(self, rule: str = "hold") -> None:
        self.rule = rule
        self.regressions = 0
        self.changed = False
        # Label set -> (last reading, value shown).
        self._seen: dict[Labels, tuple[float, float]] = {}

    def apply(self, readings: Iterable[tuple[Labels, float]]) -> list[tuple[Labels, float]]:
        """The values to show for one answer's readings; each fall is counted once, in ``regressions``.

        ``changed`` is set when there is something new to save.
        """
        out: list[tuple[Labels, float]] = []
        present: dict[Labels, tuple[float, float]] = {}
        for labels, reading in readings:
            before = self._seen.pop(labels, None)
            last, shown = before or (reading, reading)
            if reading < last:
                self.regressions += 1
            shown = max(shown, reading) if self.rule == "hold" else shown + max(0.0, reading - last)
            present[labels] = (reading, shown)
            self.changed |= before != present[labels]
            out.append((labels, shown))
        while len(self._seen) > MAX_GONE:
            del self._seen[next(iter(self._seen))]
        self._seen.update(present)
        return out

    def dump(self) -> dict[str, Any]:
        """Plain data for the state file."""
        return {
            "regressions": self.regressions,
            "seen": [[list(labels), *pair] for labels, pair in self._seen.items()],
        }

    def load(self, data: Any) -> None:
        """Go on from ``dump``'s data, or from the list of what was seen that files had before they kept the count."""
        self.changed = False
        kept = data if isinstance(data, dict) else {"regressions": 0, "seen": data}
        self.regressions = int(kept["regressions"])
        self._seen = {tuple(labels): (float(last), float(shown)) for labels, last, shown in kept["seen"]}
