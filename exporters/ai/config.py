"""The configuration file: what the compiler writes from the spec's ``exporters.ai``. See README.md for the schema."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..business import fields as read
from ..business.fields import Clash, Fields, Mistake
from ..business.spec import declared_twice
from ..runtime import ConfigError, MetricSpec, SpecError
from ..runtime.errors import refuse_spec
from ..runtime.names import label_name_fault
from ..runtime.records import dataclass, field
from .catalog import declared_spec, model_specs
from .config_drift import DriftConfig, read_drift
from .config_quality import QualityConfig, read_quality
from .config_scrape import Declared, ScrapeConfig, read_scrape
from .families import built_in, configured, families, fed_specs
from .statsd import StatsdNames
from .yamlfile import load_yaml

DEFAULT_LISTEN = ":9642"
NAMESPACE = "mkit_ai"


@dataclass(frozen=True)
class ModelConfig:
    """Which model this is. ``cameras`` caps the label of that name; 0 leaves it away. ``info`` stands on its info metric."""

    name: str = "model"
    version: str = "unknown"
    cameras: int = 0
    info: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StatsdConfig:
    """StatsD: ``udp`` as (host, port), ``unix`` as a path, or both."""

    udp: tuple[str, int] | None = None
    unix: Path | None = None
    names: StatsdNames = StatsdNames()


@dataclass(frozen=True)
class IngestConfig:
    """Ways in. ``http_rate`` is how many events a second HTTP may bring; 0 switches it off."""

    unix: Path | None = None
    unix_mode: int = 0o660
    http_rate: float = 0.0
    statsd: StatsdConfig | None = None


@dataclass(frozen=True)
class Config:
    """A whole configuration."""

    model: ModelConfig = ModelConfig()
    ingest: IngestConfig = IngestConfig()
    specs: Mapping[str, MetricSpec] = field(default_factory=dict)
    quality: QualityConfig | None = None
    drift: DriftConfig | None = None
    scrape: ScrapeConfig | None = None
    gpu: str = "auto"
    process: bool = True
    listen: str = DEFAULT_LISTEN
    namespace: str = NAMESPACE
    max_series: int = 10_000


def parse_config(data: Any) -> Config:
    """The configuration in plain data. ConfigError lists every mistake."""
    config, mistakes = read_config(data)
    if config is None:
        raise ConfigError(mistakes)
    return config


def read_config(data: Any) -> tuple[Config | None, list[Mistake]]:
    """The configuration in plain data, or None with every mistake and its place."""
    config, errors = draft(data)
    return (None if errors else config), errors


def draft(data: Any) -> tuple[Config, list[Mistake]]:
    """As ``read_config``, and with mistakes all that could be read: the defaults stand in for the rest."""
    errors: list[Mistake] = []
    top = Fields(data, (), errors)
    model = _model(top)
    specs, declared = _specs(top, model)
    config = Config(
        model,
        _ingest(top),
        specs,
        read_quality(top, specs),
        read_drift(top, specs),
        read_scrape(top, declared),
        gpu=top.get("gpu", "auto", lambda value: _gpu(value)),
        process=top.get("process", True, read.flag),
        listen=top.get("listen", DEFAULT_LISTEN, read.text),
        namespace=top.get("namespace", NAMESPACE, read.namespace),
        max_series=top.get("max_series", 10_000, read.whole(1, 1_000_000)),
    )
    top.done()
    errors += _unfed(config, metrics if isinstance(metrics := top.raw("metrics"), Mapping) else ())
    for place, message in declared_twice(built_in(config), configured(config)):
        errors.append((Clash if place[0] == "metrics" else Mistake).at(place, message))
    return config, errors


def _gpu(value: Any) -> str:
    # YAML reads a bare off as false.
    return read.choice("auto", "off")("off" if value is False else value)


def _model(top: Fields) -> ModelConfig:
    here = Fields(top.raw("model"), ("model",), top.errors)
    info = Fields(here.raw("info"), ("model", "info"), top.errors)
    for name in info.data:
        if fault := label_name_fault(name):
            info.error(name, f"`{name}` {fault}")
    model = ModelConfig(
        here.get("name", "model", read.text),
        here.get("version", "unknown", lambda value: str(value)),
        here.get("cameras", 0, read.whole(0, 10_000)),
        {name: info.get(name, "", lambda value: str(value)) for name in info.data if not label_name_fault(name)},
    )
    here.done()
    return model


def _specs(top: Fields, model: ModelConfig) -> tuple[dict[str, MetricSpec], dict[str, Declared]]:
    """(the set for any model and the user's own metrics, those of them that are declared here)."""
    here = Fields(top.raw("metrics"), ("metrics",), top.errors)
    specs, declared = model_specs(model.cameras), {}
    for name, body in here.data.items():
        if body is not None and not isinstance(body, Mapping):
            here.error(name, "expected a mapping with type and help")
            continue
        try:
            spec = declared_spec(name, body or {})
        except SpecError as error:
            here.error(name, str(error))
        else:
            specs[name], declared[name] = spec, Declared(spec, (body or {}).get("buckets") is not None)
    return specs, declared


def _ingest(top: Fields) -> IngestConfig:
    here = Fields(top.raw("ingest"), ("ingest",), top.errors)
    http = here.raw("http")
    rate = 0.0
    if isinstance(http, Mapping):
        inner = Fields(http, ("ingest", "http"), top.errors)
        rate = float(inner.get("max_events_per_second", 100_000, read.whole(1, 10_000_000)))
        inner.done()
    elif here.get("http", False, read.flag):
        rate = 100_000.0
    config = IngestConfig(
        here.get("unix", None, lambda value: _socket_path(value)),
        here.get("unix_mode", 0o660, _mode),
        rate,
        _statsd(here),
    )
    statsd = config.statsd.unix if config.statsd is not None else None
    if statsd is not None and config.unix is not None and _spelled(statsd) == _spelled(config.unix):
        same = f"`ingest.unix` and `ingest.statsd.unix` are the same socket {config.unix}"
        why = f"{same}, which reads either the client's datagrams or StatsD lines: give each its own"
        top.errors.append(Mistake.at(("ingest", "statsd", "unix"), why))
    here.done()
    return config


def _spelled(path: Path) -> str:
    """One spelling of a path; links are not followed, for the compiler runs elsewhere."""
    # POSIX leaves a meaning to two leading slashes, and so does normpath; Linux has none for them.
    return os.path.normpath(f"/.{path}")


def _socket_path(value: Any) -> Path:
    path = Path(read.text(value))
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    # sun_path holds 108 bytes with its end; the socket is made under a longer name first.
    if len(str(path)) > 90:
        raise ValueError("is longer than the 90 characters that a socket's path may have")
    return path


def _mode(value: Any) -> int:
    text = str(value) if isinstance(value, str) else ""
    if text not in ("0600", "0660", "0666"):
        raise ValueError('expected "0600", "0660" or "0666"')
    return int(text, 8)


def _statsd(ingest: Fields) -> StatsdConfig | None:
    body = ingest.raw("statsd")
    if body is None or body is False:
        return None
    here = Fields({} if body is True else body, ("ingest", "statsd"), ingest.errors)
    unix = here.get("unix", None, lambda value: _socket_path(value))
    udp = here.get("udp", None if unix else ("127.0.0.1", 8125), _udp)
    names = Fields(here.raw("map"), ("ingest", "statsd", "map"), ingest.errors)
    table = {name: names.get(name, "", read.text) for name in names.data}
    prefix = here.get("prefix", "", read.text)
    for name in table:
        if prefix and str(name).startswith(prefix):
            short = str(name)[len(prefix) :].lstrip(".")
            advice = f"write `{short}`" if short else "nothing is left of it"
            names.error(name, f"the prefix `{prefix}` is cut before the map is looked up; {advice}")
    here.done()
    return StatsdConfig(udp, unix, StatsdNames(prefix, table))


def _unfed(config: Config, tried: Collection[str]) -> Iterator[Mistake]:
    """Names of StatsD that lead to no metric, whose lines would all be dropped as unknown; a declaration that was ``tried`` and
    is wrong has its own mistake."""
    if config.ingest.statsd is None:
        return
    fed, filled = fed_specs(config), {spec.name for spec in families(config)}
    for name, metric in config.ingest.statsd.names.map.items():
        if not metric or metric in fed or (metric in tried and metric not in config.specs):
            continue
        if metric in filled:
            why = f"`{metric}` takes no events: the exporter fills it itself"
        else:
            from monitoring_kit.diagnostics.suggest import did_you_mean

            why = f"there is no metric `{metric}`, so every `{name}` would be dropped; {did_you_mean(metric, fed, 'metrics')}"
        yield Mistake.at(("ingest", "statsd", "map", name), why)


def _udp(value: Any) -> tuple[str, int]:
    host, colon, port = read.text(value).rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("expected host:port")
    return host.strip("[]") or "127.0.0.1", int(port)


def load_config(path: Path) -> Config:
    """The configuration in a YAML file. ConfigError when it cannot be read or is wrong."""
    data = load_yaml(path)
    refuse_spec(data, path, "ai")
    try:
        return parse_config(data)
    except ConfigError as error:
        raise ConfigError([f"{path}: {line}" for line in error.lines]) from None
