"""Quiet hours: the hours of delivery as Alertmanager's time intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from monitoring_kit.diagnostics import Report
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.lower.tree import Branch
from monitoring_kit.spec.alerting import QuietHours

DELIVERY_HOURS = "delivery-hours"
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_RANGE = re.compile(r"(\S+) (\d\d):(\d\d)-(\d\d):(\d\d)")
_MIDNIGHT = 24 * 60


def time_intervals(quiet: QuietHours | None, report: Report) -> list[Branch]:
    """The top-level ``time_intervals``: one, named ``delivery-hours``, or none when there are no quiet hours."""
    if quiet is None or not _checked(quiet, report):
        return []
    intervals = [_interval(days, hours, quiet) for text in quiet.except_ for days, hours in _spans(text)]
    return [Branch(quiet.node.span, name=DELIVERY_HOURS, time_intervals=intervals)]


def _checked(quiet: QuietHours, report: Report) -> bool:
    # Listing all zones reads a thousand files. A machine without a database cannot judge; Alertmanager brings its own.
    if not _is_zone(quiet.timezone) and (zones := available_timezones()):
        report.error(
            "alertmanager/timezone", f"there is no time zone `{quiet.timezone}`", quiet.at("timezone"),
            help=did_you_mean(quiet.timezone, zones, "time zones"),
        )  # fmt: skip
        return False
    for index, text in enumerate(quiet.except_):
        if not _spans(text):
            at = quiet.at("except", index=index)
            report.error(
                "alertmanager/quiet-hours", f"`{text}` is no time at all", at, help="write 00:00-24:00 for whole days"
            )
            return False
    if "critical" in quiet.severities:
        report.warning(
            "alertmanager/quiet-critical", "critical alerts are held back in the quiet hours", quiet.at("severities"),
            help="nobody is told of an outage at night; hold back warning and info only",
        )  # fmt: skip
    return True


def _is_zone(name: str) -> bool:
    """Whether ``name`` is in ``available_timezones()``."""
    if name.partition("/")[0] in ("posix", "posixrules", "right"):
        return False
    try:
        ZoneInfo(name)
    except (OSError, KeyError, ValueError):
        return False
    return True


def _interval(days: list[str], hours: tuple[int, int], quiet: QuietHours) -> Branch:
    start, end = hours
    return Branch(
        quiet.at("except"),
        times=[Branch(start_time=_clock(start), end_time=_clock(end))],
        weekdays=days,
        location=quiet.timezone,
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _spans(text: str) -> list[tuple[list[str], tuple[int, int]]]:
    """Weekdays and minutes of ``mon-fri 08:00-20:00``; hours that pass midnight become two stretches, as Alertmanager's
    intervals cannot pass it."""
    match = _RANGE.fullmatch(text)
    assert match is not None, "the shape of the spec has checked the form"
    start, end = (int(match[i]) * 60 + int(match[i + 1]) for i in (2, 4))
    days = _days(match[1])
    if start == end:
        return []
    if start < end:
        return [([DAYS[d] for d in days], (start, end))]
    late = [([DAYS[d] for d in days], (start, _MIDNIGHT))]
    next_days = sorted((d + 1) % 7 for d in days)
    return late + ([([DAYS[d] for d in next_days], (0, end))] if end else [])


def _days(text: str) -> list[int]:
    """Days of the week, Sunday being 0, of ``mon-fri,sun``; a range may pass the week's end (``fri-mon``)."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = _day(first), _day(last or first)
        found |= {(start + i) % 7 for i in range((end - start) % 7 + 1)}
    return sorted(found)


def _day(short: str) -> int:
    return next(i for i, day in enumerate(DAYS) if day.startswith(short))


def active(intervals: Sequence[Mapping[str, Any]], moment: datetime) -> bool:
    """Whether ``moment`` (with a time zone) lies in one of an emitted interval's stretches; ends are exclusive."""
    for interval in intervals:
        local = moment.astimezone(ZoneInfo(interval["location"]))
        if DAYS[local.isoweekday() % 7] in interval["weekdays"] and any(_within(t, local) for t in interval["times"]):
            return True
    return False


def _within(times: Mapping[str, str], local: datetime) -> bool:
    start, end = (int(times[k][:2]) * 60 + int(times[k][3:]) for k in ("start_time", "end_time"))
    return start <= local.hour * 60 + local.minute < end
