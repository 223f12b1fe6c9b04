"""The dashboard of one service, from its signals."""

from __future__ import annotations

from typing import Any

from monitoring_kit.conventions import SERVICE, signal_panel
from monitoring_kit.lower.answers import answers
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.board import Board
from monitoring_kit.lower.dashboards.common_panels import alert_list, alert_timeline, up_stat, up_timeline
from monitoring_kit.lower.dashboards.context import KEEP, Context, dashboard_link, data_link
from monitoring_kit.lower.dashboards.frame import dashboard, label_variable
from monitoring_kit.lower.dashboards.history import add_history
from monitoring_kit.lower.dashboards.limits import Limit
from monitoring_kit.lower.dashboards.panel import Look, Query, panel, value_overrides
from monitoring_kit.lower.dashboards.words import describe, runbook_links
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import print_expr
from monitoring_kit.promql.ast import Matcher
from monitoring_kit.resolve.signals import SignalUse
from monitoring_kit.resolve.system import ServiceView

# How many signals are also shown as one big number in the head.
_HEADLINES = 4


def service_title(name: str) -> str:
    return f"Service {name}"


def service_board(context: Context, view: ServiceView) -> Branch:
    """The dashboard of ``view``: state and alerts, every recorded signal, and the details in rows that open on demand."""
    board = Board(context.service_uids[view.name])
    mine = Matcher(SERVICE, "=", view.name)
    uses = context.uses[view.name]
    _head(board, context, view, uses)
    board.row("Signals", view.origin)
    for use, record in uses:
        limits = context.limits.get((view.name, str(use)), [])
        board.add(signal_panel(use), _signal(context, view, use, record, limits))
    board.row("Alerts", view.origin)
    board.add("alerts/timeline", alert_timeline(("alertname", "severity"), view.origin, mine))
    add_history(board, context, view)
    _details(board, context, view, uses)
    _instances(board, context, view)
    selector = print_expr(queries.series("up", job=view.job))
    instances = f"label_values({selector}, instance)"
    return dashboard(
        board,
        "service",
        service_title(view.name),
        view.spec.description or view.pack.description,
        interval=view.interval,
        origin=view.origin,
        tags=[*context.tags, "service", view.pack.kind],
        variables=[label_variable("instance", "Instance", "Targets of the service.", instances)],
        annotation=queries.firing_alerts(("alertname", "severity", SERVICE), mine),
        links=_links(context, view),
    )


def _head(board: Board, context: Context, view: ServiceView, uses: list[tuple[SignalUse, str]]) -> None:
    board.add("up", up_stat("Share of the service's targets that answer.", view.origin, answers(view)), 4, 6)
    first: dict[str, tuple[SignalUse, str]] = {}
    for use, record in uses:
        first.setdefault(use.signal.name, (use, record))
    for use, record in list(first.values())[:_HEADLINES]:
        limits = context.limits.get((view.name, str(use)), [])
        board.add(f"headline/{use.signal.name}", _headline(view, use, record, limits), 3, 6)
    # What is left of the line: 24 columns less the state and the headlines.
    width = 24 - 4 - 3 * min(len(first), _HEADLINES)
    service = print_expr(queries.series("ALERTS", service=view.name)).removeprefix("ALERTS")
    board.add("alerts/list", alert_list("Alerts now", service, view.origin), width, 6)


def _headline(view: ServiceView, use: SignalUse, record: str, limits: list[Limit]) -> Branch:
    signal = use.signal
    selector = queries.series(record, service=view.name)
    worst = "min" if signal.bad == "low" else "max"
    # The worst instance stands for all; other labels, such as a currency or a model, are no alternatives of each other.
    kept = tuple(label for label in signal.by if label != "instance")
    expr = queries.fold(worst, kept or (SERVICE,), selector) if "instance" in signal.by else selector
    look = Look(signal.display_unit, limits, signal.bad, runbook_links(limits))
    text = describe(signal.description, [record], limits)
    return panel(
        "stat", use.title, text, [Query(print_expr(expr), queries.legend(kept) or use.title)], look, view.origin
    )


def _signal(context: Context, view: ServiceView, use: SignalUse, record: str, limits: list[Limit]) -> Branch:
    signal = use.signal
    mine = Matcher(SERVICE, "=", view.name)
    legend = queries.legend(signal.by) or use.title
    look = Look(
        signal.display_unit, limits, signal.bad, _links_of(context, view, use, limits), table_legend=bool(limits)
    )
    title = use.title if use.window in (None, signal.window) else f"{use.title} over {use.window}"
    text = describe(signal.description, [record], limits)
    expr = queries.recorded_series(record, use, mine)
    return panel("timeseries", title, text, [Query(expr, legend)], look, view.origin, context.step(view.name))


def _links_of(context: Context, view: ServiceView, use: SignalUse, limits: list[Limit]) -> list[dict[str, Any]]:
    links = runbook_links(limits)
    if "instance" in use.signal.by:
        links.append(_instance_link(context, view))
    return links


def _instance_link(context: Context, view: ServiceView) -> dict[str, Any]:
    url = f"/d/{context.service_uids[view.name]}?{KEEP}&var-instance=${{__field.labels.instance}}"
    return data_link("Only ${__field.labels.instance}", url)


def _details(board: Board, context: Context, view: ServiceView, uses: list[tuple[SignalUse, str]]) -> None:
    """Every signal broken down by the labels that its pack names, and the distribution of its histograms."""
    wanted: dict[str, SignalUse] = {}
    for use, _ in uses:
        if use.signal.split or use.signal.histogram is not None:
            wanted.setdefault(use.signal.name, use)
    if not wanted:
        return
    board.row("Details", view.origin, collapsed=True)
    for use in wanted.values():
        signal = use.signal
        for label in _split_labels(context, view, use):
            stacked = signal.unit in ("per_second", "bytes_per_second") or signal.form == "ratio"
            # The parts of a ratio are all bad: one red for each would not tell them apart.
            overrides = [] if signal.form == "ratio" else value_overrides((label,))
            look = Look(signal.display_unit, overrides=overrides, stacked=stacked)
            title = f"{use.title} by {label}"
            text = describe(f"{signal.description} Broken down by `{label}`.", _sources(view, use), ())
            query = Query(queries.split(view, use, label), queries.legend((label,)))
            board.add(
                f"split/{signal.name}/{label}",
                panel("timeseries", title, text, [query], look, view.origin, context.step(view.name)),
            )
        if signal.histogram is not None:
            text = describe(
                f"{signal.description} How many observations fell into which bucket.", _sources(view, use), ()
            )
            query = Query(queries.buckets(view, use), "{{le}}", "heatmap")
            look = Look(signal.display_unit)
            board.add(
                f"heatmap/{signal.name}",
                panel(
                    "heatmap", f"{signal.title} distribution", text, [query], look, view.origin, context.step(view.name)
                ),
            )


def _split_labels(context: Context, view: ServiceView, use: SignalUse) -> list[str]:
    """The split labels that the service's metrics have, as far as that is known."""
    known = context.system.registry.by_service.get(view.name, {})
    infos = [known[name] for name in map(_family, _sources(view, use)) if name in known]
    return [label for label in use.signal.split if not infos or any(label in info.labels for info in infos)]


def _family(name: str) -> str:
    return name.removesuffix("_bucket")


def _sources(view: ServiceView, use: SignalUse) -> list[str]:
    from monitoring_kit.promql import metrics

    signal = use.signal
    parts = [signal.expr, signal.histogram, *(signal.ratio or ())]
    return list(dict.fromkeys(name for part in parts if part is not None for name in metrics(part)))


def _instances(board: Board, context: Context, view: ServiceView) -> None:
    """The scrapes themselves: what Prometheus records of every target."""
    job = Matcher("job", "=", view.job)
    origin, step = view.origin, context.step(view.name)
    board.row("Instances", origin, collapsed=True)
    states = queries.fold("min", ("instance",), answers(view, queries.ANY_INSTANCE))
    board.add("instances/up", up_timeline("Targets", states, "instance", [_instance_link(context, view)], origin))
    for key, title, unit, text in (
        ("scrape_duration_seconds", "Scrape duration", "s", "How long the scrape of each target took."),
        (
            "scrape_samples_post_metric_relabeling",
            "Samples",
            "short",
            "How many samples each target gave, after metric relabeling.",
        ),
    ):
        expr = print_expr(queries.fold("max", ("instance",), queries.series(key, job, queries.ANY_INSTANCE)))
        found = panel(
            "timeseries", title, describe(text, [key], ()), [Query(expr, "{{instance}}")], Look(unit), origin, step
        )
        board.add(f"instances/{key}", found)


def _links(context: Context, view: ServiceView) -> list[dict[str, Any]]:
    links = [context.overview, context.related]
    for name in view.spec.depends_on:
        if name in context.service_uids:
            url = f"/d/{context.service_uids[name]}?${{datasource:queryparam}}"
            links.append(dashboard_link(f"Needs {name}", url, f"{view.name} depends on {name}"))
    if view.spec.runbook:
        links.append(dashboard_link("Runbook", view.spec.runbook, f"Runbook of {view.name}", blank=True))
    return links
