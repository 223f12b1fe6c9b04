"""The ``quality`` block: predictions joined with ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..business import fields as read
from ..business.config_sources import SourceConfig, read_source
from ..business.fields import Fields
from ..runtime import MetricSpec
from ..runtime.records import dataclass, field

DAY = 86_400.0
GAUGES = ("accuracy", "precision", "recall", "f1", "mae", "wape", "bias")
# Gauges of each kind; the first ones are ratios.
BY_KIND = {"count": GAUGES, "class": GAUGES[:4]}


@dataclass(frozen=True)
class TruthSource:
    """Where truth is read from: a source of the business exporter's kinds, every so many seconds."""

    source: SourceConfig
    query: Any
    every: float = 60.0
    value: str = "value"
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QualityConfig:
    """How predictions and truths meet. Durations are seconds; see README.md for the meaning of each."""

    kind: str = "count"
    key: tuple[str, ...] = ("id",)
    time: str | None = None
    by: str | None = None
    by_max: int = 64
    classes: tuple[str, ...] = ()
    window: float = DAY
    max_delay: float = DAY
    min_samples: int = 50
    max_rows: int = 200_000
    state_file: Path = Path("/var/lib/mkit/ai.db")
    publish: Mapping[str, str] = field(default_factory=dict)
    truth: TruthSource | None = None

    @property
    def retention(self) -> float:
        """How long a prediction or truth is kept."""
        return max(self.window, self.max_delay)


def read_quality(top: Fields, specs: Mapping[str, MetricSpec]) -> QualityConfig | None:
    """The ``quality`` block, None without one."""
    body = top.raw("quality")
    if body is None:
        return None
    here = Fields(body, ("quality",), top.errors)
    kind = here.get("kind", "count", read.choice(*BY_KIND))
    default: tuple[str, ...] = ("id",)
    key = here.get("key", default, _names)
    config = QualityConfig(
        kind,
        key,
        here.get("time", None, lambda value: _one_of(value, key)),
        here.get("by", None, lambda value: _group(value, key)),
        here.get("by_max", 64, read.whole(1, 10_000)),
        here.get("classes", (), _names),
        here.get("window", DAY, read.span(60, 90 * DAY)),
        here.get("max_delay", DAY, read.span(1, 90 * DAY)),
        here.get("min_samples", 50, read.whole(1, 10_000_000)),
        here.get("max_rows", 200_000, read.whole(100, 10_000_000)),
        here.get("state_file", Path("/var/lib/mkit/ai.db"), lambda value: Path(read.text(value))),
        _publish(here, kind, specs),
        _truth(here),
    )
    if config.by is not None and config.by == config.time:
        here.error("by", "is the time; a label of it would never end")
    here.done()
    return config


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError("expected a list of names")
    if len(set(value)) != len(value):
        raise ValueError("names a thing twice")
    return tuple(value)


def _one_of(value: Any, key: tuple[str, ...]) -> str:
    return read.choice(*key)(value)


def _group(value: Any, key: tuple[str, ...]) -> str:
    """The part of the key that becomes a label."""
    return read.label(_one_of(value, key))


def _publish(quality: Fields, kind: str, specs: Mapping[str, MetricSpec]) -> dict[str, str]:
    here = Fields(quality.raw("publish"), ("quality", "publish"), quality.errors)
    out = {}
    for gauge in BY_KIND[kind]:
        name = here.get(gauge, None, read.text)
        if name is None:
            continue
        spec = specs.get(name)
        if spec is None or spec.kind != "gauge":
            here.error(gauge, f"`{name}` is not a gauge under metrics")
        elif not set(spec.label_names) <= {"model", "version", "camera"}:
            here.error(gauge, f"`{name}` has labels beyond model and version")
        else:
            out[gauge] = name
    here.done()
    return out


def _truth(quality: Fields) -> TruthSource | None:
    body = quality.raw("truth")
    if body is None:
        return None
    here = Fields(body, ("quality", "truth"), quality.errors)
    source = read_source("truth", here.raw("source"), quality.errors)
    query = here.need("query", lambda value: value)
    every = here.get("every", 60.0, read.span(1, DAY))
    value = here.get("value", "value", read.text)
    extra = {name: text for name in ("path",) if (text := here.get(name, None, read.text)) is not None}
    here.done()
    if source is None or query is None:
        return None
    if source.dialect is not None:
        from ..business.sqltext import lint

        since = ("since",) if ":since" in str(query) else ()
        faults = lint(query, source.dialect, since) if isinstance(query, str) else ["expected SQL text"]
        for fault in faults:
            here.error("query", fault)
    elif source.kind != "http":
        here.error("source", "truth comes from SQL or HTTP JSON")
    return TruthSource(source, query, every, value, extra)
