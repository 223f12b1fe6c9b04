"""One scrape's result, ready to render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .children import HistogramChild
from .text import render_family

if TYPE_CHECKING:
    from .registry import Registry


class Gathered:
    """What a scrape found. ``failures`` maps collector name to the reason of its failure."""

    def __init__(self, registry: Registry, failures: Mapping[str, str]) -> None:
        self.registry = registry
        self.failures = dict(failures)

    @property
    def nothing_worked(self) -> bool:
        """True when there are collectors and every one failed."""
        return bool(self.registry.workers) and len(self.failures) == len(self.registry.workers)

    def render(self, form: str = "text") -> bytes:
        """The exposition: ``text`` (0.0.4) or ``openmetrics`` (1.0)."""
        openmetrics = form == "openmetrics"
        blocks = [render_family(family, openmetrics) for family in self.registry.families]
        if openmetrics:
            blocks.append("# EOF\n")
        return "".join(blocks).encode()

    def value(self, name: str, labels: Mapping[str, str]) -> float | None:
        wanted = dict(labels)
        for family in self.registry.families:
            if name not in (family.name, f"{family.name}_count", f"{family.name}_sum"):
                continue
            for child in family.children():
                if dict(zip(family.label_names, child.values, strict=True)) == wanted:
                    return _value(child, name)
        return None


def _value(child: Any, name: str) -> float | None:
    if isinstance(child, HistogramChild):
        return child.sum if name.endswith("_sum") else float(sum(child.counts))
    return float(child.value)
