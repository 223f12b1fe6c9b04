"""promql/unknown-label: A matcher on a label that the metric does not have."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/unknown-label"
BAD = 'rate(http_requests_total{code="500"}[5m]) > 1'
GOOD_EXPR = 'rate(http_requests_total{status="500"}[5m]) > 1'
MORE = [
    ('queue_depth{code!="x"} > 1', 'code!="x"'),
    ('queue_depth{region="eu"} > 1', 'region="eu"'),
]
SILENT = [
    GOOD_EXPR,
    'queue_depth{instance="a:80"} > 1',
    'queue_depth{queue!="mail"} > 1',
    'queue_depth{queue="mail"} > 1',
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == 'code="500"'
    assert "its labels" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, 'code="500"'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    series = {"http_requests_total{status='500'}": "0+1000x200"}
    assert not fires('rate(http_requests_total{code="500"}[5m]) > 1', series)
    assert fires('rate(http_requests_total{status="500"}[5m]) > 1', series)


@pytest.mark.parametrize("expr", ['unknown{quue="mail"} > 1', 'queue_depth{quue="mail"} > 1'])
def test_silent_where_other_labels_may_be_there(expr: str) -> None:
    assert CODE not in check_expr(expr).codes()


@pytest.mark.parametrize(
    ("matcher", "text"),
    [
        ('quue="mail"', "nothing is selected"), ('quue!=""', "nothing is selected"), ('quue=~".+"', "nothing is selected"),
        ('quue!~".*"', "nothing is selected"), ('quue=""', "the matcher selects everything"), ('quue!="mail"', "the matcher selects everything"),
        ('quue=~"mail|"', "the matcher selects everything"), ('quue!~".+"', "the matcher selects everything"),
    ],
)  # fmt: skip
def test_what_such_a_matcher_selects(matcher: str, text: str) -> None:
    assert check_expr(f"queue_depth{{{matcher}}} > 1", declared()).one(CODE).message.endswith(text)


def test_silent_on_patterns_that_only_re2_reads() -> None:
    assert CODE not in check_expr(r'queue_depth{quue=~"\\pL"} > 1', declared()).codes()
