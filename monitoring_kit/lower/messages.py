"""What an alert says: summary, description, value and links."""

from __future__ import annotations

from monitoring_kit.conventions import panel_id, runbook_path, service_dashboard, system_dashboard
from monitoring_kit.diagnostics import Report
from monitoring_kit.lower.model import Condition
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.alerting import Alert

# How a value of each unit is printed by Prometheus' template functions.
HUMAN = {
    "ratio": "{{ $value | humanizePercentage }}",
    "seconds": "{{ $value | humanizeDuration }}",
    "bytes": "{{ $value | humanize1024 }}B",
    "per_second": "{{ $value | humanize }}/s",
    "bytes_per_second": "{{ $value | humanize1024 }}B/s",
    "number": "{{ $value | humanize }}",
}
_WORDS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to", "!=": "not"}


def human(unit: str) -> str:
    """The template that prints ``$value`` in a unit."""
    return HUMAN[unit]


def threshold_summary(service: str, condition: Condition) -> str:
    """One line: what is where, and where it should be."""
    use = condition.use
    who = service + "".join(f" {{{{ $labels.{label} }}}}" for label in use.signal.by)
    word = _WORDS[condition.comparator]
    return f"{who}: {use.title} is {human(use.signal.unit)}, {word} {condition.threshold.text}"


def threshold_description(condition: Condition, for_: str) -> str:
    """The signal's own description, and the condition in words."""
    lasting = f" for {for_}" if for_ != "0s" else ""
    return f"{condition.use.signal.description} It has been {_WORDS[condition.comparator]} {condition.threshold.text}{lasting}."


def links(system: System, alert: Alert | None, name: str, service: str | None, panel: str | None) -> dict[str, str]:
    """The annotations that lead on: dashboard and panel, runbook, and probable causes."""
    uid = service_dashboard(system.name, service) if service else system_dashboard(system.name)
    base = (system.spec.grafana.url or "").rstrip("/")
    found = {"__dashboardUid__": uid}
    query = ""
    if panel is not None:
        number = panel_id(uid, panel)
        found["__panelId__"] = str(number)
        query = f"?viewPanel={number}"
    found["dashboard"] = f"{base}/d/{uid}{query}"
    found["runbook_url"] = _runbook(system, alert, name)
    causes = _causes(system, service)
    if causes:
        found["probable_causes"] = causes
    return found


def check_links(system: System, report: Report) -> None:
    """Say that runbooks and dashboards are named by paths that nobody can follow out of a message. A webhook is exempt: what
    reads it is a program, which may know where they are."""
    reader = next((channel for channel in system.spec.channels.values() if channel.kind != "webhook"), None)
    if reader is None:
        return
    lacking = []
    if system.spec.docs_url is None:
        lacking.append(("runbooks", "`docs_url: https://...` (where the generated docs/ folder is published)"))
    if system.spec.grafana.url is None:
        lacking.append(("dashboards", "`grafana: {url: https://...}`"))
    if lacking:
        what, where = (" and ".join(words) for words in zip(*lacking, strict=True))
        report.info(
            "alerts/no-links", f"messages of `{reader.name}` cannot link to {what}: the spec does not say where they are reached", reader.name_span,
            help=f"add {where}",
        )  # fmt: skip


def _runbook(system: System, alert: Alert | None, name: str) -> str:
    if alert is not None and alert.runbook:
        return alert.runbook
    base = (system.spec.docs_url or "").rstrip("/")
    path = runbook_path(name)
    return f"{base}/{path.removeprefix('docs/')}" if base else path


def _causes(system: System, service: str | None) -> str:
    if service is None or service not in system.services:
        return ""
    return ", ".join(system.services[service].spec.depends_on)
