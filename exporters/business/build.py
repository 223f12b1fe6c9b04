"""A configuration becomes sources, collectors and a registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..runtime import Exporter, Registry
from .collectors import Context, CumulativeCollector, MetricCollector
from .config import Config
from .config_metrics import MetricConfig
from .config_sources import SourceConfig
from .marked import EventsCollector, IncrementCollector
from .meters import Meters
from .refresher import Refresher
from .source import Source
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


def make_collector(metric: MetricConfig, source: Source, context: Context) -> MetricCollector | Refresher:
    """The collector of a metric, with its cache when the metric has ``every``."""
    collector = _COLLECTORS[metric.mode](metric, source, context)
    return Refresher(collector, metric.every, metric.timeout) if metric.every else collector


def make_exporter(config: Config, state: State, release: Callable[[], None] | None = None) -> Exporter:
    """An exporter that is not live yet; ``release`` gives the state back after its end. SpecError when declarations clash."""
    registry = Registry(config.namespace, config.max_series)
    context = Context(registry, Meters(registry), state)
    sources = {name: Source(name, make_driver(body), body.timeout) for name, body in config.sources.items()}
    for metric in config.metrics.values():
        registry.register(make_collector(metric, sources[metric.source], context), policy=metric.on_error)
    return Exporter(registry, close=[*(source.close for source in sources.values()), *([release] if release else [])])
