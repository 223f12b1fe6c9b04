"""Signal packs: reading `rules/<kind>.yaml` and the user's own packs."""

from __future__ import annotations

import os
from dataclasses import field, replace
from functools import cache

from monitoring_kit.diagnostics import Report, Source, Span, Stop
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.nodes import Mapping
from monitoring_kit.load.reader import read_yaml
from monitoring_kit.load.source import read_source
from monitoring_kit.promql import Expr, PromQLError, parse
from monitoring_kit.promql.ast import VectorSelector
from monitoring_kit.resolve.signals import GRAFANA_UNITS, Pack, Signal
from monitoring_kit.shipped import folder, text_of
from monitoring_kit.spec.alerting import Alert
from monitoring_kit.spec.quantity import Duration
from monitoring_kit.spec.services import Label
from monitoring_kit.spec.shapes import (
    DURATION,
    FLAG,
    INVALID,
    LABEL_NAME,
    METRIC_NAME,
    NAME,
    NAMES,
    TEXT,
    Choice,
    Item,
    ListOf,
    MapOf,
    Number,
    Record,
    Text,
    key,
)

SIGNAL_NAME = Text(r"[a-z][a-z0-9_]*", "a signal name (lower case letters, digits and `_`)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackMetric(Item):
    """A metric that the pack expects; assumed where the spec declares nothing for the service, unless optional."""

    type: str = key(Choice(("counter", "gauge", "histogram", "summary", "info")), "Metric type.", required=True)
    help: str = key(TEXT, "What it counts or measures.", required=True)
    unit: str | None = key(TEXT, "Unit of the value.")
    labels: dict[str, Label] = key(MapOf(Record(Label), key=LABEL_NAME, nullable=True), "Labels.", dict)
    buckets: tuple[float, ...] = key(ListOf(Number()), "Upper bounds of a classic histogram.", ())
    optional: bool = key(FLAG, "Only there when the spec declares it.", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRatio(Item):
    """A ratio of events: bad over total."""

    bad: str = key(TEXT, "Selector of the counter of bad events.", required=True)
    total: str = key(TEXT, "Selector of the counter of all events.", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSignal(Item):
    """A signal of a pack."""

    title: str = key(TEXT, "Title for people.", required=True)
    description: str = key(TEXT, "What it says, in a sentence.", required=True)
    unit: str = key(Choice(tuple(GRAFANA_UNITS)), "Dimension of its value.", required=True)
    grafana_unit: str = key(TEXT, "Grafana unit id, when the dimension's own does not do.", "")
    bad: str = key(Choice(("high", "low", "none")), "Which direction is bad.", "none")
    expr: str | None = key(TEXT, "PromQL; `$window` stands for the range, `$cpu` and `$memory` for the resources.")
    ratio: PackRatio | None = key(Record(PackRatio), "A ratio of events.")
    histogram: str | None = key(TEXT, "Selector of a histogram by its base name.")
    window: Duration = key(DURATION, "Range when a use names none.", Duration(300_000))
    operation: str = key(TEXT, "Last part of the recorded name: what was done to the metric.", "")
    by: tuple[str, ...] = key(ListOf(LABEL_NAME), "Labels that the result keeps beside `service`.", ())
    split: tuple[str, ...] = key(ListOf(LABEL_NAME), "Labels that a detail panel splits it by.", ())
    capacity: bool = key(FLAG, "A share of something that can run out.", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSpec(Item):
    """A signal pack."""

    kind: str = key(NAME, "Name of the kind.", required=True)
    title: str = key(TEXT, "Title for people.", required=True)
    description: str = key(TEXT, "What has this kind, in a sentence.", required=True)
    catalogs: tuple[str, ...] = key(NAMES, "Captured metric catalogs it draws on.", ())
    alive: str | None = key(
        METRIC_NAME, "Gauge that is 1 while what the exporter looks at answers; `up` tells of the exporter only."
    )
    probe: bool = key(
        FLAG, "Targets are asked from outside, so `scrape.probe` is needed; they are never scraped themselves.", False
    )
    honor_labels: bool = key(FLAG, "Targets speak for others: their series keep their own `instance`.", False)
    metrics: dict[str, PackMetric] = key(MapOf(Record(PackMetric), key=METRIC_NAME), "Metrics it expects.", dict)
    stands_for: dict[str, str] = key(
        MapOf(TEXT, key=METRIC_NAME),
        "In the pack of an exporter: metric of a kind -> selector of the exporter's own family that means the same.",
        dict,
    )
    sidecar: bool = key(
        FLAG,
        "In the pack of an exporter: its process stands beside the service's, whose figures its `process_*` are not.",
        False,
    )
    signals: dict[str, PackSignal] = key(
        MapOf(Record(PackSignal, exactly_one=(("expr", "ratio", "histogram"),)), key=SIGNAL_NAME),
        "Signals.",
        required=True,
    )
    alerts: dict[str, Alert] = key(MapOf(Record(Alert)), "Alerts that every service of this kind gets.", dict)


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A pack with what only the resolve stage needs: the metrics it expects, its alerts, what of an exporter's families stands for
    the metrics of kinds, and whether its process is another than the service's."""

    pack: Pack
    metrics: dict[str, PackMetric]
    alerts: dict[str, Alert]
    stands_for: dict[str, VectorSelector] = field(default_factory=dict)
    sidecar: bool = False


class Packs:
    """Finds the pack of a kind: the user's own first, then the shipped ones, each read once."""

    def __init__(self, report: Report, spec_path: str, own: tuple[tuple[str, Span], ...]) -> None:
        self.report = report
        self.found: dict[str, LoadedPack | None] = {}
        for path, span in own:
            real = os.path.join(os.path.dirname(spec_path), path)
            loaded = self._read(read_source(real, report, span))
            if loaded:
                self.found[loaded.pack.kind] = loaded

    def get(self, kind: str, span: Span) -> LoadedPack | None:
        """The pack of ``kind``; None after reporting that there is none."""
        if kind not in self.found:
            if kind in shipped_kinds():
                text = text_of("monitoring_kit.rules", f"{kind}.yaml")
                source = Source(f"rules/{kind}.yaml", text)
                self.report.sources[source.file] = source
                self.found[kind] = self._read(source)
            else:
                known = {*shipped_kinds(), *self.found}
                help_ = did_you_mean(kind, known, "kinds")
                self.report.error(
                    "spec/unknown-kind", f"there is no signal pack for the kind `{kind}`", span, help=help_
                )
                return None
        return self.found[kind]

    def shipped(self, name: str, renamed: tuple[str, str] | None = None) -> LoadedPack | None:
        """The pack of a file that ships beside the kinds, such as ``exporters/business``. ``renamed``: what all its metrics
        begin with, and what they begin with here."""
        if name not in self.found:
            text = text_of("monitoring_kit.rules", f"{name}.yaml")
            source = Source(f"rules/{name}.yaml", text.replace(*renamed) if renamed else text)
            self.report.sources[source.file] = source
            self.found[name] = self._read(source)
        return self.found[name]

    def _read(self, source: Source) -> LoadedPack | None:
        root = read_yaml(source, self.report)
        if not isinstance(root, Mapping):
            self.report.error("spec/type", f"{source.file} holds no signal pack", Span(source.file))
            raise Stop
        spec = Record(PackSpec).read(root, self.report)
        if spec is INVALID:
            return None
        signals = {}
        for name, item in spec.signals.items():
            signal = _signal(name, item, self.report)
            if signal:
                signals[name] = signal
        pack = Pack(
            spec.kind, spec.title, spec.description, signals, spec.catalogs, source.file, alive=spec.alive, probe=spec.probe,
            honor_labels=spec.honor_labels,
        )  # fmt: skip
        return LoadedPack(pack, spec.metrics, spec.alerts, _standing(spec, self.report), spec.sidecar)


@cache
def shipped_kinds() -> tuple[str, ...]:
    """The kinds that mkit ships a pack for."""
    return tuple(sorted(file.stem for file in folder("monitoring_kit.rules").glob("*.yaml")))


def _signal(name: str, item: PackSignal, report: Report) -> Signal | None:
    expr = _parse(item, "expr", item.expr, report)
    histogram = _parse(item, "histogram", item.histogram, report)
    ratio = None
    if item.ratio:
        bad = _parse(item.ratio, "bad", item.ratio.bad, report)
        total = _parse(item.ratio, "total", item.ratio.total, report)
        if bad is None or total is None:
            return None
        ratio = (bad, total)
    if expr is None and histogram is None and ratio is None:
        return None
    signal = Signal(
        name=name, title=item.title, description=item.description, unit=item.unit, bad=item.bad, span=item.name_span,
        expr=expr, ratio=ratio, histogram=histogram, window=item.window, by=item.by, split=item.split,
        grafana_unit=item.grafana_unit, operation=item.operation, capacity=item.capacity,
        text=item.expr or item.histogram or (f"{item.ratio.bad} / {item.ratio.total}" if item.ratio else ""),
    )  # fmt: skip
    return replace(signal, windowed=expr is None or "$window" in (item.expr or ""))


def _standing(spec: PackSpec, report: Report) -> dict[str, VectorSelector]:
    found = {}
    for name, text in spec.stands_for.items():
        selector = _parse(spec, "stands_for", text, report)
        if isinstance(selector, VectorSelector):
            found[name] = selector
    return found


def _parse(item: Item, where: str, text: str | None, report: Report) -> Expr | None:
    if text is None:
        return None
    try:
        return parse(text, variables=True)
    except PromQLError as error:
        start, end = error.span
        report.error("promql/syntax", error.message, item.at(where, start, max(end, start + 1)), help=error.help)
        return None
