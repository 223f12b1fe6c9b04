"""The resolve stage: defaults filled in, kinds and references looked up. Nothing is defaulted later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from monitoring_kit.diagnostics import Report, Span, Stop
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.load import Document
from monitoring_kit.load.nodes import Mapping
from monitoring_kit.promql import Expr, rename_labels, rename_metrics
from monitoring_kit.resolve.exporters import ExporterView, find_exporters, narrowed, with_dashboards
from monitoring_kit.resolve.metrics import build_registry
from monitoring_kit.resolve.packs import LoadedPack, Packs
from monitoring_kit.resolve.registry import MetricInfo, SeriesNames
from monitoring_kit.resolve.signals import Signal, needed_series
from monitoring_kit.resolve.stand_ins import StandIns, of_the_service, stand_ins, stood_in
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.model import Spec
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.services import Service
from monitoring_kit.spec.shapes import Item

# What an instance is taken to be allowed where the spec does not say: one core, one GiB. Whatever asks for a share of it is told.
ASSUMED = {"cpu": 1.0, "memory": float(1 << 30)}
MAX_TIMEOUT = Duration(10_000)


def resolve(spec: Spec, document: Document, report: Report) -> System:
    """Close ``spec``. Every reference that leads nowhere is reported; the system is still returned, so that later stages
    can find more mistakes in the same run."""
    packs = Packs(report, document.path, tuple((p, spec.at("packs", index=i)) for i, p in enumerate(spec.packs)))
    loaded = {}
    for name, service in spec.services.items():
        found = packs.get(service.kind, service.at("kind"))
        if found:
            loaded[name] = found
    exporters = find_exporters(spec, packs, report)
    hosts: dict[str, list[ExporterView]] = {}
    for exporter in exporters:
        hosts.setdefault(exporter.service, []).append(exporter)
    registry = build_registry(spec, document, loaded, hosts, report)
    exporters = [narrowed(found, SeriesNames(registry.by_service[found.service])) for found in exporters]
    spec = with_dashboards(spec, exporters)
    hosted: dict[str, list[LoadedPack]] = {}
    for exporter in exporters:
        hosted.setdefault(exporter.service, []).append(exporter.loaded)
    _check_references(spec, report)
    dependants = _dependants(spec)
    _check_cycles(spec, report)
    services = {}
    for name, pack in loaded.items():
        service = spec.services[name]
        known = registry.by_service[name]
        services[name] = _view(spec, service, pack, known, dependants.get(name, ()), hosted.get(name, []), report)
    if not services:
        if not report.failed:
            report.error("spec/empty", "the spec has no services", spec.at("services"))
        raise Stop
    return System(
        name=spec.system,
        spec=spec,
        path=document.path,
        sha256=document.sha256,
        environment=document.environment,
        services=services,
        registry=registry,
        external_labels=_external_labels(spec, document.environment),
        replica="replica" if spec.prometheus.replicas > 1 else None,
        default_channels=spec.alerting.default or tuple(spec.channels)[:1],
        pack_alerts=_pack_alerts(loaded, hosted),
        exporters=tuple(exporters),
    )


def _pack_alerts(loaded: dict[str, LoadedPack], hosted: dict[str, list[LoadedPack]]) -> dict[str, dict[str, Alert]]:
    """Service -> the alerts that its kind and the exporters it hosts bring along."""
    found = {name: dict(pack.alerts) for name, pack in loaded.items() if pack.alerts}
    for name, packs in hosted.items():
        for pack in packs:
            found.setdefault(name, {}).update(pack.alerts)
    return found


def _external_labels(spec: Spec, environment: str | None) -> dict[str, str]:
    labels = {"system": spec.system, **spec.prometheus.external_labels}
    if environment and environment in spec.environments:
        labels.update(spec.environments[environment].labels)
    return labels


def _view(
    spec: Spec,
    service: Service,
    loaded: LoadedPack,
    known: dict[str, MetricInfo],
    dependants: tuple[str, ...],
    hosted: list[LoadedPack],
    report: Report,
) -> ServiceView:
    scrape = service.scrape
    interval = (scrape.interval if scrape else None) or spec.prometheus.scrape_interval
    timeout = (scrape.timeout if scrape else None) or min(MAX_TIMEOUT, Duration(interval.ms * 2 // 3))
    if scrape and timeout > interval:
        where = scrape.at("timeout") if scrape.has("timeout") else scrape.at("interval")
        report.error("scrape/timeout", f"the timeout {timeout} is longer than the interval {interval}", where)
    resources = service.resources
    for canonical in service.metrics:
        if canonical not in loaded.metrics and canonical not in known:
            help_ = did_you_mean(canonical, loaded.metrics, "metrics of this kind")
            report.error(
                "spec/unknown-metric",
                f"the kind `{service.kind}` reads no metric `{canonical}`",
                service.at("metrics"),
                help=help_,
            )
    limits = {
        "cpu": resources.cpu if resources else None,
        "memory": resources.memory.value if resources and resources.memory else None,
    }
    signals = _signals(service, loaded, of_the_service(known, hosted), stand_ins(hosted)) | {
        n: s for h in hosted for n, s in h.pack.signals.items()
    }
    unlimited = {n: lack for n, s in signals.items() if (lack := tuple(r for r in s.resources if limits[r] is None))}
    return ServiceView(
        name=service.name,
        spec=service,
        pack=loaded.pack,
        signals=signals,
        interval=interval,
        timeout=timeout,
        owner=service.owner or spec.owner,
        cpu=limits["cpu"] or ASSUMED["cpu"],
        memory=limits["memory"] or ASSUMED["memory"],
        dependants=dependants,
        unlimited=unlimited,
    )


def _signals(
    service: Service, loaded: LoadedPack, known: dict[str, MetricInfo], standing: StandIns
) -> dict[str, Signal]:
    """The pack's signals whose metrics the service exposes, under the service's own names, or an exporter that it hosts under its
    own."""
    series = SeriesNames(known)
    found = {}
    for name, signal in loaded.pack.signals.items():
        renamed = _renamed(signal, service)
        if all(needed in series for needed in needed_series(renamed)):
            found[name] = renamed
        elif standing and (stood := stood_in(signal, service, loaded, known, standing)) is not None:
            found[name] = stood
    return found


def _renamed(signal: Signal, service: Service) -> Signal:
    if not service.metrics and not service.metric_labels:
        return signal

    def own(expr: Expr) -> Expr:
        return rename_labels(rename_metrics(expr, service.metrics), service.metric_labels)

    labels = service.metric_labels
    return replace(
        signal,
        expr=own(signal.expr) if signal.expr is not None else None,
        histogram=own(signal.histogram) if signal.histogram is not None else None,
        ratio=(own(signal.ratio[0]), own(signal.ratio[1])) if signal.ratio else None,
        by=tuple(labels.get(n, n) for n in signal.by),
        split=tuple(labels.get(n, n) for n in signal.split),
    )


def _check_references(spec: Spec, report: Report) -> None:
    for service in spec.services.values():
        _known_names(service, "depends_on", service.depends_on, spec.services, "service", report)
    for alert in spec.alerts.values():
        _known_names(alert, "services", alert.services, spec.services, "service", report)
        _known_names(alert, "notify", alert.notify, spec.channels, "channel", report)
    for dashboard in spec.dashboards.values():
        for panel in dashboard.panels:
            _known_names(panel, "services", panel.services, spec.services, "service", report)
    alerting = spec.alerting
    _known_names(alerting, "default", alerting.default, spec.channels, "channel", report)
    if alerting.watchdog:
        _known_names(alerting.watchdog, "notify", alerting.watchdog.notify, spec.channels, "channel", report)
    written = spec.node.get("channels")
    tried = isinstance(written, Mapping) and written.entries  # one that is wrong has its own finding
    if not spec.channels and not tried and (spec.alerts or alerting.absent != "off"):
        report.warning(
            "alerts/no-channel", "no channel is defined: alerts will fire and reach nobody", spec.at("alerting"),
            help="add `channels:` with an e-mail, Slack, PagerDuty or webhook receiver",
        )  # fmt: skip
    # Also where every alert of the spec names its own: those that mkit generates do not.
    if len(spec.channels) > 1 and not alerting.default and (spec.services or spec.alerts):
        first = next(iter(spec.channels.values()))
        report.info(
            "alerts/first-channel", f"alerts without `notify`, such as those of packs, reach `{first.name}` alone, the first of {len(spec.channels)} channels", first.at(),
            help=f"say so with `alerting: {{default: [{first.name}]}}`, or name others there",
        )  # fmt: skip


def _known_names(
    item: Item, field: str, names: tuple[str, ...], known: Iterable[str], what: str, report: Report
) -> None:
    table = known if isinstance(known, dict) else set(known)
    seen: set[str] = set()
    for index, name in enumerate(names):
        span: Span = item.at(field, index=index)
        if name not in table:
            report.error(
                f"spec/unknown-{what}", f"there is no {what} `{name}`", span, help=did_you_mean(name, table, f"{what}s")
            )
        elif name in seen:
            report.warning("spec/repeated", f"`{name}` is named twice", span)
        seen.add(name)


def _dependants(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Service -> the services that need it, directly or through others."""
    direct: dict[str, list[str]] = {}
    for name, service in spec.services.items():
        for needed in service.depends_on:
            direct.setdefault(needed, []).append(name)
    found = {}
    for name in direct:
        reached: dict[str, None] = {}
        pending = list(direct[name])
        while pending:
            here = pending.pop(0)
            if here != name and here not in reached:
                reached[here] = None
                pending += direct.get(here, [])
        found[name] = tuple(reached)
    return found


def _check_cycles(spec: Spec, report: Report) -> None:
    state: dict[str, int] = {}
    for root in spec.services:
        stack = [(root, iter(spec.services[root].depends_on))]
        if state.get(root):
            continue
        state[root] = 1
        while stack:
            name, needed = stack[-1]
            for other in needed:
                if other not in spec.services:
                    continue
                if state.get(other) == 1:
                    service = spec.services[name]
                    index = service.depends_on.index(other)
                    report.error(
                        "spec/dependency-cycle", f"`{name}` and `{other}` depend on each other", service.at("depends_on", index=index),
                        help="each would silence the other's alerts when it is down: keep the direction that matters",
                    )  # fmt: skip
                elif not state.get(other):
                    state[other] = 1
                    stack.append((other, iter(spec.services[other].depends_on)))
                    break
            else:
                state[name] = 2
                stack.pop()


def alert_services(system: System, alert: Alert, signal: str) -> tuple[str, ...]:
    """The services that an alert on ``signal`` watches: those it names, or all that have the signal."""
    if alert.services:
        return tuple(s for s in alert.services if s in system.services)
    return tuple(n for n, view in system.services.items() if signal in view.signals)
