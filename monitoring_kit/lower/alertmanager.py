"""``alertmanager/``: configuration, templates, command line and web configuration."""

from __future__ import annotations

from monitoring_kit import conventions
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.alertmanager_flags import lower_flags, lower_web
from monitoring_kit.lower.alertmanager_hours import time_intervals
from monitoring_kit.lower.alertmanager_inhibition import check_inhibitions, inhibit_rules
from monitoring_kit.lower.alertmanager_receivers import receivers
from monitoring_kit.lower.alertmanager_routes import check_watchdog, routing_tree
from monitoring_kit.lower.alertmanager_simulate import Router, receivers_for
from monitoring_kit.lower.alertmanager_template import template_text
from monitoring_kit.lower.alertmanager_timing import check_timing
from monitoring_kit.lower.model import Model
from monitoring_kit.lower.tree import Branch, OutFile
from monitoring_kit.resolve.system import System

__all__ = ["Router", "lower_alertmanager", "receivers_for"]

# The file names where secrets lie; the world need not know.
CONFIG_MODE = 0o640


def lower_alertmanager(system: System, model: Model, report: Report) -> list[OutFile]:
    """The files of Alertmanager. Settings that it refuses, or that would lose or double notifications, are reported."""
    check_timing(system.spec.alerting, report)
    check_watchdog(system, report)
    check_inhibitions(system, report)
    config = Branch(
        system.spec.alerting.node.span,
        templates=[conventions.ALERTMANAGER_TEMPLATE.removeprefix("alertmanager/")],
        route=routing_tree(system, model),
        inhibit_rules=inhibit_rules(system, model),
        time_intervals=time_intervals(system.spec.alerting.quiet_hours, report) or None,
        receivers=receivers(system, report),
    )
    return [
        OutFile(conventions.ALERTMANAGER_YML, "yaml", config, CONFIG_MODE),
        OutFile(conventions.ALERTMANAGER_TEMPLATE, "text", template_text()),
        *lower_flags(system),
        *lower_web(system),
    ]
