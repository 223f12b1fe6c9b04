"""The dashboards that the spec itself describes."""

from __future__ import annotations

from monitoring_kit.conventions import SERVICE, spec_dashboard
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.custom_query import query_panel, variables_of
from monitoring_kit.lower.dashboards.frame import dashboard, label_variable
from monitoring_kit.lower.dashboards.limits import common
from monitoring_kit.lower.dashboards.panel import Look, Query, panel
from monitoring_kit.lower.dashboards.unit_check import panel_unit
from monitoring_kit.lower.dashboards.words import describe, runbook_links
from monitoring_kit.lower.tree import Branch
from monitoring_kit.lower.uses import find_use
from monitoring_kit.promql import print_expr
from monitoring_kit.promql.ast import VectorSelector
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import ServiceView
from monitoring_kit.resolve.uses import RawUse, UseError, read_whole_use
from monitoring_kit.spec.platform import Dashboard, Panel

_VARIABLES = {
    "service": ("Service", "Services of the system."),
    "instance": ("Instance", "Targets."),
    "job": ("Job", "Scrape jobs."),
}


def custom_uid(context: Context, spec: Dashboard) -> str:
    """The uid that the spec gives a dashboard, or the one made from its name."""
    return spec.uid or spec_dashboard(context.system.name, spec.name)


def custom_board(context: Context, spec: Dashboard) -> Branch:
    """One dashboard of the spec: its panels in reading order. Panels that cannot be made are left out after a diagnostic."""
    board = Board(custom_uid(context, spec))
    used: set[str] = set()
    keys: set[str] = set()
    for number, item in enumerate(spec.panels):
        made = _signal_panel(context, item, used) if item.signal is not None else query_panel(context, item)
        if made is None:
            continue
        if item.query is not None:
            used |= variables_of(item)
        key = f"panel/{item.title}"
        board.add(key if key not in keys else f"{key}/{number}", made, item.width, item.height)
        keys.add(key)
    variables = []
    for name, (label, text) in _VARIABLES.items():
        if name in used:
            selector = print_expr(
                VectorSelector("up", (queries.ANY_SERVICE,) if name == "instance" and "service" in used else ())
            )
            variables.append(
                label_variable(
                    name, label, text, f"label_values({selector}, {name})", ".*" if name == "service" else ".+"
                )
            )
    scope = (queries.ANY_SERVICE,) if "service" in used else ()
    return dashboard(
        board,
        "custom",
        spec.title,
        spec.description,
        interval=context.shortest,
        origin=spec.name_span,
        tags=list(dict.fromkeys([*context.tags, *spec.tags])),
        variables=variables,
        annotation=queries.firing_alerts(("alertname", "severity", SERVICE), *scope),
        links=[context.overview, context.related],
    )


def _signal_panel(context: Context, item: Panel, used: set[str]) -> Branch | None:
    """A signal of all services that have it, or of the named ones. What is wrong with it, lowering the rules has said."""
    assert item.signal is not None
    try:
        raw = read_whole_use(item.signal)
    except UseError:
        return None
    services = context.system.services
    named = (services[n] for n in (item.services or services) if n in services)
    views = [view for view in named if raw.name in view.signals]
    shown = [(view, use) for view in views if (use := _use(raw, view)) is not None]
    if not shown:
        return None
    use = shown[0][1]
    signal = use.signal
    limits = common([context.limits.get((view.name, str(u)), []) for view, u in shown])
    type_ = item.type or "timeseries"
    unit = panel_unit(context.report, item) or signal.display_unit
    if type_ == "heatmap" and signal.histogram is None:
        context.report.error(
            "dashboards/heatmap", f"`{signal.name}` is no histogram: a heatmap has nothing to spread out", item.at("type"),
            help="leave out `type`, or show a histogram signal such as latency",
        )  # fmt: skip
        return None
    labels = ("le",) if type_ == "heatmap" else (SERVICE, *signal.by)
    legend = item.legend or queries.legend(labels)
    text = item.description or signal.description
    recorded = [context.model.recorded_name(view.name, u) for view, u in shown]
    format_ = type_ if type_ in ("heatmap", "table") else "time_series"
    found = [Query(expr, legend, format_) for expr in _exprs(item, shown, recorded)]
    if not item.services:
        used.add("service")
    if "instance" in signal.by and any(recorded) and type_ != "heatmap":
        used.add("instance")
    overrides = context.service_overrides if legend == queries.legend((SERVICE,)) else []
    look = Look(unit, limits, signal.bad, [*context.service_links, *runbook_links(limits)], overrides)
    look.table_legend = bool(limits) and type_ == "timeseries"
    return panel(type_, item.title, describe(text, filter(None, recorded), limits), found, look, item.at("title"))


def _exprs(item: Panel, shown: list[tuple[ServiceView, SignalUse]], recorded: list[str | None]) -> list[str]:
    """One query for each recorded series, and one for each service without."""
    which = queries.among(item.services) if item.services else queries.ANY_SERVICE
    if item.type == "heatmap":
        return queries.buckets_of_all((use for _, use in shown), which)
    by_name = {name: use for (_, use), name in zip(shown, recorded, strict=True) if name is not None}
    found = [queries.recorded_series(name, use, which) for name, use in by_name.items()]
    return found + [queries.live(view, use) for (view, use), name in zip(shown, recorded, strict=True) if name is None]


def _use(raw: RawUse, view: ServiceView) -> SignalUse | None:
    signal = view.signals[raw.name]
    if (raw.quantile is not None and signal.histogram is None) or (raw.window is not None and not signal.windowed):
        return None
    return find_use(raw, signal)
