"""What runbooks say of alerts that learn from history: when they fire, how to read them, what to look at first."""

from __future__ import annotations

from monitoring_kit.lower.docs import markdown as md
from monitoring_kit.lower.model import AlertingRule

_FIRES = {
    "anomaly": "the value is far from what the same time of earlier weeks lets expect",
    "zero": "the signal is zero or gone where it never was at this time a week ago",
    "capacity": "the trend of its daily averages crosses the hard limit within the horizon",
    "soft": "the average of the last day is above the soft limit",
    "degradation": "the newest version does worse than the one before it",
}
_READING = {
    "anomaly": "The expected value is the median over the last weeks around this time, moved by the growth since; the alert compares the distance with "
    "the usual error of that expectation. It is silent until it has seen a week and two days. Holidays and campaigns are unlike other weeks: "
    "silence the alert for them. What lasts longer than a day or two becomes the new expectation.",
    "zero": "Statistics of unusual values fade once the silence is in their own history; this alert does not. It is silent for the first week.",
    "capacity": "The trend is a line through six days of daily averages, and the change from week to week has to agree with it, so that seasons of a day "
    "or a week are no growth. It is silent until it has seen a week and a day.",
    "soft": "There is still room: this is the time to plan, not to act.",
    "degradation": "The new version is compared with the average of the one that served before it, once it has served for a whole window. When the "
    "version before is forgotten, a day after it served last unless the spec says otherwise, the alert ends by itself.",
}
_STEPS = {
    "anomaly": ["Is it a holiday, a campaign or a planned change? Then the expectation is wrong, not the system.", "Are other services unusual at the same time? Begin with what they share."],
    "zero": ["Do requests arrive at all (load balancer, DNS, network)? Or are they served and not counted?"],
    "capacity": ["How many days are left? The dashboard shows them, and the line that leads there.", "Is it growth, or a leak? A restart gives back what leaked."],
    "soft": ["How many days are left by the trend? Order or clean up before the hard limit."],
    "degradation": ["Is the difference there for all of its traffic? Compare both versions on the dashboard.", "Roll back if users notice; then compare the two versions' changes."],
}  # fmt: skip


def _case(rule: AlertingRule) -> str | None:
    if rule.kind not in ("anomaly", "capacity", "degradation"):
        return None
    own = rule.spec is None or rule.spec.name == rule.name
    return rule.kind if own else {"anomaly": "zero", "capacity": "soft"}.get(rule.kind, rule.kind)


def fires(rule: AlertingRule) -> str | None:
    """When it fires, as Markdown; None for other alerts."""
    case = _case(rule)
    return f"{md.code(rule.labels['signal'])}: {_FIRES[case]}" if case is not None else None


def reading(rule: AlertingRule) -> str:
    """How to read it; "" for other alerts."""
    return _READING.get(_case(rule) or "", "")


def steps(rule: AlertingRule) -> list[str]:
    """What to look at first, before what holds for every alert."""
    return list(_STEPS.get(_case(rule) or "", ()))
