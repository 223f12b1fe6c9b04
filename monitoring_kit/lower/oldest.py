"""The oldest servers that mkit knows: what an older one lacks is in no table, so nothing could be promised."""

from __future__ import annotations

from monitoring_kit.diagnostics import Report
from monitoring_kit.resolve.system import System
from monitoring_kit.targets.versions import parse_version

OLDEST = {"prometheus": "2.42", "alertmanager": "0.25", "grafana": "9.3"}
_NAMES = {"prometheus": "Prometheus", "alertmanager": "Alertmanager", "grafana": "Grafana"}


def check_targets(system: System, report: Report) -> None:
    """``version/unsupported`` for each version under ``compatibility`` that is older than the oldest known one."""
    compatibility = system.spec.compatibility
    for server, oldest in OLDEST.items():
        wanted = str(getattr(compatibility, server))
        if parse_version(wanted) < parse_version(oldest):
            report.error(
                "version/unsupported",
                f"{_NAMES[server]} {wanted} is older than {oldest}, the oldest that mkit writes files for",
                compatibility.at(server),
                help=f'write `{server}: "{oldest}"` if your servers are that new',
            )
