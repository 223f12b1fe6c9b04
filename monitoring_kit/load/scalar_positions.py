"""Map each character of a YAML scalar's value back to the line and column it was written at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitoring_kit.load.nodes import Scalar

_ESCAPE_LENGTH = {"x": 4, "u": 6, "U": 10}  # backslash, letter and hex digits; every other escape is two


class _Cursor:
    """Walks the raw text and keeps line and column."""

    __slots__ = ("column", "i", "line", "raw", "stop")

    def __init__(self, raw: str, start: int, stop: int, line: int, column: int) -> None:
        self.raw, self.i, self.stop, self.line, self.column = raw, start, stop, line, column

    @property
    def char(self) -> str:
        return self.raw[self.i] if self.i < self.stop else ""

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            if self.char == "\n":
                self.line, self.column = self.line + 1, 1
            else:
                self.column += 1
            self.i += 1

    def skip_spaces(self, most: int = 1 << 30) -> None:
        while most and self.char in (" ", "\t"):
            self.step()
            most -= 1

    def skip_break(self) -> None:
        if self.char == "\r":
            self.step()
        if self.char == "\n":
            self.step()


def offsets_of(node: Scalar) -> list[tuple[int, int]]:
    """(line, column) of every character of ``node.text``, plus one entry for the end.

    Works by walking value and raw text side by side with the folding rules of YAML 1.2 sections 7.3 and 8.1.
    """
    cursor = _Cursor(node.source.text, node.start, node.end, node.line, node.column)
    if node.style in ("|", ">"):
        return _block(node.text, cursor)
    return _flow(node.text, cursor, node.style)


def _block(value: str, cursor: _Cursor) -> list[tuple[int, int]]:
    while cursor.char and cursor.char != "\n":
        cursor.step()
    cursor.step()
    indent = _block_indent(value, cursor)
    cursor.skip_spaces(indent)
    found = []
    for char in value:
        if char in "\n " and cursor.char in ("\n", "\r"):
            found.append((cursor.line, cursor.column))
            cursor.skip_break()
            cursor.skip_spaces(indent)
            continue
        while cursor.char in ("\n", "\r") and cursor.i < cursor.stop:
            cursor.skip_break()
            cursor.skip_spaces(indent)
        found.append((cursor.line, cursor.column))
        cursor.step()
    found.append((cursor.line, cursor.column))
    return found


def _block_indent(value: str, cursor: _Cursor) -> int:
    """The block's indentation: what its first line has more of in the file than in the value. This also holds with an
    indentation indicator (``|2``), where that first line keeps leading spaces."""
    kept = _leading(value)
    return max(_leading(cursor.raw[cursor.i : cursor.stop]) - kept, 0)


def _leading(text: str) -> int:
    for line in text.split("\n"):
        if line.strip(" \r"):
            return len(line) - len(line.lstrip(" "))
    return 0


def _flow(value: str, cursor: _Cursor, style: str) -> list[tuple[int, int]]:
    if style in ("'", '"'):
        cursor.step()
    found = []
    for index, char in enumerate(value):
        if style == '"':
            _skip_continuations(cursor)
        found.append((cursor.line, cursor.column))
        if style == '"' and cursor.char == "\\":
            cursor.step(_ESCAPE_LENGTH.get(cursor.raw[cursor.i + 1], 2))
        elif style == "'" and char == "'":
            cursor.step(2)
        elif char in " \n" and _at_fold(cursor):
            _skip_fold(cursor, last=value[index + 1 : index + 2] != "\n")
        else:
            cursor.step()
    found.append((cursor.line, cursor.column))
    return found


def _at_fold(cursor: _Cursor) -> bool:
    rest = cursor.raw[cursor.i : cursor.stop].lstrip(" \t")
    return rest[:1] in ("\n", "\r")


def _skip_fold(cursor: _Cursor, *, last: bool) -> None:
    """Skip one line break; when it is the last one the value shows for this fold, skip all the white space there."""
    cursor.skip_spaces()
    cursor.skip_break()
    while last and cursor.char in (" ", "\t", "\r", "\n") and cursor.i < cursor.stop:
        cursor.step()


def _skip_continuations(cursor: _Cursor) -> None:
    while cursor.char == "\\" and cursor.raw[cursor.i + 1 : cursor.i + 2] in ("\n", "\r"):
        cursor.step()
        cursor.skip_break()
        cursor.skip_spaces()
