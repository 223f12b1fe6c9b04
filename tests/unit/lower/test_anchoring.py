"""Patterns that a remote store may be asked for are anchored, as InfluxDB needs them; no others change."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from monitoring_kit.lower.anchoring import anchored
from monitoring_kit.pipeline import Compilation
from monitoring_kit.promql import parse, print_expr
from tests.conftest import CHANNEL, HEAD
from tests.unit.checks.world_text import fires, needs_promtool

SPEC = (
    HEAD + CHANNEL + "services:\n  web: {kind: http, scrape: {targets: ['web:80']}}\n"
    "metrics:\n  calls_total: {type: counter, help: Calls., labels: {code: {}, retention: {values: [1y, 7d]}}, services: [web]}\n"
    "alerts:\n"
    '  Old: {expr: \'sum(calls_total{retention="1y", code=~"20.|30."}) > 5\', severity: warning}\n'
    "  New: {expr: 'sum(calls_total{code!~\"20.\"}) > 5', severity: warning}\n"
    'dashboards:\n  d: {title: D, panels: [{title: P, query: \'calls_total{retention="1y", code=~"2.."}\'}]}\n'
)
INFLUX = "storage: {influxdb: {url: 'http://influx:8086', database: d, retention: {long: 1y}}}\n"
READ = "prometheus: {remote_read: {old: {url: 'http://old/read'}}}\n"


def exprs(result: Compilation) -> dict[str, str]:
    assert result.ok, [d.message for d in result.report]
    found = {}
    for path, output in result.outputs.items():
        if path.startswith("prometheus/rules/"):
            for group in yaml.safe_load(output.data)["groups"]:
                found |= {rule["alert"]: rule["expr"] for rule in group["rules"] if "alert" in rule}
        elif path.endswith(("/d.json", "board-d.json")):
            for panel in json.loads(output.data)["panels"]:
                for target in panel.get("targets", ()):
                    found[panel["title"]] = target["expr"]
    return found


def test_influxdb_is_asked_with_anchors_where_it_is_asked(compile_text: Callable[..., Compilation]) -> None:
    found = exprs(compile_text(SPEC + INFLUX))
    assert found["Old"] == 'sum(calls_total{retention="1y", code=~"^(?:20.|30.)$"}) > 5'
    assert found["New"] == 'sum(calls_total{code!~"20."}) > 5'
    assert found["P"] == 'calls_total{retention="1y", code=~"^(?:2..)$"}'


def test_a_store_that_requires_nothing_is_asked_for_everything(compile_text: Callable[..., Compilation]) -> None:
    found = exprs(compile_text(SPEC + READ))
    assert 'code=~"^(?:20.|30.)$"' in found["Old"]
    assert found["New"] == 'sum(calls_total{code!~"^(?:20.)$"}) > 5'


def test_nothing_changes_without_remote_read(compile_text: Callable[..., Compilation]) -> None:
    assert "^(?:" not in "".join(exprs(compile_text(SPEC)).values())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('x{a=~"b"}', 'x{a=~"^(?:b)$"}'),
        ('x{a=~"^(?:b)$"}', 'x{a=~"^(?:b)$"}'),
        ('x{a=~"^b|c$"}', 'x{a=~"^(?:^b|c$)$"}'),
        ('x{a=~"$service"}', 'x{a=~"^(?:$service)$"}'),
        ('rate(x{a!~"b", c="d"}[5m]) / on () y', 'rate(x{a!~"^(?:b)$", c="d"}[5m]) / on () y'),
    ],
)
def test_anchored(text: str, wanted: str) -> None:
    assert print_expr(anchored(parse(text, variables=True), [{}])) == wanted


def test_all_required_matchers_must_be_there() -> None:
    expr = parse('x{a=~"b", r="1y"}')
    assert anchored(expr, [{"r": "1y", "s": "z"}]) is expr
    assert anchored(expr, [{"r": "7d"}]) is expr
    assert anchored(expr, [{"r": "7d"}, {"r": "1y"}]) is not expr


@needs_promtool
def test_the_meaning_stays_the_same_to_prometheus() -> None:
    series = {"x{a='b'}": "1x200", "x{a='bb'}": "1x200"}
    for pattern in ("b", "^b$", "b|c", "^b|c$"):
        for text in (f'x{{a=~"{pattern}"}}', print_expr(anchored(parse(f'x{{a=~"{pattern}"}}'), [{}]))):
            assert fires(f"count({text}) == 1", series)
