"""The lower stage for rules: signals and alerts to rule groups."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_kit.conventions import RULES_FOLDER, SERVICE, SLO, recorded, service_rules_file
from monitoring_kit.diagnostics import Note, Report
from monitoring_kit.lower import filled, messages
from monitoring_kit.lower.absence import absence_alerts, watchdog
from monitoring_kit.lower.alerts import raw_alert, threshold_alerts
from monitoring_kit.lower.families import lower_families
from monitoring_kit.lower.model import AlertingRule, Model, RecordingRule, RuleGroup
from monitoring_kit.lower.signals import signal_text
from monitoring_kit.lower.slo import plan_slos, slo_groups
from monitoring_kit.lower.uses import check_limit, check_use, find_use, unknown_signal, whole_use
from monitoring_kit.resolve.signals import Signal, SignalUse
from monitoring_kit.resolve.system import ServiceView, System

SYSTEM_RULES = f"{RULES_FOLDER}/system.yml"


def lower_rules(system: System, report: Report) -> Model:
    """All recording and alerting rules of ``system``. A service's recordings and the alerts on them stand in one group, in
    this order, so that an alert never reads a value of the evaluation before."""
    by_service: dict[str, list[AlertingRule]] = {name: [] for name in system.services}
    others: list[AlertingRule] = []
    for alert in system.spec.alerts.values():
        rules = []
        if alert.when is not None:
            rules = threshold_alerts(system, alert, report)
        elif alert.expr is not None:
            rules = raw_alert(system, alert, report)
        for rule in rules:
            by_service.get(rule.service or "", others).append(rule)
    _pack_alerts(system, by_service, report)
    family = lower_families(system, report)
    uses = _uses(system, by_service, report)
    for plan in family.plans:
        uses[plan.service].setdefault(str(plan.use), plan.use)
    groups = []
    recorded_names: dict[tuple[str, str], str] = {}
    for name, view in system.services.items():
        recordings = _recordings(view, uses[name].values())
        recorded_names.update({(name, str(r.use)): r.record for r in recordings})
        alerts = [*absence_alerts(system, view), *by_service[name]]
        groups.append(RuleGroup(f"service-{name}", service_rules_file(name), (*recordings, *alerts)))
        history = family.group(name)
        if history is not None:
            groups.append(history)
    slos = plan_slos(system, report)
    groups += slo_groups(system, slos)
    others += watchdog(system)
    if others:
        groups.append(RuleGroup("system", SYSTEM_RULES, tuple(others)))
    _unique(groups, report)
    messages.check_links(system, report)
    return Model(system, tuple(groups), recorded_names, tuple(family.plans), slos)


def _pack_alerts(system: System, by_service: dict[str, list[AlertingRule]], report: Report) -> None:
    """The alerts that a kind brings along; one of the spec's own with the same name replaces them."""
    for name, alerts in system.pack_alerts.items():
        for alert in alerts.values():
            if alert.name not in system.spec.alerts and alert.when is not None:
                by_service[name] += threshold_alerts(system, alert, report, only=name)


def _uses(system: System, alerts: dict[str, list[AlertingRule]], report: Report) -> dict[str, dict[str, SignalUse]]:
    """Every use of a signal that must be recorded, by service: each signal's default, and what alerts and panels ask for."""
    found: dict[str, dict[str, SignalUse]] = {}
    for name, view in system.services.items():
        mine = found[name] = {}
        for signal in view.signals.values():
            use = _default_use(signal)
            mine[str(use)] = use
        for rule in alerts[name]:
            for condition in rule.conditions:
                mine[str(condition.use)] = condition.use
    for dashboard in system.spec.dashboards.values():
        for panel in dashboard.panels:
            if panel.signal is None:
                continue
            raw = whole_use(panel, "signal", panel.signal, report)
            if raw is None:
                continue
            shown = [v for v in _shown(system, panel.services) if raw.name in v.signals]
            if not shown:
                unknown_signal(system, raw, panel.services, panel, "signal", report)
                continue
            check_limit(system, raw.name, [v.name for v in shown], panel.at("signal"), report)
            for view in shown:
                if not check_use(raw, view.signals[raw.name], panel, "signal", report):
                    break
                use = find_use(raw, view.signals[raw.name])
                found[view.name][str(use)] = use
    return found


def _default_use(signal: Signal) -> SignalUse:
    quantile = signal.quantile if signal.histogram is not None else None
    return SignalUse(signal, quantile, signal.window if signal.windowed else None)


def _shown(system: System, services: tuple[str, ...]) -> Iterable[ServiceView]:
    names = services or system.services
    return (system.services[name] for name in names if name in system.services)


def _recordings(view: ServiceView, uses: Iterable[SignalUse]) -> list[RecordingRule]:
    return [
        filled.recording(
            signal_text(view, use), record=recorded(use), labels={}, origin=view.origin, service=view.name, use=use
        )
        for use in uses
    ]


def _unique(groups: list[RuleGroup], report: Report) -> None:
    """Two alerts of one name, service and SLO would be one alert to Alertmanager. An alert of the spec that is called like one
    that mkit generates, of whatever service, would share its runbook page and be held back, or hold back others, in its place."""
    generated = {
        rule.name: rule
        for group in groups
        for rule in group.rules
        if isinstance(rule, AlertingRule) and rule.spec is None
    }
    taken: set[str] = set()
    seen: dict[tuple[str, str | None, str | None], AlertingRule] = {}
    for group in groups:
        for rule in group.rules:
            if not isinstance(rule, AlertingRule):
                continue
            if rule.spec is not None and rule.name in generated:
                if rule.name not in taken:
                    _taken(rule, generated[rule.name], report)
                taken.add(rule.name)
                continue
            key = (rule.name, rule.labels.get(SERVICE), rule.labels.get(SLO))
            if key in seen and seen[key].origin != rule.origin:
                report.error(
                    "alerts/duplicate", f"there are two alerts `{rule.name}`" + (f" of `{rule.service}`" if rule.service else ""), rule.origin,
                    help="rename one of them: Alertmanager tells alerts apart by their labels alone",
                    notes=(Note(seen[key].origin, "the other one"),),
                )  # fmt: skip
            seen[key] = rule


def _taken(rule: AlertingRule, other: AlertingRule, report: Report) -> None:
    owner = f" for `{other.service}`" if other.service else ""
    off = ", or turn the generated ones off: `alerting: {absent: off}`" if other.kind == "absent" else ""
    report.error(
        "alerts/duplicate", f"mkit itself generates an alert `{rule.name}`{owner}", rule.origin,
        help=f"rename yours: runbooks and inhibition tell alerts apart by their name{off}",
        notes=(Note(other.origin, "generated from this"),),
    )  # fmt: skip
