"""Anchored patterns in what InfluxDB or another store is asked through remote read.

Prometheus anchors every pattern itself, but hands it on as it is written. InfluxDB 1.x searches with it: measured,
``{__name__=~"up|scrape_.*"}`` matched 34 names instead of 5, and those series joined in the result of local rules. Written as
``^(?:…)$`` a pattern means the same to both. Only selectors that are handed on are rewritten: those that carry the matchers that
the store requires, all of them where it requires none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from monitoring_kit import conventions
from monitoring_kit.lower.influxdb import RETENTION_LABEL, enabled, policies
from monitoring_kit.lower.tree import OutFile
from monitoring_kit.promql import PromQLError, parse, print_expr
from monitoring_kit.promql.ast import Expr, Matcher, VectorSelector
from monitoring_kit.promql.transform import rewrite
from monitoring_kit.resolve.system import System

Required = Mapping[str, str]


def anchor_patterns(files: Iterable[OutFile], system: System) -> None:
    """Anchor, in place, the patterns of the rules and panels in ``files`` that a remote store may be asked for."""
    stores = required_matchers(system)
    if not stores:
        return
    for file in files:
        if file.path.startswith((f"{conventions.RULES_FOLDER}/", f"{conventions.GRAFANA_DASHBOARDS}/")):
            _walk(file.tree, stores)


def required_matchers(system: System) -> list[Required]:
    """What each store asks of a selector before it is handed on."""
    stores: list[Required] = [dict(store.required_matchers) for store in system.spec.prometheus.remote_read.values()]
    influxdb = enabled(system)
    if influxdb is not None:
        stores += [{RETENTION_LABEL: str(policy.label)} for policy in policies(influxdb) if not policy.default]
    return stores


def anchored(expr: Expr, stores: Iterable[Required]) -> Expr:
    """``expr`` with the patterns anchored in those selectors that one of ``stores`` may be asked for."""

    def change(node: Expr) -> Expr:
        if not isinstance(node, VectorSelector) or not any(m.op in ("=~", "!~") for m in node.matchers):
            return node
        equal = {(m.name, m.value) for m in node.matchers if m.op == "="}
        if not any(equal.issuperset(required.items()) for required in stores):
            return node
        return replace(node, matchers=tuple(_anchored(m) for m in node.matchers))

    return rewrite(expr, change)


def _anchored(matcher: Matcher) -> Matcher:
    if matcher.op not in ("=~", "!~") or (matcher.value.startswith("^(?:") and matcher.value.endswith(")$")):
        return matcher
    return replace(matcher, value=f"^(?:{matcher.value})$")


def _walk(tree: Any, stores: list[Required]) -> None:
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "expr" and isinstance(value, str):
                tree[key] = _text(value, stores)
            else:
                _walk(value, stores)
    elif isinstance(tree, list):
        for value in tree:
            _walk(value, stores)


def _text(text: str, stores: list[Required]) -> str:
    # Most expressions have no pattern or not the label: reading them would be the slow part.
    if "~" not in text or not any(all(value in text for value in store.values()) for store in stores):
        return text
    try:
        expr = parse(text, variables=True)
    except PromQLError:
        return text  # reported where it is checked
    found = anchored(expr, stores)
    return text if found is expr else print_expr(found)
