"""Every file family, in the order of the output folder."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.alertmanager import lower_alertmanager
from monitoring_kit.lower.anchoring import anchor_patterns
from monitoring_kit.lower.compose import lower_compose
from monitoring_kit.lower.cost import check_budget
from monitoring_kit.lower.dashboards import lower_grafana
from monitoring_kit.lower.docs import lower_docs
from monitoring_kit.lower.exporters import lower_exporters
from monitoring_kit.lower.influxdb import lower_influxdb
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.oldest import check_targets
from monitoring_kit.lower.prometheus import lower_prometheus
from monitoring_kit.lower.roles import lower_roles
from monitoring_kit.lower.rule_files import lower_rule_files
from monitoring_kit.lower.statsd import lower_statsd
from monitoring_kit.lower.tree import OutFile
from monitoring_kit.resolve.system import System


def lower_files(system: System, model: Model, report: Report) -> list[OutFile]:
    """The model of every file that the spec asks for."""
    check_targets(system, report)
    files = [
        *lower_prometheus(system, model, report),
        *lower_rule_files(model),
        *lower_alertmanager(system, model, report),
        *lower_grafana(system, model, report),
        *lower_roles(system, report),
        *lower_influxdb(system, report),
        *lower_statsd(system, report),
        *lower_exporters(system, report),
        *lower_docs(system, model, report),
        *lower_compose(system, model, report),
    ]
    anchor_patterns(files, system)
    check_budget(system, model, report)
    return files
