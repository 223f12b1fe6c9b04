"""What the alerts of an SLO say."""

from __future__ import annotations

from monitoring_kit.conventions import panel_id, slo_dashboard
from monitoring_kit.lower import messages
from monitoring_kit.lower.slo.plan import SloPlan
from monitoring_kit.lower.slo.windows import TierPlan
from monitoring_kit.resolve.system import System
from monitoring_kit.spec.quantity import Duration

BURN_PANEL = "slo/burn"
EVENTS_PANEL = "slo/events"


def burn_texts(system: System, plan: SloPlan, tier: TierPlan) -> dict[str, str]:
    """Annotations of a burn-rate alert."""
    share = messages.human("ratio")
    gone = _spent(plan.shape.period.length, tier.factor)
    return {
        "summary": f"{_who(plan)}: {share} of events were bad over {tier.long}, the objective is {plan.spec.objective.text}",
        "description": (
            f"{_promise(plan)}The error budget of {plan.shape.period} is spent at more than {tier.factor:g} times the rate that it"
            f" lasts for, over {tier.long} and still over {tier.short}. At that rate a whole budget is gone in {gone}."
        ),
        "value": share,
        **links(system, plan, tier.alert, BURN_PANEL),
    }


def low_traffic_texts(system: System, plan: SloPlan, name: str) -> dict[str, str]:
    """Annotations of the companion below the floor of events."""
    floor = plan.shape.floor
    assert floor is not None
    return {
        "summary": f"{_who(plan)}: {{{{ $value | humanize }}}} bad events in an hour of little traffic",
        "description": (
            f"{_promise(plan)}There were fewer than {floor.total} events within the hour, too few for a share that pages, but at least"
            f" {floor.bad} of them were bad."
        ),
        "value": messages.human("number"),
        **links(system, plan, name, EVENTS_PANEL),
    }


def vanished_texts(system: System, plan: SloPlan, name: str) -> dict[str, str]:
    """Annotations of the alert on events that are no longer counted."""
    return {
        "summary": f"{plan.service}: nothing counts the events of the SLO {plan.name} any more",
        "description": (
            f"{_promise(plan)}The counters that it is computed from are gone, so none of its other alerts can fire: the targets vanished,"
            " the metric was renamed, or nothing has happened since the start."
        ),
        **links(system, plan, name, EVENTS_PANEL),
    }


def links(system: System, plan: SloPlan, name: str, panel: str) -> dict[str, str]:
    """The annotations that lead on: the panel of the SLO dashboard, the runbook, probable causes."""
    found = messages.links(system, None, name, plan.service, None)
    uid = slo_dashboard(system.name)
    number = panel_id(uid, panel)
    base = (system.spec.grafana.url or "").rstrip("/")
    found["__dashboardUid__"] = uid
    found["__panelId__"] = str(number)
    found["dashboard"] = f"{base}/d/{uid}?viewPanel={number}&var-service={plan.service}&var-slo={plan.name}"
    if plan.spec.runbook:
        found["runbook_url"] = plan.spec.runbook
    return found


def _who(plan: SloPlan) -> str:
    return f"{plan.service} {plan.name}" + "".join(f" {{{{ $labels.{label} }}}}" for label in plan.by)


def _promise(plan: SloPlan) -> str:
    text = plan.spec.description.strip()
    return f"{text.rstrip('.')}. " if text else ""


def _spent(period: Duration, factor: float) -> str:
    minutes = round(period.ms / factor / 60_000)
    whole = 1440 if minutes >= 2880 else 60 if minutes >= 120 else 1
    return str(Duration(max(1, round(minutes / whole)) * whole * 60_000))
