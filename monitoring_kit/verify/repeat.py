"""The second compilation must give the first one's bytes."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring_kit.diagnostics import InternalError
from monitoring_kit.emit import Output


def same_bytes(first: Mapping[str, Output], second: Mapping[str, Output]) -> None:
    """Raise ``InternalError`` naming the file and line where two compilations of one spec differ."""
    for path in sorted(first.keys() | second.keys()):
        a, b = first.get(path), second.get(path)
        if a is None or b is None:
            raise InternalError(f"compiled twice, {path} came out only once")
        if a.mode != b.mode:
            raise InternalError(f"compiled twice, {path} came out with the modes {a.mode:o} and {b.mode:o}")
        if a.data != b.data:
            raise InternalError(f"compiled twice, {path} differs from line {_first_difference(a.data, b.data)} on")


def _first_difference(a: bytes, b: bytes) -> int:
    pairs = zip(a.split(b"\n"), b.split(b"\n"), strict=False)
    return next((n for n, (x, y) in enumerate(pairs, 1) if x != y), min(a.count(b"\n"), b.count(b"\n")) + 1)
