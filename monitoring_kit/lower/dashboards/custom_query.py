"""Panels of the spec that show a query."""

from __future__ import annotations

from monitoring_kit.conventions import SERVICE
from monitoring_kit.diagnostics import Fix
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.lower.dashboards import queries
from monitoring_kit.lower.dashboards.context import Context
from monitoring_kit.lower.dashboards.limits import Limit
from monitoring_kit.lower.dashboards.panel import Look, Query, panel, value_overrides
from monitoring_kit.lower.dashboards.unit_check import panel_unit
from monitoring_kit.lower.dashboards.words import describe, runbook_links
from monitoring_kit.lower.tree import Branch
from monitoring_kit.promql import Expr, PromQLError, children, metric_name, metrics, parse, print_expr, variables, walk
from monitoring_kit.promql.ast import Aggregate, Binary, Call, Duration, MatrixSelector, Number, Paren, VectorSelector
from monitoring_kit.resolve.registry import MetricInfo
from monitoring_kit.spec.platform import Panel

# What Grafana itself replaces in a Prometheus query.
_BUILT_IN = frozenset(
    (
        "__rate_interval",
        "__interval",
        "__interval_ms",
        "__range",
        "__range_s",
        "__range_ms",
        "__from",
        "__to",
        "__dashboard",
        "timeFilter",
        "__org",
    )
)
_OURS = frozenset(("service", "instance", "job", "datasource"))
_KEEPING = frozenset(("min", "max", "avg"))


def query_panel(context: Context, item: Panel) -> Branch | None:
    """A panel of the user's own PromQL; None when it cannot be read, which the checks report."""
    assert item.query is not None
    try:
        expr = parse(item.query, variables=True)
    except PromQLError:
        return None
    _check_variables(context, item, expr)
    _check_ranges(context, item, expr)
    limits = _expr_limits(context, expr)
    type_ = item.type or "timeseries"
    labels = _labels(context, expr)
    unit = panel_unit(context.report, item) or context.units.of(expr)
    legend = item.legend if item.legend is not None else queries.legend(labels) or item.title
    format_ = "heatmap" if type_ == "heatmap" else "table" if type_ == "table" else "time_series"
    look = Look(
        unit,
        limits,
        "low" if any("<" in x.comparator for x in limits) else "none",
        runbook_links(limits),
        value_overrides(labels),
    )
    look.table_legend = bool(limits) and type_ == "timeseries"
    text = describe(item.description or _help(context, expr), metrics(expr), limits)
    return panel(type_, item.title, text, [Query(item.query, legend, format_)], look, item.at("title"))


def variables_of(item: Panel) -> set[str]:
    """The dashboard variables that a panel's query uses."""
    try:
        return set(variables(parse(item.query or "", variables=True))) & _OURS
    except PromQLError:
        return set()


def _check_variables(context: Context, item: Panel, expr: Expr) -> None:
    assert item.query is not None
    for name in variables(expr):
        if name in _BUILT_IN or name in _OURS:
            continue
        at = item.query.find(name)
        context.report.error(
            "dashboards/variable", f"no dashboard has a variable `${name}`: Grafana would send it as it is", item.at("query", at, at + len(name)),
            help=did_you_mean(name, (_OURS - {"datasource"}) | {"__rate_interval", "__interval", "__range"}, "variables"),
        )  # fmt: skip


def _labels(context: Context, expr: Expr) -> tuple[str, ...]:
    """The labels that tell the lines of a query apart, as far as they are known."""
    if isinstance(expr, Aggregate):
        if expr.op in ("topk", "bottomk", "limitk"):
            return _labels(context, expr.expr)
        return () if expr.without else tuple(label for label in expr.grouping if label != "le")
    if isinstance(expr, VectorSelector):
        info = context.system.registry.by_series.get(metric_name(expr) or "")
        fixed = {matcher.name for matcher in expr.matchers if matcher.op == "="}
        if "job" in fixed:
            fixed.add(SERVICE)
        return tuple(
            label for label in (*_target_labels(context, info), *(info.labels if info else ())) if label not in fixed
        )
    for child in children(expr):
        labels = _labels(context, child)
        if labels:
            return labels
    return ()


def _target_labels(context: Context, info: MetricInfo | None) -> tuple[str, ...]:
    """The labels of its target that a series needs to be told from others of its name: the service where several expose
    it, the instance where one of them may have several targets."""
    system = context.system
    views = [
        view
        for name, view in system.services.items()
        if info is None or info.name in system.registry.by_service.get(name, ())
    ]
    static = all(view.spec.scrape is not None and len(view.spec.scrape.targets) == 1 for view in views)
    return ((SERVICE,) if len(views) > 1 else ()) + (() if static else ("instance",))


def _help(context: Context, expr: Expr) -> str:
    found = [context.system.registry.by_series.get(name) for name in metrics(expr)]
    return " ".join(dict.fromkeys(info.help for info in found if info is not None and info.help))


def _expr_limits(context: Context, expr: Expr) -> list[Limit]:
    """The constants of raw alerts on the same value: equal but for an outermost min, max or avg, which keep the unit and
    the scale. A sum or another range would be another quantity, and its line a lie."""
    core = _core(expr)
    found = []
    for rule in context.model.alerts:
        if rule.kind != "expr" or not isinstance(rule.expr, Binary) or not isinstance(rule.expr.rhs, Number):
            continue
        if rule.expr.op in (">", ">=", "<", "<=") and _core(rule.expr.lhs) == core:
            found.append(Limit(rule.expr.op, rule.expr.rhs.value, rule, print_expr(rule.expr)))
    return found


def _core(expr: Expr) -> Expr:
    while (isinstance(expr, Aggregate) and expr.op in _KEEPING) or isinstance(expr, Paren):
        expr = expr.expr
    return expr


def _check_ranges(context: Context, item: Panel, expr: Expr) -> None:
    """Say so where a rate has a fixed range: zoomed out it skips most samples, zoomed in it may hold fewer than two."""
    for node in walk(expr):
        if not (isinstance(node, Call) and node.func in ("rate", "irate") and isinstance(node.args[0], MatrixSelector)):
            continue
        range_ = node.args[0].range
        if isinstance(range_, Duration):
            start, end = range_.span
            span = item.at("query", start, end)
            context.report.info(
                "dashboards/fixed-range", f"`{node.func}` over a fixed range does not follow the zoom", span,
                help="write `$__rate_interval`", fix=Fix(span, "$__rate_interval"),
            )  # fmt: skip
