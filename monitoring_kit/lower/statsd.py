"""``statsd/mapping.yml``: StatsD lines to the declared metrics, for prometheus/statsd_exporter.

A client sends ``<prefix>.<service>.<metric>`` (``<prefix>.<metric>`` will do where only one service exposes the metric), with
labels as tags: ``shop.web.http_requests_total:1|c|#status:200``. What the spec does not declare is dropped and counted
(``statsd_exporter_events_actions_total{action="drop"}``), so that a misspelt name cannot create series. Timers (``ms``)
arrive in seconds; every other unit is sent as a distribution (``d``) or histogram (``h``) in the metric's own unit.

Format: prometheus/statsd_exporter, README, "Metric Mapping and Configuration".
"""

from __future__ import annotations

from typing import Any

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.registry import MetricInfo
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.platform import Statsd
from monitoring_kit.spec.quantity import Duration

# StatsD's kinds of events, as the exporter's mapping calls them.
_KINDS = {"counter": "counter", "gauge": "gauge", "info": "gauge", "histogram": "observer", "summary": "observer"}
# https://prometheus.io/docs/practices/histograms: what a summary cannot aggregate should at least be the usual three.
_QUANTILES = ((0.5, 0.05), (0.9, 0.01), (0.99, 0.001))


def enabled(system: System) -> Statsd | None:
    """The StatsD settings, when StatsD is enabled."""
    return system.spec.statsd if system.spec.statsd is not None and system.spec.statsd.enabled else None


def lower_statsd(system: System, report: Report) -> list[OutFile]:
    """The mapping, when StatsD is enabled."""
    statsd = enabled(system)
    if statsd is None:
        return []
    mappings = [
        rule
        for info, services in declared_metrics(system)
        for rule in _rules(system, statsd, info, services, _stale_after(statsd))
    ]
    if not mappings:
        report.warning(
            "statsd/nothing-declared", "no metric is declared, so every StatsD line would be dropped", statsd.node.span,
            help="declare what the services send under `metrics:`",
        )  # fmt: skip
    drop = Branch(statsd.node.span, match=".", match_type="regex", action="drop", name="dropped")
    return [OutFile(conventions.STATSD_MAPPING, "yaml", Branch(statsd.node.span, mappings=[*mappings, drop]))]


def declared_metrics(system: System) -> list[tuple[MetricInfo, list[str]]]:
    """The spec's own metrics with the services that expose them, in the spec's order."""
    found: dict[str, tuple[MetricInfo, list[str]]] = {}
    for service, families in system.registry.by_service.items():
        for name, info in families.items():
            if info.span is not None and info.type in _KINDS:
                found.setdefault(name, (info, []))[1].append(service)
    return [found[name] for name in system.spec.metrics if name in found]


def _rules(system: System, statsd: Statsd, info: MetricInfo, services: list[str], stale: Duration) -> list[Branch]:
    names = [(f"{service}.{info.name}", service) for service in services]
    if len(services) == 1:
        names.append((info.name, services[0]))
    options = _options(info, stale)
    return [
        Branch(
            info.span,
            {
                "match": f"{statsd.prefix}.{name}",
                "match_metric_type": _KINDS[info.type],
                "name": info.name,
                "help": info.help,
                **options,
                # The exporter's job honours both: rules know a service's series by its job.
                "labels": {"job": system.services[service].job, conventions.SERVICE: service},
            },
        )
        for name, service in names
    ]


def _options(info: MetricInfo, stale: Duration) -> dict[str, Any]:
    if info.type == "histogram":
        return {"observer_type": "histogram", "histogram_options": {"buckets": list(info.buckets)}}
    if info.type == "summary":
        quantiles = [{"quantile": quantile, "error": error} for quantile, error in _QUANTILES]
        return {"observer_type": "summary", "summary_options": {"quantiles": quantiles}}
    return {"ttl": str(stale)} if info.type == "gauge" else {}


def _stale_after(statsd: Statsd) -> Duration:
    """A gauge that no client has sent for ten flushes (five minutes at least) is forgotten: its sender is gone."""
    return max(Duration(300_000), Duration(10 * statsd.flush_interval.ms))
