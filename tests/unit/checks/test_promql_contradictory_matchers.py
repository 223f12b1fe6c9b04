"""promql/contradictory-matchers: matchers of one label that no value satisfies together."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/contradictory-matchers"
BAD = [
    'up{job="shop",job="till"} == 0',
    'up{job="shop",job!="shop"} == 0',
    'up{job="shop",job=~"t.*"} == 0',
    'up{job="shop",job!~"s.*"} == 0',
    'up{job=~"shop|till",job=~"a|b"} == 0',
    'up{job="",job!=""} == 0',
    'up{instance="a:80",job="shop",job="till"} == 0',
    'sum by (job) (rate(http_requests_total{status=~"5..",status=~"4.."}[5m])) > 1',
    '{__name__="up",__name__="down"} == 0',
]
GOOD = [
    'up{job=~"shop|till"} == 0',
    'up{job="shop",instance="till"} == 0',
    'up{job="shop",job="shop"} == 0',
    'up{job="shop",job!="till"} == 0',
    'up{job="shop",job=~"s.*"} == 0',
    'up{job=~"s.*",job=~".*p"} == 0',
    'up{job!="shop",job!="till"} == 0',
    'up{job="shop",job="$job"} == 0',
    'up{job="shop",job=~"$job"} == 0',
    # RE2 and Python read it differently: nothing is proven.
    r'up{job="shop",job=~"\\pL"} == 0',
]


def test_the_caret_and_the_cure() -> None:
    found = check_expr(BAD[0])
    assert found.marked(CODE) == 'job="till"'
    assert found.one(CODE).severity.word == "error"
    assert found.one(CODE).message == 'no value of `job` satisfies `job="shop"` and `job="till"`: nothing is selected'
    assert 'write `job=~"shop|till"`' in found.one(CODE).help
    assert check_expr(BAD[1]).one(CODE).help == "remove one of them"
    assert check_expr('up{instance="a.b:80",instance="c"}').one(CODE).help == "remove one of them"
    assert CODE in check_alert(BAD[0]).codes()


@pytest.mark.parametrize("expr", BAD)
def test_found_without_knowing_any_metric(expr: str) -> None:
    assert CODE in check_expr(expr).codes()
    assert CODE in check_expr(expr, declared()).codes()


@pytest.mark.parametrize("expr", GOOD)
def test_silent(expr: str) -> None:
    assert CODE not in check_expr(expr, use="panel").codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {
        **{f"up{{job='{job}',instance='{at}'}}": "0x200" for job in ("shop", "till", "a", "") for at in ("a:80", "b")},
        **{f"http_requests_total{{status='{code}'}}": "0+600x200" for code in (200, 404, 500)},
    }
    for expr in BAD:
        assert not fires(expr, series), expr
    for expr in GOOD[:1] + GOOD[2:7]:
        assert fires(expr, series), expr
