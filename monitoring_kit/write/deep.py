"""Differences between two pieces of plain data, down to the value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Any = _Missing()


class Detail(NamedTuple):
    """One value that differs: where below the object, and both sides (``MISSING`` where there was or is none)."""

    path: str
    before: Any
    after: Any

    def text(self) -> str:
        """``for: 5m → 10m``."""
        if self.before is MISSING:
            return f"{self.path}: {short(self.after)} (added)"
        if self.after is MISSING:
            return f"{self.path}: {short(self.before)} (removed)"
        return f"{self.path}: {' → '.join(_contrast(self.before, self.after))}"

    def plain(self) -> dict[str, Any]:
        sides = {"before": self.before, "after": self.after}
        return {"path": self.path, **{k: v for k, v in sides.items() if v is not MISSING}}


def short(value: Any, limit: int = 160) -> str:
    """A value on one line, cut at ``limit`` characters."""
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _contrast(before: Any, after: Any) -> tuple[str, str]:
    """Both sides, short; of two long texts only the stretch that differs with a little around it."""
    if not (isinstance(before, str) and isinstance(after, str)) or max(len(before), len(after)) <= 60:
        return short(before), short(after)
    one, two = " ".join(before.split()), " ".join(after.split())
    head = _common(one, two)
    tail = _common(one[head:][::-1], two[head:][::-1])
    start = max(0, head - 24)
    start = start if start == 0 or " " not in one[start:head] else one.index(" ", start) + 1
    return _cut(one, start, len(one) - tail), _cut(two, start, len(two) - tail)


def _common(one: str, two: str) -> int:
    """The length of the beginning that both share."""
    return next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _cut(text: str, start: int, end: int) -> str:
    end = min(len(text), end + 12)
    return short(("…" if start else "") + text[start:end] + ("…" if end < len(text) else ""))


def without(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    """``data`` without these keys."""
    return {k: v for k, v in data.items() if k not in keys}


def same(before: Any, after: Any) -> bool:
    """Equal in value, type and order of lists; the order of keys means nothing."""
    if type(before) is not type(after) and not (
        isinstance(before, (dict, list, tuple)) and isinstance(after, (dict, list, tuple))
    ):
        return False
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(same(before[k], after[k]) for k in before)
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


def deep(before: Any, after: Any, path: str = "") -> list[Detail]:
    """Every value that differs. Lists of scalars are compared as members, other lists by position."""
    return list(_deep(before, after, path))


def _deep(before: Any, after: Any, path: str) -> Iterator[Detail]:
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(k for k in after if k not in before)]:
            yield from _deep(before.get(key, MISSING), after.get(key, MISSING), f"{path}.{key}" if path else str(key))
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        if _scalars(before) and _scalars(after):
            yield from _members(before, after, path)
        else:
            for index in range(max(len(before), len(after))):
                one = before[index] if index < len(before) else MISSING
                two = after[index] if index < len(after) else MISSING
                yield from _deep(one, two, f"{path}[{index}]")
    else:
        yield Detail(path or "value", before, after)


def _scalars(values: Any) -> bool:
    return not any(isinstance(v, (dict, list, tuple)) for v in values)


def _members(before: Any, after: Any, path: str) -> Iterator[Detail]:
    gone = [v for v in before if not any(same(v, w) for w in after)]
    come = [v for v in after if not any(same(v, w) for w in before)]
    if not gone and not come:
        # Only the order or the number of equal members differs.
        yield Detail(path or "value", list(before), list(after))
    yield from (Detail(path or "value", v, MISSING) for v in gone)
    yield from (Detail(path or "value", MISSING, v) for v in come)
