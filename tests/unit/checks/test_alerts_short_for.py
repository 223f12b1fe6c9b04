"""alerts/short-for: a `for` that is no multiple of the evaluation interval."""

from __future__ import annotations

import pytest

from tests.unit.checks.world_text import check_alert

CODE = "alerts/short-for"


@pytest.mark.parametrize(("for_", "wanted"), [("10s", "15s"), ("20s", "30s"), ("100s", "1m45s")])
def test_found(for_: str, wanted: str) -> None:
    found = check_alert("queue_depth > 5", **{"for": for_})
    assert found.marked(CODE) == for_
    assert f"for: {wanted}" in found.one(CODE).help


@pytest.mark.parametrize("for_", ["0s", "15s", "30s", "5m"])
def test_silent(for_: str) -> None:
    assert CODE not in check_alert("queue_depth > 5", **{"for": for_}).codes()
