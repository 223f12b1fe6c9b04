"""alerts/absent-at-once: `absent` without a `for` of some scrapes."""

from __future__ import annotations

import pytest

from monitoring_kit.promql.world import Series, World
from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import check_alert

CODE = "alerts/absent-at-once"


@pytest.mark.parametrize("for_", ["0s", "15s"])
def test_found(for_: str) -> None:
    found = check_alert('absent(queue_depth{queue="mail"})', **{"for": for_})
    assert found.marked(CODE) == "absent"
    assert "for: 2m" in found.one(CODE).help


def test_the_interval_is_that_of_the_job() -> None:
    assert check_alert("absent(slow_total)", **{"for": "1m"}).marked(CODE) == "absent"
    assert CODE not in check_alert("absent(queue_depth)", **{"for": "1m"}).codes()
    assert CODE not in check_alert("absent(slow_total)", **{"for": "2m"}).codes()


def test_where_the_interval_is_unknown_any_for_will_do() -> None:
    assert "`for: 2m`" in check_expr("absent(x)").one(CODE).help.replace("write ", "")
    assert CODE not in check_expr("absent(x)", for_ms=1).codes()
    slow = Series("x", "x", "gauge", interval=120_000)
    found = check_expr("absent(x)", World(find=lambda name, owner: [slow]), for_ms=239_999)
    assert found.one(CODE).help == "write `for: 4m`"
    assert CODE not in check_expr("absent(x)", World(find=lambda name, owner: [slow]), for_ms=240_000).codes()


def test_silent_outside_of_alerts() -> None:
    assert CODE not in check_expr("absent(x)", use="record").codes()
