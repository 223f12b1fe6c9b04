"""Shapes of lists and mappings."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence
from monitoring_kit.spec.shapes.base import INVALID, JsonSchema, Shape
from monitoring_kit.spec.shapes.items import Item
from monitoring_kit.spec.shapes.scalars import Text


@dataclass(frozen=True)
class ListOf(Shape):
    """A list; with ``single`` one value may stand for a list of one. ``few`` is the fix where fewer than ``low`` are given."""

    item: Shape
    single: bool = False
    low: int = 0
    few: str = ""

    what = "a list"

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Sequence):
            values = [self.item.read(item, report) for item in node.items]
            if len(values) < self.low:
                report.error("spec/value", f"at least {self.low} expected", node.span, help=self.few)
            return tuple(v for v in values if v is not INVALID)
        if self.single and not (isinstance(node, Scalar) and node.is_null):
            value = self.item.read(node, report)
            return INVALID if value is INVALID else (value,)
        return self._wrong(node, report, help_="write it as a list: [a, b]")

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        item = self.item.schema(defs)
        array: JsonSchema = {"type": "array", "items": item, **({"minItems": self.low} if self.low else {})}
        return {"anyOf": [array, item]} if self.single else array


NAME = Text(
    r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", "a name (a letter or `_`, then letters, digits, `_`, `-`, `.`; 63 at most)"
)


@dataclass(frozen=True)
class MapOf(Shape):
    """A mapping from names to values of one shape; each value that is an ``Item`` learns its name."""

    value: Shape
    key: Text = NAME
    nullable: bool = False

    what = "a mapping"

    def read(self, node: Node, report: Report) -> Any:
        if isinstance(node, Scalar) and node.is_null:
            return {}
        if not isinstance(node, Mapping):
            if isinstance(self.value, Text) and self.value.secret:
                # It may be what a name was forgotten for.
                message = f"expected a mapping from names to {self.value.hint}"
                report.error(
                    "secrets/inline", message, node.span, secret=True, help=f"write `NAME: ...`, with {self.value.hint}"
                )
                return INVALID
            return self._wrong(node, report)
        found = {}
        for name, entry in node.entries.items():
            if self.key.read(entry.key, report) is INVALID:
                continue
            if self.nullable and isinstance(entry.value, Scalar) and entry.value.is_null:
                value = self.value.read(Mapping({}, entry.value.span), report)
            else:
                value = self.value.read(entry.value, report)
            if isinstance(value, Item):
                object.__setattr__(value, "name", name)
                object.__setattr__(value, "name_span", entry.key.span)
            if value is not INVALID:
                found[name] = value
        return found

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        names = {"pattern": f"^(?:{self.key.pattern})$"} if self.key.pattern else {}
        return {"type": "object", "propertyNames": names, "additionalProperties": self.value.schema(defs)}
