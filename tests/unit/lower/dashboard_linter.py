"""The rules of grafana/dashboard-linter (docs/index.md there), over our own PromQL parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from monitoring_kit.lower.dashboards.library import unit_ids
from monitoring_kit.promql import Expr, PromQLError, children, metric_name, parse, selectors
from monitoring_kit.promql.ast import Call, Duration, MatrixSelector, VectorSelector
from tests.unit.lower.dashboard_help import panels

Rule = Callable[[dict[str, Any]], Iterator[str]]
_TITLED = ("stat", "timeseries", "gauge", "table", "graph", "singlestat")


def lint(board: dict[str, Any]) -> set[str]:
    """The names of the rules that ``board`` breaks."""
    return {name for name, rule in RULES.items() if any(True for _ in rule(board))}


def _variables(board: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
    return [v for v in board["templating"]["list"] if kind is None or v["type"] == kind]


def _targets(board: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return ((panel, target) for panel in panels(board) for target in panel.get("targets", ()))


def _exprs(board: dict[str, Any]) -> Iterator[Expr]:
    for _, target in _targets(board):
        try:
            yield parse(target["expr"], variables=True)
        except (PromQLError, KeyError):
            continue


def template_datasource(board: dict[str, Any]) -> Iterator[str]:
    found = _variables(board, "datasource")
    if not found:
        yield "no data source variable"
    for variable in found:
        if variable["name"] not in ("datasource", "prometheus_datasource"):
            yield variable["name"]
        if variable["label"] not in ("Data source", "Prometheus data source"):
            yield variable["label"]


def _template(name: str) -> Rule:
    def rule(board: dict[str, Any]) -> Iterator[str]:
        found = next((v for v in _variables(board) if v["name"] == name), None)
        if found is None:
            yield f"no {name} variable"
        elif (found["type"], found["label"], found["multi"], found["allValue"]) != (
            "query",
            name.title(),
            True,
            ".+",
        ) or found["datasource"]["uid"] not in ("$datasource", "${datasource}"):
            yield name

    return rule


def template_label_promql(board: dict[str, Any]) -> Iterator[str]:
    for variable in _variables(board, "query"):
        match = re.fullmatch(r"([a-z_]+)\((.+), \w+\)", variable["query"]["query"])
        if match is None or match[1] not in ("label_names", "label_values", "metrics", "query_result"):
            yield variable["name"]
            continue
        try:
            parse(match[2], variables=True)
        except PromQLError:
            yield variable["name"]


def template_reload(board: dict[str, Any]) -> Iterator[str]:
    return (v["name"] for v in _variables(board, "query") if v["refresh"] != 2)


def panel_datasource(board: dict[str, Any]) -> Iterator[str]:
    names = {f"${{{v['name']}}}" for v in _variables(board, "datasource")} | {
        f"${v['name']}" for v in _variables(board, "datasource")
    }
    return (
        p["title"] for p in panels(board) if p["type"] in _TITLED and p.get("datasource", {}).get("uid") not in names
    )


def panel_title_description(board: dict[str, Any]) -> Iterator[str]:
    return (p["title"] for p in panels(board) if p["type"] in _TITLED and not (p.get("title") and p.get("description")))


def panel_units(board: dict[str, Any]) -> Iterator[str]:
    return (
        p["title"]
        for p in panels(board)
        if p["type"] in _TITLED and p["fieldConfig"]["defaults"].get("unit") not in unit_ids()
    )


def panel_no_targets(board: dict[str, Any]) -> Iterator[str]:
    return (p["title"] for p in panels(board) if p["type"] in _TITLED and not p.get("targets"))


def target_promql(board: dict[str, Any]) -> Iterator[str]:
    for _, target in _targets(board):
        try:
            parse(target.get("expr", ""), variables=True)
        except PromQLError as error:
            yield error.message


def _with_parents(expr: Expr, above: tuple[Expr, ...] = ()) -> Iterator[tuple[Expr, tuple[Expr, ...]]]:
    yield expr, above
    for child in children(expr):
        yield from _with_parents(child, (*above, expr))


def target_rate_interval(board: dict[str, Any]) -> Iterator[str]:
    for expr in _exprs(board):
        for node, _ in _with_parents(expr):
            if isinstance(node, Call) and node.func in ("rate", "irate"):
                selector = node.args[0]
                if isinstance(selector, MatrixSelector) and isinstance(selector.range, Duration):
                    yield node.func


def _target_matcher(name: str) -> Rule:
    def rule(board: dict[str, Any]) -> Iterator[str]:
        for expr in _exprs(board):
            for selector in selectors(expr):
                if not any((m.name, m.op, m.value) == (name, "=~", f"${name}") for m in selector.matchers):
                    yield metric_name(selector) or ""

    return rule


def target_counter_agg(board: dict[str, Any]) -> Iterator[str]:
    for expr in _exprs(board):
        for node, above in _with_parents(expr):
            if not isinstance(node, VectorSelector) or not (node.name or "").endswith("_total"):
                continue
            call = above[-2] if len(above) > 1 and isinstance(above[-1], MatrixSelector) else None
            if not (isinstance(call, Call) and call.func in ("rate", "irate", "increase")):
                yield node.name or ""


def uneditable(board: dict[str, Any]) -> Iterator[str]:
    if board.get("editable", True):
        yield "editable"


def template_unused(board: dict[str, Any]) -> Iterator[str]:
    text = "".join(target["expr"] for _, target in _targets(board))
    return (
        v["name"] for v in _variables(board, "query") if f"${v['name']}" not in text and f"${{{v['name']}}}" not in text
    )


def template_matchers(board: dict[str, Any]) -> Iterator[str]:
    """A variable of several values is a regular expression, one of a single value is none."""
    many = {v["name"] for v in _variables(board, "query") if v["multi"]}
    for expr in _exprs(board):
        for selector in selectors(expr):
            for matcher in selector.matchers:
                name = matcher.value.strip("${}") if matcher.value.startswith("$") else None
                if name in many and matcher.op not in ("=~", "!~"):
                    yield matcher.value


def refresh_interval(board: dict[str, Any]) -> Iterator[str]:
    if board["refresh"] not in ("30s", "1m", "5m", "15m", "30m", "1h"):
        yield board["refresh"]


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": _template("job"),
    "template-instance-rule": _template("instance"),
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_reload,
    "template-unused-rule": template_unused,
    "template-variable-matchers-rule": template_matchers,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": _target_matcher("job"),
    "target-instance-rule": _target_matcher("instance"),
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard-rule": uneditable,
    "dashboard-refresh-interval-rule": refresh_interval,
}
