"""Durations, sizes, ratios and rates as users write them: ``5m``, ``50GB``, ``5%``, ``100/s``."""

from __future__ import annotations

import re
from functools import lru_cache

from monitoring_kit.frozen import dataclass

_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
# Milliseconds; y = 365d and w = 7d as in Prometheus (model.ParseDuration).
_MS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_NAMES = ("y", "w", "d", "h", "m", "s", "ms")
_BYTES = {"B": 1}
for _i, _p in enumerate("KMGTP", start=1):
    _BYTES[f"{_p}B"] = 1000**_i
    _BYTES[f"{_p.lower()}B"] = 1000**_i
    _BYTES[f"{_p}iB"] = 1024**_i
    _BYTES[f"{_p}"] = 1000**_i
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*(%|/\w+|[A-Za-z]+(?:/\w+)?)?")
_PER = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}


# A number with a unit in words. Only whole words count: `5 MB` is no five minutes.
_WORDS = re.compile(r"\s*(?:and\s+)?(\d+)\s*([A-Za-z]+)\b\.?,?")
_UNITS = {
    "y": "y", "yr": "y", "year": "y", "w": "w", "wk": "w", "week": "w", "d": "d", "day": "d", "h": "h", "hr": "h", "hour": "h",
    "m": "m", "min": "m", "minute": "m", "s": "s", "sec": "s", "second": "s", "ms": "ms", "milli": "ms", "msec": "ms", "millisecond": "ms",
}  # fmt: skip


def _meant(text: str) -> str:
    """The spelling of a duration that is written in words (``2 minutes``, ``1 hour and 30 min``); "" where it is none."""
    at, total = 0, 0
    while at < len(text.rstrip()):
        match = _WORDS.match(text, at)
        if match is None or match[2] == "M":  # which could be months
            return ""
        word = match[2].lower()
        unit = _UNITS.get(word) or _UNITS.get(word.removesuffix("s"))
        if unit is None:
            return ""
        total += int(match[1]) * _MS[_NAMES.index(unit)]
        at = match.end()
    return _spelled(total) if 0 < total <= 100 * _MS[0] else ""


@lru_cache(1024)
def _spelled(ms: int) -> str:
    if not ms:
        return "0s"
    # One unit when it divides evenly, as promtool's formatter does for whole weeks and days.
    rest, parts = ms, []
    for size, name in zip(_MS, _NAMES, strict=True):
        if name == "y" and rest % size:
            continue
        if name == "w" and rest % size:
            continue
        if rest >= size:
            parts.append(f"{rest // size}{name}")
            rest %= size
    return "".join(parts)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in whole milliseconds; ``str`` gives Prometheus' spelling (``1h30m``, ``14d``)."""

    ms: int

    @property
    def seconds(self) -> float:
        return self.ms / 1000

    def __str__(self) -> str:
        return _spelled(self.ms)

    @classmethod
    def of(cls, text: str) -> Duration:
        """The duration that ``text`` spells; ``ValueError`` says what is wrong."""
        match = _DURATION.fullmatch(text)
        if not text or match is None:
            if text == "0":
                return cls(0)
            meant = _meant(text)
            raise ValueError(f"`{text}` is no duration; write {f'`{meant}`' if meant else '30s, 5m, 1h30m or 14d'}")
        total = sum(int(n) * size for n, size in zip(match.groups(), _MS, strict=True) if n)
        if total > 100 * _MS[0]:
            raise ValueError(f"`{text}` is longer than 100 years")
        return cls(total)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its dimension, in base units.

    ``dimension`` is one of ratio, seconds, bytes, per_second, bytes_per_second, number; ``text`` is how it was written.
    """

    value: float
    dimension: str
    text: str


DIMENSIONS = {
    "ratio": "a ratio, written 5%",
    "seconds": "a time, written 2s or 500ms",
    "bytes": "a size, written 512MB or 2GiB",
    "per_second": "a rate, written 100/s or 30/min",
    "bytes_per_second": "a data rate, written 10MB/s",
    "number": "a plain number",
}


def parse_quantity(text: str) -> Quantity:
    """Read ``5%``, ``2s``, ``50GB``, ``100/s``, ``10MB/s`` or a bare number; ``ValueError`` says what is wrong."""
    text = text.strip()
    match = _QUANTITY.fullmatch(text)
    if match is None:
        try:
            return Quantity(Duration.of(text).seconds, "seconds", text)
        except ValueError:
            raise ValueError(f"`{text}` is no quantity; write 5%, 2s, 512MB, 100/s or a number") from None
    number, unit = float(match.group(1)), match.group(2)
    if unit is None:
        return Quantity(number, "number", text)
    if unit == "%":
        # Decimal shift on the text: 99.9 % must become 0.999, not 0.9990000000000001.
        return Quantity(
            float(f"{match.group(1)}e-2") if "e" not in match.group(1).lower() else number / 100,
            "ratio",
            text,
        )
    if unit.startswith("/") and unit[1:] in _PER:
        return Quantity(number / _PER[unit[1:]], "per_second", text)
    size, _, per = unit.partition("/")
    if size in _BYTES and (not per or per in _PER):
        return Quantity(number * _BYTES[size] / _PER.get(per, 1.0), "bytes_per_second" if per else "bytes", text)
    if unit in _NAMES:
        return Quantity(number * _MS[_NAMES.index(unit)] / 1000, "seconds", text)
    raise ValueError(f"`{unit}` is no unit that mkit knows; write 5%, 2s, 512MB, 100/s or a number")
