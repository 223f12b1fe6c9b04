"""``prometheus_client`` collectors beside ours: isolated like any collector, checked before they are served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .collector import FamilyRows
from .deadline import Deadline
from .errors import RowError
from .names import number

if TYPE_CHECKING:
    from .registry import Registry

_TYPES = frozenset(
    {"counter", "gauge", "histogram", "summary", "info", "stateset", "gaugehistogram", "unknown", "untyped"}
)


class ForeignFamilies:
    """The metric families of one mounted collector; stands where a collector's family stands."""

    def __init__(self, name: str, registry: Registry) -> None:
        self.name = name
        self._registry = registry
        self._metrics: tuple[Any, ...] = ()

    def replace(self, metrics: Iterable[Any]) -> None:
        """Take over these ``prometheus_client`` Metric objects; RowError when they make no valid exposition."""
        listed = tuple(metrics)
        seen: set[str] = set(self._registry.taken(self))
        for metric in listed:
            if metric.name in seen:
                raise RowError(f"{self.name}: metric {metric.name!r} is exposed twice")
            seen.add(metric.name)
            _check(metric)
        self._metrics = listed

    def clear(self) -> None:
        self._metrics = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(metric.name for metric in self._metrics)

    def render(self, form: str, escaping: str) -> bytes:
        """Their part of the exposition in that format."""
        from .foreign import render_foreign

        return b"".join([render_foreign(metric, form, escaping) for metric in self._metrics])


def _check(metric: Any) -> None:
    if metric.type not in _TYPES:
        raise RowError(f"{metric.name}: unknown type {metric.type!r}")
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for sample in metric.samples:
        if not sample.name.startswith(metric.name):
            raise RowError(f"{metric.name}: stray sample {sample.name!r}")
        key = (sample.name, frozenset(sample.labels.items()))
        if key in seen:
            raise RowError(f"{metric.name}: two samples for {dict(sample.labels)}")
        seen.add(key)
        if metric.type == "counter" and sample.name.endswith("_total") and not 0 <= sample.value < float("inf"):
            raise RowError(f"{metric.name}: a counter must be finite and >= 0, got {number(sample.value)}")


class MountedCollector:
    """Adapts a ``prometheus_client`` collector to the collector protocol."""

    def __init__(self, name: str, source: Any, registry: Registry) -> None:
        self.name = name
        self.foreign = ForeignFamilies(name, registry)
        self._source = source

    @property
    def families(self) -> tuple[Any, ...]:
        return (self.foreign,)

    def collect(self, deadline: Deadline) -> Iterator[FamilyRows]:
        yield FamilyRows(self.foreign, self._source.collect())
