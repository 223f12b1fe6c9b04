"""String, number and duration literals exactly as Prometheus reads and writes them."""

from __future__ import annotations

import re

from monitoring_kit.promql.ast import NAN
from monitoring_kit.promql.errors import PromQLError

MAX_DURATION_MS = (2**63 - 1) // 1_000_000
"""Go keeps durations as int64 nanoseconds: about 292 years."""

_UNITS: tuple[tuple[str, int, bool], ...] = (
    # unit, milliseconds, only when it divides exactly (90d reads better than 12w6d)
    ("y", 365 * 86_400_000, True),
    ("w", 7 * 86_400_000, True),
    ("d", 86_400_000, False),
    ("h", 3_600_000, False),
    ("m", 60_000, False),
    ("s", 1_000, False),
    ("ms", 1, False),
)
_UNIT_MS = {unit: ms for unit, ms, _ in _UNITS}
_DURATION = re.compile(
    r"(?:[0-9]+y)?(?:[0-9]+w)?(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m(?!s))?(?:[0-9]+s)?(?:[0-9]+ms)?", re.ASCII
)
_DURATION_PART = re.compile(r"([0-9]+)(ms|[ywdhms])", re.ASCII)


def parse_duration(text: str) -> int:
    """Milliseconds of ``text`` such as ``1h30m``; ValueError where Prometheus rejects it."""
    if not text or _DURATION.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no duration")
    if len(text) > 64:
        raise ValueError("duration out of range")
    total = sum(int(number) * _UNIT_MS[unit] for number, unit in _DURATION_PART.findall(text))
    if total > MAX_DURATION_MS:
        raise ValueError("duration out of range")
    return total


def format_duration(ms: float) -> str:
    """The canonical text of a duration in milliseconds: ``5400000`` gives ``1h30m``.

    A fraction of a millisecond has no duration literal and is written as a number of seconds.
    """
    if ms < 0:
        return "-" + format_duration(-ms)
    if ms != int(ms):
        return format_number(ms / 1000)
    left = int(ms)
    out = []
    for unit, size, exact in _UNITS:
        if left >= size and not (exact and left % size):
            out.append(f"{left // size}{unit}")
            left %= size
    return "".join(out) or "0s"


_UNDERSCORES = re.compile(r"(?:0[xX](?:_?[0-9a-fA-F])+|\.?[0-9](?:_?[0-9]|[.eE+-](?!_))*)", re.ASCII)


def parse_number(text: str) -> float:
    """Value of a number token; ValueError where Go's ParseInt (base 0) and ParseFloat both fail."""
    lowered = text.lower()
    if lowered in ("inf", "nan"):
        return NAN if lowered == "nan" else float("inf")
    if "_" in text and not _UNDERSCORES.fullmatch(text):
        raise ValueError("underscores must separate digits")
    digits = lowered.replace("_", "")
    if digits.startswith("0x"):
        value = int(digits, 16)
        if value >= 2**63:
            raise ValueError("value out of range")
        return float(value)
    if len(digits) > 1 and digits[0] == "0" and re.fullmatch(r"[0-7]+", digits) and int(digits, 8) < 2**63:
        return float(int(digits, 8))
    value_f = float(digits)
    if value_f == float("inf"):
        raise ValueError("value out of range")
    return value_f


def format_number(value: float) -> str:
    """Shortest text that Prometheus reads back as the same float."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e16:
        return "-0" if value == 0 and str(value)[0] == "-" else str(int(value))
    return repr(float(value))


_SIMPLE_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\])|(['\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.?))", re.S
)


def string_value(raw: str, start: int) -> str:
    """Value of a quoted literal that begins at offset ``start``."""
    if "\ufffd" in raw:
        at = start + raw.index("\ufffd")
        raise PromQLError("invalid UTF-8 in a string", (at, at + 1), "valid UTF-8")
    return unquote(raw, start)


def unquote(raw: str, start: int) -> str:
    """Value of the quoted literal ``raw``, which begins at offset ``start``; bad escapes raise PromQLError."""
    body = raw[1:-1]
    if raw[0] == "`" or "\\" not in body:
        return body
    out = bytearray()
    position = 0
    for match in _ESCAPE.finditer(body):
        out += body[position : match.start()].encode()
        out += _escaped(match, raw[0], start + 1)
        position = match.end()
    out += body[position:].encode()
    return out.decode("utf-8", "surrogateescape")


def _escaped(match: re.Match[str], quote: str, offset: int) -> bytes:
    simple, quoted, hex2, hex4, hex8, octal, _ = match.groups()
    span = (offset + match.start(), offset + match.end())
    if simple:
        return bytes((_SIMPLE_ESCAPES[simple],))
    if quoted == quote:
        return quoted.encode()
    if hex2 or octal:
        value = int(hex2, 16) if hex2 else int(octal, 8)
        if value > 255:
            raise PromQLError("octal escape is above \\377", span, "a byte value")
        return bytes((value,))
    if hex4 or hex8:
        point = int(hex4 or hex8, 16)
        if point > 0x10FFFF or 0xD800 <= point < 0xE000:
            raise PromQLError("escape is no Unicode code point", span, "a valid code point")
        return chr(point).encode()
    raise PromQLError(
        f"unknown escape sequence {match[0]!r}", span, "one of \\a \\b \\f \\n \\r \\t \\v \\\\ \\x \\u \\U or octal"
    )


_MUST_ESCAPE = re.compile('[\\x00-\\x1f\\x7f-\\xa0\\xad"\\\\\u2028\u2029\ufeff\ufffd\udc80-\udcff]')
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b"}
_NAMED |= {"\f": "\\f", "\v": "\\v"}


def quote(value: str) -> str:
    """``value`` as a double-quoted PromQL string."""
    if value.isalnum() and value.isascii():
        return f'"{value}"'
    return '"' + _MUST_ESCAPE.sub(_escape, value) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _NAMED:
        return _NAMED[char]
    point = ord(char)
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}"
