"""StatsD and DogStatsD lines as items.

``name:value[:value...]|type[|@rate][|#tag:value,...]``. Sources: etsy/statsd docs/metric_types.md; DogStatsD protocol v1.3.
Dots and dashes of names become underscores; ``map`` gives a name to metrics that have another one in the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from ..runtime.records import dataclass, field
from .intake import Intake
from .targets import Targets

MAX_LINE = 8192
MAX_SHAPES = 10_000
_NAME = str.maketrans({".": "_", "-": "_", "/": "_", " ": "_"})
_KINDS = {"c": "counter", "g": "gauge", "ms": "histogram", "h": "histogram", "d": "histogram"}


@dataclass(frozen=True)
class StatsdNames:
    """How StatsD names become metrics: ``prefix`` is cut off, ``map`` is looked up, else the name is translated."""

    prefix: str = ""
    map: Mapping[str, str] = field(default_factory=dict)

    def metric(self, name: str, targets: Targets) -> str:
        """The metric of a StatsD name."""
        if self.prefix and name.startswith(self.prefix):
            name = name[len(self.prefix) :].lstrip(".")
        if name in self.map:
            return self.map[name]
        plain = name.translate(_NAME)
        return plain if targets.get(plain) or not targets.get(f"{plain}_total") else f"{plain}_total"


class Bad(ValueError):
    """A line that means nothing; the text is a reason of ``families.REASONS``."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What lines have in common that differ in their values only."""

    metric: str
    kind: str
    rate: float
    labels: dict[str, str]
    milliseconds: bool


class Parser:
    """Lines to items. Shapes seen before are remembered, because services send the same few over and over."""

    def __init__(self, names: StatsdNames, targets: Targets) -> None:
        self._names = names
        self._targets = targets
        self._shapes: dict[tuple[str, str], _Shape] = {}

    def parse(self, line: str) -> list[Any]:
        """The item of one line. Bad when it is none or has a type that is not taken (sets, events, service checks)."""
        head, _, rest = line.partition("|")
        name, colon, texts = head.partition(":")
        shape = self._shapes.get((name, rest))
        if shape is None:
            shape = self._shape(line, name, colon, rest)
            if len(self._shapes) < MAX_SHAPES and self._targets.get(shape.metric) is not None:
                self._shapes[(name, rest)] = shape
        values = [_value(texts)] if ":" not in texts else [_value(text) for text in texts.split(":")]
        if shape.kind == "g":
            mode = "+" if texts.rsplit(":", 1)[-1][:1] in "+-" else "="
            return ["g", shape.metric, shape.labels, values[-1], mode]
        if shape.kind == "c":
            return ["c", shape.metric, shape.labels, sum(values) / shape.rate, round(len(values) / shape.rate)]
        if shape.milliseconds:
            values = [value / 1000 for value in values]
        counts = [max(round(1 / shape.rate), 1)] * len(values)
        return ["H", shape.metric, shape.labels, values, counts, None]

    def _shape(self, line: str, name: str, colon: str, rest: str) -> _Shape:
        if line.startswith(("_e{", "_sc|")):
            raise Bad("unsupported")
        kind, *extras = rest.split("|")
        if not name or not colon:
            raise Bad("malformed")
        if kind not in _KINDS:
            raise Bad("unsupported" if kind == "s" else "malformed")
        rate, labels = _extras(extras)
        metric = self._names.metric(name, self._targets)
        return _Shape(metric, kind, rate, labels, kind == "ms" and metric.endswith("_seconds"))


def _extras(extras: list[str]) -> tuple[float, dict[str, str]]:
    rate, labels = 1.0, {}
    for extra in extras:
        if extra[:1] == "@":
            rate = _value(extra[1:])
            if not 1e-9 <= rate <= 1:
                raise Bad("malformed")
        elif extra[:1] == "#":
            for tag in filter(None, extra[1:].split(",")):
                key, _, value = tag.partition(":")
                labels[key.translate(_NAME)] = value
        elif extra[:2] not in ("c:", "e:") and extra[:1] != "T":
            raise Bad("malformed")
    return rate, labels


def _value(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Bad("invalid_value") from None
    if not isfinite(value) or "_" in text:
        raise Bad("invalid_value")
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


class StatsdHandler:
    """Takes packets of newline-separated lines."""

    def __init__(self, intake: Intake, names: StatsdNames) -> None:
        self._intake = intake
        self._parser = Parser(names, intake.targets)

    def __call__(self, data: bytes, _pid: int) -> None:
        items = []
        bad: list[str] = []
        for line in data.decode("utf-8", "replace").split("\n"):
            line = line.strip()
            if not line:
                continue
            try:
                if len(line) > MAX_LINE:
                    raise Bad("too_large")
                items.append(self._parser.parse(line))
            except Bad as error:
                bad.append(str(error))
        self._intake.items("statsd", items, batches=1)
        if bad:
            self._intake.refuse("statsd", bad, batches=0)
