"""promql/mixed-units: Values of different units are added or compared."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr, declared
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


def test_what_is_done_with_them() -> None:
    known = declared()
    assert (
        "compares bytes and timestamp"
        in check_expr("disk_used_bytes > last_backup_timestamp_seconds", known).one(CODE).message
    )
    assert (
        "subtracts bytes and timestamp"
        in check_expr("disk_used_bytes - last_backup_timestamp_seconds > 1", known).one(CODE).message
    )
    assert (
        "adds bytes and timestamp"
        in check_expr("disk_used_bytes + last_backup_timestamp_seconds > 1", known).one(CODE).message
    )
    assert CODE not in check_expr("disk_used_bytes / last_backup_timestamp_seconds > 1", known).codes()


def test_only_what_is_declared_is_proof() -> None:
    known = declared()
    assert check_expr("disk_used_bytes > last_backup_timestamp_seconds", known).one(CODE).severity.word == "error"
    assert (
        check_expr("deriv(disk_used_bytes[5m]) > last_backup_timestamp_seconds", known).one(CODE).severity.word
        == "warning"
    )
    assert (
        check_expr("last_backup_timestamp_seconds > deriv(disk_used_bytes[5m])", known).one(CODE).severity.word
        == "warning"
    )
    assert check_expr("disk_used_bytes > rate(latency_seconds_sum[5m])").one(CODE).severity.word == "warning"


def test_a_point_in_time_against_a_length_of_time() -> None:
    found = check_expr("last_backup_timestamp_seconds > 3600", declared())
    assert "`time() - last_backup_timestamp_seconds > 3600`" in found.one(CODE).help
    for expr in (
        "last_backup_timestamp_seconds - 3600 > 1.7e9", "last_backup_timestamp_seconds > 1.7e9", "last_backup_timestamp_seconds > 0",
        "last_backup_timestamp_seconds < -5", "last_backup_timestamp_seconds > queue_depth", "disk_used_bytes > 3600",
    ):  # fmt: skip
        assert CODE not in check_expr(expr, declared()).codes(), expr
