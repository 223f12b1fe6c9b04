"""promql/percent-of-ratio: A ratio is compared with a percentage, or a percentage with a ratio."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_alert, fires, needs_promtool

CODE = "promql/percent-of-ratio"
BAD = "hit_ratio < 90"
GOOD_EXPR = "hit_ratio < 0.9"
MORE = [
    (
        "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 5",
        "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 5",
    ),
    ("100 * hit_ratio < 0.9", "100 * hit_ratio < 0.9"),
    ("disk_used_bytes > 85", "disk_used_bytes > 85"),
]
SILENT = [
    GOOD_EXPR,
    "hit_ratio > 0.5",
    "100 * hit_ratio < 90",
    "disk_used_bytes > 1e9",
    "queue_depth > 85",
    "sum(rate(errors_total[5m])) / sum(rate(http_requests_total[5m])) > 0.05",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "hit_ratio < 90"
    assert "hit_ratio < 0.9" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "hit_ratio < 90"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


@needs_promtool
def test_prometheus_agrees() -> None:
    for ratio in ("0x200", "0.5x200", "1x200"):
        assert fires("hit_ratio < 90", {"hit_ratio": ratio})
        assert not fires("hit_ratio > 90", {"hit_ratio": ratio})


@pytest.mark.parametrize(
    "expr", ["hit_ratio * 50 > 40", "disk_used_bytes / disk_used_bytes > 1.5", "hit_ratio > hit_ratio", "up / up > 1.5"]
)
def test_silent_on_arithmetic_and_on_growth(expr: str) -> None:
    """A quotient of two values of one unit can well be 1.5."""
    assert CODE not in check_expr(expr, declared()).codes()


def test_a_declared_ratio_is_never_above_one() -> None:
    assert check_expr("hit_ratio > 1.5", declared()).one(CODE).severity.word == "warning"
    assert check_expr("hit_ratio > 2", declared()).one(CODE).severity.word == "error"
    assert check_expr("disk_used_bytes / disk_used_bytes > 50", declared()).one(CODE).severity.word == "warning"
