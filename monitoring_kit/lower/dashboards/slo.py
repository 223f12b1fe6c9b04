"""The dashboard of all objectives: what was promised, what is left of each budget, and how fast it goes."""

from __future__ import annotations

from typing import Any

from monitoring_kit import conventions as c
from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.common_panels import alert_timeline
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.frame import dashboard, label_variable
from monitoring_kit.lower.dashboards.panel import Look, Query, panel
from monitoring_kit.lower.slo.plan import SloPlan
from monitoring_kit.lower.slo.texts import BURN_PANEL, EVENTS_PANEL
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import Expr, print_expr
from monitoring_kit.promql import build as q
from monitoring_kit.promql.ast import Matcher, VectorSelector
from monitoring_kit.spec.quantity import Duration

Labels = tuple[str, ...]
_ANY_SLO = Matcher(c.SLO, "=~", "$slo")
# Above this many budgets only those with the least left are shown: nobody reads more bars.
_MOST = 30
_IDENTITY = (c.SERVICE, c.SLO, c.SLO_DEFINITION)


def slo_title(system: str) -> str:
    return f"Objectives of {system}"


def slo_board(context: Context) -> Branch:
    """One dashboard for the system; variables choose services, objectives, and the groups within them."""
    system, plans = context.system, context.model.slos
    origin = plans[0].origin
    board = Board(c.slo_dashboard(system.name))
    by = tuple(dict.fromkeys(label for plan in plans for label in plan.by))
    drill = context.service_links
    board.add("slo/left", _left(by, drill, origin), 12, 9)
    board.add("slo/burndown", _burn_down(by, drill, origin), 12, 9)
    board.row("How good it is", origin)
    for window in ("1h", *(["1d"] if any(_reads(plan, "1d") for plan in plans) else [])):
        board.add(f"slo/sli/{window}", _sli(window, by, drill, origin))
    board.add(EVENTS_PANEL, _events(by, origin), 12, 8)
    board.row("How fast the budget is spent", origin)
    board.add(BURN_PANEL, _burn(plans, by, origin), 24, 10)
    board.row("Alerts", origin)
    board.add(
        "alerts/timeline",
        alert_timeline((c.SERVICE, c.SLO, "alertname"), origin, queries.ANY_SERVICE, _ANY_SLO),
        24,
        10,
    )
    return dashboard(
        board, "system", slo_title(system.name), "What was promised, what is left of each error budget, and how fast it is spent.",
        interval=Duration(30_000), origin=origin, tags=[*context.tags, "slo"], variables=_variables(by),
        annotation=queries.firing_alerts(("alertname", "severity", c.SERVICE, c.SLO), queries.ANY_SERVICE, _ANY_SLO),
        links=[context.overview, context.related],
    )  # fmt: skip


def _variables(by: tuple[str, ...]) -> list[dict[str, Any]]:
    objective = c.SLO_OBJECTIVE
    found = [
        label_variable("service", "Service", "Services with objectives.", f"label_values({objective}, {c.SERVICE})"),
        label_variable("slo", "Objective", "Objectives.", f'label_values({objective}{{service=~"$service"}}, {c.SLO})'),
    ]
    for label in by:
        values = f'label_values({c.SLO_BUDGET_LEFT}{{service=~"$service", slo=~"$slo"}}, {label})'
        found.append(label_variable(label, label, "One budget each.", values, ".*"))
    return found


def _chosen(name: str, by: Labels) -> VectorSelector:
    """The chosen objectives' series, and of those that are grouped the chosen groups."""
    groups = (Matcher(label, "=~", f"${label}") for label in by)
    return VectorSelector(name, (queries.ANY_SERVICE, _ANY_SLO, *groups))


def _legend(by: Labels) -> str:
    return queries.legend((c.SERVICE, c.SLO, *by))


def _left(by: Labels, links: list[dict[str, Any]], origin: Span) -> Branch:
    look = Look("percentunit", bad="low", links=links, no_value="no budget yet: it needs some minutes of events")
    expr = q.aggregate("bottomk", _chosen(c.SLO_BUDGET_LEFT, by), param=_MOST)
    text = (
        "What is left of each error budget: 100 % is untouched, 0 % is spent, below it the objective is missed."
        f" The {_MOST} with the least.\n\nMetric: `{c.SLO_BUDGET_LEFT}`"
    )
    return _judged(panel("bargauge", "Budget left", text, [Query(print_expr(expr), _legend(by))], look, origin))


def _judged(found: Branch) -> Branch:
    """Red where the budget is spent, yellow for the last quarter."""
    steps = [{"color": "red", "value": None}, {"color": "yellow", "value": 0}, {"color": "green", "value": 0.25}]
    config = found["fieldConfig"]
    defaults = {
        **config["defaults"],
        "min": 0,
        "max": 1,
        "color": {"mode": "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    found["fieldConfig"] = {**config, "defaults": defaults}
    return found


def _burn_down(by: Labels, links: list[dict[str, Any]], origin: Span) -> Branch:
    text = f"How the budget went down, and came back as bad events left the window.\n\nMetric: `{c.SLO_BUDGET_LEFT}`"
    look = Look("percentunit", bad="low", links=links, table_legend=True)
    expr = q.aggregate("bottomk", _chosen(c.SLO_BUDGET_LEFT, by), param=_MOST)
    return panel("timeseries", "Budget over time", text, [Query(print_expr(expr), _legend(by))], look, origin)


def _sli(window: str, by: Labels, links: list[dict[str, Any]], origin: Span) -> Branch:
    name = c.slo_ratio(window)
    text = f"The share of good events over {window}.\n\nMetric: `{name}`"
    look = Look("percentunit", bad="low", links=links, no_value="no events")
    return panel(
        "timeseries",
        f"Good events over {window}",
        text,
        [Query(print_expr(q.sub(1, _chosen(name, by))), _legend(by))],
        look,
        origin,
    )


def _events(by: Labels, origin: Span) -> Branch:
    text = f"Bad events per second.\n\nMetric: `{c.SLO_BAD}`"
    return panel(
        "timeseries", "Bad events", text, [Query(print_expr(_chosen(c.SLO_BAD, by)), _legend(by))], Look("ops"), origin
    )


def _burn(plans: tuple[SloPlan, ...], by: Labels, origin: Span) -> Branch:
    """Each window's burn rate: the worst of the chosen objectives' groups."""
    budget = VectorSelector(c.SLO_BUDGET)
    windows = sorted({w for p in plans for page in (True, False) for w in p.shape.windows(page=page)})
    asked = []
    for window in windows:
        share = _chosen(c.slo_ratio(str(window)), by)
        rate: Expr = q.div(share, budget, q.matching(on=_IDENTITY, group="left"))
        asked.append(
            Query(print_expr(q.max_by((c.SERVICE, c.SLO), rate)), f"{window} {queries.legend((c.SERVICE, c.SLO))}")
        )
    text = (
        "How many times faster than it lasts the budget is spent, over each window that the alerts read; 1 spends it exactly."
        f"\n\nMetric: `{c.slo_ratio('...')}`, `{c.SLO_BUDGET}`"
    )
    return panel("timeseries", "Burn rate", text, asked, Look("short", table_legend=True), origin)


def _reads(plan: SloPlan, window: str) -> bool:
    return any(str(w) == window for page in (True, False) for w in plan.shape.windows(page=page))
