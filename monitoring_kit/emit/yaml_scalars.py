"""Scalars that every YAML reader takes for the same value: YAML 1.1 (PyYAML, Go's yaml.v2) and 1.2 (yaml.v3).

A text is written plain only where no version of the specification gives it another meaning; otherwise it is quoted.
"""

from __future__ import annotations

import math
import re
from string import ascii_letters

# YAML 1.1 types bool and null (yaml.org/type), with what yaml.v3 and YAML 1.2 add; compared in lower case.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})

# A plain text starts with a character that opens nothing else; a leading digit is left to durations, because octals,
# hexadecimals, sexagesimals, exponents and timestamps all start with one.
_PLAIN = frozenset(f"{ascii_letters}_/$(")
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhdw]))+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class UnwritableError(ValueError):
    """A value that no YAML or JSON file can hold; the text says which."""


def quoted(text: str) -> str:
    """``text`` as a scalar on one line: plain where that is safe, else in quotes."""
    if _is_plain(text):
        return text
    if text.isprintable():
        return f'"{text}"' if '"' not in text and "\\" not in text else "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def number(value: float) -> str:
    """An int or float so that every reader takes it for a number."""
    if isinstance(value, int):
        return int.__repr__(value)
    if not math.isfinite(value):
        raise UnwritableError(f"{value} is not a finite number")
    text = float.__repr__(value)
    # YAML 1.1 knows no exponent without a fraction: 1e-05 would be read as text.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def literal_lines(text: str) -> tuple[str, list[str]] | None:
    """The indicator and the lines of a multi-line text as a literal block; None where a block would not be safe."""
    if "\n" not in text:
        return None
    body = text[:-1] if text.endswith("\n") else text
    lines = body.split("\n")
    if lines[0][:1] in ("", " ") or not lines[-1]:
        return None
    for line in lines:
        if not line.isprintable() or (line and not line.strip()):
            return None
    return ("|" if len(body) < len(text) else "|-"), lines


def _is_plain(text: str) -> bool:
    if text[:1] not in _PLAIN:
        return _DURATION.fullmatch(text) is not None
    if not text.isprintable() or (len(text) <= 5 and text.lower() in _WORDS):
        return False
    return not (text[-1] in ": " or ": " in text or " #" in text)


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if code == 0:
        raise UnwritableError("a NUL character (U+0000) cannot stand in a configuration file")
    if 0xD800 <= code <= 0xDFFF:
        raise UnwritableError(f"a lone surrogate (U+{code:04X}) cannot stand in a UTF-8 file")
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
