"""What the business exporter says about its sources and queries, beside the runtime's own metrics."""

from __future__ import annotations

import math
import threading

from ..runtime import Registry
from .families import meter_specs
from .source import Source


class Meters:
    """The families, and the moments at which they change. Thread-safe."""

    def __init__(self, registry: Registry) -> None:
        self._lock = threading.Lock()
        self._families = {suffix: registry.declare(spec) for suffix, spec in meter_specs(registry.namespace).items()}

    def start(self, metric: str, source: str, mode: str, every: float) -> None:
        """Make all series of a metric, read every so many seconds, and its source, so that they have their places before data can fill the cap.

        Counters start at zero; gauges are not exposed before there is something to say.
        """
        with self._lock:
            self._families["null_values_total"].labels(metric)
            self._families["read_interval_seconds"].labels(metric).set(every)
            if mode == "cumulative":
                self._families["source_regressions_total"].labels(metric)
            for suffix, label in (("result_rows", metric), ("result_timestamp_seconds", metric), ("up", source)):
                self._families[suffix].labels(label).set(math.nan)
            for suffix in ("source_connects_total", "queries_killed_total"):
                self._families[suffix].labels(source)

    def source(self, source: Source) -> None:
        """Take over how the source stands."""
        with self._lock:
            if source.up is not None:
                self._families["up"].labels(source.name).set(float(source.up))
            for suffix, total in (("source_connects_total", source.connects), ("queries_killed_total", source.kills)):
                child = self._families[suffix].labels(source.name)
                child.inc(max(0.0, total - child.value))

    def answer(self, metric: str, rows: int, nulls: int) -> None:
        """Note an answer that has just come."""
        with self._lock:
            self._families["result_rows"].labels(metric).set(rows)
            self._families["null_values_total"].labels(metric).inc(nulls)

    def fresh(self, metric: str, read_at: float) -> None:
        """Note when the rows were read that are the metric's figures now."""
        with self._lock:
            self._families["result_timestamp_seconds"].labels(metric).set(read_at)

    def regressions(self, metric: str, count: int) -> None:
        """Count readings that fell."""
        with self._lock:
            self._families["source_regressions_total"].labels(metric).inc(count)
