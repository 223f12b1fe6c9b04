"""Records of the spec as Python sees them: what was read, and where it stood."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Mapping, Scalar, Sequence
from monitoring_kit.spec.shapes.base import Shape

_NO_NODE = Mapping({}, Span(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Base of the spec's records: remembers the mapping it was read from."""

    node: Mapping = field(default=_NO_NODE, repr=False, compare=False)
    name: str = field(default="", compare=False)
    name_span: Span = field(default=Span(""), repr=False, compare=False)

    def at(
        self,
        key: str | None = None,
        start: int | None = None,
        end: int | None = None,
        index: int | None = None,
    ) -> Span:
        """Where ``key``'s value was written (with ``start``/``end``: that stretch of its text; with ``index``: that
        item of its list); the key itself for a collection's head; the record's name when ``key`` was not written."""
        value = self.node.get(key) if key else None
        if value is None:
            return self.name_span if self.name_span.file else self.node.span
        if isinstance(value, Sequence) and index is not None and index < len(value.items):
            value = value.items[index]
        if isinstance(value, Scalar) and start is not None:
            return value.at(start, end if end is not None else start + 1)
        return value.span

    def has(self, key: str) -> bool:
        """True when the author wrote ``key``."""
        return key in self.node.entries


def key(shape: Shape, doc: str, default: Any = None, *, required: bool = False, example: Any = None) -> Any:
    """A field of a record: its shape, its documentation (one sentence), its default (a callable makes a fresh one)."""
    metadata = {"shape": shape, "doc": doc, "required": required, "example": example}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def spec_name(attribute: str) -> str:
    """The spec's key for a dataclass attribute: ``for_`` is written ``for``."""
    return attribute.rstrip("_")
