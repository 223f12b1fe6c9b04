"""A source's values as samples: numbers and label values, converted without guessing."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from .faults import SourceFault

_TEXT_TYPES = (int, Decimal, date, time)
# MySQL and MariaDB know such dates, Python does not, so that the driver leaves them text.
_ZERO_DATE = re.compile(r"\d{4}-(00-\d\d|\d\d-00)(?!\d)")


def to_number(value: Any, zone: tzinfo | None, parse_text: bool) -> float | None:
    """The sample for one value; None for NULL.

    Decimals become floats, booleans 0 or 1, dates Unix seconds (naive ones in ``zone``), intervals seconds. Text is a
    number only where ``parse_text`` allows it. SourceFault ``value`` for anything else, NaN and infinity too: never a
    guess.
    """
    if value is None:
        return None
    if isinstance(value, (bool, int, float, Decimal)):
        return _finite(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return _epoch(value, zone)
    if isinstance(value, str):
        return _parsed(value, parse_text)
    raise SourceFault("value", f"the value is a {type(value).__name__}, not a number")


def _finite(value: bool | int | float | Decimal) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise SourceFault("value", "the number is too large for a sample") from None
    except ValueError:
        # A signalling NaN.
        number = math.nan
    if not math.isfinite(number):
        which = "not a number (NaN)" if math.isnan(number) else "infinite, or too large for a sample"
        raise SourceFault("value", f"the value is {which}; where that means none, let the query give NULL")
    return number


def _epoch(value: date, zone: tzinfo | None) -> float:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if moment.tzinfo is None:
        if zone is None:
            raise SourceFault("value", "a date without time zone; set time_zone on the source")
        moment = moment.replace(tzinfo=zone)
    return moment.timestamp()


def _parsed(text: str, allowed: bool) -> float:
    if _ZERO_DATE.match(text):
        raise SourceFault(
            "value",
            "the value is a zero date (0000-00-00, or one with a zero month or day), which is no moment;"
            " let the query give NULL for it: NULLIF(column, '0000-00-00')",
        )
    if not allowed:
        raise SourceFault("value", "the value is text; cast it in the query, or set numeric_text: true")
    stripped = text.strip()
    try:
        # Python also takes 1_000 and other digits, which no database writes.
        number = float(stripped) if stripped.isascii() and "_" not in stripped else None
    except ValueError:
        number = None
    if number is None:
        raise SourceFault("value", "the text is not a number")
    return _finite(number)


def to_label(value: Any, name: str) -> str:
    """The label value for one value that is not NULL. SourceFault ``value`` for what has no plain spelling."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value.is_finite() else str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise SourceFault("value", f"label {name}: the bytes are not UTF-8") from None
    if isinstance(value, _TEXT_TYPES) or type(value).__name__ == "UUID":
        return str(value)
    raise SourceFault("value", f"label {name}: a {type(value).__name__} has no plain spelling")
