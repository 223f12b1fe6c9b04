"""The metric registry: what each service exposes, declared in the spec or captured from a real exporter."""

from __future__ import annotations

from dataclasses import field

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass


@dataclass(frozen=True, slots=True)
class LabelInfo:
    """What is known of a label's values: all of them, a pattern, or how many at most."""

    values: tuple[str, ...] = ()
    pattern: str | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric family: its type, unit, labels and buckets, and where that is known from (a declaration or a catalog)."""

    name: str
    type: str
    help: str
    unit: str | None
    labels: dict[str, LabelInfo]
    buckets: tuple[float, ...] = ()
    native: bool = False
    source: str = ""
    span: Span | None = None

    def series_names(self) -> tuple[str, ...]:
        """The names under which its samples are stored: a classic histogram has no series of its own name."""
        if self.type == "histogram":
            classic = (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
            return (*classic, self.name) if self.native else classic
        if self.type == "summary":
            return (self.name, f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


class SeriesNames:
    """Membership of series names without expanding a whole catalog."""

    def __init__(self, known: dict[str, MetricInfo]) -> None:
        self.known = known

    def __contains__(self, name: str) -> bool:
        info = self.known.get(name)
        if info is not None:
            return True
        for suffix in ("_bucket", "_count", "_sum"):
            base = self.known.get(name.removesuffix(suffix)) if name.endswith(suffix) else None
            if base is not None and base.type in ("histogram", "summary"):
                return True
        return False


@dataclass(frozen=True)
class Registry:
    """All metrics by service; ``by_series`` finds the family of a series name anywhere in the system. ``dormant`` are the families
    that nothing exposes as the spec stands, with the keys of the spec that would change it, as they stand in a message. ``standing`` are metrics of kinds that
    nothing exposes, with the exporter's family that stands for each."""

    by_service: dict[str, dict[str, MetricInfo]] = field(default_factory=dict)
    by_series: dict[str, MetricInfo] = field(default_factory=dict)
    dormant: dict[str, str] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
