"""The families of alerts that learn from history: which entry of the spec is of which."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.anomaly import anomaly_of, lower_anomaly
from monitoring_kit.lower.capacity import capacity_of, lower_capacity
from monitoring_kit.lower.degradation import lower_degradation
from monitoring_kit.lower.detection import Family
from monitoring_kit.resolve.system import System


def lower_families(system: System, report: Report) -> Family:
    """The rules of all anomaly, capacity and degradation entries."""
    family = Family(system)
    for alert in system.spec.alerts.values():
        capacity = capacity_of(alert)
        if capacity is not None:
            lower_capacity(family, alert, capacity, report)
            continue
        anomaly = anomaly_of(alert)
        if anomaly is not None:
            lower_anomaly(family, alert, anomaly, report)
        elif alert.degradation is not None:
            lower_degradation(family, alert, alert.degradation, report)
        elif alert.horizon is not None and not alert.signals:
            report.error(
                "capacity/horizon",
                "`horizon` belongs to `signals`",
                alert.at("horizon"),
                help="write it under `capacity:`",
            )
    return family
