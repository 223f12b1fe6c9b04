"""A configuration becomes an exporter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..runtime import Exporter, LabelSpec, MetricSpec, Registry, Route
from .catalog import prefixed
from .config import Config, IngestConfig, StatsdConfig
from .datagrams import DatagramServer, decode, udp_socket, unix_socket
from .http_events import MAX_BODY, BatchIds, EventsHandler
from .intake import Intake
from .meters import Meters
from .senders import Senders
from .statsd import StatsdHandler
from .targets import Targets


@dataclass
class Lasting:
    """What outlives a reload: batches counted, clients seen."""

    batches: BatchIds = field(default_factory=BatchIds)
    senders: Senders = field(default_factory=Senders)


@dataclass
class Parts:
    """An exporter in the making."""

    registry: Registry
    intake: Intake
    routes: list[Route] = field(default_factory=list)
    start: list[Callable[[], None]] = field(default_factory=list)
    close: list[Callable[[], None]] = field(default_factory=list)


def make_exporter(config: Config, lasting: Lasting, sockets: bool = True) -> Exporter:
    """An exporter that is not live yet. ``sockets`` False leaves the datagram sockets out (for a dry run)."""
    registry = Registry(config.namespace, config.max_series)
    meters = Meters(registry)
    fills = {"model": config.model.name, "version": config.model.version}
    specs = {name: spec for name, spec in config.specs.items() if name not in _owned(config)}
    targets = Targets(registry, specs, fills)
    _init_known(targets, fills)
    parts = Parts(registry, Intake(targets, meters))
    parts.intake.senders = lasting.senders
    _info(config, registry)
    _add_http(config.ingest, parts, lasting)
    try:
        if sockets:
            _add_datagrams(config.ingest, parts)
    except BaseException:
        for close in parts.close:
            close()
        raise
    return Exporter(registry, parts.routes, parts.start, parts.close)


def _owned(config: Config) -> set[str]:
    """Metrics that a collector fills, so that events may not."""
    quality = set(config.quality.publish.values()) if config.quality else set()
    return quality | (set(config.scrape.specs) if config.scrape else set())


def _init_known(targets: Targets, fills: dict[str, str]) -> None:
    """Counters whose labels are all known start at zero."""
    for _, target in targets:
        if target.kind == "counter" and set(target.family.label_names) <= set(fills):
            target.child({})


def _info(config: Config, registry: Registry) -> None:
    model = config.model
    labels = {"model": model.name, "version": model.version, **model.info}
    spec = MetricSpec(
        prefixed("info"), "info", "The model that this exporter stands beside.",
        labels=tuple(LabelSpec(name) for name in labels),
    )  # fmt: skip
    registry.declare(spec).labels(*labels.values())


def _add_http(ingest: IngestConfig, parts: Parts, lasting: Lasting) -> None:
    if ingest.http_rate:
        handler = EventsHandler(parts.intake, ingest.http_rate, lasting.batches)
        parts.routes.append(Route("POST", "/v1/events", handler, MAX_BODY))


def _add_datagrams(ingest: IngestConfig, parts: Parts) -> None:
    if ingest.unix is not None:
        intake = parts.intake
        server = DatagramServer(
            unix_socket(ingest.unix, ingest.unix_mode), lambda data, pid: intake.datagram(decode(data)), ingest.unix
        )
        _add_server(server, parts)
    if ingest.statsd is not None:
        _add_statsd(ingest.statsd, parts)


def _add_statsd(statsd: StatsdConfig, parts: Parts) -> None:
    handler = StatsdHandler(parts.intake, statsd.names)
    if statsd.unix is not None:
        _add_server(DatagramServer(unix_socket(statsd.unix), handler, statsd.unix), parts)
    if statsd.udp is not None:
        _add_server(DatagramServer(udp_socket(*statsd.udp), handler), parts)


def _add_server(server: DatagramServer, parts: Parts) -> None:
    parts.start.append(server.start)
    parts.close.append(server.close)
