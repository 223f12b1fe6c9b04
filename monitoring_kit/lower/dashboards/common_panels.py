"""Panels that more than one kind of dashboard has."""

from __future__ import annotations

from typing import Any

from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.library import library
from monitoring_kit.lower.dashboards.panel import Look, Query, panel
from monitoring_kit.lower.dashboards.words import describe
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import Expr, metrics, print_expr
from monitoring_kit.promql.ast import Matcher

_STATES: list[dict[str, Any]] = [
    {
        "type": "value",
        "options": {
            "0": {"text": "pending", "color": "yellow", "index": 0},
            "1": {"text": "firing", "color": "red", "index": 1},
        },
    }
]
_UP: list[dict[str, Any]] = [
    {
        "type": "value",
        "options": {
            "0": {"text": "down", "color": "red", "index": 0},
            "1": {"text": "up", "color": "green", "index": 1},
        },
    }
]


def alert_list(title: str, matchers: str, origin: Span | None) -> Branch:
    """Alerts that fire or are pending now; ``matchers`` narrow them by label, ``{service="x"}``."""
    options = {**library()["panels"]["alertlist"]["options"], "alertInstanceLabelFilter": matchers}
    text = "Alerts that fire or wait for their time, from all data sources that manage alerts."
    return Branch(origin, {"type": "alertlist", "title": title, "description": text, "options": options})


def alert_timeline(by: tuple[str, ...], origin: Span | None, *matchers: Matcher) -> Branch:
    """When which alert was pending and firing."""
    look = Look("none", mappings=_STATES, no_value="no alerts")
    expr = queries.alert_states(by, *matchers)
    text = "When alerts were pending and when they fired.\n\nMetric: `ALERTS`"
    return panel("state-timeline", "Alerts over time", text, [Query(expr, queries.legend(by))], look, origin)


def up_timeline(title: str, expr: Expr, label: str, links: list[dict[str, Any]], origin: Span | None) -> Branch:
    """When which target or service answered; ``expr`` gives 1 or 0 by ``label``."""
    look = Look("none", mappings=_UP, links=links)
    text = describe("Whether the targets answered; a service is down when one of its targets is.", metrics(expr), ())
    return panel("state-timeline", title, text, [Query(print_expr(expr), queries.legend((label,)))], look, origin)


def alert_stat(severity: str, origin: Span | None, *matchers: Matcher) -> Branch:
    """How many alerts of a severity fire."""
    look = Look("none", no_value="0")
    expr = queries.alert_count(severity, *matchers)
    text = f"How many {severity} alerts fire now.\n\nMetric: `ALERTS`"
    stat = panel("stat", f"Firing: {severity}", text, [Query(expr, severity)], look, origin)
    return _judged(stat, library()["colors"]["severity"]["none"], 1, library()["colors"]["severity"][severity])


def up_stat(text: str, origin: Span | None, answering: Expr) -> Branch:
    """The share of targets that answer: red as soon as one does not, which is when the alert on targets fires. ``answering``
    gives 1 or 0 for each of them."""
    look = Look("percentunit", bad="low")
    share = print_expr(queries.fold("avg", (), answering))
    stat = panel("stat", "Targets up", describe(text, metrics(answering), ()), [Query(share, "up")], look, origin)
    colors = library()["colors"]["severity"]
    return _judged(stat, colors["critical"], 1, colors["none"])


def _judged(stat: Branch, below: str, border: float, above: str) -> Branch:
    """``stat`` in one colour below ``border`` and in another from there on."""
    judged = [{"color": below, "value": None}, {"color": above, "value": border}]
    config = stat["fieldConfig"]
    defaults = {
        **config["defaults"],
        "color": {"mode": "thresholds"},
        "thresholds": {"mode": "absolute", "steps": judged},
    }
    stat["fieldConfig"] = {**config, "defaults": defaults}
    return stat
