"""Planned maintenance as PromQL: a vector without labels while it lasts."""

from __future__ import annotations

from datetime import datetime

from monitoring_kit.promql import build as q
from monitoring_kit.promql.ast import Expr
from monitoring_kit.spec.slos import Maintenance

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY, _WEEK = 1440, 7 * 1440
# A rate over five minutes still holds events of the window that ended four minutes ago.
AFTER_MINUTES = 5


def active(windows: tuple[Maintenance, ...]) -> Expr | None:
    """An expression that has a value while one of ``windows`` lasts and five minutes beyond; None without windows."""
    parts: list[Expr] = []
    weekly = sorted({span for w in windows if w.weekly for span in weekly_minutes(w.weekly)})
    for start, end in weekly:
        parts.append(_between(_minute_of_week(), start, end))
    for window in windows:
        if window.from_ and window.to:
            parts.append(
                _between(q.vector(q.call("time")), seconds(window.from_), seconds(window.to) + AFTER_MINUTES * 60)
            )
    found = None
    for part in parts:
        found = part if found is None else q.or_(found, part)
    return found


def seconds(text: str) -> int:
    """The Unix time of ``2026-03-01T22:00Z``; ValueError for a date that does not exist."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def weekly_minutes(text: str) -> list[tuple[int, int]]:
    """The stretches of the week, in minutes since Sunday 0:00 UTC, that ``mon-fri,sun 22:00-02:00`` names; their ends five
    minutes later. A stretch that crosses the week's end is cut in two."""
    days, _, hours = text.partition(" ")
    begin, end = (_minute(part) for part in hours.split("-"))
    if end <= begin:
        end += _DAY
    found = []
    for day in _days(days):
        start, stop = day * _DAY + begin, day * _DAY + end + AFTER_MINUTES
        found.append((start, min(stop, _WEEK)))
        if stop > _WEEK:
            found.append((0, stop - _WEEK))
    return found


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _days(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, stop = _DAYS.index(first), _DAYS.index(last or first)
        found += [(start + i) % 7 for i in range((stop - start) % 7 + 1)]
    return list(dict.fromkeys(found))


def _minute_of_week() -> Expr:
    return q.add(q.mul(q.call("day_of_week"), _DAY), q.mul(q.call("hour"), 60), q.call("minute"))


def _between(value: Expr, start: int, end: int) -> Expr:
    return q.lt(q.ge(value, start), end)
