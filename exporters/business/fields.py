"""Strict reading of a mapping: every mistake is collected with its place, unknown keys get a did-you-mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ..runtime.names import label_name_fault

T = TypeVar("T")
_BYTES = {"": 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "KiB": 1024, "MiB": 1024**2}


class Mistake(str):
    """What is wrong, with its place in front; ``path`` is the place as keys and ``message`` the rest."""

    path: tuple[str, ...]
    message: str
    clash = False

    @classmethod
    def at(cls, path: tuple[str, ...], message: str) -> Mistake:
        """The mistake at that place."""
        made = cls(f"{'.'.join(path)}: {message}" if path else message)
        made.path, made.message = path, message
        return made


class Clash(Mistake):
    """A declared metric whose family the exporter has already; ``path`` is ``metrics`` and its name, in a spec too."""

    clash = True


class Fields:
    """One mapping of the configuration. ``errors`` is shared by the whole file; ``path`` says where this is."""

    def __init__(self, data: Any, path: tuple[str, ...], errors: list[Mistake]) -> None:
        self.path = path
        self.errors = errors
        self.data: dict[str, Any] = {}
        self._asked: set[str] = set()
        if isinstance(data, Mapping):
            self.data = {str(key): value for key, value in data.items()}
        elif data is not None:
            self.error("", f"expected a mapping, found {_what(data)}")

    def error(self, key: str, message: str) -> None:
        """Record a mistake at ``key`` of this mapping."""
        self.errors.append(Mistake.at((*self.path, key) if key else self.path, message))

    def get(self, key: str, default: T, read: Callable[[Any], T]) -> T:
        """The value at ``key`` read by ``read``, whose ValueError is recorded; the default when absent or wrong."""
        self._asked.add(key)
        if self.data.get(key) is None:
            return default
        try:
            return read(self.data[key])
        except (ValueError, TypeError) as error:
            self.error(key, str(error))
            return default

    def need(self, key: str, read: Callable[[Any], T]) -> T | None:
        """As ``get`` for a key that must be there."""
        if self.data.get(key) is None:
            self._asked.add(key)
            self.error(key, "is missing")
            return None
        return self.get(key, None, read)

    def raw(self, key: str) -> Any:
        """The value at ``key`` as it is."""
        self._asked.add(key)
        return self.data.get(key)

    def done(self, known: Iterable[str] = ()) -> None:
        """Complain about keys that nothing asked for; ``known`` are allowed although not asked for."""
        allowed = self._asked | set(known)
        for key in self.data:
            if key not in allowed:
                from monitoring_kit.diagnostics.suggest import did_you_mean

                self.error(key, f"unknown key `{key}`; {did_you_mean(key, allowed)}")


def _what(value: Any) -> str:
    return {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}.get(type(value), "a number")


def text(value: Any) -> str:
    """Non-empty text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected text, found {_what(value)}" if not isinstance(value, str) else "is empty")
    return value


def namespace(value: Any) -> str:
    """What may begin a metric name."""
    found = text(value)
    if not found.isidentifier() or not found.isascii() or found.startswith("__"):
        raise ValueError(f"`{found}` cannot begin a metric name")
    return found


def label(value: Any) -> str:
    """A name that a label may have."""
    found = text(value)
    fault = label_name_fault(found)
    if fault:
        raise ValueError(f"`{found}` {fault}")
    return found


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return value

    return read


def span(low: float, high: float) -> Callable[[Any], float]:
    """A duration (``500ms``, ``2s``, ``1m30s``, or seconds as a number) within bounds, in seconds."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError("expected a duration such as 500ms, 2s or 5m")
        seconds = float(value) if isinstance(value, (int, float)) else _duration(value)
        if not low <= seconds <= high:
            raise ValueError(f"expected a duration from {low:g} to {high:g} seconds")
        return seconds

    return read


def _duration(value: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", value)
    if not parts or "".join(a + b for a, b in parts) != value.strip():
        raise ValueError(f"`{value}` is no duration; write 500ms, 2s or 5m")
    size = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
    return sum(float(number) * size[unit] for number, unit in parts)


def size(value: Any) -> int:
    """A size in bytes: ``65536``, ``64KiB``, ``1MB``."""
    match = re.fullmatch(r"(\d+)\s*([kKM]i?B|B|)", str(value).strip())
    if isinstance(value, bool) or match is None or match.group(2) not in _BYTES or not int(match.group(1)):
        raise ValueError("expected a size such as 64KiB or 1MB")
    return int(match.group(1)) * _BYTES[match.group(2)]


def choice(*words: str) -> Callable[[Any], str]:
    """One of a few words."""

    def read(value: Any) -> str:
        if value not in words:
            from monitoring_kit.diagnostics.suggest import did_you_mean

            raise ValueError(f"`{value}` is not possible; {did_you_mean(str(value), words, 'possible')}")
        return str(value)

    return read
