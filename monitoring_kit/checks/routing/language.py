"""The sets of strings that matchers accept: whether some string is accepted by these matchers and refused by those.

An RE2 pattern is read with Python's own regular expression parser where both languages agree, made into a Thompson automaton
over ranges of code points, and explored as a product of subset automata (Hopcroft, Motwani, Ullman: Introduction to Automata
Theory, sections 2.5 and 4.4). Texts with a newline are left out of consideration: whether a dot matches one differs between
versions, and no label value has one. Whatever cannot be decided exactly gives None: nobody may be told what is not proven.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from monitoring_kit.promql.re2 import RE2Error, analyse

MAX_STATES = 3_000
MAX_PRODUCTS = 5_000
_LAST = 0x10FFFF
_NEWLINE = 10
Ranges = tuple[tuple[int, int], ...]
# What the two languages write alike and mean differently, or what only RE2 has.
_FOREIGN = re.compile(r"\[:|\\[pPQCzAbBZnx0-9]|\(\?[a-zA-Z-]*[imsxUaLu]")
_CLASSES: dict[str, Ranges] = {
    "CATEGORY_DIGIT": ((48, 57),),
    "CATEGORY_WORD": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "CATEGORY_SPACE": ((9, 10), (12, 13), (32, 32)),
}


class _Unproven(Exception):
    """The pattern uses something whose language is not computed here."""


class Automaton:
    """A nondeterministic automaton: state 0 starts, state 1 accepts."""

    def __init__(self) -> None:
        self.moves: list[list[tuple[Ranges, int]]] = [[], []]
        self.free: list[list[int]] = [[], []]

    def state(self) -> int:
        if len(self.moves) > MAX_STATES:
            raise _Unproven
        self.moves.append([])
        self.free.append([])
        return len(self.moves) - 1

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        found = set(states)
        pending = list(found)
        while pending:
            for target in self.free[pending.pop()]:
                if target not in found:
                    found.add(target)
                    pending.append(target)
        return frozenset(found)

    def step(self, states: frozenset[int], point: int) -> frozenset[int]:
        return self.closure(
            target for s in states for ranges, target in self.moves[s] if any(lo <= point <= hi for lo, hi in ranges)
        )


@lru_cache(maxsize=4096)
def automaton(pattern: str | None, text: str | None = None) -> Automaton | None:
    """The automaton of an anchored pattern, or of one ``text``; None where the language is not computed exactly."""
    made = Automaton()
    try:
        if "\n" in (text or pattern or ""):
            raise _Unproven
        if text is not None:
            at = 0
            for char in text:
                at = _link(made, at, ((ord(char), ord(char)),), made.state())
            made.free[at].append(1)
            return made
        assert pattern is not None
        _build(made, _tree(pattern), 0, 1)
    except (_Unproven, RE2Error, re.error, RecursionError, OverflowError):
        return None
    return made


def _tree(pattern: str) -> Any:
    analyse(pattern)
    if _FOREIGN.search(pattern):
        raise _Unproven
    inner = pattern.removeprefix("^")
    if inner.endswith("$") and not inner.endswith("\\$"):
        inner = inner[:-1]
    if inner != pattern and "|" in inner:
        raise _Unproven  # the anchors bind one alternative only
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return re._parser.parse(inner)  # type: ignore[attr-defined]
        except Warning:
            raise _Unproven from None


def _link(made: Automaton, start: int, ranges: Ranges, end: int) -> int:
    made.moves[start].append((ranges, end))
    return end


def _build(made: Automaton, items: Any, start: int, end: int) -> None:
    """Make the sequence ``items`` lead from ``start`` to ``end``."""
    at = start
    for op, value in items:
        behind = made.state()
        _item(made, str(op), value, at, behind)
        at = behind
    made.free[at].append(end)


def _item(made: Automaton, op: str, value: Any, start: int, end: int) -> None:
    if op == "LITERAL":
        _link(made, start, ((value, value),), end)
    elif op == "NOT_LITERAL":
        _link(made, start, _without(((value, value),)), end)
    elif op == "ANY":
        _link(made, start, ((0, _LAST),), end)
    elif op == "IN":
        _link(made, start, _set(value), end)
    elif op == "BRANCH":
        for branch in value[1]:
            _build(made, branch, start, end)
    elif op == "SUBPATTERN":
        if value[1] or value[2]:
            raise _Unproven
        _build(made, value[3], start, end)
    elif op in ("MAX_REPEAT", "MIN_REPEAT"):
        _repeat(made, value, start, end)
    else:
        raise _Unproven


def _repeat(made: Automaton, value: Any, start: int, end: int) -> None:
    least, most, items = value
    at = start
    for _ in range(least):
        behind = made.state()
        _build(made, items, at, behind)
        at = behind
    if str(most) == "MAXREPEAT":
        loop = made.state()
        made.free[at].append(loop)
        behind = made.state()
        _build(made, items, loop, behind)
        made.free[behind].append(loop)
        made.free[loop].append(end)
        return
    made.free[at].append(end)
    for _ in range(int(most) - least):
        behind = made.state()
        _build(made, items, at, behind)
        made.free[behind].append(end)
        at = behind


def _set(items: Any) -> Ranges:
    found: list[tuple[int, int]] = []
    negated = False
    for op, value in items:
        kind = str(op)
        if kind == "NEGATE":
            negated = True
        elif kind == "LITERAL":
            found.append((value, value))
        elif kind == "RANGE":
            found.append(value)
        elif kind == "CATEGORY":
            name = str(value)
            plain = _CLASSES.get(name.replace("_NOT", ""))
            if plain is None:
                raise _Unproven
            found += _without(plain) if "_NOT" in name else plain
        else:
            raise _Unproven
    return _without(tuple(found)) if negated else tuple(found)


def _without(ranges: Ranges) -> Ranges:
    found, at = [], 0
    for low, high in sorted(ranges):
        if low > at:
            found.append((at, low - 1))
        at = max(at, high + 1)
    return (*found, (at, _LAST)) if at <= _LAST else tuple(found)


def satisfiable(wanted: Sequence[tuple[Automaton, bool]]) -> bool | None:
    """Whether some string is accepted by every automaton with True and refused by every one with False.

    None when that takes more than ``MAX_PRODUCTS`` states to tell.
    """
    start = tuple(a.closure((0,)) for a, _ in wanted)
    seen, pending = {start}, [start]
    while pending:
        states = pending.pop()
        if all((1 in own) is want for own, (_, want) in zip(states, wanted, strict=True)):
            return True
        for point in _points(wanted, states):
            after = tuple(a.step(own, point) for own, (a, _) in zip(states, wanted, strict=True))
            if any(want and not own for own, (_, want) in zip(after, wanted, strict=True)) or after in seen:
                continue  # what must be accepted is lost, or known
            if len(seen) > MAX_PRODUCTS:
                return None
            seen.add(after)
            pending.append(after)
    return False


def _points(wanted: Sequence[tuple[Automaton, bool]], states: tuple[frozenset[int], ...]) -> list[int]:
    """One code point of each class that the next moves tell apart."""
    cuts = {0}
    for own, (machine, _) in zip(states, wanted, strict=True):
        for state in own:
            for ranges, _target in machine.moves[state]:
                for low, high in ranges:
                    cuts.add(low)
                    if high < _LAST:
                        cuts.add(high + 1)
    if _NEWLINE in cuts:
        cuts.remove(_NEWLINE)
        cuts.add(_NEWLINE + 1)
    return sorted(cuts)
