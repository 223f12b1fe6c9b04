"""Capture metric catalogs from expositions: what a server exposes, never what someone remembers."""

from __future__ import annotations

import re
from collections.abc import Collection

from monitoring_kit.live.exposition import ExpositionError, Family, parse
from monitoring_kit.promql.catalog import (
    Catalog,
    CatalogError,
    Metric,
    dump_catalog,
    load_catalog,
    merge,
    parse_catalog,
    shipped_catalogs,
    unit_of,
)

_EPOCH = re.compile(r"(?i)unix ?time\b|unix timestamp|epoch|since 1970|last unix time")
# Labels that belong to a histogram's or summary's shape, not to its dimensions.
_SHAPE_LABELS = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}


def capture(
    text: str, exporter: str = "", version: str = "", captured: str = "", closed: Collection[str] = ()
) -> Catalog:
    """The catalog of one exposition.

    `closed` names the labels whose values are fixed by the exporter, as `label` or `metric:label`
    (`*` at the end of the metric matches a prefix). Raises ExpositionError.
    """
    found = (_metric(family, closed) for family in parse(text).values())
    metrics = {metric.name: metric for metric in sorted(found, key=lambda metric: metric.name)}
    return Catalog(exporter, version, captured, metrics)


def _metric(family: Family, closed: Collection[str]) -> Metric:
    name, kind = family.name, family.type
    if kind == "counter" and any(sample.name == f"{name}_total" for sample in family.samples):
        name = f"{name}_total"  # OpenMetrics names the family without the suffix
    if kind == "info" and not name.endswith("_info"):
        name = f"{name}_info"
    shape = _SHAPE_LABELS.get(kind, "")
    samples = [sample for sample in family.samples if sample.name != f"{family.name}_created"]
    seen: dict[str, set[str]] = {}
    for sample in samples:
        for label, value in sample.labels.items():
            seen.setdefault(label, set()).add(value)
    bounds = tuple(sorted({float(bound) for bound in seen.pop(shape, ()) if bound != "+Inf"})) if shape else ()
    return Metric(
        name=name,
        type=kind,
        help=" ".join(family.help.split()),
        unit=_unit(name, kind, family),
        labels=tuple(sorted(seen)),
        values={label: tuple(sorted(values)) for label, values in sorted(seen.items()) if _closed(name, label, closed)},
        buckets=bounds if shape == "le" else (),
        quantiles=bounds if shape == "quantile" else (),
    )


def _unit(name: str, kind: str, family: Family) -> str:
    # A point in time is a gauge of seconds too; only the help text tells it from a duration.
    if kind in ("gauge", "unknown") and _EPOCH.search(family.help) and "(ms)" not in family.help:
        return "timestamp"
    return unit_of(name) or family.unit


def _closed(metric: str, label: str, closed: Collection[str]) -> bool:
    for entry in closed:
        scope, _, name = entry.rpartition(":")
        if name == label and (not scope or scope == metric or (scope[-1] == "*" and metric.startswith(scope[:-1]))):
            return True
    return False


__all__ = [
    "Catalog",
    "CatalogError",
    "ExpositionError",
    "Metric",
    "capture",
    "dump_catalog",
    "load_catalog",
    "merge",
    "parse_catalog",
    "shipped_catalogs",
    "unit_of",
]
