"""Plain data to JSON with an indent of two; a small mapping or list stands on one line.

Written by hand because ``json.dumps(indent=2)`` is ten times slower and spreads `{"uid": "x"}` over three lines: a
dashboard is reviewed in diffs, and one line a thought halves them.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Any

from monitoring_kit.emit.plain import bare, spaces
from monitoring_kit.emit.source_map import Marks, SourceMap
from monitoring_kit.emit.yaml_scalars import UnwritableError

# A mapping or list of at most this many characters stands on one line.
_INLINE = 88


class Shared:
    """What several files have in common: the JSON of texts, and of parts by identity, for most of a dashboard is built once
    and stands in all of them. Every tree that was written with it must stay alive and unchanged as long as it is used."""

    __slots__ = ("blocks", "parts", "texts")

    def __init__(self) -> None:
        self.parts: dict[int, str | None] = {}
        # The lines between the brackets, by identity and depth; None for a part that was met once.
        self.blocks: dict[tuple[int, int], list[str] | None] = {}
        self.texts: dict[str, str] = {}


def json_text(tree: Any, shared: Shared | None = None) -> tuple[str, SourceMap]:
    """``tree`` as JSON in insertion order, with its source map. Raises ``UnwritableError`` for what JSON cannot hold."""
    writer = _Writer(shared or Shared())
    if isinstance(tree, dict) and tree:
        writer.mapping(tree, 0, "", "")
    else:
        writer.value(tree, 0, "", "")
    return "\n".join(writer.lines) + "\n", writer.marks.done()


class _Writer:
    __slots__ = ("blocks", "lines", "marks", "parts", "texts")

    def __init__(self, shared: Shared) -> None:
        self.blocks, self.parts, self.texts = shared.blocks, shared.parts, shared.texts
        self.lines: list[str] = []
        self.marks = Marks()

    def value(self, value: Any, depth: int, before: str, after: str) -> None:
        """Write ``value`` between ``before`` (indentation and key) and ``after`` (a comma, or nothing)."""
        if isinstance(value, str):
            self.lines.append(f"{before}{self.texts.get(value) or self.text(value)}{after}")
        elif isinstance(value, (dict, list, tuple)) and value:
            if getattr(value, "origin", None) is not None:
                self.mapping(value, depth, before, after)  # type: ignore[arg-type]
            elif (inline := self.inline(value)) is not None:
                self.lines.append(f"{before}{inline}{after}")
            else:
                self.block(value, depth, before, after)
        else:
            self.lines.append(f"{before}{bare(value)}{after}")

    def block(self, value: dict[str, Any] | list[Any] | tuple[Any, ...], depth: int, before: str, after: str) -> None:
        """Write ``value`` on lines of its own, those of the last time where it stood at this depth already."""
        key = id(value), depth
        known = self.blocks.get(key)
        if known is not None:
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            self.lines.append(before + opening)
            self.lines += known
            self.lines.append(f"{spaces(depth)}{closing}{after}")
            return
        start, marks = len(self.lines), len(self.marks)
        if isinstance(value, dict):
            self.mapping(value, depth, before, after)
        else:
            self.sequence(value, depth, before, after)
        if len(self.marks) > marks:
            # It holds places of the spec: their marks are made anew with every file.
            return
        self.blocks[key] = self.lines[start + 1 : -1] if key in self.blocks else None

    def sequence(self, items: list[Any] | tuple[Any, ...], depth: int, before: str, after: str) -> None:
        self.lines.append(before + "[")
        indent = spaces(depth + 1)
        last = len(items) - 1
        for index, item in enumerate(items):
            self.value(item, depth + 1, indent, "," if index < last else "")
        self.lines.append(f"{spaces(depth)}]{after}")

    def mapping(self, tree: dict[str, Any], depth: int, before: str, after: str) -> None:
        lines, texts = self.lines, self.texts
        origin = getattr(tree, "origin", None)
        mark = self.marks.open(len(lines) + 1, origin) if origin is not None else None
        lines.append(before + "{")
        indent = spaces(depth + 1)
        left = len(tree)
        for key, item in tree.items():
            left -= 1
            lead = f"{indent}{texts.get(key) or self.key(key)}: "
            if type(item) is str:
                # `value` does the same: most items are texts, and a call for each is a third of the time.
                lines.append(f"{lead}{texts.get(item) or self.text(item)}{',' if left else ''}")
            else:
                self.value(item, depth + 1, lead, "," if left else "")
        lines.append(f"{spaces(depth)}}}{after}")
        if mark is not None:
            self.marks.close(mark, len(lines))

    def inline(self, value: dict[str, Any] | list[Any] | tuple[Any, ...]) -> str | None:
        """``value`` on one line, or None when it is too long for one or is a place of the spec that needs its own."""
        key = id(value)
        if key in self.parts:
            return self.parts[key]
        found = self.parts[key] = self._inline(value)
        return found

    def _inline(self, value: dict[str, Any] | list[Any] | tuple[Any, ...]) -> str | None:
        if len(value) > _INLINE // 6 or getattr(value, "origin", None) is not None:
            return None
        texts: list[str] = []
        size = 0
        if not isinstance(value, dict):
            for item in value:
                text = self._part(item)
                if text is None or (size := size + len(text) + 2) > _INLINE - 2:
                    return None
                texts.append(text)
            return f"[{', '.join(texts)}]"
        for name, item in value.items():
            text = self._part(item)
            if text is None:
                return None
            pair = f"{self.texts.get(name) or self.key(name)}: {text}"
            if (size := size + len(pair) + 2) > _INLINE + 1:
                return None
            texts.append(pair)
        return f"{{{', '.join(texts)}}}"

    def _part(self, item: Any) -> str | None:
        if isinstance(item, str):
            return (self.texts.get(item) or self.text(item)) if len(item) <= _INLINE else None
        if isinstance(item, (dict, list, tuple)) and item:
            return self.inline(item)
        return bare(item)

    def key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise UnwritableError(f"the key {key!r} is not text")
        return self.texts.get(key) or self.text(key)

    def text(self, text: str) -> str:
        if "\0" in text:
            raise UnwritableError("a NUL character (U+0000) cannot stand in a configuration file")
        found = encode_basestring(text)
        if len(text) <= _INLINE:
            self.texts[text] = found
        return found
