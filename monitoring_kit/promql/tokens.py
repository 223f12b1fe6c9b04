"""The lexical patterns shared by the lexers of expressions, braces and brackets."""

from __future__ import annotations

import re
from typing import Any

from monitoring_kit.promql.errors import PromQLError, Span
from monitoring_kit.promql.literals import parse_duration, parse_number

# No possessive quantifiers and no atomic groups: Python 3.11 before 3.11.5 (Debian 12 has 3.11.2) raises SystemError where
# a capturing group follows one (gh-101955). The lookaheads have the same effect: nothing is given back.
SKIP = r"[ \t\r\n]*(?:#[^\r\n]*(?:[\r\n][ \t\r\n]*|\Z))*"
STRING = (
    r'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'"
    r"|`[^`]*`"
)
VARIABLE = r"\$(?:\{([a-zA-Z_]\w*)(?::([^}\s]*))?\}|([a-zA-Z_]\w*))"
"""``${name}``, ``${name:format}`` or ``$name``."""

_REST = r"[0-9A-Za-z_.]|(?<=[0-9._][eE])[+-]"
NUMBER_OR_DURATION = rf"(?:0[xX][0-9A-Za-z_.]*(?![0-9A-Za-z_.])|\.?[0-9](?:{_REST})*(?!{_REST}))"
"""Everything that begins like a number, so that a mistake is reported whole."""

_NUMBER = re.compile(
    r"0[xX]_?[0-9a-fA-F][0-9a-fA-F_]*|(?:[0-9][0-9_]*(?:\.(?:[0-9][0-9_]*)?)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?",
    re.ASCII,
)
_DURATION = re.compile(r"(?:[0-9]+[a-z]+)+", re.ASCII)


def _number_kind(value: str, span: Span) -> str:
    if _NUMBER.fullmatch(value):
        return "num"
    if _DURATION.fullmatch(value):
        return "dur"
    raise PromQLError(f"bad number or duration {value!r}", span, "a number or a duration such as 5m")


def number_token(value: str, start: int, end: int) -> tuple[str, tuple[float, str], int, int]:
    """The ``num`` or ``dur`` token for ``value``, which looks like either."""
    kind = _number_kind(value, (start, end))
    try:
        parsed: float = parse_duration(value) if kind == "dur" else parse_number(value)
    except ValueError as error:
        raise PromQLError(f"bad {'duration' if kind == 'dur' else 'number'} {value!r}: {error}", (start, end)) from None
    return (kind, (parsed, value), start, end)


def variable_parts(match: re.Match[str]) -> tuple[str, str]:
    """Name and format of a match of `VARIABLE`."""
    return match[1] or match[3], match[2] or ""


def token_text(kind: str, value: Any) -> str:
    """How a token is called in an error message."""
    if kind == "eof":
        return "end of expression"
    if kind in ("num", "dur"):
        return f"{'number' if kind == 'num' else 'duration'} {value[1]!r}"
    if kind == "var":
        return f"variable {value[0]!r}"
    if kind in ("{", "["):
        return repr(kind)
    return {"id": "identifier ", "metric": "identifier ", "str": "string "}.get(kind, "") + repr(value)
