"""From an SLO's words to what it counts."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.slo import sli as make
from monitoring_kit.lower.slo.classify import WINDOW
from monitoring_kit.lower.slo.sli import Sli
from monitoring_kit.promql import Expr, PromQLError, parse, variables
from monitoring_kit.promql.ast import VectorSelector
from monitoring_kit.resolve.signals import Signal
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.slos import Slo


def sli_of(system: System, view: ServiceView, slo: Slo, report: Report) -> Sli | None:
    """What a checked SLO counts; None after reporting."""
    if slo.signal is not None:
        signal = view.signals[slo.signal.strip()]
        return _of_signal(system, view, slo, signal)
    found = _own(slo, report)
    if found is not None and not found.tileable:
        report.info(
            "slo/not-additive", f"`{slo.name}` reads raw samples for every window: its counts do not add up over time", slo.name_span,
            help="sums of rate() or increase() over $window make it many times cheaper",
        )  # fmt: skip
    return found


def _of_signal(system: System, view: ServiceView, slo: Slo, signal: Signal) -> Sli:
    if signal.form == "ratio":
        return make.ratio_sli(signal, slo.group_by)
    assert slo.threshold is not None
    if interpolates(system, view, slo, signal):
        return make.native_sli(signal, slo.threshold.value, slo.group_by)
    return make.histogram_sli(signal, slo.threshold.value, slo.group_by)


def interpolates(system: System, view: ServiceView, slo: Slo, signal: Signal) -> bool:
    """Whether the threshold is read off a native histogram: no classic bucket ends there."""
    info = system.registry.by_service[view.name].get(getattr(signal.histogram, "name", "") or "")
    return bool(info and info.native and slo.threshold is not None and slo.threshold.value not in info.buckets)


def _own(slo: Slo, report: Report) -> Sli | None:
    if slo.error_ratio is not None:
        query = _query(slo, "error_ratio", slo.error_ratio, report)
        return None if query is None else make.ratio_query_sli(query, slo.group_by)
    kind, text = ("bad", slo.bad) if slo.bad is not None else ("good", slo.good)
    assert text is not None
    assert slo.total is not None
    part, total = _query(slo, kind, text, report), _query(slo, "total", slo.total, report)
    if part is None or total is None:
        return None
    return make.counted_sli(kind, part, total, slo.group_by)


def _query(slo: Slo, key: str, text: str, report: Report) -> Expr | None:
    try:
        expr = parse(text, variables=True)
    except PromQLError as error:
        start, end = error.span
        report.error(
            "promql/syntax",
            f"invalid PromQL: {error.message}",
            slo.at(key, start, max(end, start + 1)),
            help=error.help,
        )
        return None
    used = set(variables(expr))
    if isinstance(expr, VectorSelector) and not used and key != "error_ratio":
        return expr
    unknown = sorted(used - {WINDOW})
    if unknown or not used:
        what = (
            f"`${unknown[0]}` is no variable here"
            if unknown
            else "the query has no `$window`: each alert looks back another time"
        )
        report.error(
            "slo/query",
            what,
            slo.at(key),
            help="write `sum(rate(requests_total[$window]))`, or the counter's selector alone",
        )
        return None
    return expr
