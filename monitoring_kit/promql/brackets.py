"""The range in brackets behind a selector: ``[5m]``, ``[1h:5m]``, ``[$__rate_interval]``."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from monitoring_kit.promql.ast import Duration, DurationExpr
from monitoring_kit.promql.durations import DurationReader
from monitoring_kit.promql.errors import PromQLError
from monitoring_kit.promql.literals import parse_duration
from monitoring_kit.promql.tokens import NUMBER_OR_DURATION, SKIP, VARIABLE, number_token, token_text

_WS = r"[ \t\r\n]*"
_PLAIN = re.compile(rf"\[{_WS}([1-9][0-9]{{0,5}}[smhdwy]){_WS}(?:(:){_WS}([1-9][0-9]{{0,5}}[smhdw])?{_WS})?\]")
_ITEM = re.compile(rf"({SKIP})(?:({NUMBER_OR_DURATION})|([-+*/%^():\]])|({VARIABLE})|([smhdwy]|ms)(?![a-z]))")
_SPACES = re.compile(_WS)


class Brackets(NamedTuple):
    """``step`` is None without one; ``subquery`` tells ``[5m:]`` from ``[5m]``."""

    range: DurationExpr
    step: DurationExpr | None
    subquery: bool


def read_brackets(text: str, start: int, variables: bool) -> tuple[Brackets, int]:
    """The range that opens at ``start``, and the offset behind its closing bracket."""
    plain = _PLAIN.match(text, start)
    if plain:
        try:
            width = Duration(parse_duration(plain[1]), plain.span(1), plain[1])
            step = Duration(parse_duration(plain[3]), plain.span(3), plain[3]) if plain[3] else None
        except ValueError as error:
            raise PromQLError(str(error), plain.span(1), "less than 292 years") from None
        return Brackets(width, step, plain[2] is not None), plain.end()
    tokens, end = _tokens(text, start, variables)
    reader = DurationReader(tokens, 0)
    found = reader.positive()
    if tokens[reader.pos][0] == "]":
        return Brackets(found, None, False), end
    if tokens[reader.pos][0] != ":":
        raise _unexpected(tokens[reader.pos], ": or ]")
    reader.pos += 1
    step_expr: DurationExpr | None = None
    if tokens[reader.pos][0] != "]":
        step_expr = reader.positive()
        if tokens[reader.pos][0] != "]":
            raise _unexpected(tokens[reader.pos], "]")
    return Brackets(found, step_expr, True), end


def _unexpected(token: tuple[str, Any, int, int], expected: str) -> PromQLError:
    kind, value, start, end = token
    return PromQLError(f"unexpected {token_text(kind, value)} in a range", (start, end), expected)


def _tokens(text: str, start: int, variables: bool) -> tuple[list[tuple[str, Any, int, int]], int]:
    tokens: list[tuple[str, Any, int, int]] = []
    spaces = _SPACES.match(text, start + 1)
    pos = spaces.end() if spaces else start + 1
    while True:
        match = _ITEM.match(text, pos)
        if match is None:
            raise _unreadable(text, start, pos)
        if "#" in match[1] and not any(token[0] in ("num", "dur") for token in tokens):
            raise PromQLError("a comment cannot begin a range", match.span(1), "a duration such as 5m")
        pos = match.end()
        if match[2]:
            tokens.append(number_token(match[2], match.start(2), pos))
        elif match[3]:
            tokens.append((match[3], match[3], match.start(3), pos))
            if match[3] == "]":
                return tokens, pos
        elif match[4] and variables:
            variable = re.compile(VARIABLE).match(match[4])
            tokens.append(("var", variable, match.start(4), pos))
        elif match[8] and tokens and tokens[-1][0] == "var":
            tokens.append(("unit", match[8], match.start(8), pos))
        else:
            raise _unreadable(text, start, match.end(1))


def _unreadable(text: str, start: int, pos: int) -> PromQLError:
    skipped = re.compile(SKIP).match(text, pos)
    at = skipped.end() if skipped else pos
    if at >= len(text):
        return PromQLError("unclosed [", (start, start + 1), "a closing ]")
    return PromQLError(f"unexpected character {text[at]!r} in a range", (at, at + 1), "a duration such as 5m")
