"""Watermarks: the place in a table up to which rows have been counted, as JSON that keeps its type."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .faults import SourceFault


def dump_mark(mark: Any) -> list[Any]:
    """``[type, spelling]`` of a mark. SourceFault ``value`` for a type without order or exact spelling."""
    if isinstance(mark, bool) or not isinstance(mark, (int, float, str, Decimal, date)):
        raise SourceFault("value", f"a watermark cannot be a {type(mark).__name__}")
    if isinstance(mark, datetime):
        return ["datetime", mark.isoformat()]
    if isinstance(mark, date):
        return ["date", mark.isoformat()]
    if isinstance(mark, Decimal):
        return ["decimal", str(mark)]
    return ["plain", mark]


def load_mark(data: list[Any]) -> Any:
    """The mark that ``dump_mark`` spelled."""
    kind, spelling = data
    if kind == "datetime":
        return datetime.fromisoformat(spelling)
    if kind == "date":
        return date.fromisoformat(spelling)
    return Decimal(spelling) if kind == "decimal" else spelling


def later(one: Any, other: Any) -> bool:
    """Whether ``one`` comes after ``other``. SourceFault ``value`` when the two have no common order."""
    try:
        return bool(one > other)
    except TypeError:
        kinds = f"{type(one).__name__} and {type(other).__name__}"
        raise SourceFault("value", f"watermarks of different types ({kinds}); cast the column in the query") from None
