"""Objectives that cannot work are refused, whatever is generated from them."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.uses import check_use, unknown_signal, whole_use
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.services import Slo


def check_slos(system: System, report: Report) -> None:
    """Report objectives of 100 % or 0, thresholds that no bucket can tell, and signals that are no ratio of events."""
    for view in system.services.values():
        for slo in view.spec.slos.values():
            _objective(slo, report)
            _signal(system, view, slo, report)


def _objective(slo: Slo, report: Report) -> None:
    value = slo.objective.value
    if value >= 1:
        report.error(
            "slo/objective", f"an objective of {slo.objective.text} leaves no error budget: any single error breaks it", slo.at("objective"),
            help="99.9% is a demanding objective; 99.99% allows 4 minutes a month",
        )  # fmt: skip
    elif value <= 0:
        report.error(
            "slo/objective",
            f"an objective of {slo.objective.text} can never be missed",
            slo.at("objective"),
            help="write the share of good events, such as 99.9%",
        )


def _signal(system: System, view: ServiceView, slo: Slo, report: Report) -> None:
    raw = whole_use(slo, "signal", slo.signal, report)
    if raw is None:
        return
    signal = view.signals.get(raw.name)
    if signal is None:
        unknown_signal(system, raw, (view.name,), slo, "signal", report)
        return
    if not check_use(raw, signal, slo, "signal", report):
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
    buckets = info.buckets if info else ()
    if buckets and slo.threshold.value not in buckets and not (info and info.native):
        near = min(buckets, key=lambda b: abs(b - slo.threshold.value))  # type: ignore[union-attr]
        report.error(
            "slo/threshold", f"`{histogram}` has no bucket that ends at {slo.threshold.text}: it cannot count what was faster", slo.at("threshold"),
            help=f"use {near:g}s, the nearest bucket, or add {slo.threshold.value:g} to `buckets:`",
        )  # fmt: skip
