"""Every metric family that a configuration gives the exporter. No driver, no state: the compiler asks too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime import LabelSpec, MetricSpec
from ..runtime.selfspecs import own_specs, process_specs

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
