"""promql/mixed-units: Values of different units are added or compared."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "promql/mixed-units"
BAD = "disk_used_bytes > avg_over_time(last_backup_timestamp_seconds[5m])"
GOOD_EXPR = "disk_used_bytes > 2 * disk_used_bytes offset 1d"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "time() - last_backup_timestamp_seconds > 3600",
    "disk_used_bytes - disk_used_bytes offset 1h > 1e9",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == ">"
    assert "convert one side" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, ">"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()
