"""The period that an error budget is counted over."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.slos import ROLLING_DAYS, Period, Slo, rolling

_DEFAULT = rolling(30)


def period_of(system: System, slo: Slo, report: Report) -> Period | None:
    """The SLO's period; without one 30 days, or the longest rolling window that Prometheus keeps. None after reporting one
    that reaches beyond the retention."""
    keeps = system.spec.prometheus.retention.time
    if slo.window is not None:
        if slo.window.length <= keeps:
            return slo.window
        _too_long(slo, slo.window, str(keeps), report)
        return None
    if keeps >= _DEFAULT.length:
        return _DEFAULT
    fitting = [days for days in ROLLING_DAYS if rolling(days).length <= keeps]
    if not fitting:
        _too_long(slo, rolling(ROLLING_DAYS[0]), str(keeps), report)
        return None
    found = rolling(fitting[-1])
    report.info(
        "slo/window", f"`{slo.name}` has a window of {found}: Prometheus keeps {keeps}, too little for the usual {_DEFAULT}", slo.name_span,
        help=f"write `window: {found}`, or set `prometheus.retention.time` to {_DEFAULT} or more",
    )  # fmt: skip
    return found


def _too_long(slo: Slo, period: Period, keeps: str, report: Report) -> None:
    needs = f"{period} of at most {period.length}" if period.calendar else str(period)
    report.error(
        "slo/window", f"the window is {needs}, but Prometheus keeps only {keeps}", slo.at("window") if slo.has("window") else slo.name_span,
        help=f"set `prometheus.retention.time` to {period.length} or more, or choose a shorter window",
    )  # fmt: skip
