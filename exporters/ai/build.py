"""A configuration becomes an exporter."""

from __future__ import annotations

import os
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..business.spec import MAX_KNOWN_SETS
from ..runtime import Exporter, Registry, Route
from .build_parts import add_drift, add_gpu, add_quality, add_scrape
from .catalog import model_specs
from .config import Config, IngestConfig
from .datagrams import DatagramServer, Handler, claim_socket, decode, socket_folder, udp_socket, unix_socket
from .families import TRANSPORTS, fed_specs, has_processes, has_sockets, info_spec, ways_in
from .http_events import MAX_BODY, EventsHandler
from .intake import Intake
from .meters import Meters
from .parts import Lasting, Parts
from .process import ProcessCollector
from .statsd import StatsdHandler
from .targets import Targets

if TYPE_CHECKING:
    from .truth_poll import TruthPoll


def make_exporter(config: Config, lasting: Lasting, polls: list[TruthPoll] | None = None) -> Exporter:
    """An exporter that is not live yet.

    ``polls`` is given by a check, which touches no socket and no state: it gets the truth source, to ask it once.
    """
    registry = Registry(config.namespace, config.max_series)
    ways = ways_in(config)
    # Without a way in what events feed is counted aside and not shown: a zero would say that there were none. A reload hands it on.
    fed = registry if ways else Registry(config.namespace, config.max_series)
    meters = Meters(fed, has_sockets(config), ways or TRANSPORTS)
    fills = {"model": config.model.name, "version": config.model.version}
    specs = fed_specs(config)
    targets = Targets(fed, specs, fills)
    _init_known(targets, fed)
    parts = Parts(registry, Intake(targets, meters), (config.model.name, config.model.version), polls)
    parts.intake.senders = lasting.senders
    try:
        _fill(config, parts, lasting)
    except BaseException:
        for close in reversed(parts.close):
            close()
        registry.close()
        raise
    return Exporter(registry, parts.routes, parts.start, parts.close[::-1], listen=config.listen)


def _fill(config: Config, parts: Parts, lasting: Lasting) -> None:
    _info(config, parts.registry)
    add_quality(config, parts, lasting)
    add_drift(config, parts)
    add_scrape(config, parts.registry)
    add_gpu(config, parts)
    processes = ProcessCollector(parts.model, parts.registry, lasting.processes) if has_processes(config) else None
    if processes is not None:
        parts.registry.register(processes)
    parts.start.append(lambda: _succeed(parts.intake, lasting))
    _add_http(config.ingest, parts, lasting)
    if not parts.dry:
        _add_datagrams(config.ingest, parts, lasting, processes)


def _succeed(intake: Intake, lasting: Lasting) -> None:
    if lasting.intake is not None and lasting.intake is not intake:
        intake.inherit(lasting.intake)
    lasting.intake = intake


def _init_known(targets: Targets, registry: Registry) -> None:
    """Counters and histograms whose label values are all known start at zero, so that the first event is an increase.

    Of the set for any model only the counters: its histograms are 27 series each, whether the model has them or not.
    """
    standard = model_specs(0)
    for name, target in targets:
        if target.kind == "counter" or (target.kind == "histogram" and name not in standard):
            known = target.known_sets(MAX_KNOWN_SETS)
            # All or none: half of a family at zero would say that the other half cannot be.
            if registry.has_room(target.family, len(known)):
                for values in known:
                    target.family.labels(*values)


def _info(config: Config, registry: Registry) -> None:
    model = config.model
    registry.declare(info_spec(model)).labels(*{"model": model.name, "version": model.version, **model.info}.values())


def _add_http(ingest: IngestConfig, parts: Parts, lasting: Lasting) -> None:
    if ingest.http_rate:
        handler = EventsHandler(parts.intake, ingest.http_rate, lasting.batches)
        parts.routes.append(Route("POST", "/v1/events", handler, MAX_BODY, handler.too_large))


def _add_datagrams(ingest: IngestConfig, parts: Parts, lasting: Lasting, processes: ProcessCollector | None) -> None:
    if ingest.unix is not None:
        intake = parts.intake

        def handle(data: bytes, pid: int) -> None:
            if processes is not None:
                processes.seen(pid)
            intake.datagram(decode(data))

        server = _unix(ingest.unix, "ingest.unix", ingest.unix_mode, parts, lasting)
        _listen(server, handle, parts, ("unix", ingest.unix_mode))
    if ingest.statsd is not None:
        statsd = ingest.statsd
        lines = StatsdHandler(parts.intake, statsd.names)
        if statsd.unix is not None:
            server = _unix(statsd.unix, "ingest.statsd.unix", ingest.unix_mode, parts, lasting)
            _listen(server, lines, parts, ("statsd", ingest.unix_mode))
        if statsd.udp is not None:
            host, port = statsd.udp
            make = partial(_udp, host, port)
            _listen(parts.hold(lasting.servers, ("udp", host, port), make), lines, parts)


def _udp(host: str, port: int) -> DatagramServer:
    return DatagramServer(udp_socket(host, port))


def _unix(path: Path, key: str, mode: int, parts: Parts, lasting: Lasting) -> DatagramServer:
    """The server of a unix socket: the one that is open, bound anew where its file is gone, or a new one. ``key`` names it in
    errors."""

    def bind() -> socket.socket:
        return unix_socket(path, mode, key)

    socket_folder(path, key)
    file = os.path.realpath(path)
    claim = parts.hold(lasting.claims, file, partial(claim_socket, path, key))
    server = parts.hold(lasting.servers, file, lambda: DatagramServer(bind(), path))
    claim.renew()
    if not server.in_place:
        server.rebind(bind())
    return server


def _listen(server: DatagramServer, handle: Handler, parts: Parts, unix: tuple[str, int] | None = None) -> None:
    """Let ``handle`` have the datagrams from when the exporter goes live; ``unix`` is transport and mode."""

    def start() -> None:
        server.handle = handle
        bound = parts.intake.meters.bound
        if unix is not None and bound is not None:
            transport, mode = unix
            server.set_mode(mode)
            server.watch = bound.labels(transport).set
            server.watch(1.0)
        server.start()

    parts.start.append(start)
