"""Time zones of a source's naive dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def zone(name: str) -> tzinfo:
    """The zone called ``Asia/Ho_Chi_Minh``, ``UTC`` or ``+07:00``. ValueError when there is none."""
    match = _OFFSET.fullmatch(name)
    if match:
        sign = -1 if match.group(1) == "-" else 1
        offset = sign * timedelta(hours=int(match.group(2)), minutes=int(match.group(3)))
        return timezone(offset, name)
    if name == "UTC":
        return timezone(timedelta(0), "+00:00")
    # Not needed by most sources, and slow to import.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"`{name}` is no time zone; write Asia/Ho_Chi_Minh, UTC or +07:00") from None


def fixed_offset(where: tzinfo, year: int) -> str | None:
    """``+07:00`` when the zone keeps one offset through that year, else None."""
    offsets = {datetime(year, month, 1, tzinfo=UTC).astimezone(where).utcoffset() for month in range(1, 13)}
    offset = offsets.pop()
    if offsets or offset is None:
        return None
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
