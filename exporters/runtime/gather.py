"""One scrape's result, ready to render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import text
from .children import HistogramChild
from .family import AnyFamily

if TYPE_CHECKING:
    from .registry import Registry


class Gathered:
    """What a scrape found. ``failures`` maps a collector's name to the reason of its failure."""

    def __init__(self, registry: Registry, failures: Mapping[str, str], self_metrics: bool = True) -> None:
        self.registry = registry
        self.failures = dict(failures)
        self._self_metrics = self_metrics

    @property
    def nothing_worked(self) -> bool:
        """True when there are collectors and every one failed."""
        return bool(self.registry.workers) and len(self.failures) == len(self.registry.workers)

    def render(self, form: str = "text", escaping: str = "underscores") -> bytes:
        """The exposition: ``text`` (0.0.4), ``openmetrics`` (1.0) or ``protobuf`` (delimited MetricFamily).

        Text 1.0.0 is ``text`` with another ``escaping`` for the UTF-8 names of mounted collectors. ExpositionError when
        it would not be valid as a whole.
        """
        return b"".join(self.pieces(form, escaping))

    def pieces(self, form: str = "text", escaping: str = "underscores") -> list[bytes]:
        """``render`` before it is joined; pieces that did not change since the last call are the same objects."""
        families: list[AnyFamily] = list(self.registry.families)
        if self._self_metrics:
            families += self.registry.self_metrics.families()
        if form == "protobuf":
            from . import protobuf

            pieces = [protobuf.render_family(family) for family in families]
        else:
            openmetrics = form == "openmetrics"
            pieces = [piece for family in families for piece in text.render_family(family, openmetrics)]
        pieces += [foreign.render(form, escaping) for foreign in self.registry.foreign]
        if form == "openmetrics":
            pieces.append(b"# EOF\n")
        self.registry.self_metrics.last_bytes = sum(map(len, pieces))
        return pieces

    def value(self, name: str, labels: Mapping[str, str]) -> float | None:
        """One sample's value; see ``Registry.value``."""
        wanted = dict(labels)
        families: list[AnyFamily] = list(self.registry.families)
        if self._self_metrics:
            families += self.registry.self_metrics.families()
        for family in families:
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
