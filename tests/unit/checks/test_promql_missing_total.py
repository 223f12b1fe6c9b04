"""promql/missing-total: The name of a counter lacks its suffix `_total`."""

from __future__ import annotations

import pytest

from tests.unit.checks.expr_text import check_expr
from tests.unit.checks.world_text import check_alert

CODE = "promql/missing-total"
BAD = "rate(errors[5m]) > 1"
GOOD_EXPR = "rate(errors_total[5m]) > 1"
MORE: list[tuple[str, str]] = []
SILENT = [
    GOOD_EXPR,
    "rate(errors_total[5m]) > 0",
]


def test_the_caret_and_the_cure() -> None:
    found = check_alert(BAD)
    assert found.marked(CODE) == "errors"
    assert "rate(errors_total[5m]) > 1" in found.one(CODE).help


@pytest.mark.parametrize(("expr", "caret"), [(BAD, "errors"), *MORE])
def test_found(expr: str, caret: str) -> None:
    assert check_alert(expr).marked(CODE) == caret


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr: str) -> None:
    assert CODE not in check_alert(expr).codes()


def test_a_catalog_is_no_proof() -> None:
    found = check_expr("rate(http_requests[5m]) > 1")
    assert found.one(CODE).severity.word == "warning"
    assert check_alert("rate(http_requests[5m]) > 1").one(CODE).severity.word == "error"
