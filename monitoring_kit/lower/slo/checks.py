"""Objectives that cannot work are refused, whatever is generated from them."""

from __future__ import annotations

from monitoring_kit.conventions import (
    ALERTNAME,
    NOTIFY,
    SEVERITY,
    SLO_ALERTS,
    SLO_CALENDAR,
    SLO_LABELS,
    SLO_PERIOD,
    SLO_TIER,
    TEAM,
)
from monitoring_kit.diagnostics import Report
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.lower.native_histograms import native_enabled
from monitoring_kit.lower.slo.maintenance import seconds
from monitoring_kit.lower.uses import unknown_signal, whole_use
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.shapes import Item
from monitoring_kit.spec.slos import Slo

_OWN_LABELS = (*SLO_LABELS, SLO_TIER, SLO_PERIOD, SLO_CALENDAR, ALERTNAME, SEVERITY, NOTIFY, TEAM, "le")


def check_slo(system: System, view: ServiceView, slo: Slo, report: Report) -> bool:
    """Whether an SLO can work: objectives of 100 % or 0, thresholds that no bucket can tell, signals that are no ratio of
    events, and names that lead nowhere are reported."""
    before = len(report)
    _objective(slo, report)
    _source(slo, report)
    if slo.signal is not None:
        _signal(system, view, slo, slo.signal, report)
    elif slo.threshold is not None:
        report.error("slo/threshold", "a threshold belongs to a histogram `signal`", slo.at("threshold"))
    _labels(slo, report)
    _channels(system, slo, report)
    _maintenance(slo, report)
    return len(report) == before


def _source(slo: Slo, report: Report) -> None:
    """Exactly one way of saying what is counted."""
    sides = [key for key in ("bad", "good") if slo.has(key)]
    if slo.total is not None and len(sides) != 1:
        report.error(
            "slo/query", "`total` needs either `bad` or `good` beside it", slo.at("total"),
            help="write `bad: http_requests_total{status=~\"5..\"}`",
        )  # fmt: skip
    elif slo.total is None and sides:
        report.error("slo/query", f"`{sides[0]}` needs `total` beside it", slo.at(sides[0]))


def _labels(slo: Slo, report: Report) -> None:
    for index, label in enumerate(slo.group_by):
        if label in _OWN_LABELS:
            report.error(
                "slo/group-by", f"mkit itself sets the label `{label}` on every SLO", slo.at("group_by", index=index)
            )
    for label in slo.labels:
        if label in _OWN_LABELS:
            report.error(
                "slo/labels", f"mkit itself sets the label `{label}` on every alert of an SLO", slo.at("labels")
            )


def _channels(system: System, slo: Slo, report: Report) -> None:
    items: list[Item] = [slo, *(getattr(slo.tiers, key) for key in SLO_ALERTS)]
    for item in items:
        for index, name in enumerate(getattr(item, "notify", ())):
            if name not in system.spec.channels:
                report.error(
                    "spec/unknown-channel", f"there is no channel `{name}`", item.at("notify", index=index),
                    help=did_you_mean(name, system.spec.channels, "channels"),
                )  # fmt: skip


def _maintenance(slo: Slo, report: Report) -> None:
    for window in slo.maintenance:
        single = bool(window.from_ or window.to)
        if bool(window.weekly) == single or (single and not (window.from_ and window.to)):
            report.error("slo/maintenance", "write either `weekly`, or `from` and `to`", window.node.span)
            continue
        try:
            if window.from_ and window.to and seconds(window.to) <= seconds(window.from_):
                report.error("slo/maintenance", "it ends before it begins", window.at("to"))
        except ValueError:
            report.error("slo/maintenance", "there is no such date", window.at("from"))


def _objective(slo: Slo, report: Report) -> None:
    value = slo.objective.value
    if value > 1:
        report.error(
            "slo/objective", f"no service is more than wholly good: {slo.objective.text}", slo.at("objective"),
            help="write the share of good events, such as 99.9%",
        )  # fmt: skip
    elif value == 1:
        report.error(
            "slo/objective", f"an objective of {slo.objective.text} leaves no error budget: any single error breaks it", slo.at("objective"),
            help="99.9% is a demanding objective; 99.99% allows 4 minutes a month",
        )  # fmt: skip
    elif value <= 0:
        report.error(
            "slo/objective", f"an objective of {slo.objective.text} can never be missed", slo.at("objective"),
            help="write the share of good events, such as 99.9%",
        )  # fmt: skip


def _signal(system: System, view: ServiceView, slo: Slo, text: str, report: Report) -> None:
    raw = whole_use(slo, "signal", text, report)
    if raw is None:
        return
    signal = view.signals.get(raw.name)
    if signal is None:
        unknown_signal(system, raw, (view.name,), slo, "signal", report)
        return
    if raw.quantile is not None or raw.window is not None:
        report.error(
            "signals/argument", "an SLO counts events: it takes no quantile and no window of the signal", slo.at("signal"),
            help=f"write `signal: {raw.name}`" + (", and `threshold` for what is fast enough" if raw.quantile else ""),
        )  # fmt: skip
        return
    if signal.form == "expr":
        report.error(
            "slo/signal", f"`{raw.name}` counts no events, so there is no share of good ones", slo.at("signal"),
            help="an SLO needs a ratio of events (errors) or a histogram (latency) with a threshold",
        )  # fmt: skip
    elif signal.form == "histogram":
        _threshold(view, slo, getattr(signal.histogram, "name", ""), system, report)
    elif slo.threshold is not None:
        report.error("slo/threshold", f"`{raw.name}` is a ratio already and takes no threshold", slo.at("threshold"))


def _threshold(view: ServiceView, slo: Slo, histogram: str, system: System, report: Report) -> None:
    if slo.threshold is None:
        report.error("slo/threshold", "what counts as fast enough?", slo.name_span, help="add `threshold: 1s`")
        return
    info = system.registry.by_service[view.name].get(histogram)
    if slo.threshold.dimension != "seconds" and info and info.unit == "seconds":
        report.error(
            "units/mismatch", f"`{slo.threshold.text}` is no time", slo.at("threshold"), help="write 1s or 500ms"
        )
        return
    if info and info.native and slo.threshold.value not in info.buckets:
        if not native_enabled(system):
            report.error(
                "slo/threshold", f"no bucket of `{histogram}` ends at {slo.threshold.text}, and Prometheus is not told to keep its native one", slo.at("threshold"),
                help="add `features: [native-histograms]` to `prometheus:`, or use a bucket's end",
            )  # fmt: skip
        return
    buckets = info.buckets if info else ()
    if buckets and slo.threshold.value not in buckets and not (info and info.native):
        near = min(buckets, key=lambda b: abs(b - slo.threshold.value))  # type: ignore[union-attr]
        report.error(
            "slo/threshold", f"`{histogram}` has no bucket that ends at {slo.threshold.text}: it cannot count what was faster", slo.at("threshold"),
            help=f"use {near:g}s, the nearest bucket, or add {slo.threshold.value:g} to `buckets:`",
        )  # fmt: skip
