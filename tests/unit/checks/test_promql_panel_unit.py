"""promql/panel-unit: the unit of a panel against the unit of what it shows."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
from tests.unit.checks.world_text import check_panel

CODE = "promql/panel-unit"


@pytest.mark.parametrize(
    ("query", "unit", "better"),
    [
        ("hit_ratio", "percent", "percentunit"),
        ("disk_used_bytes", "s", "bytes"),
        (
            "histogram_quantile(0.9, sum by (le) (rate(http_request_duration_seconds_bucket[$__rate_interval])))",
            "ms",
            "unit: s",
        ),
        ("100 * hit_ratio", "percentunit", "unit: percent"),
        ("time() - last_backup_timestamp_seconds", "bytes", "unit: s"),
    ],
)
def test_found(query: str, unit: str, better: str) -> None:
    found = check_panel(query, unit=unit)
    assert found.marked(CODE) == unit
    assert better in found.one(CODE).help


@pytest.mark.parametrize(
    ("query", "unit"),
    [
        ("hit_ratio", "percentunit"),
        ("100 * hit_ratio", "percent"),
        ("queue_depth", "ms"),
        ("disk_used_bytes", "decbytes"),
        ("user_count", "short"),
    ],
)
def test_silent(query: str, unit: str) -> None:
    assert CODE not in check_panel(query, unit=unit).codes()


@pytest.mark.parametrize("unit", [None, "opm", "suffix:x"])
def test_silent_without_a_unit_that_could_be_wrong(unit: str | None) -> None:
    assert CODE not in check_expr("disk_used_bytes", declared(), use="panel", unit=unit).codes()
