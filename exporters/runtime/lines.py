"""Rendering many ``prefix value`` lines fast.

Prefixes carry the newline in front of them, so a block is one interleaved join; blocks whose values did not change
since the last scrape are reused. Measured on CPython 3.11: 0.20 us a line for values of three decimals, 0.06 us for
integers, 0.03 us unchanged; the rest is ``float.__repr__``, which is the floor for 17-digit values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite, isnan
from operator import is_not

from .children import Child
from .errors import ExpositionError
from .names import number

BLOCK = 256


def interleave(prefixes: Sequence[str], texts: Iterable[str]) -> bytes:
    """All prefixes, each followed by its value's text, in UTF-8."""
    out = [""] * (2 * len(prefixes))
    out[::2] = prefixes
    out[1::2] = texts
    return "".join(out).encode()


class _Block:
    """Some children with what was rendered of them last time."""

    __slots__ = ("chunk", "hot", "prefixes", "text", "texts", "values")

    def __init__(self, chunk: list[Child], prefixes: list[str], values: list[float], old: _Block | None) -> None:
        self.chunk = chunk
        self.prefixes = prefixes
        self.values = values
        self.hot = False
        if old is None or old.hot:
            self.texts = list(map(repr, values))
            self.hot = old is not None
        else:
            reuse = zip(values, old.values, old.texts, strict=True)
            self.texts = [text if value == before else repr(value) for value, before, text in reuse]
            # Where most values change, looking for the few that did not costs more than it saves.
            self.hot = sum(map(is_not, self.texts, old.texts)) * 2 > len(values)
        self.text = interleave(prefixes, self.texts)


class LineCache:
    """The rendered blocks of one scalar family."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: list[_Block] = []

    def render(self, children: list[Child], counter: bool, name: str) -> list[bytes]:
        """The lines of the children as they stand, in pieces (joining a megabyte twice costs more than making it). ExpositionError when a counter is negative or not finite.

        A gauge that is NaN is left out.
        """
        old, new = self._blocks, []
        for place, start in enumerate(range(0, len(children), BLOCK)):
            chunk = children[start : start + BLOCK]
            new.append(_refresh(old[place] if place < len(old) else None, chunk, counter, name))
        # Two scrapes may render at once: the list is swapped, never changed.
        self._blocks = new
        return [block.text for block in new]


def _refresh(old: _Block | None, chunk: list[Child], counter: bool, name: str) -> _Block:
    values = [child.value for child in chunk]
    if old is not None and old.chunk == chunk:
        prefixes = old.prefixes
    else:
        prefixes = [child.prefix for child in chunk]
        old = old if old is not None and old.prefixes == prefixes else None
    if old is not None and old.values == values:
        old.chunk, old.hot = chunk, False
        return old
    finite = isfinite(sum(values))
    if counter:
        check_counters(values, name)
    block = _Block(chunk, prefixes, values, old)
    if not finite:
        kept = zip(prefixes, values, strict=True)
        block.text = "".join([prefix + number(value) for prefix, value in kept if not isnan(value)]).encode()
    return block


def check_counters(values: list[float], name: str) -> None:
    """ExpositionError when a counter is negative or not finite."""
    if not values or (min(values) >= 0 and isfinite(sum(values))):
        return
    for value in values:
        if not 0 <= value < float("inf"):
            raise ExpositionError(f"{name}: a counter must be finite and >= 0, got {number(value)}")
