"""Alerts on targets that do not answer or are not there at all, and the dead man's switch."""

from __future__ import annotations

from monitoring_kit.conventions import SERVICE, SERVICE_ABSENT, SERVICE_DOWN, TARGET_DOWN, WATCHDOG
from monitoring_kit.lower import messages
from monitoring_kit.lower.alerts import static_labels
from monitoring_kit.lower.answers import answers
from monitoring_kit.lower.model import AlertingRule
from monitoring_kit.promql.ast import Aggregate, Binary, Call, Expr, Matcher, Matching, Number, VectorSelector
from monitoring_kit.resolve.system import ServiceView, System
from monitoring_kit.spec.quantity import Duration

# Two failed scrapes at the usual 15 s before a page: degradation is found within a minute, one lost packet pages nobody.
DOWN_FOR = Duration(30_000)
TARGET_DOWN_FOR = Duration(120_000)
# A target that discovery lost leaves no `up` from the next evaluation on; three minutes outlast a redeployment and are found
# within five, as every page must be.
ABSENT_FOR = Duration(180_000)


def absence_alerts(system: System, view: ServiceView) -> list[AlertingRule]:
    """ServiceDown (no instance answers), TargetDown (some do not) and ServiceAbsent (there is no target)."""
    severity = system.spec.alerting.absent
    if severity is None or severity == "off":
        return []
    up = answers(view)
    down_for = max(DOWN_FOR, Duration(view.interval.ms * 2)) if view.interval.ms > 15_000 else DOWN_FOR
    nothing_up = Binary("==", Aggregate("max", up, grouping=(SERVICE,)), Number(0))
    some_down = Binary("==", Aggregate("min", up, grouping=(SERVICE, "instance")), Number(0))
    one_up = Binary("==", Aggregate("max", up, grouping=(SERVICE,)), Number(1))
    return [
        _rule(
            system, view, SERVICE_DOWN, nothing_up, down_for, severity,
            f"{view.name} is down: none of its targets answers",
            "Every target of the service failed its scrapes. While this fires, alerts on services that depend on it are held back.",
        ),
        _rule(
            system, view, TARGET_DOWN, Binary("and", some_down, one_up, matching=Matching(True, (SERVICE,))), TARGET_DOWN_FOR, "warning",
            f"{view.name}: {{{{ $labels.instance }}}} does not answer",
            "One target of the service fails its scrapes while others answer.",
        ),
        _rule(
            system, view, SERVICE_ABSENT, Call("absent", (VectorSelector("up", (Matcher("job", "=", view.job),)),)), ABSENT_FOR, severity,
            f"{view.name} has no targets",
            "Prometheus knows no target of the service: it is not deployed, or discovery does not find it.",
        ),
    ]  # fmt: skip


def _rule(
    system: System,
    view: ServiceView,
    name: str,
    expr: Expr,
    for_: Duration,
    severity: str,
    summary: str,
    description: str,
) -> AlertingRule:
    notify = system.channels_by_severity[severity]
    return AlertingRule(
        name=name,
        expr=expr,
        for_=for_,
        keep_firing_for=Duration(0),
        labels=static_labels(system, view.name, severity, notify, {}),
        annotations={
            "summary": summary,
            "description": description,
            **messages.links(system, None, name, view.name, None),
        },
        origin=view.origin,
        kind="absent",
        severity=severity,
        notify=notify,
        service=view.name,
    )


def watchdog(system: System) -> list[AlertingRule]:
    """The always-firing alert whose absence an outside receiver notices."""
    wanted = system.spec.alerting.watchdog
    if wanted is None:
        return []
    notify = tuple(name for name in system.spec.channels if name in wanted.notify)
    texts = {
        "summary": f"{system.name}: monitoring is alive",
        "description": "This alert always fires. Its receiver must raise the alarm when it stops coming.",
        "runbook_url": messages.links(system, None, WATCHDOG, None, None)["runbook_url"],
    }
    return [
        AlertingRule(
            name=WATCHDOG,
            expr=Call("vector", (Number(1),)),
            for_=Duration(0),
            keep_firing_for=Duration(0),
            labels=static_labels(system, None, "info", notify, {}),
            annotations=texts,
            origin=wanted.node.span,
            kind="watchdog",
            severity="info",
            notify=notify,
        )
    ]
