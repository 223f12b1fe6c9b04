"""What every shape is, and how a node is described to its author."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence

JsonSchema = dict[str, Any]


class _Invalid:
    """Stands for a value that could not be read; its mistake is already reported."""

    def __repr__(self) -> str:
        return "INVALID"

    def __bool__(self) -> bool:
        return False


INVALID: Any = _Invalid()


class Shape:
    """Base of all shapes."""

    what = "a value"

    def read(self, node: Node, report: Report) -> Any:
        """The typed value of ``node``, or INVALID after reporting why not."""
        raise NotImplementedError  # pragma: no cover - abstract

    def schema(self, defs: dict[str, JsonSchema]) -> JsonSchema:
        """The JSON Schema (2020-12) of this shape; records put themselves into ``defs``."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _wrong(self, node: Node, report: Report, detail: str = "", help_: str = "") -> Any:
        report.error("spec/type", detail or f"expected {self.what}, found {describe(node)}", node.span, help=help_)
        return INVALID

    def _scalar(self, node: Node, report: Report) -> str | None:
        if isinstance(node, Scalar) and not node.is_null:
            return node.text
        self._wrong(node, report)
        return None


def describe(node: Node) -> str:
    """What a node is, in a user's words."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.is_null else f"`{node.text[:60]}`"
