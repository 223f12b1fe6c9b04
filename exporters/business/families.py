"""Every metric family that a configuration gives the exporter. No driver, no state: the compiler asks too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ..runtime import LabelSpec, MetricSpec
from ..runtime.records import replace
from ..runtime.selfspecs import own_specs, process_specs
from .faults import REASONS

if TYPE_CHECKING:
    from .config import Config

_OWN = (
    (
        "up",
        "gauge",
        "source",
        "Whether the source answered the last query, be it with an error of its own; a refused login is no answer.",
    ),
    ("source_connects_total", "counter", "source", "Connections opened to the source."),
    ("queries_killed_total", "counter", "source", "Queries that outlived their timeout and were killed by mkit."),
    ("source_regressions_total", "counter", "metric", "Readings that fell although the metric is a counter."),
    ("null_values_total", "counter", "metric", "NULL values left out of the metric."),
    ("result_rows", "gauge", "metric", "Rows of the query's last answer."),
    ("result_timestamp_seconds", "gauge", "metric", "When the rows served were read, Unix time."),
    ("read_interval_seconds", "gauge", "metric", "Pace at which the metric is read: its `every`, 0 for each scrape."),
)

# Why a collector's run failed, beside a source's own reasons: what the runtime says of any collector.
RUNTIME_REASONS = ("exception", "foreign_family", "invalid_rows", "timeout")


def meter_specs(namespace: str) -> dict[str, MetricSpec]:
    """What the exporter says about its sources and queries, by the name without ``<namespace>_``."""
    return {
        suffix: MetricSpec(f"{namespace}_{suffix}", kind, text, labels=(LabelSpec(label),))
        for suffix, kind, label, text in _OWN
    }


def built_in(config: Config) -> list[MetricSpec]:
    """The families that the exporter has whatever it collects."""
    return [*own_specs(config.namespace).values(), *process_specs().values(), *meter_specs(config.namespace).values()]


def families(config: Config) -> list[MetricSpec]:
    """All families that the exporter may expose."""
    return [*built_in(config), *(metric.spec for metric in config.metrics.values())]


def bounded(config: Config) -> list[MetricSpec]:
    """``families`` with all values that the configuration lets labels have, so that a rule can be told of one that is never
    there. For the compiler: the running exporter needs no lists, for it writes these values itself."""
    own = own_specs(config.namespace)
    sources = {metric.source: None for metric in config.metrics.values()}
    cumulative = [name for name, metric in config.metrics.items() if metric.mode == "cumulative"]
    reasons = sorted({*REASONS, *RUNTIME_REASONS})
    narrower: dict[str, dict[str, Collection[str]]] = {
        f"{config.namespace}_source_regressions_total": {"metric": cumulative},
        own["series_dropped_total"].name: {"metric": capped(families(config), config.namespace)},
    }
    usual: dict[str, Collection[str]] = {
        "source": sources, "metric": config.metrics, "collector": config.metrics, "reason": reasons,
    }  # fmt: skip
    mine = {spec.name for spec in built_in(config)}
    return [
        closed(
            spec, {**({} if spec.name == own["series_dropped_total"].name else usual), **narrower.get(spec.name, {})}
        )
        if spec.name in mine
        else spec
        for spec in families(config)
    ]


def capped(specs: Collection[MetricSpec], namespace: str) -> list[str]:
    """The names of ``specs`` that take part in the series cap: all but what the runtime says of the exporter itself."""
    free = {spec.name for spec in (*own_specs(namespace).values(), *process_specs().values())}
    return [spec.name for spec in specs if spec.name not in free]


def closed(spec: MetricSpec, values: Mapping[str, Collection[str]]) -> MetricSpec:
    """``spec`` with these as the only values of its labels; what it says of a label's values itself stands. No values: open."""
    labels = tuple(
        replace(label, allow=tuple(values[label.name]))
        if values.get(label.name) and label.allow is None and label.pattern is None
        else label
        for label in spec.labels
    )
    return replace(spec, labels=labels) if labels != spec.labels else spec
