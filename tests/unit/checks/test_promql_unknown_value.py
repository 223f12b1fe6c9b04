"""promql/unknown-value: A matcher with a value that the label never has."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
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


@pytest.mark.parametrize(
    "expr",
    [
        'unknown{queue="nope"} > 1', 'queue_depth{team="nope"} > 1', 'queue_depth{queue=""} > 1', 'queue_depth{queue!="nope"} > 1',
        'queue_depth{queue!~"nope"} > 1', 'queue_depth{queue="$queue"} > 1', 'queue_depth{queue=~"mail|nope"} > 1',
        'http_request_duration_seconds_bucket{le="1.0"} > 1', 'http_request_duration_seconds_bucket{le="1"} > 1',
        'http_request_duration_seconds_bucket{le="+Inf"} > 1', 'http_request_duration_seconds_bucket{le=~"0.1|0.5"} > 1',
        # No such pair, but each value is one of its label's: another matcher narrows the series, not what the label can be.
        'up{service="shop",job="till"} == 0', 'http_requests_total{status=~"5xx"} > 1', r'queue_depth{queue=~"\\pL"} > 1',
    ],
)  # fmt: skip
def test_silent_where_the_value_can_be(expr: str) -> None:
    assert CODE not in check_expr(expr, declared(), use="panel").codes()


@pytest.mark.parametrize(
    ("expr", "severity", "help_"),
    [
        ('queue_depth{queue="mial"} > 1', "error", "did you mean `mail`?"),
        ('http_request_duration_seconds_bucket{le="0.3"} > 1', "error", ""),
        ('http_request_duration_seconds_bucket{le="x"} > 1', "error", ""),
        ('http_requests_total{status="5xx"} > 1', "error", 'for a class of codes write `=~"5.."`'),
        ('up{job="nowhere"} == 0', "error", ""),
    ],
)
def test_found_where_it_cannot_be(expr: str, severity: str, help_: str) -> None:
    found = check_expr(expr, declared()).one(CODE)
    assert found.severity.word == severity
    assert help_ in found.help


def test_a_catalog_is_no_proof() -> None:
    assert check_expr('queue_depth{queue="nope"} > 1').one(CODE).severity.word == "warning"
    assert "class of codes" not in check_expr('http_requests_total{status="9999"} > 1', declared()).one(CODE).help
