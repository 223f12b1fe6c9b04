"""Reading `latency(p95, 1h)` and `errors > 5% and traffic > 1/s`, with the position of every part."""

from __future__ import annotations

import re

from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.quantity import Duration, Quantity, parse_quantity

_USE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*)\s*(?:\(([^()]*)\))?\s*")
_COMPARATOR = re.compile(r"(>=|<=|==|!=|>|<)\s*")
# What hands write for a comparator, and the comparator.
_SLIPS = {"=>": ">=", "=<": "<=", "=": "=="}
_SLIP = re.compile(r"=[<>]?")
_OR = re.compile(r"\s(or|\|\|)\s", re.IGNORECASE)
_QUANTITY_END = re.compile(r"\s+and\s+|\s*$", re.IGNORECASE)
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")


class UseError(ValueError):
    """A signal use or condition that cannot be read; ``start`` and ``end`` are offsets into the text."""

    def __init__(self, message: str, start: int, end: int, help_: str = "") -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.help = message, start, end, help_


@dataclass(frozen=True, slots=True)
class RawUse:
    """``name(args)`` as written; offsets are of the name and of the arguments."""

    name: str
    quantile: float | None
    window: Duration | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RawCondition:
    """``use comparator threshold`` as written."""

    use: RawUse
    comparator: str
    threshold: Quantity
    start: int
    end: int


def read_use(text: str, at: int = 0) -> tuple[RawUse, int]:
    """The signal use at offset ``at`` and the offset behind it; ``UseError`` when there is none."""
    match = _USE.match(text, at)
    if not match or not match.group(1):
        raise UseError("a signal is expected here", at, len(text), "write a signal such as errors or latency(p95)")
    quantile, window = None, None
    if match.group(2) is not None:
        start = match.start(2)
        for part in match.group(2).split(","):
            word = part.strip()
            where = start + len(part) - len(part.lstrip())
            start += len(part) + 1
            found = _QUANTILE.fullmatch(word)
            if found:
                quantile = float(found.group(1) + "e-2")
                continue
            try:
                window = Duration.of(word)
            except ValueError:
                message = f"`{word}` is neither a quantile nor a window"
                raise UseError(message, where, where + max(len(word), 1), "write p95 or 5m") from None
    return RawUse(
        match.group(1),
        quantile,
        window,
        match.start(1),
        match.end(2) + 1 if match.group(2) is not None else match.end(1),
    ), match.end()


def read_whole_use(text: str) -> RawUse:
    """The signal use that ``text`` consists of."""
    use, end = read_use(text)
    if end != len(text):
        raise UseError(
            f"`{text[end:].strip()}` is not expected here",
            end,
            len(text),
            "a panel shows one signal, such as latency(p95)",
        )
    return use


def read_conditions(text: str) -> tuple[RawCondition, ...]:
    """The conditions of `when:`, joined by ``and``; ``UseError`` points at what cannot be read."""
    conditions, at = [], 0
    while True:
        use, at = read_use(text, at)
        match = _COMPARATOR.match(text, at)
        if not match:
            if slip := _SLIP.match(text, at):
                meant = _SLIPS[slip.group()]
                raise UseError(f"`{slip.group()}` is no comparator", at, slip.end(), f"did you mean `{meant}`?")
            raise UseError(
                f"`{use.name}` is not compared with anything",
                use.start,
                len(text),
                f"write `{use.name} > ...` with a threshold",
            )
        start = match.end()
        end = _QUANTITY_END.search(text, start)
        assert end is not None
        word = text[start : end.start()]
        if either := _OR.search(word):
            where = start + either.start(1)
            raise UseError(
                f"`{either.group(1)}` does not join conditions",
                where,
                where + len(either.group(1)),
                "write two alerts, one for each condition: each says by its name what is wrong",
            )
        try:
            threshold = parse_quantity(word)
        except ValueError as error:
            raise UseError(str(error), start, max(end.start(), start + 1)) from None
        conditions.append(RawCondition(use, match.group(1), threshold, start, end.start()))
        if end.end() == len(text) and not end.group().strip():
            return tuple(conditions)
        at = end.end()
