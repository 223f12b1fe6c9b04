"""promql/two-valued: A fraction is compared with `up`, which is 0 or 1."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/two-valued"
BAD = 'up{job="shop"} < 0.99'
GOOD_EXPR = 'avg_over_time(up{job="shop"}[1h]) < 0.99'
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "up == 0",
    "up < 1",
    "avg(up) < 0.5",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == 'up{job="shop"} < 0.99'
    assert 'avg_over_time(up{job="shop"}[1h]) < 0.99' in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, 'up{job="shop"} < 0.99'), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
