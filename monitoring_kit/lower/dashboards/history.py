"""Panels of what is watched by its history: the band of an anomaly, the forecast of a capacity, versions side by side."""

from __future__ import annotations

from typing import Any

from monitoring_kit.conventions import SERVICE
from monitoring_kit.lower.anomaly import band, learning_days
from monitoring_kit.lower.capacity import shown
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.limits import Limit
from monitoring_kit.lower.dashboards.panel import Look, Query, panel
from monitoring_kit.lower.dashboards.words import describe
from monitoring_kit.lower.plans import AnomalyPlan, CapacityPlan, DegradationPlan, Plan
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import build as b
from monitoring_kit.promql import print_expr
from monitoring_kit.resolve.system import ServiceView

_READY: list[dict[str, Any]] = [
    {
        "type": "value",
        "options": {
            "0": {"text": "learning", "color": "yellow", "index": 0},
            "1": {"text": "ready", "color": "green", "index": 1},
        },
    }
]
_DASHED = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}}
_THIN = {"id": "custom.lineWidth", "value": 1}
_NO_FILL = {"id": "custom.fillOpacity", "value": 0}
_SEASONS = {"1w": "week", "1d": "day"}


def add_history(board: Board, context: Context, view: ServiceView) -> None:
    """A row with a panel for each signal of ``view`` that is watched by its history; nothing when none is."""
    mine: dict[tuple[type[Plan], str], Plan] = {}
    for plan in context.plans.get(view.name, ()):
        mine.setdefault((type(plan), plan.key), plan)
    if not mine:
        return
    board.row("History", view.origin)
    for plan in mine.values():
        if isinstance(plan, AnomalyPlan):
            board.add(f"anomaly/{plan.key}", _band(plan, context))
            board.add(f"anomaly/{plan.key}/ready", _ready(plan), 6, 4)
        elif isinstance(plan, CapacityPlan):
            board.add(f"capacity/{plan.key}", _forecast(plan, context))
            board.add(f"capacity/{plan.key}/days", _days(plan), 6, 4)
        elif isinstance(plan, DegradationPlan):
            board.add(f"degradation/{plan.key}", _versions(plan, context))


def _named(plan: Plan, what: str) -> str:
    """The legend of one of several lines of a panel; apart by the signal's labels where it has some."""
    labels = queries.legend(plan.use.signal.by)
    return f"{labels} {what}".strip()


def _dashes(*endings: str) -> list[dict[str, Any]]:
    matcher = {"id": "byRegexp", "options": f"/({'|'.join(endings)})$/"}
    return [{"matcher": matcher, "properties": [_DASHED, _THIN, _NO_FILL]}]


def _band(plan: AnomalyPlan, context: Context) -> Branch:
    signal = plan.use.signal
    expected = b.metric(plan.prediction, service=plan.service)
    lines = [
        Query(print_expr(b.metric(plan.record, service=plan.service)), _named(plan, "now")),
        Query(print_expr(expected), _named(plan, "expected")),
        Query(print_expr(b.add(expected, band(plan))), _named(plan, "upper")),
        Query(print_expr(b.clamp_min(b.sub(expected, band(plan)), 0)), _named(plan, "lower")),
    ]
    overrides = _dashes("expected", "upper", "lower")
    if not signal.by:
        fill = [{"id": "custom.fillBelowTo", "value": "lower"}, {"id": "custom.fillOpacity", "value": 15}]
        overrides.append({"matcher": {"id": "byName", "options": "upper"}, "properties": fill})
    text = (
        f"{signal.description} The band is what this time of the {_SEASONS[str(plan.season)]} lets expect, give or take "
        f"{plan.sensitivity:g} times the prediction's usual error.\n\nThe prediction needs one season of history and the band "
        f"{learning_days(plan)} days: until then there is no band, and the alert is silent."
    )
    look = Look(signal.display_unit, overrides=overrides)
    return panel(
        "timeseries",
        f"{plan.use.title}: expected",
        describe(text, [plan.prediction], ()),
        lines,
        look,
        plan.origin,
        context.step(plan.service),
    )


def _ready(plan: AnomalyPlan) -> Branch:
    """Whether the band is known: silence of an alert that still learns says nothing."""
    known = b.binary(">", b.count_by((), b.metric(plan.spread, service=plan.service)), 0, bool_modifier=True)
    query = Query(print_expr(b.or_(known, b.vector(0))), "state")
    text = f"Anomalies are found once {learning_days(plan)} days of history are known."
    look = Look("none", mappings=_READY)
    return panel(
        "stat", f"{plan.use.title}: anomaly detection", describe(text, [plan.spread], ()), [query], look, plan.origin
    )


def _forecast(plan: CapacityPlan, context: Context) -> Branch:
    signal = plan.use.signal
    lines = [
        Query(print_expr(b.metric(plan.record, service=plan.service)), _named(plan, "now")),
        Query(print_expr(b.metric(plan.daily, service=plan.service)), _named(plan, "average of a day")),
        Query(print_expr(b.metric(plan.forecast, service=plan.service)), _named(plan, f"in {plan.horizon}")),
    ]
    limits = _limits(plan, context)
    text = (
        f"{signal.description} The dashed line is where the trend of its daily averages leads within {plan.horizon}; the hard limit is "
        f"{shown(plan.hard, signal)}, the soft one {shown(plan.soft, signal)}. The trend needs two days of daily averages."
    )
    look = Look(signal.display_unit, limits, signal.bad, overrides=_dashes(f"in {plan.horizon}"))
    return panel(
        "timeseries",
        f"{plan.use.title}: forecast",
        describe(text, [plan.forecast], limits),
        lines,
        look,
        plan.origin,
        context.step(plan.service),
    )


def _limits(plan: CapacityPlan, context: Context) -> list[Limit]:
    """The lines that its alerts compare with."""
    found = []
    for rule in context.family_alerts.get((plan.service, plan.key), ()):
        if rule.kind == "capacity" and rule.spec is not None and rule.spec.name == plan.alert:
            value = plan.hard if rule.name == plan.alert else plan.soft
            found.append(Limit(">", value, rule, f"{plan.key} > {shown(value, plan.use.signal)}"))
    return found


def _days(plan: CapacityPlan) -> Branch:
    least = b.aggregate("min", b.metric(plan.days_to_limit, service=plan.service))
    text = f"Days until the first reaches {shown(plan.hard, plan.use.signal)} by the trend of its daily averages."
    look = Look("d", no_value="not growing")
    return panel(
        "stat",
        f"{plan.use.title}: days to limit",
        describe(text, [plan.days_to_limit], ()),
        [Query(print_expr(least), "days")],
        look,
        plan.origin,
    )


def _versions(plan: DegradationPlan, context: Context) -> Branch:
    signal = plan.use.signal
    others = tuple(n for n in signal.by if n != plan.label)
    before = b.max_by((SERVICE, *others), b.metric(plan.previous, service=plan.service))
    lines = [
        Query(print_expr(b.metric(plan.record, service=plan.service)), queries.legend((*others, plan.label))),
        Query(print_expr(before), f"{queries.legend(others)} the version before".strip()),
    ]
    text = f"{signal.description} Each version by itself, and the average of the version that served before the newest."
    look = Look(signal.display_unit, bad=signal.bad, overrides=_dashes("the version before"))
    return panel(
        "timeseries",
        f"{plan.use.title}: each {plan.label}",
        describe(text, [plan.record], ()),
        lines,
        look,
        plan.origin,
        context.step(plan.service),
    )
