"""The texts of panels: what is shown, where it comes from, and what alerts on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitoring_kit.lower.dashboards.context import data_link
from monitoring_kit.lower.dashboards.limits import Limit


def describe(text: str, metrics: Iterable[str], limits: Iterable[Limit]) -> str:
    """A panel's description: what it is, its metrics, its alerts and their runbooks."""
    parts = [text] if text else []
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(metrics))
    if names:
        parts.append(f"Metric: {names}")
    for limit in _each(limits):
        rule = limit.rule
        lasting = f" for {rule.for_}" if rule.for_.ms else ""
        line = f"Alert {rule.name} ({rule.severity}): {limit.text}{lasting}"
        runbook = rule.annotations.get("runbook_url", "")
        if runbook:
            line += f" - [runbook]({runbook})" if _is_url(runbook) else f" - runbook `{runbook}`"
        parts.append(line)
    return "\n\n".join(parts)


def runbook_links(limits: Iterable[Limit]) -> list[dict[str, Any]]:
    """Links to the runbooks of a panel's alerts, as far as they are published."""
    found = []
    for limit in _each(limits):
        url = limit.rule.annotations.get("runbook_url", "")
        if _is_url(url):
            found.append(data_link(f"Runbook {limit.rule.name}", url, blank=True))
    return found


def _each(limits: Iterable[Limit]) -> list[Limit]:
    return list({(limit.rule.name, limit.text): limit for limit in limits}.values())


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))
