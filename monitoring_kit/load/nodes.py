"""Positioned YAML nodes: every value knows the characters it was written with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from monitoring_kit.diagnostics.span import Source, Span
from monitoring_kit.load.scalar_positions import offsets_of


@dataclass(slots=True, eq=False)
class Scalar:
    """A scalar as text. ``plain`` is True when it was written without quotes, so that ``null`` and ``true`` mean
    themselves; what the text stands for is decided by the shape that reads it, never by YAML 1.1's guesses."""

    text: str
    plain: bool
    style: str
    source: Source
    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int
    replaced: bool = False
    _offsets: list[tuple[int, int]] | None = field(default=None, repr=False)

    @property
    def span(self) -> Span:
        return Span(self.source.file, self.line, self.column, self.end_line, self.end_column)

    def at(self, start: int, end: int) -> Span:
        """The span of ``text[start:end]`` in the file, through quotes, escapes, folding and block indentation."""
        if self.replaced or not self.text:
            return self.span
        if self._offsets is None:
            self._offsets = offsets_of(self)
        last = len(self._offsets) - 1
        first = self._offsets[min(max(start, 0), last)]
        final = self._offsets[min(max(end - 1, start, 0), last)]
        return Span(self.source.file, first[0], first[1], final[0], final[1] + 1)

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(slots=True, eq=False)
class Sequence:
    """A YAML sequence."""

    items: list[Node]
    span: Span

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


@dataclass(slots=True, eq=False)
class Entry:
    """One ``key: value`` of a mapping."""

    key: Scalar
    value: Node


@dataclass(slots=True, eq=False)
class Mapping:
    """A YAML mapping with unique string keys, in the order written."""

    entries: dict[str, Entry]
    span: Span

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.value if entry else None

    def key_span(self, key: str) -> Span:
        """Where ``key`` was written; the mapping itself when it was not."""
        entry = self.entries.get(key)
        return entry.key.span if entry else self.span

    def value_span(self, key: str) -> Span:
        """Where the value of ``key`` was written; the mapping itself when it was not."""
        entry = self.entries.get(key)
        return entry.value.span if entry else self.span


Node = Scalar | Sequence | Mapping


def written(node: Node | None, *path: str) -> Span | None:
    """Where the last key of ``path`` was written, or the scalar that stands for the rest of it (a short form); None for a default."""
    span = None
    for key in path:
        if not isinstance(node, Mapping):
            break
        if key not in node.entries:
            return None
        span, node = node.key_span(key), node.get(key)
    return span


def plain(node: Node) -> object:
    """The node as plain Python data, scalars resolved by YAML 1.2's core schema (no ``yes``, no sexagesimals)."""
    if isinstance(node, Mapping):
        return {k: plain(e.value) for k, e in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node]
    return resolve_scalar(node)


def resolve_scalar(node: Scalar) -> object:
    """A plain scalar as null, bool, int or float where YAML 1.2's core schema says so; otherwise its text."""
    if not node.plain:
        return node.text
    if node.is_null:
        return None
    if node.text in ("true", "True", "TRUE"):
        return True
    if node.text in ("false", "False", "FALSE"):
        return False
    for read in (int, float):
        try:
            if "_" not in node.text and node.text.lower() not in ("nan", "inf", "-inf", "infinity"):
                return read(node.text)
        except ValueError:
            continue
    return node.text
