"""The world of a spec: what its services expose and its rules record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitoring_kit.conventions import SERVICE, slo_ratio
from monitoring_kit.lower.influxdb import enabled
from monitoring_kit.lower.model import Model, RecordingRule
from monitoring_kit.lower.native_histograms import native_enabled
from monitoring_kit.promql import Expr
from monitoring_kit.promql.world import Allowed, Recorded, Series, World, expose, stems
from monitoring_kit.resolve.exporters import serves_alone
from monitoring_kit.resolve.registry import MetricInfo
from monitoring_kit.resolve.system import ServiceView, System

# Dimensions of spec.quantity as units of values.
_UNITS = {
    "ratio": "ratio", "seconds": "seconds", "bytes": "bytes", "per_second": "events/s",
    "bytes_per_second": "bytes/s",
}  # fmt: skip
# What Prometheus itself records about alerts.
_ALERT_SERIES = ("ALERTS", "ALERTS_FOR_STATE")


def spec_world(system: System, model: Model) -> World:
    """The closed world of ``system``: a metric that nothing exposes and nothing records is no metric."""
    found = _Found(system)
    prometheus = system.spec.prometheus
    return World(
        find=found.find,
        family=found.family,
        names=found.names,
        closed=True,
        owner=SERVICE,
        records=_records(model),
        external_labels=system.external_labels,
        evaluation_ms=prometheus.evaluation_interval.ms,
        retention_ms=prometheus.retention.time.ms,
        prometheus=system.spec.compatibility.prometheus,
        features=frozenset(prometheus.features),
        alertnames=frozenset(rule.name for rule in model.alerts),
        finite=enabled(system) is not None,
        dormant=system.registry.dormant,
        standing=system.registry.standing,
    )


def alike(rule: RecordingRule) -> object:
    """What rules of one shape are told apart by. The windows of an objective differ in nothing but the range: one that is read
    from samples, from rates and from tiles stands for all such. It is the shortest, for windows are made in that order, so
    ``promql/short-window`` loses nothing; and none is longer than the objective's own, of which ``slo/window`` makes sure that
    Prometheus keeps it, so neither does ``promql/beyond-retention``."""
    text = rule.text
    if not text or not rule.record.startswith(slo_ratio("")):
        return rule.record
    return (":tile" in text, "[" in text)


def _records(model: Model) -> dict[str, list[Recorded]]:
    found: dict[str, list[Recorded]] = {}
    same: dict[object, Expr] = {}
    for rule in model.recordings:
        use = rule.use
        shape = (id(use.signal), use.quantile, use.window) if use is not None else rule.shape
        key = None if shape is None else (alike(rule), shape)
        expr = rule.expr if key is None else same.get(key)
        if expr is None:
            expr = same[key] = rule.expr
        unit = _UNITS.get(use.signal.unit) if use is not None else None
        record = Recorded(rule.record, expr, rule.labels, rule.service, shape, unit, rule.origin)
        found.setdefault(rule.record, []).append(record)
    return found


class _Found:
    """The registry, asked by series name; services that expose a metric in the same way count once."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._native = native_enabled(system)
        self._families = {info.name: info for info in system.registry.by_series.values()}
        self._alone = {e.service for e in system.exporters if serves_alone(system.spec, e)}
        self._cache: dict[tuple[str, str | None], Sequence[Series]] = {}

    def family(self, name: str) -> str | None:
        info = self._families.get(name)
        return info.type if info else None

    def names(self) -> Iterable[str]:
        return (*self.system.registry.by_series, *_ALERT_SERIES)

    def find(self, name: str, service: str | None) -> Sequence[Series]:
        key = (name, service)
        if key not in self._cache:
            self._cache[key] = self._find(name, service)
        return self._cache[key]

    def _find(self, name: str, service: str | None) -> Sequence[Series]:
        if name in _ALERT_SERIES:
            state = {"alertstate": Allowed(("pending", "firing"))} if name == "ALERTS" else {}
            return (
                Series(
                    name, name, "presence", labels={"alertname": Allowed(), **state}, sure=frozenset(("alertname",))
                ),
            )
        services = self.system.services
        if service is not None and service not in services:
            return ()
        classes: dict[tuple[object, ...], list[ServiceView]] = {}
        infos: dict[int, MetricInfo] = {}
        for view in services.values() if service is None else (services[service],):
            metrics = self.system.registry.by_service.get(view.name, {})
            for stem in stems(name):
                info = metrics.get(stem)
                if info is not None and self._stored(info, name):
                    infos[id(info)] = info
                    classes.setdefault((id(info), view.interval.ms, *_target_class(view)), []).append(view)
                    break
        return [self._series(name, infos[key[0]], views) for key, views in classes.items()]  # type: ignore[index]

    def _stored(self, info: MetricInfo, name: str) -> bool:
        if name == info.name and info.type == "histogram":
            return info.native and self._native
        return name in info.series_names()

    def _series(self, name: str, info: MetricInfo, views: list[ServiceView]) -> Series:
        view = views[0]
        own = _target_labels(view, tuple(v.name for v in views))
        labels = {n: Allowed(a.values, a.pattern, a.max) for n, a in info.labels.items()}
        declared = info.source == "declared"
        return expose(
            name, info.name, info.type, unit=info.unit, labels={**own, **labels},
            sure=frozenset((*own, *(labels if declared else ()))), buckets=info.buckets, native=info.native,
            interval=view.interval.ms, open=_open(view), declared=declared or info.source == "every scrape",
            source=info.source, origin=info.span,
            # mkit's exporters write bounds in one way only; whatever else exposes a metric may write them in another.
            exact_bounds=info.source.startswith("mkit exporter ") or all(v.name in self._alone for v in views),
        )  # fmt: skip


def _target_class(view: ServiceView) -> tuple[object, ...]:
    return (tuple(view.spec.labels.items()), _open(view), _single(view), view.honors_labels)


def _single(view: ServiceView) -> bool:
    scrape = view.spec.scrape
    return scrape is not None and not _open(view) and scrape.dns is None and len(scrape.targets) == 1


def _open(view: ServiceView) -> bool:
    """Whether its series may have labels that nobody declared: from discovery or from the author's own relabeling."""
    scrape = view.spec.scrape
    if scrape is None or view.honors_labels:
        return True
    discovered = (scrape.http, scrape.file, scrape.kubernetes, scrape.docker, scrape.consul)
    return bool(scrape.relabel or scrape.metric_relabel) or any(d is not None for d in discovered)


def _target_labels(view: ServiceView, names: tuple[str, ...]) -> dict[str, Allowed]:
    return {
        "job": Allowed(names),
        "instance": Allowed(max=1) if _single(view) and len(names) == 1 else Allowed(),
        SERVICE: Allowed(names),
        **{name: Allowed((value,)) for name, value in view.spec.labels.items()},
    }
