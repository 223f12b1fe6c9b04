"""One prediction or truth, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

from ..runtime.records import dataclass
from .config_quality import QualityConfig
from .intake import Fact

MAX_KEY = 512
MAX_TEXT = 128
# Whole numbers up to here are exact, and sums of as many as there can be stay finite.
MAX_VALUE = 1e15


class TooLarge(ValueError):
    """A number beyond ``MAX_VALUE``."""


@dataclass(frozen=True, slots=True)
class Known:
    """A checked fact: ``value`` is a number from 0 to ``MAX_VALUE`` (kind count) or a class (kind class); ``time`` is Unix seconds."""

    side: str
    key: str
    time: float
    group: str
    version: str
    value: float | str


def check(fact: Fact, config: QualityConfig, version: str) -> Known:
    """The fact as its configuration wants it. ValueError when it does not fit (TooLarge: a number that does not).

    Key fields are compared as text, in the order of their names, times among them as Unix seconds. Naive times are UTC.
    """
    if not isinstance(fact.key, Mapping) or set(fact.key) != set(config.key):
        raise ValueError("the key has other fields")
    labels = fact.labels if isinstance(fact.labels, Mapping) else {}
    parts = [_time(fact.key[name]) if name == config.time else _text(fact.key[name]) for name in sorted(config.key)]
    when = _time(fact.key[config.time] if config.time else fact.time)
    return Known(
        fact.side,
        json.dumps(parts),
        when,
        _text(fact.key[config.by]) if config.by else "",
        _text(labels.get("version", version)),
        _class(fact.value) if config.kind == "class" else _count(fact.value),
    )


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError("expected text or a whole number")
    text = str(value)
    if not 0 < len(text) <= MAX_TEXT:
        raise ValueError("expected 1 to 128 characters")
    return text


def _time(value: Any) -> float:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return _count(value)


def _count(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not isfinite(value) or value < 0:
        raise ValueError("expected a number >= 0")
    if value > MAX_VALUE:
        raise TooLarge("expected at most 1e15")
    return float(value)


def _class(value: Any) -> str:
    return _text(int(value) if isinstance(value, bool) else value)
