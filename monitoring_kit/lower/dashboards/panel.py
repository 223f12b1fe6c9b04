"""Panels as Grafana's classic JSON. Parts that are the same everywhere are shared, never copied: nothing may change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from functools import cache
from typing import Any

from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.lower.dashboards.library import library
from monitoring_kit.lower.dashboards.limits import Limit, drawable, soft_bounds, steps
from monitoring_kit.lower.tree import Branch

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
NO_DATA = "no data"
_INSTANT = frozenset(("table", "piechart", "bargauge", "gauge"))
_BAD_VALUES = [{"type": "special", "options": {"match": "null+nan", "result": {"text": NO_DATA, "index": 0}}}]


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL query of a panel with its legend."""

    expr: str
    legend: str = ""
    format: str = "time_series"


@dataclass(slots=True)
class Look:
    """How a panel's values are drawn. ``good`` says which end is good: ``low``, ``high`` or ``none``."""

    unit: str
    limits: list[Limit] = field(default_factory=list)
    bad: str = "none"
    links: list[dict[str, Any]] = field(default_factory=list)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    mappings: list[dict[str, Any]] = field(default_factory=list)
    no_value: str = NO_DATA
    stacked: bool = False
    table_legend: bool = False


def panel(
    type_: str,
    title: str,
    description: str,
    queries: Sequence[Query],
    look: Look,
    origin: Span | None,
    interval: str | None = None,
) -> Branch:
    """A data panel without its place and id; ``interval`` is the shortest step, where the data source's own is too short."""
    kind = library()["panels"][type_]
    return Branch(
        origin,
        {
            "type": type_,
            "title": title,
            "description": description,
            "datasource": DATASOURCE,
            "fieldConfig": _field_config(type_, kind, look),
            "options": _options(type_, kind, look),
            "targets": [target(q, ref_id(i), instant=type_ in _INSTANT) for i, q in enumerate(queries)],
            "interval": interval,
        },
    )


def target(query: Query, ref: str, *, instant: bool) -> dict[str, Any]:
    """A Prometheus query as Grafana stores it."""
    found: dict[str, Any] = {"datasource": DATASOURCE, "editorMode": "code", "expr": query.expr, "refId": ref}
    if query.legend:
        found["legendFormat"] = query.legend
    if query.format != "time_series":
        found["format"] = query.format
    if instant:
        found["instant"] = True
    found["range"] = not instant
    return found


def ref_id(index: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _field_config(type_: str, kind: dict[str, Any], look: Look) -> dict[str, Any]:
    limits = drawable(look.limits)
    if look.mappings:
        return {"defaults": _defaults(type_, kind, look, limits), "overrides": look.overrides}
    key = (type_, look.unit, look.bad, look.no_value, look.stacked, tuple([limit.key for limit in limits]))
    found = _CONFIGS.get(key)
    if found is None:
        if len(_CONFIGS) >= _MOST_CONFIGS:
            _CONFIGS.clear()
        plain = _defaults(type_, kind, replace(look, links=[]), limits)
        found = _CONFIGS[key] = {"defaults": plain, "overrides": []}
    if not look.links and not look.overrides:
        return found
    defaults = {**found["defaults"], "links": look.links} if look.links else found["defaults"]
    return {"defaults": defaults, "overrides": look.overrides}


# By everything that they depend on but links and overrides: most panels of a thousand services look like a few others.
# Bounded, for who compiles system after system in one process; a large system has some hundred.
_CONFIGS: dict[tuple[object, ...], dict[str, Any]] = {}
_MOST_CONFIGS = 4096


def _defaults(type_: str, kind: dict[str, Any], look: Look, limits: list[Limit]) -> dict[str, Any]:
    found: dict[str, Any] = {"unit": look.unit, "noValue": look.no_value, "mappings": _mappings(look)}
    share = look.unit == "percentunit" and look.bad == "low"
    if share:
        found["decimals"] = 2
    elif look.unit in library()["units"]["zero_based"]:
        found["min"] = 0
    if type_ == "gauge" and look.unit == "percentunit":
        found["max"] = 1
    found["color"] = _color(type_, bool(limits) or bool(look.mappings))
    found["thresholds"] = {"mode": "absolute", "steps": steps(limits)}
    custom = _custom(type_, kind, look, limits, share=share)
    if custom:
        found["custom"] = custom
    if look.links:
        found["links"] = look.links
    return found


def _custom(type_: str, kind: dict[str, Any], look: Look, limits: list[Limit], *, share: bool) -> dict[str, Any]:
    """What only this panel type knows: for lines, their fill, their stacking and the drawn thresholds."""
    custom = dict(kind.get("custom", ()))
    if type_ != "timeseries":
        return custom
    if limits:
        custom["thresholdsStyle"] = {"mode": "line"}
    custom.update(soft_bounds(limits, share=share))
    if look.stacked:
        custom["stacking"] = {"mode": "normal", "group": "A"}
        custom["fillOpacity"] = 40
    return custom


def _color(type_: str, judged: bool) -> dict[str, str]:
    """The colour mode: green says "good", which only a panel with limits can."""
    if type_ in ("timeseries", "piechart"):
        return {"mode": "palette-classic"}
    if judged or type_ not in ("stat", "gauge", "bargauge", "table"):
        return {"mode": "thresholds"}
    return {"mode": "fixed", "fixedColor": "text"}


def _options(type_: str, kind: dict[str, Any], look: Look) -> dict[str, Any]:
    options: dict[str, Any] = kind["options"]
    if look.table_legend and type_ == "timeseries":
        return _with_table(type_)
    if type_ == "heatmap":
        return {**options, "yAxis": {"unit": look.unit, "axisPlacement": "left", "reverse": False}}
    return options


@cache
def _with_table(type_: str) -> dict[str, Any]:
    options = library()["panels"][type_]["options"]
    legend = {**options["legend"], "displayMode": "table", "calcs": ["mean", "max", "lastNotNull"]}
    return {**options, "legend": legend}


def value_overrides(labels: Iterable[str]) -> list[dict[str, Any]]:
    """Colours for lines whose legend is a label value that says good or bad, such as a status."""
    colors = library()["colors"]
    if not set(labels) & set(colors["labels"]):
        return []
    return [
        {
            "matcher": {"id": "byRegexp", "options": value["match"]},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": value["color"]}}],
        }
        for value in colors["values"]
    ]


def _mappings(look: Look) -> list[dict[str, Any]]:
    """The panel's own mappings, and always one for what is no number: "NaN" tells nobody anything."""
    if any(mapping["type"] == "special" for mapping in look.mappings):
        return look.mappings
    return [*look.mappings, *_BAD_VALUES] if look.mappings else _BAD_VALUES
