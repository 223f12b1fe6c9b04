"""The configuration file: what the compiler writes from the spec's ``exporters.business``. See README.md for the schema.

Loading needs no database driver. Every mistake is reported with its place; nothing is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..runtime import ConfigError, SpecError
from ..runtime.errors import refuse_spec
from ..runtime.records import dataclass, field
from . import fields as read
from .config_metrics import MetricConfig, read_metric
from .config_sources import SourceConfig, read_source
from .families import built_in
from .fields import Clash, Fields, Mistake
from .spec import clashes, declared_twice

MAX_CONFIG_BYTES = 4 << 20
DEFAULT_LISTEN = ":9641"
NAMESPACE = "mkit_business"


@dataclass(frozen=True)
class Config:
    """A whole configuration. ``state_file`` is where marks and totals outlive the process."""

    sources: dict[str, SourceConfig] = field(default_factory=dict)
    metrics: dict[str, MetricConfig] = field(default_factory=dict)
    listen: str = DEFAULT_LISTEN
    namespace: str = NAMESPACE
    max_series: int = 10_000
    strict: bool = False
    state_file: Path | None = None


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
    listen = top.get("listen", DEFAULT_LISTEN, read.text)
    namespace = top.get("namespace", NAMESPACE, read.namespace)
    max_series = top.get("max_series", 10_000, read.whole(1, 1_000_000))
    strict = top.get("strict", False, read.flag)
    state_file = top.get("state_file", None, lambda value: Path(read.text(value)))
    sources = {name: read_source(name, body, errors) for name, body in _named(top, "sources", errors).items()}
    metrics = _metrics(_named(top, "metrics", errors), sources, errors)
    top.done()
    for metric in metrics.values():
        if metric.needs_state and state_file is None:
            message = f"{metric.mode} needs a state_file, else a restart counts twice"
            errors.append(Mistake.at(("metrics", metric.name, "mode"), message))
    for name, message in clashes([metric.spec for metric in metrics.values()]):
        errors.append(Mistake.at(("metrics", name), message))
    usable = {name: source for name, source in sources.items() if source is not None}
    config = Config(usable, metrics, listen, namespace, max_series, strict, state_file)
    declared = [(("metrics", name), metric.spec) for name, metric in metrics.items()]
    errors += [Clash.at(place, message) for place, message in declared_twice(built_in(config), declared)]
    return config, errors


def _named(top: Fields, key: str, errors: list[Mistake]) -> dict[str, Any]:
    value = top.raw(key)
    if isinstance(value, Mapping) and value:
        return {str(name): body for name, body in value.items()}
    errors.append(Mistake.at((key,), "expected a mapping with at least one entry"))
    return {}


def _metrics(
    bodies: Mapping[str, Any], sources: Mapping[str, SourceConfig | None], errors: list[Mistake]
) -> dict[str, MetricConfig]:
    found = {}
    for name, body in bodies.items():
        wanted = body.get("source") if isinstance(body, Mapping) else None
        if wanted is not None and str(wanted) not in sources:
            from monitoring_kit.diagnostics.suggest import did_you_mean

            message = f"there is no source `{wanted}`; {did_you_mean(str(wanted), sources)}"
            errors.append(Mistake.at(("metrics", name, "source"), message))
            continue
        try:
            metric = read_metric(name, body, sources.get(str(wanted)), errors)
        except SpecError as error:
            errors.append(Mistake.at(("metrics", name), str(error)))
            continue
        if metric is not None:
            found[name] = metric
    return found


def load_config(path: Path) -> Config:
    """The configuration in a YAML file. ConfigError when it cannot be read or is wrong."""
    import yaml

    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_CONFIG_BYTES + 1)
        if len(raw) > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_CONFIG_BYTES} bytes")
        data = yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(
            f"{path}{place}: not YAML ({getattr(error, 'problem', None) or type(error).__name__})"
        ) from None
    refuse_spec(data, path, "business")
    try:
        return parse_config(data)
    except ConfigError as error:
        raise ConfigError([f"{path}: {line}" for line in error.lines]) from None
