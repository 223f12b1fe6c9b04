"""promql/unknown-value: A matcher with a value that the label never has."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/unknown-value"
BAD = 'rate(transaction_total{status="fail"}[5m]) > 1'
GOOD_EXPR = 'rate(transaction_total{status="failed"}[5m]) > 1'
MORE = [
    ('rate(http_requests_total{status="5xx"}[5m]) > 1', '"5xx"'),
    ('up{job="shopp"} == 0', '"shopp"'),
    ('rate(http_request_duration_seconds_bucket{le="0.3"}[5m]) > 1', '"0.3"'),
    ('queue_depth{queue=~"fax|phone"} > 1', '"fax|phone"'),
]
SILENT = [
    GOOD_EXPR,
    'rate(http_requests_total{status=~"5.."}[5m]) > 1',
    'queue_depth{queue=~"mail|fax"} > 1',
    'rate(http_request_duration_seconds_bucket{le="0.5"}[5m]) > 1',
    'up{job=~"shop|till"} == 0',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == '"fail"'
    assert "did you mean `failed`?" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, '"fail"'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
