"""What each alert did over all scenarios: how soon, how long, how often for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring_kit.live.simulate.run import Played

_MONTH_SECONDS = 30 * 86_400


@dataclass(slots=True)
class Figures:
    """One alert; milliseconds. ``detect`` and ``resolve`` are the slowest over the services of all incidents that it told of,
    None without one (or while it still fires); ``scenarios`` counts these incidents. ``quiet_false`` are false alarms within
    the quiet time, ``false_per_month`` is their number in 30 days of it, None where no quiet scenario was played."""

    alert: str
    severity: str
    scenarios: int = 0
    detect: int | None = None
    resolve: int | None = None
    firings: int = 0
    false: int = 0
    quiet_false: int = 0
    false_per_month: float | None = None
    _seen: set[tuple[str, str | None]] = field(default_factory=set)

    @property
    def pages(self) -> int:
        return self.firings if self.severity == "critical" else 0

    @property
    def tickets(self) -> int:
        return self.firings if self.severity != "critical" else 0


def per_alert(played: Sequence[Played]) -> list[Figures]:
    """Every alert of the spec (one row for each severity that it has), whether it fired or not, by name."""
    found: dict[tuple[str, str], Figures] = {}
    for p in played:
        for outcome in p.backtest.outcomes:
            key = (outcome.job.alert, outcome.job.severity)
            found.setdefault(key, Figures(*key))
        for figures in found.values():
            figures._seen.clear()
        for job, firing in sorted(p.right, key=lambda pair: pair[1].start):
            mine = found[job.alert, job.severity]
            mine.scenarios += not mine._seen
            mine.firings += 1
            if (job.alert, job.service) not in mine._seen:
                mine._seen.add((job.alert, job.service))
                mine.detect = max(mine.detect or 0, firing.start - p.begin)
            if firing.end is not None:
                mine.resolve = max(mine.resolve or 0, firing.end - p.finish)
        for job, _ in p.false:
            mine = found[job.alert, job.severity]
            mine.firings += 1
            mine.false += 1
            mine.quiet_false += not p.scenario.harms
    quiet = sum(p.scenario.judged for p in played if not p.scenario.harms)
    for figures in found.values():
        figures.false_per_month = figures.quiet_false * _MONTH_SECONDS / quiet if quiet else None
    return [found[key] for key in sorted(found)]
