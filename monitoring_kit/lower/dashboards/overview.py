"""The dashboard of the whole system."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from monitoring_kit.conventions import SERVICE, system_dashboard
from monitoring_kit.diagnostics import Span
from monitoring_kit.lower.answers import all_answers
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.common_panels import alert_list, alert_stat, alert_timeline, up_stat, up_timeline
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.frame import dashboard, label_variable
from monitoring_kit.lower.dashboards.limits import common
from monitoring_kit.lower.dashboards.panel import Look, Query, panel
from monitoring_kit.lower.dashboards.words import describe, runbook_links
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import Expr, print_expr
from monitoring_kit.promql.ast import Binary, Number, VectorSelector
from monitoring_kit.resolve.signals import SignalUse

# Above this number of services a panel shows only the worst of them: more lines can neither be read nor drawn in time.
_MANY = 20


@dataclass(slots=True)
class Shared:
    """A recorded series that several services have."""

    record: str
    use: SignalUse
    services: list[str] = field(default_factory=list)
    titles: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)


def system_title(name: str) -> str:
    return f"System {name}"


def overview_board(context: Context) -> Branch:
    """The dashboard of the system: which services answer, which alerts fire, and every signal that services share."""
    system = context.system
    origin = system.spec.at("system")
    board = Board(system_dashboard(system.name))
    board.add("up", up_stat("Share of all targets that answer.", origin, _answering(context)), 4, 8)
    for severity in ("critical", "warning"):
        board.add(f"firing/{severity}", alert_stat(severity, origin, queries.ANY_SERVICE), 4, 8)
    board.add("alerts/list", alert_list("Alerts now", "", origin), 12, 8)
    board.add("services/up", _services(context, origin), 24, 8)
    board.row("Signals", origin)
    for shared in _shared(context):
        board.add(f"signal/{shared.use}", _signal(context, shared))
    board.row("Alerts", origin)
    board.add("alerts/timeline", alert_timeline((SERVICE, "alertname"), origin, queries.ANY_SERVICE), 24, 10)
    services = f"label_values({print_expr(VectorSelector('up'))}, {SERVICE})"
    return dashboard(
        board,
        "system",
        system_title(system.name),
        system.spec.description,
        interval=context.interval(*system.services),
        origin=origin,
        tags=[*context.tags, "system"],
        variables=[label_variable("service", "Service", "Services of the system.", services, ".*")],
        annotation=queries.firing_alerts(("alertname", "severity", SERVICE), queries.ANY_SERVICE),
        links=[context.related],
    )


def _services(context: Context, origin: Span) -> Branch:
    found = up_timeline("Services", _service_states(context), SERVICE, context.service_links, origin)
    found["fieldConfig"]["overrides"] = context.service_overrides
    return found


def _answering(context: Context) -> Expr:
    return all_answers(context.system.services.values(), queries.ANY_SERVICE)


def _service_states(context: Context) -> Expr:
    states: Expr = queries.fold("min", (SERVICE,), _answering(context))
    if len(context.system.services) > _MANY:
        # A line for each of very many services would bury the few that matter: those that were down.
        states = Binary("<", states, Number(1))
    return states


def _shared(context: Context) -> list[Shared]:
    """The recorded series by how many services have them; those of a single service are on its own dashboard."""
    found: dict[str, Shared] = {}
    for service, uses in context.uses.items():
        for use, record in uses:
            shared = found.setdefault(record, Shared(record, use))
            shared.services.append(service)
            shared.titles[use.title] += 1
            shared.units[use.signal.display_unit] += 1
    enough = min(2, len(context.system.services))
    chosen = [shared for shared in found.values() if len(shared.services) >= enough]
    return sorted(chosen, key=lambda shared: -len(shared.services))


def _signal(context: Context, shared: Shared) -> Branch:
    use, signal = shared.use, shared.use.signal
    expr: Expr = VectorSelector(shared.record, (queries.ANY_SERVICE,))
    title = shared.titles.most_common(1)[0][0]
    if use.window not in (None, signal.window):
        title += f" over {use.window}"
    worst = "min" if signal.bad == "low" else "max"
    if signal.by:
        expr = queries.fold(worst, (SERVICE,), expr)
    if len(shared.services) > _MANY:
        expr = queries.fold("bottomk" if signal.bad == "low" else "topk", (), expr, Number(_MANY))
        title += f" ({'lowest' if signal.bad == 'low' else 'highest'} {_MANY})"
    limits = common([context.limits.get((name, str(use)), []) for name in shared.services])
    links = [*context.service_links, *runbook_links(limits)]
    unit = shared.units.most_common(1)[0][0]
    look = Look(unit, limits, signal.bad, links, context.service_overrides, table_legend=True)
    text = describe(signal.description, [shared.record], limits)
    origin = context.system.spec.at("system")
    return panel("timeseries", title, text, [Query(print_expr(expr), queries.legend((SERVICE,)))], look, origin)
