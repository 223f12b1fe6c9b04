"""Durations as people write them."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(value: Any, name: str) -> float:
    """Seconds from a number or a Go-style duration (``1m30s``, ``250ms``); ValueError when it is neither."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    text = str(value)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{name}: {text!r} is not a duration such as 1s or 250ms")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
