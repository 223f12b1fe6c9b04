"""Plain data to one block-style YAML document, by hand: twenty times faster than libyaml's dumper, and stable."""

from __future__ import annotations

from typing import Any

from monitoring_kit.emit.plain import bare, spaces
from monitoring_kit.emit.source_map import Marks, SourceMap
from monitoring_kit.emit.yaml_scalars import UnwritableError, literal_lines, quoted

# YAML 1.1 and 1.2 limit an implicit key to 1024 characters; its quotes and escapes count.
_MAX_KEY = 1000
# Longer texts hardly stand in two places.
_MAX_SHARED = 88


class Scalars:
    """Texts and keys as they are written, for what several files have in common."""

    __slots__ = ("keys", "texts")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.keys: dict[str, str] = {}


def yaml_text(tree: Any, header: tuple[str, ...] = (), shared: Scalars | None = None) -> tuple[str, SourceMap]:
    """``tree`` (mappings with text keys, lists, text, numbers, booleans, None) as YAML, with its source map.

    ``header`` lines become comments at the top. Raises ``UnwritableError`` for what YAML cannot hold (NUL, a lone surrogate,
    infinity, a value of another type).
    """
    writer = _Writer([f"# {line}" for line in header], shared or Scalars())
    writer.root(tree)
    return "\n".join(writer.lines) + "\n", writer.marks.done()


class _Writer:
    __slots__ = ("keys", "lines", "marks", "texts")

    def __init__(self, lines: list[str], shared: Scalars) -> None:
        self.lines = lines
        self.marks = Marks()
        self.texts, self.keys = shared.texts, shared.keys

    def root(self, tree: Any) -> None:
        if isinstance(tree, dict) and tree:
            self.mapping(tree, 0, "")
        elif isinstance(tree, list) and tree:
            self.sequence(tree, 0, "")
        else:
            self.value(tree, 0, "")

    def mapping(self, tree: dict[str, Any], depth: int, lead: str) -> None:
        """Write the entries; ``lead`` stands before the first one instead of its indentation (``- `` in a list)."""
        origin = getattr(tree, "origin", None)
        mark = self.marks.open(len(self.lines) + 1, origin) if origin is not None else None
        indent = spaces(depth)
        before = lead or indent
        for key, value in tree.items():
            lead = before + self.key(key, indent)
            if type(value) is str and "\n" not in value and len(lead) < _MAX_KEY:
                # `value` does the same: most values are short texts, and three calls for each are half of the time.
                self.lines.append(f"{lead} {self.texts.get(value) or self.text(value)}")
            else:
                self.value(value, depth, lead)
            before = indent
        if mark is not None:
            self.marks.close(mark, len(self.lines))

    def sequence(self, tree: list[Any], depth: int, lead: str) -> None:
        before = (lead or spaces(depth)) + "-"
        again = spaces(depth) + "-"
        for item in tree:
            if item and isinstance(item, dict):
                self.mapping(item, depth + 1, before + " ")
            elif item and isinstance(item, list):
                self.sequence(item, depth + 1, before + " ")
            else:
                self.value(item, depth, before)
            before = again

    def key(self, key: Any, indent: str) -> str:
        return self.keys.get(key) or self.new_key(key, indent)

    def new_key(self, key: Any, indent: str) -> str:
        if not isinstance(key, str):
            raise UnwritableError(f"the key {key!r} is not text")
        text = self.text(key)
        if len(text) > _MAX_KEY:
            return f"? {text}\n{indent}:"
        made = self.keys[key] = f"{text}:"
        return made

    def value(self, value: Any, depth: int, before: str) -> None:
        """Write ``value`` behind ``before`` (``key:`` or ``-``)."""
        if isinstance(value, str):
            self.scalar(value, depth, before)
        elif isinstance(value, dict) and value:
            self.add(before)
            self.mapping(value, depth + 1, "")
        elif isinstance(value, (list, tuple)) and value:
            self.add(before)
            self.sequence(list(value), depth + 1, "")
        else:
            self.add(f"{before} {bare(value)}" if before else bare(value))

    def scalar(self, value: str, depth: int, before: str) -> None:
        block = literal_lines(value)
        if block is None or not before:
            text = self.text(value)
            self.add(f"{before} {text}" if before else text)
            return
        self.add(f"{before} {block[0]}")
        indent = spaces(depth + 1)
        self.lines += [indent + line if line else "" for line in block[1]]

    def add(self, line: str) -> None:
        if "\n" in line:
            self.lines += line.split("\n")
        else:
            self.lines.append(line)

    def text(self, text: str) -> str:
        found = self.texts.get(text)
        if found is None:
            found = quoted(text)
            if len(text) <= _MAX_SHARED:
                self.texts[text] = found
        return found
