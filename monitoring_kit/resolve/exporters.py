"""mkit's own exporters: which service each belongs to, and what it adds to that service."""

from __future__ import annotations

import re
from dataclasses import field, replace
from typing import Any

from monitoring_kit.diagnostics import Report
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Mapping
from monitoring_kit.resolve.packs import LoadedPack, Packs
from monitoring_kit.resolve.registry import SeriesNames
from monitoring_kit.resolve.signals import needed_series
from monitoring_kit.resolve.uses import read_conditions
from monitoring_kit.spec.model import Spec
from monitoring_kit.spec.platform import Dashboard, Panel
from monitoring_kit.spec.shapes.secrets import report_inline_login, report_inline_parameters, report_inline_secrets

# The ports that the exporters listen on when the spec says nothing.
DEFAULT_PORTS = {"business": 9641, "ai": 9642}
# The most series that an exporter serves when the spec says nothing.
DEFAULT_MAX_SERIES = 10_000
_NAMESPACE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class ExporterView:
    """One exporter of the spec: ``block`` as plain data, and the service that is scraped at its port. ``loaded`` has what the exporter
    serves as it is configured; signals that it would have with another key are ``dormant``, with the metric that they lack."""

    name: str
    service: str
    block: dict[str, Any]
    node: Mapping
    loaded: LoadedPack
    dormant: dict[str, str] = field(default_factory=dict)

    @property
    def max_series(self) -> int:
        """The most series that it serves, whatever the labels of its metrics may be."""
        written = self.block.get("max_series")
        return written if isinstance(written, int) else DEFAULT_MAX_SERIES


def find_exporters(spec: Spec, packs: Packs, report: Report) -> list[ExporterView]:
    """The exporters of ``spec`` with their services; one that no service scrapes is reported."""
    found: list[ExporterView] = []
    if spec.exporters is None:
        return found
    for name, default in DEFAULT_PORTS.items():
        block = getattr(spec.exporters, name)
        node = spec.exporters.node.get(name)
        if not isinstance(block, dict) or not isinstance(node, Mapping):
            if block is not None:
                report.error("spec/type", f"`{name}` must be a mapping", spec.exporters.at(name))
            continue
        report_inline_secrets(node.get("sources"), report, named=True)
        report_inline_secrets(node.get("truth"), report)
        report_inline_login(node.get("scrape"), report)
        report_inline_parameters(node.get("collect"), report)
        port = port_of(block.get("listen"), default)
        service = _scraped_at(spec, port)
        loaded = packs.shipped(f"exporters/{name}", _renamed(name, block.get("namespace")))
        if service is None:
            report.error(
                "exporters/no-service", f"no service is scraped at port {port}, where the {name} exporter listens", spec.exporters.at(name),
                help=f'give its service the target: `scrape: {{targets: ["{name}-exporter:{port}"]}}`',
            )  # fmt: skip
        elif loaded is not None:
            found.append(ExporterView(name, service, _with_sources(name, block, spec), node, loaded))
    return found


def _with_sources(name: str, block: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """The AI exporter's ground truth may come from a source of the business exporter, by its name."""
    business = spec.exporters.business if spec.exporters else None
    shared = business.get("sources") if isinstance(business, dict) else None
    if name != "ai" or not isinstance(shared, dict):
        return block
    return {**block, "sources": {**shared, **(block.get("sources") or {})}}


def narrowed(exporter: ExporterView, known: SeriesNames) -> ExporterView:
    """``exporter`` without the signals and alerts that need a series which is not ``known`` of its service."""
    dormant: dict[str, str] = {}
    for name, signal in exporter.loaded.pack.signals.items():
        lacking = sorted(series for series in needed_series(signal) if series not in known)
        if lacking:
            dormant[name] = lacking[0]
    if not dormant:
        return exporter
    loaded = exporter.loaded
    signals = {name: signal for name, signal in loaded.pack.signals.items() if name not in dormant}
    alerts = {
        name: alert for name, alert in loaded.alerts.items()
        if alert.when is None or not any(part.use.name in dormant for part in read_conditions(alert.when))
    }  # fmt: skip
    return replace(
        exporter, loaded=replace(loaded, pack=replace(loaded.pack, signals=signals), alerts=alerts), dormant=dormant
    )


def with_dashboards(spec: Spec, exporters: list[ExporterView]) -> Spec:
    """``spec`` with a dashboard for each exporter itself: a panel for every signal of its pack."""
    if not exporters:
        return spec
    boards = dict(spec.dashboards)
    for exporter in exporters:
        here: dict[str, Any] = {"node": exporter.node, "name_span": exporter.node.span}
        panels = tuple(
            Panel(title=s.title, signal=s.name, services=(exporter.service,), **here)
            for s in exporter.loaded.pack.signals.values()
        )
        name = f"exporter-{exporter.name}"
        pack = exporter.loaded.pack
        board = Dashboard(
            name=name, title=pack.title, description=pack.description, panels=panels, tags=("exporter",), **here
        )
        boards.setdefault(name, board)
    return replace(spec, dashboards=boards)


def _renamed(name: str, namespace: Any) -> tuple[str, str] | None:
    """How the metrics of the exporter's pack begin, and how with this ``namespace``; None for the default, and for one that the
    exporter refuses."""
    if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace) or namespace == f"mkit_{name}":
        return None
    return f"mkit_{name}_", f"{namespace}_"


def serves_alone(spec: Spec, exporter: ExporterView) -> bool:
    """Whether all series of the exporter's service come from the exporter, under the exporter's names."""
    service = spec.services[exporter.service]
    scrape, statsd = service.scrape, spec.statsd
    if scrape is None or (statsd is not None and statsd.enabled):
        return False
    elsewhere = (scrape.probe, scrape.dns, scrape.http, scrape.file, scrape.kubernetes, scrape.docker, scrape.consul)
    if scrape.metric_relabel or any(found is not None for found in elsewhere):
        return False
    port = port_of(exporter.block.get("listen"), DEFAULT_PORTS[exporter.name])
    return all(port_of(target, 0) == port for target in scrape.targets)


def port_of(listen: Any, default: int) -> int:
    """The port of an address such as ``:9641``; ``default`` when it names none."""
    tail = str(listen or "").rpartition(":")[2]
    return int(tail) if tail.isdigit() else default


def _scraped_at(spec: Spec, port: int) -> str | None:
    for name, service in spec.services.items():
        targets = service.scrape.targets if service.scrape else ()
        if any(target.rpartition(":")[2] == str(port) for target in targets):
            return name
    return None
