"""Building the registry: what each service exposes, from declarations, packs and captured catalogs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from monitoring_kit.diagnostics import Report
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.promql.catalog import Catalog, CatalogError, load_catalog, parse_catalog
from monitoring_kit.resolve.exporters import ExporterView, serves_alone
from monitoring_kit.resolve.exposed import exposed
from monitoring_kit.resolve.packs import LoadedPack, PackMetric
from monitoring_kit.resolve.registry import LabelInfo, MetricInfo, Registry, SeriesNames
from monitoring_kit.spec.model import Spec
from monitoring_kit.spec.services import Metric, Service

if TYPE_CHECKING:
    from monitoring_kit.load import Document

# What Prometheus itself writes for every scrape (prometheus/docs, "automatically generated labels and time series").
SCRAPE_METRICS = {
    "up": "1 while the target answered the last scrape.",
    "scrape_duration_seconds": "How long the scrape took.",
    "scrape_samples_scraped": "Samples that the target exposed.",
    "scrape_samples_post_metric_relabeling": "Samples left after relabeling.",
    "scrape_series_added": "New series in this scrape.",
}


def build_registry(
    spec: Spec,
    document: Document,
    packs: Mapping[str, LoadedPack],
    exporters: Mapping[str, list[ExporterView]],
    report: Report,
) -> Registry:
    """The registry of all services of ``spec``, by service name: ``packs`` holds each one's pack, ``exporters`` the
    exporters that it hosts."""
    declared = _declared(spec, report)
    own = _own_catalogs(spec, document, report)
    # One shared mapping for all services with the same catalogs.
    bases: dict[tuple[str, ...], dict[str, MetricInfo]] = {}
    by_service: dict[str, dict[str, MetricInfo]] = {}
    dormant: dict[str, str] = {}
    standing: dict[str, str] = {}
    for name, service in spec.services.items():
        # Where all series come from an exporter nothing is assumed: it is known what it serves.
        loaded = None if any(serves_alone(spec, hosted) for hosted in exporters.get(name, ())) else packs.get(name)
        names = loaded.pack.catalogs if loaded else ()
        base = bases.get(names) or bases.setdefault(names, _base(names, own))
        mine = declared.get(name, {})
        assumed = _assumed(loaded, service, mine) if loaded else {}
        for hosted in exporters.get(name, ()):
            pack = hosted.loaded
            told = {n: _from_pack(n, m, {}, pack.pack.kind) for n, m in pack.metrics.items()}
            found, mine, keys = exposed(hosted, mine, spec.metrics, told)
            assumed |= found
            dormant |= keys
            standing |= {canonical: own.name for canonical, own in pack.stands_for.items() if own.name}
        by_service[name] = {**base, **assumed, **mine} if mine or assumed else base
    by_series: dict[str, MetricInfo] = {}
    for metrics in {id(m): m for m in by_service.values()}.values():
        for info in metrics.values():
            for series in info.series_names():
                if series not in by_series or by_series[series].span is None:
                    by_series[series] = info
    dormant = {name: key for name, key in dormant.items() if name not in by_series}
    known = SeriesNames({info.name: info for info in by_series.values()} if standing else {})
    return Registry(by_service, by_series, dormant, {name: own for name, own in standing.items() if name not in known})


def _declared(spec: Spec, report: Report) -> dict[str, dict[str, MetricInfo]]:
    found: dict[str, dict[str, MetricInfo]] = {}
    for name, metric in spec.metrics.items():
        info = _from_spec(name, metric, report)
        for index, service in enumerate(metric.services):
            if service not in spec.services:
                help_ = did_you_mean(service, spec.services, "services")
                span = metric.at("services", index=index)
                report.error("spec/unknown-service", f"there is no service `{service}`", span, help=help_)
                continue
            found.setdefault(service, {})[name] = info
    return found


def _from_spec(name: str, metric: Metric, report: Report) -> MetricInfo:
    buckets = metric.buckets
    if metric.type == "histogram" and not buckets and not metric.native:
        buckets = DEFAULT_BUCKETS
    if buckets and metric.type != "histogram":
        report.error("metrics/buckets", f"a {metric.type} has no buckets", metric.at("buckets"))
    if list(buckets) != sorted(set(buckets)):
        report.error(
            "metrics/buckets",
            "the buckets are not ascending",
            metric.at("buckets"),
            help="write each bound once, smallest first",
        )
    if metric.type == "counter" and not name.endswith("_total"):
        report.warning(
            "metrics/name", f"the counter `{name}` does not end in `_total`", metric.name_span,
            help="OpenMetrics and Prometheus' naming rules ask for it; functions that need counters are recognised by the declared type",
        )  # fmt: skip
    for label in ("le", "quantile", "job", "instance", "service"):
        if label in metric.labels:
            kind = (
                "is reserved by the histogram format"
                if label in ("le", "quantile")
                else "clashes with the target label of that name"
            )
            report.warning(
                "metrics/label",
                f"the label `{label}` {kind}",
                metric.labels[label].name_span,
                help="rename it at the source",
            )
    labels = {n: LabelInfo(v.values, v.pattern, v.max) for n, v in metric.labels.items()}
    return MetricInfo(
        name, metric.type, metric.help, metric.unit, labels, buckets, metric.native, "declared", metric.name_span
    )


# The default buckets of the Prometheus client libraries.
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _assumed(loaded: LoadedPack, service: Service, mine: Mapping[str, MetricInfo]) -> dict[str, MetricInfo]:
    """The pack's own metrics where the spec declares none of them for the service: under the service's names."""
    names = {canonical: service.metrics.get(canonical, canonical) for canonical in loaded.metrics}
    spoken = any(name in mine for name in names.values())
    found = {}
    for canonical, metric in loaded.metrics.items():
        renamed = canonical in service.metrics
        if (metric.optional or spoken) and not renamed:
            continue
        if names[canonical] not in mine:
            found[names[canonical]] = _from_pack(names[canonical], metric, service.metric_labels, loaded.pack.kind)
    return found


def _from_pack(name: str, metric: PackMetric, renamed: Mapping[str, str], kind: str) -> MetricInfo:
    labels = {renamed.get(n, n): LabelInfo(v.values, v.pattern, v.max) for n, v in metric.labels.items()}
    return MetricInfo(name, metric.type, metric.help, metric.unit, labels, metric.buckets, False, f"pack {kind}")


def _own_catalogs(spec: Spec, document: Document, report: Report) -> dict[str, Catalog]:
    found = {}
    for index, path in enumerate(spec.catalogs):
        span = spec.at("catalogs", index=index)
        real = os.path.join(os.path.dirname(document.path), path)
        try:
            with open(real, encoding="utf-8") as file:
                catalog = parse_catalog(file.read(), path)
        except OSError as error:
            report.error("file/missing", f"the catalog {path} cannot be read: {error.strerror}", span)
        except (CatalogError, UnicodeDecodeError) as error:
            report.error("catalog/invalid", str(error), span)
        else:
            found[catalog.exporter] = catalog
    return found


def shipped_metrics(catalog: str) -> list[MetricInfo]:
    """The metrics of a shipped catalog, without those of every scrape."""
    return [info for name, info in _base((catalog,), {}).items() if name not in SCRAPE_METRICS]


@cache
def _shipped(name: str) -> Catalog:
    return load_catalog(name)


def _base(names: tuple[str, ...], own: Mapping[str, Catalog]) -> dict[str, MetricInfo]:
    """The metrics of some catalogs and of every scrape."""
    found = {n: MetricInfo(n, "gauge", h, None, {}, source="every scrape") for n, h in SCRAPE_METRICS.items()}
    for name in (*names, *own):
        catalog = own.get(name) or _shipped(name)
        source = f"{catalog.exporter} {catalog.version}".strip()
        for metric in catalog.metrics.values():
            # What a target calls job itself is stored as exported_job: the job is the service's (lower/scrape.py).
            labels = {
                "exported_job" if n == "job" else n: LabelInfo(tuple(metric.values.get(n, ()))) for n in metric.labels
            }
            found[metric.name] = MetricInfo(
                metric.name, metric.type, metric.help, metric.unit or None, labels, metric.buckets, False, source
            )
    return found
