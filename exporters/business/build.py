"""A configuration becomes sources, collectors and a registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..runtime import Exporter, Registry
from ..runtime.budget import Witness
from .collectors import Context, CumulativeCollector, MetricCollector
from .config import Config
from .config_sources import SourceConfig
from .marked import EventsCollector, IncrementCollector
from .meters import Meters
from .pace import Pace, Paced, Relay
from .refresher import Refresher
from .source import SCRAPE, Source, close_all
from .state import State
from .table import Driver

_COLLECTORS: Mapping[str, type[MetricCollector]] = {
    "gauge": MetricCollector,
    "cumulative": CumulativeCollector,
    "increment": IncrementCollector,
    "events": EventsCollector,
}


def make_driver(config: SourceConfig) -> Driver:
    """The driver of a source; its library is imported at the first connection."""
    if config.dialect == "mysql":
        from .mysql import MysqlDriver

        return MysqlDriver(config.address, config.tls, config.zone)
    if config.kind == "postgresql":
        from .postgresql import PostgresDriver

        return PostgresDriver(config.address, config.tls, config.zone)
    if config.kind == "sqlite":
        from .sqlite import SqliteDriver

        return SqliteDriver(config.address)
    if config.kind == "redis":
        from .redisdb import RedisDriver

        return RedisDriver(config.address, config.tls)
    from .httpjson import HttpDriver

    return HttpDriver(config.address, config.tls, config.http)


def make_exporter(
    config: Config,
    state: State,
    release: Callable[[], None] | None = None,
    relay: Relay | None = None,
    witness: Witness | None = None,
    hurry: str = SCRAPE,
) -> Exporter:
    """An exporter that is not live yet. SpecError when declarations clash.

    ``release`` gives the state back after its end; ``relay`` knows whose answers it may go on with after a reload;
    ``witness`` is told the label values that allow-lists and caps refuse; ``hurry`` says in messages whose deadlines they are.
    """
    registry = Registry(config.namespace, config.max_series)
    registry.budget.witness = witness
    context = Context(registry, Meters(registry), state)
    sources = {
        name: Source(name, make_driver(body), body.timeout, hurry=hurry) for name, body in config.sources.items()
    }
    paced: list[Paced] = []
    for metric in config.metrics.values():
        reader = _COLLECTORS[metric.mode](metric, sources[metric.source], context)
        collector = Refresher(reader, metric.every, metric.timeout) if metric.every else reader
        if isinstance(collector, Refresher):
            paced.append(Paced(metric, config.sources[metric.source], collector))
        registry.register(collector, policy=metric.on_error)
    pace = Pace(paced)
    # Closing the sources breaks off what the pace's threads still wait for.
    close: list[Callable[[], None]] = [
        pace.stop,
        partial(close_all, tuple(sources.values())),
        pace.join,
        *([release] if release else []),
    ]
    return Exporter(registry, start=[partial((relay or Relay()).start, pace)], close=close, listen=config.listen)
