"""Metric catalogs: which metrics an exporter exposes, with type, unit, labels and buckets.

A catalog is captured from a real exposition, never typed from memory. `values` holds a label's values
only where the set was declared closed (fixed in the exporter's code): a checker may then call any
other value impossible. All other labels are open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from monitoring_kit.frozen import dataclass
from monitoring_kit.shipped import folder, plain_yaml, text_of

_UNITS = (
    ("_timestamp_seconds", "timestamp"),
    ("_seconds", "seconds"),
    ("_bytes", "bytes"),
    ("_ratio", "ratio"),
    ("_percent", "percent"),
    ("_celsius", "celsius"),
    ("_hertz", "hertz"),
    ("_volts", "volts"),
    ("_amperes", "amperes"),
    ("_watts", "watts"),
    ("_joules", "joules"),
    ("_meters", "meters"),
    ("_grams", "grams"),
    ("_rpm", "rpm"),
)
MAX_CATALOG_BYTES = 32 * 1024 * 1024


class CatalogError(ValueError):
    """A catalog file does not have the form of a catalog; the message names the key."""


@dataclass(frozen=True)
class Metric:
    """One metric under the name that PromQL uses (histograms and summaries without suffix).

    `type` is counter, gauge, histogram, summary, info, stateset, gaugehistogram or unknown; `unit`
    follows from the name's suffix (`timestamp` is seconds since the epoch) and is empty where the name
    has none; `buckets` are the finite upper bounds.
    """

    name: str
    type: str
    help: str = ""
    unit: str = ""
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()

    def series_names(self) -> tuple[str, ...]:
        """The names of the series in storage: a histogram has three, and none under its own name."""
        if self.type == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        if self.type == "summary":
            own = (self.name,) if self.quantiles else ()
            return (*own, f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


@dataclass(frozen=True)
class Catalog:
    """The metrics of one exporter at one version, and how they were captured."""

    exporter: str
    version: str = ""
    captured: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)


def unit_of(name: str) -> str:
    """The unit that a metric's name declares by its suffix; empty if it declares none."""
    base = name.removesuffix("_total")
    return next((unit for suffix, unit in _UNITS if base.endswith(suffix)), "")


def merge(first: Catalog, *others: Catalog) -> Catalog:
    """One catalog with the union of metrics, labels, closed values and buckets; the head is `first`'s."""
    metrics = dict(first.metrics)
    for other in others:
        for name, metric in other.metrics.items():
            metrics[name] = _union(metrics[name], metric) if name in metrics else metric
    return replace(first, metrics={metric.name: metric for metric in _sorted(metrics.values())})


def dump_catalog(catalog: Catalog) -> str:
    """The catalog as YAML: the same bytes for the same catalog, no times and no hosts."""
    import yaml

    head = {key: getattr(catalog, key) for key in ("exporter", "version", "captured") if getattr(catalog, key)}
    body = {metric.name: _plain(metric) for metric in _sorted(catalog.metrics.values())}

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """One key a line, so that a diff shows one change a line; lists on one line."""

        def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
            return super().represent_sequence(tag, sequence, flow_style=True)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    text: str = yaml.dump(
        {**head, "metrics": body}, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return text


def load_catalog(source: Path | str) -> Catalog:
    """Read a catalog from a path, or a shipped one by its exporter's name (`node_exporter`).

    Raises CatalogError for a file of another form and OSError for one that cannot be read.
    """
    if isinstance(source, str) and re.fullmatch(r"[a-z0-9_-]+", source):
        return parse_catalog(text_of("monitoring_kit.rules", f"catalogs/{source}.yaml"), source)
    path = Path(source)
    if path.stat().st_size > MAX_CATALOG_BYTES:
        raise CatalogError(f"{path}: larger than {MAX_CATALOG_BYTES} bytes")
    return parse_catalog(path.read_text(encoding="utf-8"), str(path))


def shipped_catalogs() -> list[str]:
    """The names of the catalogs that ship with mkit."""
    return sorted(file.stem for file in (folder("monitoring_kit.rules") / "catalogs").glob("*.yaml"))


def parse_catalog(text: str, where: str = "catalog") -> Catalog:
    """Read a catalog from YAML text. Raises CatalogError, its message beginning with `where`."""
    import yaml

    try:
        data = plain_yaml(text)
    except yaml.YAMLError as error:
        raise CatalogError(f"{where}: not YAML: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("metrics"), dict):
        raise CatalogError(f"{where}: no `metrics` mapping, so this is no catalog")
    metrics = (_from_plain(str(name), entry, where) for name, entry in data["metrics"].items())
    exporter, version, captured = (str(data.get(key, "")) for key in ("exporter", "version", "captured"))
    return Catalog(exporter, version, captured, {metric.name: metric for metric in _sorted(metrics)})


def _sorted(metrics: Iterable[Metric]) -> list[Metric]:
    return sorted(metrics, key=lambda metric: metric.name)


def _union(first: Metric, second: Metric) -> Metric:
    values = {
        label: tuple(sorted({*first.values.get(label, ()), *second.values.get(label, ())}))
        for label in sorted({*first.values, *second.values})
    }
    return replace(
        first,
        type=second.type if first.type == "unknown" else first.type,
        help=first.help or second.help,
        labels=tuple(sorted({*first.labels, *second.labels})),
        values=values,
        buckets=tuple(sorted({*first.buckets, *second.buckets})),
        quantiles=tuple(sorted({*first.quantiles, *second.quantiles})),
    )


def _plain(metric: Metric) -> dict[str, Any]:
    plain: dict[str, Any] = {"type": metric.type}
    if metric.help:
        plain["help"] = metric.help
    if metric.unit:
        plain["unit"] = metric.unit
    if metric.labels:
        plain["labels"] = list(metric.labels)
    if metric.values:
        plain["values"] = {label: list(values) for label, values in sorted(metric.values.items())}
    for key in ("buckets", "quantiles"):
        if bounds := getattr(metric, key):
            plain[key] = [int(bound) if bound == int(bound) else bound for bound in bounds]
    return plain


def _from_plain(name: str, entry: Any, where: str) -> Metric:
    try:
        return Metric(
            name=name,
            type=str(entry["type"]),
            help=str(entry.get("help", "")),
            unit=str(entry.get("unit", "")),
            labels=tuple(map(str, entry.get("labels", ()))),
            values={str(label): tuple(map(str, values)) for label, values in entry.get("values", {}).items()},
            buckets=tuple(map(float, entry.get("buckets", ()))),
            quantiles=tuple(map(float, entry.get("quantiles", ()))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CatalogError(f"{where}: metric {name!r}: {type(error).__name__}: {error}") from error
