"""promql/absent-of-result: `absent` of an expression that has lost its labels, or that always returns something."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/absent-of-result"
BAD = 'absent(sum(up{job="shop"}))'
GOOD_EXPR = 'absent(up{job="shop"})'
MORE = [
    ('absent(up{job="shop"} or vector(0))', 'absent(up{job="shop"} or vector(0))'),
]
SILENT = [
    GOOD_EXPR,
    'absent(queue_depth{queue="mail"})',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == 'sum(up{job="shop"})'
    assert 'absent(up{job="shop"})' in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, 'sum(up{job="shop"})'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    assert fires('absent(up{job="shop"})', {"queue_depth": "1x200"})
    assert not fires('absent(up{job="shop"} or vector(0))', {"queue_depth": "1x200"})


@pytest.mark.parametrize(
    "expr",
    [
        "absent(sum(up))",
        'absent(sum(up{job=~"a.*"}))',
        'absent(sum(rate(x_total{job="a"}[5m])))',
        'absent(up{job="a"})',
    ],
)
def test_silent_where_no_label_can_be_kept(expr: str) -> None:
    assert CODE not in check_expr(expr).codes()


def test_a_panel_needs_no_labels() -> None:
    assert CODE not in check_expr('absent(sum(up{job="a"}))', use="panel").codes()
    assert check_expr('absent((sum((up{job="a"}))))').marked(CODE) == 'sum((up{job="a"}))'
