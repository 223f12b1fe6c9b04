"""Plain data to JSON with an indent of two: what ``json.dumps(indent=2)`` writes, without its generators."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any

from monitoring_kit.emit.source_map import Marks, SourceMap
from monitoring_kit.emit.yaml_scalars import UnwritableError, number

_INDENTS = ["  " * depth for depth in range(64)]


def json_text(tree: Any) -> tuple[str, SourceMap]:
    """``tree`` as JSON in insertion order, with its source map. Raises ``UnwritableError`` for what JSON cannot hold."""
    writer = _Writer()
    writer.value(tree, 0, "", "")
    return "\n".join(writer.lines) + "\n", writer.marks.done()


class _Writer:
    __slots__ = ("lines", "marks", "texts")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.marks = Marks()
        self.texts: dict[str, str] = {}

    def value(self, value: Any, depth: int, before: str, after: str) -> None:
        """Write ``value`` between ``before`` (indentation and key) and ``after`` (a comma, or nothing)."""
        if isinstance(value, str):
            self.lines.append(before + self.text(value) + after)
        elif isinstance(value, dict) and value:
            self.mapping(value, depth, before, after)
        elif isinstance(value, (list, tuple)) and value:
            self.lines.append(before + "[")
            indent = _indent(depth + 1)
            last = len(value) - 1
            for index, item in enumerate(value):
                self.value(item, depth + 1, indent, "," if index < last else "")
            self.lines.append(_indent(depth) + "]" + after)
        else:
            self.lines.append(before + _other(value) + after)

    def mapping(self, tree: dict[str, Any], depth: int, before: str, after: str) -> None:
        origin = getattr(tree, "origin", None)
        mark = self.marks.open(len(self.lines) + 1, origin) if origin is not None else None
        self.lines.append(before + "{")
        indent = _indent(depth + 1)
        left = len(tree)
        for key, value in tree.items():
            if not isinstance(key, str):
                raise UnwritableError(f"the key {key!r} is not text")
            left -= 1
            self.value(value, depth + 1, f"{indent}{self.text(key)}: ", "," if left else "")
        self.lines.append(_indent(depth) + "}" + after)
        if mark is not None:
            self.marks.close(mark, len(self.lines))

    def text(self, text: str) -> str:
        found = self.texts.get(text)
        if found is None:
            if "\0" in text:
                raise UnwritableError("a NUL character (U+0000) cannot stand in a configuration file")
            found = self.texts[text] = encode_basestring(text)
        return found


def _indent(depth: int) -> str:
    return _INDENTS[depth] if depth < len(_INDENTS) else "  " * depth


def _other(value: Any) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise UnwritableError(f"a {type(value).__name__} is not plain data")
